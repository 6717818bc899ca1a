package session

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"log/slog"
	mathrand "math/rand/v2"
	"sync"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
	"github.com/sessionring/sessionring/keyring"
)

// Manager issues, checks, refreshes and ends sessions. It is safe for concurrent
// use and made by New; its zero value is not usable.
type Manager struct {
	cfg  Config
	live *ring.Live

	mu    sync.Mutex // guards the writing of hooks
	hooks hookList

	unknownLog, skewLog, previousLog throttle
}

// New returns a Manager for cfg. It checks cfg as a whole and returns every fault
// at once. It starts no goroutine; see Run.
func New(cfg Config) (*Manager, error) {
	cfg, err := cfg.check()
	if err != nil {
		return nil, err
	}
	m := &Manager{cfg: cfg, live: cfg.Keys.Live()}
	r := m.live.Ring()
	if k := r.Current(time.Now()); k != nil {
		cfg.Logger.Info("token versioning enabled", "version", k.Tag, "kid", k.ID(), "ring", r.Fingerprint())
	}
	return m, nil
}

// Run keeps the keys fresh until ctx ends, and then returns nil. A reload that
// fails leaves the keys in force and is reported. Without Run, what the source
// brings is seen at the next Keyring.Reload.
func (m *Manager) Run(ctx context.Context) error {
	if m.live.Load == nil || m.live.Interval <= 0 {
		<-ctx.Done()
		return nil
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(jitter(m.live.Interval)):
			m.reload(ctx)
		}
	}
}

// jitter returns d, up to a tenth more or less, so that instances that started
// together do not poll together.
func jitter(d time.Duration) time.Duration {
	return d + time.Duration((mathrand.Float64()-0.5)*0.2*float64(d))
}

// reload loads the keys again and reports what came of it.
func (m *Manager) reload(ctx context.Context) {
	changed, err := m.live.Reload(ctx)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		m.cfg.Logger.ErrorContext(ctx, "keyring reload failed", "error", err)
		m.emit(ctx, hookKey, Event{Name: "keyring reload failed", Err: err, Reason: "unavailable"})
	case changed:
		r := m.live.Ring()
		m.cfg.Logger.InfoContext(ctx, "keyring reloaded", "ring", r.Fingerprint(), "tags", tags(r))
		m.emit(ctx, hookKey, Event{Name: "keyring reloaded", Tag: m.currentTag()})
	}
}

// tags returns the tags of the keys of r, newest first.
func tags(r *ring.Ring) []string {
	var list []string
	for _, k := range r.Keys() {
		list = append(list, k.Tag)
	}
	return list
}

// currentTag returns the tag of the key that signs now, "" if none does.
func (m *Manager) currentTag() string {
	if k := m.live.Ring().Current(time.Now()); k != nil {
		return k.Tag
	}
	return ""
}

// Stats reports the keys. It is safe for concurrent use.
func (m *Manager) Stats(context.Context) (Stats, error) {
	return Stats{Keys: m.cfg.Keys.List()}, nil
}

// Stats is one report.
type Stats struct {
	Keys []keyring.KeyInfo // newest first
}

// Logger returns where this Manager writes its events, never nil. It is for
// packages that add to it, such as health.
func (m *Manager) Logger() *slog.Logger { return m.cfg.Logger }

// newID returns 128 random bits in base64url; a UUID would have 122.
func newID() string {
	var b [16]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// throttle lets through one event a second, so that forged tokens cannot fill a log.
type throttle struct {
	mu   sync.Mutex
	next time.Time
}

// pass reports whether an event at the time now may be logged.
func (t *throttle) pass(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Before(t.next) {
		return false
	}
	t.next = now.Add(time.Second)
	return true
}

package session

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
)

var (
	errRevokedSession = ring.Refine("session: revoked: the session was ended", ErrRevoked)
	errStale          = ring.Refine("session: cannot tell now: the list of ended sessions is out of date", ErrUnavailable)
)

// alive is the last check of a token: that its session was not ended.
func (m *Manager) alive(ctx context.Context, c *Claims, now time.Time) error {
	switch {
	case m.follow.feed == nil && m.cfg.Store == nil || m.cfg.Revocation == Off:
		return nil
	case m.cfg.Revocation == Strict:
		return m.aliveInStore(ctx, c)
	}
	err := m.viewInForce(ctx, now)
	if m.follow.set.has(c) {
		return errRevokedSession
	}
	return err
}

// viewInForce brings the view of ended sessions up to date where it can, and returns
// errStale if it is too old to serve.
func (m *Manager) viewInForce(ctx context.Context, now time.Time) error {
	if m.follow.fresh(ctx, now) > outageAfter*m.cfg.RevocationLag+m.cfg.FailOpenFor {
		return errStale
	}
	return nil
}

// Ready reports whether this Manager can answer: nil if its store does, the other
// instances have been told of this one and, with Cached, the view of ended sessions is
// loaded; else an error that wraps ErrUnavailable. Without a Store only that view counts,
// and without Config.Revocations too it is nil. It is for readiness probes, and safe for
// concurrent use.
func (m *Manager) Ready(ctx context.Context) error {
	if m.follow.feed != nil && m.cfg.Revocation == Cached {
		if err := m.viewInForce(ctx, time.Now()); err != nil {
			return err
		}
	}
	if m.cfg.Store == nil {
		return nil
	}
	if !m.reporter.done.Load() {
		return m.report(ctx)
	}
	_, _, err := m.cfg.Store.Get(ctx, allCut)
	return unavailable(err)
}

// aliveInStore asks the store whether the session of c was ended.
func (m *Manager) aliveInStore(ctx context.Context, c *Claims) error {
	r, _, now, err := m.load(ctx, c.SessionID)
	switch {
	case err != nil:
		return err
	case r == nil:
		if err := m.aliveWithoutRecord(ctx, c, now); err != nil {
			return err
		}
	case r.Revoked != 0:
		return errRevokedSession
	}
	return m.afterCut(ctx, c)
}

// aliveWithoutRecord judges a session that the store does not know: one from
// before there was a store is good while such are adopted.
func (m *Manager) aliveWithoutRecord(ctx context.Context, c *Claims, now time.Time) error {
	switch {
	case c.legacy || now.Before(m.cfg.AdoptUntil):
		return m.adoptable(ctx, c)
	case now.Sub(c.IssuedAt) < newBorn:
		return errNewBorn
	}
	return errMissRec
}

// afterCut checks that the session of c began after all were ended, as this instance
// or the store knows.
func (m *Manager) afterCut(ctx context.Context, c *Claims) error {
	if c.AuthTime.Unix() < m.follow.set.before.Load() {
		return errRevokedSession
	}
	_, at, err := m.cutAt(ctx, allCut)
	if err == nil && c.AuthTime.Unix() < at.Unix() {
		return errRevokedSession
	}
	return err
}

// told is what this instance ended lately, or could not end because the store was
// down. What it could not, Run tries again; what it could, Run writes again after
// an outage, since a failover may have lost it.
type told struct {
	mu      sync.Mutex
	pending map[string]ending // by session
	lately  []said
}

type said struct {
	ending
	at time.Time
}

// Bounds of what is remembered.
const (
	toldFor    = 2 * time.Minute
	maxEndings = 10_000
)

// add notes that e was written.
func (t *told) add(e ending, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := 0
	for old < len(t.lately) && (at.Sub(t.lately[old].at) > toldFor || len(t.lately)-old >= maxEndings) {
		old++
	}
	t.lately = append(t.lately[old:], said{e, at})
}

// postpone notes that e could not be written.
func (t *told) postpone(e ending) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pending == nil {
		t.pending = map[string]ending{}
	}
	if len(t.pending) < maxEndings {
		t.pending[e.sid] = e
	}
}

// take returns what is to be written, and, after an outage, what was lately.
func (t *told) take(again bool) []ending {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := slices.Collect(maps.Values(t.pending))
	t.pending = nil
	if again {
		for _, s := range t.lately {
			list = append(list, s.ending)
		}
		t.lately = nil
	}
	return list
}

// repeat writes what is to be written again; what fails waits for the next time.
func (m *Manager) repeat(ctx context.Context, again bool) {
	for _, e := range m.told.take(again) {
		if err := m.revoke(ctx, e); err != nil {
			m.told.postpone(e)
		}
	}
}

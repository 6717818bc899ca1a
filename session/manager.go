package session

import (
	"context"
	"hash/maphash"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessionring/sessionring/internal/fetch"
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

	store  limited
	index  Index                  // nil without a store that has one
	follow *follower              // the sessions that have ended
	serves *feedServer            // tells others of them; nil: nobody
	told   told                   // those of them that were ended here
	moved  map[move]*atomic.Int64 // refreshes by what the store made of them

	scratch  sync.Pool // of *ring.Scratch
	expected *expected

	verified *verified // access tokens that were; nil: they are not remembered

	evidence evidence // which keys tokens need
	reporter reporter // what other instances are told
	watcher  watcher  // what alerts are judged by

	judges map[string]func(time.Time) string // of alerts of others, by name; guarded by mu
	unheld crowd                             // tokens that name keys not held here
	ahead  crowd                             // good tokens that were issued far in the future

	seenKeys seenKeys // what was reported of the keys last

	unknownLog, skewLog, previousLog, soleLog, strangeLog throttle
}

// New returns a Manager for cfg. It checks cfg as a whole and returns every fault
// at once. It starts no goroutine; see Run.
func New(cfg Config) (*Manager, error) {
	cfg, err := cfg.check()
	if err != nil {
		return nil, err
	}
	m := &Manager{cfg: cfg, live: cfg.Keys.Live(), verified: newVerified(cfg.VerifiedCache), follow: &follower{lag: cfg.RevocationLag}, expected: expect(&cfg), moved: map[move]*atomic.Int64{}, judges: map[string]func(time.Time) string{}}
	opening := ring.NewOpening(m.expected.opening)
	m.scratch.New = func() any { return &ring.Scratch{Opening: opening} }
	m.unheld.seed, m.ahead.seed = maphash.MakeSeed(), maphash.MakeSeed()
	m.seenKeys.look(m.live) // what is there at the start is no event
	for _, did := range moves {
		m.moved[did] = new(atomic.Int64)
	}
	m.reporter.id, m.reporter.started, m.reporter.turn = newID(), time.Now(), make(chan struct{}, 1)
	m.evidence.lives(cfg.RefreshTTL)
	m.evidence.join(m.live.Ring(), nil, time.Now())
	m.store = limited{cfg.Store}
	if index, ok := cfg.Store.(Index); ok {
		m.index = limitedIndex{index}
	}
	m.connect(cfg.Revocations)
	m.cfg.Revocations.Secret = "" // nobody needs it any more
	r := m.live.Ring()
	if k := r.Current(time.Now()); k != nil {
		cfg.Logger.Info("token versioning enabled", "version", k.Tag, "kid", k.ID(), "ring", r.Fingerprint())
	}
	return m, nil
}

// connect joins the feeds of ended sessions: the one to follow, and the one to serve.
func (m *Manager) connect(f RevocationFeed) {
	feed, ok := m.cfg.Store.(Feed)
	if ok {
		m.follow.feed = feed
	}
	if ok && f.Secret != "" {
		m.serves = newFeedServer(feed, f)
	}
	if f.URL != "" {
		wait := waitFor(m.cfg.RevocationLag)
		m.follow.feed = newDistant(f, wait, fetch.Transport(wait, feedIdle))
		m.follow.far, m.follow.extra, m.follow.tell = true, m.cfg.Leeway, m.heardFeed
	}
}

// heardFeed logs when the feed of another service fails, and when it is back.
func (m *Manager) heardFeed(err error) {
	if err != nil {
		m.cfg.Logger.Warn("revocation feed failed", "error", err)
		return
	}
	m.cfg.Logger.Info("revocation feed is back")
}

// tags returns the tags of the keys of r, newest first.
func tags(r *ring.Ring) []string {
	var list []string
	for _, k := range r.Keys() {
		list = append(list, k.Tag)
	}
	return list
}

// Version returns the tag of the key that signs now, "" if none does. It asks no
// store and is safe for concurrent use.
func (m *Manager) Version() string {
	if k := m.live.Ring().Current(time.Now()); k != nil {
		return k.Tag
	}
	return ""
}

// Stats reports keys and what needs them, what came of the refreshes here, and, if
// there is a Store that is an Index, live instances, and live sessions by tag: those
// that Sessions would list, and those that RevokeBefore has ended until they would have
// expired. To count them it reads every record: ask once a minute, not with every
// request. Errors wrap ErrUnavailable; the rest of the report is there all the same. It
// is safe for concurrent use.
func (m *Manager) Stats(ctx context.Context) (Stats, error) {
	return m.stats(ctx, func(ctx context.Context) (map[string]int, error) {
		counts, err := m.index.Count(ctx)
		if counts == nil { // as a store may say that there are none
			counts = map[string]int{}
		}
		return counts, unavailable(err)
	})
}

// stats is Stats with a count of the live sessions by label, or nil if there is none.
func (m *Manager) stats(ctx context.Context, count func(context.Context) (map[string]int, error)) (Stats, error) {
	stats := Stats{Keys: m.cfg.Keys.List(), Needs: m.ownNeeds(), Refreshes: map[string]int64{}, Alerts: m.reporter.alerts.current()}
	for did, n := range m.moved {
		stats.Refreshes[string(did)] = n.Load()
	}
	ok, failed := m.live.Reloads()
	stats.Reloads = map[string]int64{"ok": ok, "failed": failed}
	if m.index == nil {
		return stats, nil
	}
	reports, err := m.reports(ctx)
	if err != nil {
		return stats, err
	}
	for _, r := range reports {
		stats.Instances = append(stats.Instances, r.Instance)
	}
	counts, err := count(ctx)
	if err != nil || counts == nil {
		return stats, err
	}
	stats.Sessions = map[string]int{}
	for label, n := range counts {
		stats.Sessions[m.tagOf(label)] += n
	}
	stats.Needs, err = m.needs(ctx, counts)
	return stats, err
}

// tagOf returns the tag of the newest key of this ring among those that a record
// names, or "" if none of them is held.
func (m *Manager) tagOf(label string) string {
	prints := strings.Split(label, ",")
	for _, k := range m.live.Ring().Keys() {
		if slices.Contains(prints, k.Fingerprint) {
			return k.Tag
		}
	}
	return ""
}

// Stats is one report.
type Stats struct {
	Keys     []keyring.KeyInfo // newest first
	Needs    map[string]Need   // how much each live key is needed, by kid
	Sessions map[string]int    // live sessions by tag, "" for keys not held here; nil without an Index
	// Refreshes by what the store made of them, since New: same, extend, choose,
	// sibling and adopt went well, reuse and forged were refused. All 0 without a Store.
	Refreshes map[string]int64
	Reloads   map[string]int64 // of the keyring, since it was opened: ok and failed
	Instances []Instance       // those that have reported in the last 40 seconds, oldest first; nil without an Index
	Alerts    []Alert          // those in force here, by name; none before the first report of Run or Ready
}

// Logger returns where this Manager writes its events, never nil. It is for
// packages that add to it, such as health.
func (m *Manager) Logger() *slog.Logger { return m.cfg.Logger }

// throttle lets through one event a second, so that forged tokens cannot fill a log.
type throttle struct {
	next atomic.Int64 // Unix nanoseconds
}

// pass reports whether an event at the time now may be logged.
func (t *throttle) pass(now time.Time) bool {
	next := t.next.Load()
	return now.UnixNano() >= next && t.next.CompareAndSwap(next, now.Add(time.Second).UnixNano())
}

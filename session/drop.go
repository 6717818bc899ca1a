package session

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
)

// Need says how much one key is needed.
type Need struct {
	Last     time.Time // when a token was last issued or verified for which no other live key vouches; zero: never yet
	Hour     int       // how many such tokens in the last hour, at this instance
	From     time.Time // from when the key may go, in the past if it may go now; zero: unknown, for want of a Store
	Sessions int       // live sessions that would be lost if it went now; 0 without an Index
}

// afterLast is added to the life of the last token that needs a key: an instance may
// be late with its report, or its clock slow.
const afterLast = 24 * time.Hour

// SafeToDrop returns from when a key may go, a time in the past if it may go now, and
// how many live sessions would be lost if it went now.
//
// The key is named by its kid, or by its tag if no other key has that. It may go when
// the last token that no other live key vouches for has expired everywhere, and a day
// has passed: counted from when such a token was last issued or verified, by this
// instance or another whose Run reports to the same Store. A key that has retired or
// was revoked may go at once. Sessions that began before there was a Store are not
// among those that are counted, but their tokens are seen.
//
// It is ErrUnavailable if nobody can tell: without a Store that is an Index, or while
// it is down. A key that is not in the ring is an error that lists those that are. It
// reads every record of the store, and is safe for concurrent use.
func (m *Manager) SafeToDrop(ctx context.Context, tag string) (from time.Time, sessions int, err error) {
	k, err := m.key(tag)
	switch {
	case err != nil:
		return time.Time{}, 0, err
	case m.index == nil:
		return time.Time{}, 0, fmt.Errorf("%w: without a Store that lists and counts its sessions nobody knows which keys they need", ErrUnavailable)
	case !k.Live(time.Now()):
		return time.Now().UTC(), 0, nil
	}
	counts, err := m.index.Count(ctx)
	if err != nil {
		return time.Time{}, 0, unavailable(err)
	}
	needs, err := m.needs(ctx, counts)
	n := needs[k.ID()]
	return n.From, n.Sessions, err
}

// key returns the key that name names. A name that is none is not quoted: it may be a
// secret.
func (m *Manager) key(name string) (*ring.Key, error) {
	r := m.live.Ring()
	if k := r.Find(name); k != nil {
		return k, nil
	}
	var kids []string
	for _, k := range r.Keys() {
		kids = append(kids, k.ID())
	}
	return nil, fmt.Errorf("session: no key, or more than one, has that kid or tag; there are %s", strings.Join(kids, ", "))
}

// needs returns how much every live key is needed, by kid.
func (m *Manager) needs(ctx context.Context, counts map[string]int) (map[string]Need, error) {
	l, now, err := m.updateLedger(ctx)
	if err != nil {
		return m.ownNeeds(), err
	}
	return m.needsBy(m.live.Ring(), l, counts, now), nil
}

// needsBy returns how much every live key of r is needed, by kid, as l and counts say.
func (m *Manager) needsBy(r *ring.Ring, l *ledger, counts map[string]int, now time.Time) map[string]Need {
	needs := m.ownNeeds()
	live := livePrints(r, now)
	for _, k := range r.Keys() {
		known := l.Keys[k.Fingerprint]
		if known == nil || !k.Live(now) {
			continue
		}
		n, own := needs[k.ID()], m.evidence.of(k.Fingerprint)
		last := max(known.Sole, own.last.Load()) // the ledger may be a minute behind
		n.Last = time.Unix(last, 0).UTC()
		n.From = time.Unix(max(known.Until, last+m.evidence.longest.Load(), own.until.Load()), 0).Add(afterLast).UTC()
		n.Sessions = depending(k.Fingerprint, live, counts)
		if n.Sessions > 0 && !n.From.After(now) { // their tokens live longer than those that are issued now
			n.From = now.Add(m.evidence.lifetime() + afterLast).UTC().Truncate(time.Second)
		}
		needs[k.ID()] = n
	}
	return needs
}

// ownNeeds returns what this process has seen of the live keys of its ring, by kid.
func (m *Manager) ownNeeds() map[string]Need {
	needs, now := map[string]Need{}, time.Now()
	for _, k := range m.live.Ring().Keys() {
		if !k.Live(now) {
			continue
		}
		seen := m.evidence.of(k.Fingerprint)
		n := Need{Hour: seen.inHour(now)}
		if last := seen.last.Load(); last != 0 {
			n.Last = time.Unix(last, 0).UTC()
		}
		needs[k.ID()] = n
	}
	return needs
}

// depending counts the sessions that would be lost without the key with a
// fingerprint: it vouches for them, and no other of the live keys does.
func depending(print string, live []string, counts map[string]int) (sessions int) {
	for label, n := range counts {
		if vouch := common(strings.Split(label, ","), live); len(vouch) == 1 && vouch[0] == print {
			sessions += n
		}
	}
	return sessions
}

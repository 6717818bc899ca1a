package session

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
	"github.com/sessionring/sessionring/internal/table"
)

// evidence is what this process has seen of which keys tokens still need: a token
// needs a key if no other live key of the ring vouches for it.
type evidence struct {
	longest atomic.Int64                         // lifetime of a token, seconds
	joined  atomic.Pointer[map[string]time.Time] // when keys were first seen, by fingerprint
	keys    table.Of[need]                       // by fingerprint
}

// need is the evidence about one key.
type need struct {
	last    atomic.Int64      // when a token that needs it was last issued or verified, Unix seconds
	until   atomic.Int64      // the latest expiry that such a token was seen to have, Unix seconds
	minutes [60]atomic.Uint64 // how many of them: the minute, and the count in the low half
}

// of returns the evidence about the key with a fingerprint.
func (e *evidence) of(print string) *need {
	if n := e.keys.Get(print); n != nil {
		return n
	}
	return e.keys.Add(print)
}

// note notes a token that needs the key and is good until exp.
func (n *need) note(now, exp time.Time) {
	raise(&n.last, now.Unix())
	raise(&n.until, exp.Unix())
	minute := uint64(now.Unix()) / 60
	m := &n.minutes[minute%60]
	for {
		old := m.Load()
		next := old + 1
		if old>>32 != minute {
			next = minute<<32 | 1
		}
		if m.CompareAndSwap(old, next) {
			return
		}
	}
}

// raise makes a at least v.
func raise(a *atomic.Int64, v int64) {
	for old := a.Load(); v > old && !a.CompareAndSwap(old, v); old = a.Load() {
	}
}

// inHour returns how many tokens were noted in the hour before now.
func (n *need) inHour(now time.Time) (sum int) {
	minute := uint64(now.Unix()) / 60
	for i := range n.minutes {
		if v := n.minutes[i].Load(); v>>32+60 > minute {
			sum += int(v & (1<<32 - 1))
		}
	}
	return sum
}

// lives notes that tokens of a lifetime are issued here.
func (e *evidence) lives(ttl time.Duration) {
	raise(&e.longest, int64((ttl+time.Second-1)/time.Second))
}

// lifetime returns the longest lifetime of a token.
func (e *evidence) lifetime() time.Duration { return time.Duration(e.longest.Load()) * time.Second }

// vouched notes what a token that was accepted by the ring r tells about its keys.
func (m *Manager) vouched(ctx context.Context, c *Claims, r *ring.Ring, now time.Time) {
	if c.sole == "" {
		return
	}
	until := c.ExpiresAt
	if c.legacy {
		until = earlier(until, m.cfg.LegacyUntil)
	}
	m.evidence.of(c.sole).note(now, until)
	if next := r.Successor(c.sole, now); next != nil && m.lateFor(next, c) && m.soleLog.pass(now) {
		m.cfg.Logger.WarnContext(ctx, "sole key token", "version", c.Tag, "subject", c.Subject, "session", c.SessionID)
		m.emit(ctx, hookKey, event("sole key token", c, nil))
	}
}

// issuedBy notes what the issue of a token tells about the keys: if there is one alone,
// the token needs it.
func (m *Manager) issuedBy(signers *ring.Signers, now, until time.Time) {
	if keys := signers.Keys(); len(keys) == 1 {
		m.evidence.of(keys[0].Fingerprint).note(now, until)
	}
}

// soleAfter is how long after a key has joined tokens without it are no surprise:
// by then every instance should have it.
const soleAfter = 24 * time.Hour

// lateFor reports whether c was issued although the key next had joined long ago: by
// an instance that was forgotten, or by somebody who has the older key.
func (m *Manager) lateFor(next *ring.Key, c *Claims) bool {
	at, known := (*m.evidence.joined.Load())[next.Fingerprint]
	return known && c.IssuedAt.After(at.Add(soleAfter))
}

// join notes when the keys of the ring were first seen: at the time now, or earlier
// as the instances together know.
func (e *evidence) join(r *ring.Ring, l *ledger, now time.Time) {
	joined := map[string]time.Time{}
	if old := e.joined.Load(); old != nil {
		joined = *old
	}
	next := map[string]time.Time{}
	for _, k := range r.Keys() {
		at, known := joined[k.Fingerprint]
		if !known {
			at = now
		}
		if l != nil && l.Keys[k.Fingerprint] != nil {
			at = earlier(at, time.Unix(l.Keys[k.Fingerprint].First, 0))
		}
		next[k.Fingerprint] = at
	}
	e.joined.Store(&next)
}

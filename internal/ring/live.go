package ring

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Live is a handle on the ring in force. Readers take one snapshot per operation
// and never lock; whoever holds the handle sees every swap. Swap must have been
// called once before it is used.
type Live struct {
	ring    atomic.Pointer[Ring]
	version atomic.Uint64 // counts the changes of the ring
	guard   guard

	// Load makes the ring anew from its source. A ring beside an error is good: what
	// failed came after. It is nil if there is nothing to load from, and set before
	// the handle is shared.
	Load func(context.Context) (*Ring, error)
	// Interval is how often Load may bring something new; 0: never by itself.
	Interval time.Duration
	// Home is the store that the ring is kept in and shared through, nil for others.
	Home any
	// RotateEvery is how old the current key may grow, 0 where nobody sees to that.
	RotateEvery time.Duration

	mu sync.Mutex // held while loading

	reloads, failures atomic.Int64
	failing           atomic.Pointer[Failing]
}

// Failing is a run of reloads that have all failed.
type Failing struct {
	Since, Last time.Time
	Times       int
	Err         error // of the last
}

// ErrWeak is what the refusal of a secret that might be guessed is.
var ErrWeak = errors.New("keyring: weak secret")

// ErrNoSource is returned by Reload for a ring without a source.
var ErrNoSource = errors.New("keyring: made from keys in the program: there is nothing to reload")

// Ring returns the ring in force.
func (l *Live) Ring() *Ring { return l.ring.Load() }

// Version counts the changes of the ring in force.
func (l *Live) Version() uint64 { return l.version.Load() }

// Swap puts r in force, and reports whether its keys are others than before.
func (l *Live) Swap(r *Ring) (changed bool) {
	old := l.ring.Swap(r)
	if old == nil || r == nil || old.Fingerprint() != r.Fingerprint() {
		l.version.Add(1)
		return true
	}
	return false
}

// Reload loads the ring and puts it in force; if there is none, the old one stays.
// It reports whether the keys are others than before.
func (l *Live) Reload(ctx context.Context) (changed bool, err error) {
	if l.Load == nil {
		return false, ErrNoSource
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	r, err := l.Load(ctx)
	if r != nil {
		changed = l.Swap(r)
	}
	l.count(ctx, err)
	return changed, err
}

// count notes what came of a reload. One that was given up by who asked for it says
// nothing.
func (l *Live) count(ctx context.Context, err error) {
	switch {
	case err == nil:
		l.reloads.Add(1)
		l.failing.Store(nil)
	case !errors.Is(ctx.Err(), context.Canceled):
		l.failures.Add(1)
		now := time.Now()
		next := Failing{now, now, 1, err}
		if old := l.failing.Load(); old != nil {
			next.Since, next.Times = old.Since, old.Times+1
		}
		l.failing.Store(&next)
	}
}

// Reloads returns how many reloads went well and how many failed, the first included.
func (l *Live) Reloads() (ok, failed int64) { return l.reloads.Load(), l.failures.Load() }

// Failing returns the failures since the last good reload, nil if it was the last.
func (l *Live) Failing() *Failing { return l.failing.Load() }

package ring

import (
	"context"
	"sync"
	"time"
)

// Bounds of the reloads that unknown keys cause. Whoever forges kids causes at most
// one reload a second, whatever their number, and holds up nobody.
const (
	reloadFloor = time.Second      // between two reloads
	reloadLimit = 10 * time.Second // for one reload
	unknownFor  = 5 * time.Second  // that a kid stays known as unknown
	maxWaiting  = 256              // requests that wait for one reload
	maxUnknown  = 4096             // kids that are remembered
)

// guard lets requests with an unknown key wait for the next reload that the floor
// permits, all for the same one. One that has begun already may have read too early.
type guard struct {
	mu      sync.Mutex
	loading chan struct{} // closed when the reload under way is over; nil: none
	next    chan struct{} // the same for the reload to come
	running bool          // whether a goroutine sees to the reloads
	waiting int
	last    time.Time            // when the last reload began
	unknown map[string]time.Time // kids and until when they are unknown
	seen    uint64               // the version of the ring that they are unknown to
}

// Awaken is for a token that names a key which the ring of that version does not
// hold: it may be new. It waits, at most a second, for the ring to be loaded again,
// and reports whether there are other keys now, so that the token deserves another
// look.
func (l *Live) Awaken(ctx context.Context, kid string, version uint64) bool {
	if l.version.Load() != version {
		return true
	}
	if l.Load == nil {
		return false
	}
	flights := l.guard.join(l, kid, version)
	if flights == nil {
		return false
	}
	defer l.guard.leave()
	limited, cancel := context.WithTimeout(ctx, reloadFloor)
	defer cancel()
	for _, flight := range flights {
		select {
		case <-flight:
		case <-limited.Done():
		}
		if l.version.Load() != version {
			return true
		}
	}
	if ctx.Err() == nil { // who gives up at once has learned nothing, and must not fill the memory
		l.guard.note(kid, time.Now())
	}
	return false
}

// join returns the reloads to wait for, or nil if there is no sense in waiting: the
// kid is known to be unknown, or too many wait already.
func (g *guard) join(l *Live, kid string, version uint64) []chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.seen != version { // other keys: what was unknown may be known
		g.unknown, g.seen = nil, version
	}
	if time.Now().Before(g.unknown[kid]) {
		return nil
	}
	if g.next == nil {
		g.next = make(chan struct{})
	}
	if !g.running {
		g.running = true
		go g.run(l)
	}
	if g.waiting >= maxWaiting { // the reload takes place all the same
		return nil
	}
	g.waiting++
	if g.loading == nil {
		return []chan struct{}{g.next}
	}
	return []chan struct{}{g.loading, g.next}
}

func (g *guard) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting--
}

// note remembers that kid is unknown. When there are too many, those that are over
// are forgotten, and if none is, the new one is not remembered.
func (g *guard) note(kid string, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.unknown) >= maxUnknown {
		for k, until := range g.unknown {
			if !now.Before(until) {
				delete(g.unknown, k)
			}
		}
	}
	if len(g.unknown) < maxUnknown {
		if g.unknown == nil {
			g.unknown = map[string]time.Time{}
		}
		g.unknown[kid] = now.Add(unknownFor)
	}
}

// run makes the reloads that are asked for, one after the other.
func (g *guard) run(l *Live) {
	for more := true; more; more = g.more() {
		time.Sleep(g.pause())
		flight := g.begin()
		ctx, cancel := context.WithTimeout(context.Background(), reloadLimit)
		l.Reload(ctx) // an error leaves the ring; who polls the source reports it
		cancel()
		close(flight)
	}
}

// pause returns how long the next reload has to wait.
func (g *guard) pause() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return time.Until(g.last.Add(reloadFloor))
}

// begin returns the reload to make; whoever comes from now on waits for the next.
func (g *guard) begin() (flight chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.loading, g.next, g.last = g.next, nil, time.Now()
	return g.loading
}

// more reports whether another reload is asked for; if not, run is over.
func (g *guard) more() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.loading, g.running = nil, g.next != nil
	return g.running
}

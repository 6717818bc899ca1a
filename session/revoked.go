package session

import (
	"context"
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"
)

// Revocation says how a Manager learns that a session was ended before its time.
type Revocation int

const (
	Cached Revocation = iota // from memory, kept up by the feed of the store or of Config.Revocations, at most Config.RevocationLag old
	Strict                   // from the store, by two reads more on every check and refresh
	Off                      // not before the access token expires; a refresh costs one read more
)

// notice is one entry of the feed: a session has ended, or all that began before
// a time. It says until when a token of them may still be about.
type notice struct {
	Session string `json:"s,omitempty"`
	Before  int64  `json:"b,omitempty"` // Unix seconds
	Until   int64  `json:"u"`           // Unix seconds
}

func (n notice) encode() []byte {
	data, _ := json.Marshal(n) // strings and numbers always encode
	return data
}

// decodeNotice reads a notice, and reports whether it is one.
func decodeNotice(data []byte) (n notice, ok bool) {
	if json.Unmarshal(data, &n) != nil {
		return n, false
	}
	return n, len(n.Session) <= maxSID && 0 <= n.Before && n.Before <= farFuture.Unix() && 0 <= n.Until && n.Until <= farFuture.Unix() &&
		(n.Session != "" || n.Before > 0)
}

// follower keeps a revokedSet up with a feed, that of the store or of another service.
type follower struct {
	set  revokedSet
	feed endings // nil: none
	lag  time.Duration

	far   bool            // it is that of another service
	extra time.Duration   // that endings are kept beyond what the feed says
	tell  func(err error) // is told when it fails and, with nil, when it is back

	read   atomic.Pointer[time.Time] // when the last good reading of the feed began; nil: none yet
	outage atomic.Bool               // one has ended, and nobody has seen to it yet

	mu     sync.Mutex
	flight chan struct{} // closed when the reading under way is over; nil: none
	tried  time.Time     // when the last reading began
	cursor string
	swept  time.Time
	failed bool // the last reading
}

// endings is the part of a Feed that is read.
type endings interface {
	After(ctx context.Context, cursor string) (entries [][]byte, next string, err error)
}

// outageAfter is how many lags old a view may be before it counts as an outage.
const outageAfter = 5

// firstLoad is the time for the first reading of the feed, which may be long.
const firstLoad = time.Minute

// age returns how old the view is at the time now.
func (f *follower) age(now time.Time) time.Duration {
	read := f.read.Load()
	if read == nil {
		return 1<<63 - 1
	}
	return now.Sub(*read)
}

// fresh makes sure that the view is not older than the lag, or that nothing can be
// done about it now, and returns its age.
func (f *follower) fresh(ctx context.Context, now time.Time) time.Duration {
	if age := f.age(now); age <= f.lag {
		return age
	}
	f.poll(ctx, f.lag/2)
	return f.age(time.Now())
}

// poll reads the feed, unless a reading began less than pause ago. Callers that
// meet a reading under way wait for it, but where there is an older view not longer
// than a lag from its beginning: a store that hangs holds up nobody for long.
func (f *follower) poll(ctx context.Context, pause time.Duration) {
	f.mu.Lock()
	flight := f.flight
	if flight == nil {
		if time.Since(f.tried) < pause {
			f.mu.Unlock()
			return
		}
		flight = make(chan struct{})
		f.flight, f.tried = flight, time.Now()
		go f.readFeed(context.WithoutCancel(ctx))
	}
	wait := f.lag
	if f.read.Load() == nil {
		wait *= outageAfter
	}
	wait -= time.Since(f.tried)
	f.mu.Unlock()
	late := time.NewTimer(wait)
	defer late.Stop()
	select {
	case <-flight:
	case <-late.C:
	case <-ctx.Done():
	}
}

// readFeed reads what is new in the feed and puts it into the set.
func (f *follower) readFeed(ctx context.Context) {
	limit := outageAfter * f.lag
	if f.read.Load() == nil || f.far { // that one gives up every answer by itself
		limit = max(limit, firstLoad)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	f.mu.Lock()
	began, cursor, sweep := f.tried, f.cursor, time.Since(f.swept) > time.Minute
	f.mu.Unlock()
	entries, next, err := f.feed.After(ctx, cursor)
	for _, e := range entries {
		if n, ok := decodeNotice(e); ok {
			n.Until += int64(f.extra.Seconds())
			f.set.add(n)
		}
	}
	if sweep {
		f.set.sweep(began)
	}
	if f.land(err, next, began, sweep) && f.tell != nil {
		f.tell(err)
	}
}

// land ends the reading under way, and reports whether it failed where the one before
// did not, or the other way round.
func (f *follower) land(err error, next string, began time.Time, swept bool) (changed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		f.cursor = next
		if f.read.Load() != nil && (f.failed || f.age(time.Now()) > outageAfter*f.lag) {
			f.outage.Store(true) // a failover may take less time than counts as an outage
		}
		f.read.Store(&began)
	}
	changed = (err != nil) != f.failed
	f.failed = err != nil
	if swept {
		f.swept = began
	}
	close(f.flight)
	f.flight = nil
	return changed
}

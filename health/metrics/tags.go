package metrics

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// maxTags is how many tags have a label of their own.
const maxTags = 32

// tags counts the tokens that were accepted, by tag. Its zero value is ready.
type tags struct {
	now atomic.Pointer[counted]
	mu  sync.Mutex // held while now is replaced
}

// counted is the tags that are counted. It never changes.
type counted struct {
	byTag  map[string]*accepted
	latest [few]*accepted // of byTag, what was added last; these are looked through first
}

// few is how many tags are found quicker one by one than in a map: those of a rotation.
const few = 4

// accepted is the tokens of one tag that were accepted.
type accepted struct {
	tag               string
	current, previous atomic.Int64
	last              atomic.Int64 // Unix seconds
	fresh             atomic.Bool  // last is less than a second old
	aging             *time.Timer  // ends that
}

func newAccepted(tag string) *accepted {
	a := &accepted{tag: tag}
	a.aging = time.AfterFunc(time.Second, func() { a.fresh.Store(false) })
	return a
}

// add counts a token. A tag comes from a key that is held, never from a token alone.
func (t *tags) add(tag string, previous bool) {
	a := t.of(tag)
	n := &a.current
	if previous {
		n = &a.previous
	}
	n.Add(1)
	if !a.fresh.Load() {
		a.touch()
	}
}

// touch notes the time, once a second: to look at the clock takes as long as all the rest
// of add.
func (a *accepted) touch() {
	if a.fresh.CompareAndSwap(false, true) {
		a.last.Store(time.Now().Unix())
		a.aging.Reset(time.Second)
	}
}

// of returns the counts of a tag, or those of other if there are too many tags.
func (t *tags) of(tag string) *accepted {
	now := t.now.Load()
	if now == nil {
		return t.begin(tag)
	}
	for _, a := range now.latest {
		if a != nil && a.tag == tag {
			return a
		}
	}
	if a := now.byTag[tag]; a != nil {
		return a
	}
	if len(now.byTag) > maxTags {
		return now.byTag[other]
	}
	return t.begin(tag)
}

// begin begins the counts of a tag.
func (t *tags) begin(tag string) *accepted {
	t.mu.Lock()
	defer t.mu.Unlock()
	next := new(counted)
	if now := t.now.Load(); now != nil {
		next.byTag = maps.Clone(now.byTag)
		copy(next.latest[1:], now.latest[:])
	} else {
		next.byTag = map[string]*accepted{other: newAccepted(other)}
	}
	if a := next.byTag[tag]; a != nil {
		return a
	}
	if len(next.byTag) > maxTags {
		return next.byTag[other]
	}
	a := newAccepted(tag)
	next.byTag[tag], next.latest[0] = a, a
	t.now.Store(next)
	return a
}

// keep forgets the tags of which no key is held any more, so that those of new keys
// have room. They may be counted anew, which Prometheus takes for a restart.
func (t *tags) keep(held []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now.Load()
	if now == nil || len(now.byTag) <= maxTags {
		return
	}
	next := maps.Clone(now.byTag)
	maps.DeleteFunc(next, func(tag string, _ *accepted) bool { return tag != other && !slices.Contains(held, tag) })
	t.now.Store(&counted{byTag: next})
}

// write sends the counts.
func (t *tags) write(out sink) {
	now := t.now.Load()
	if now == nil {
		return
	}
	for tag, a := range now.byTag {
		last := a.last.Load()
		if tag == other && last == 0 {
			continue
		}
		out.counter("verifications_total", float64(a.current.Load()), tag, "current")
		out.counter("verifications_total", float64(a.previous.Load()), tag, "previous")
		if last > 0 {
			out.gauge("tag_last_used_timestamp_seconds", float64(last), tag)
		}
	}
}

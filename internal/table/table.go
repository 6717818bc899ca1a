// Package table finds values by name on the way of a request: without a lock, and
// without allocation.
package table

import (
	"iter"
	"maps"
	"sync"
	"sync/atomic"
)

// Of is a table of values by name. Names are added seldom and asked for all the time, and
// those that came last most: the keys of a ring, by tag or by fingerprint. None is
// forgotten. Its zero value is empty and ready. It is safe for concurrent use; what the
// values hold is up to them.
type Of[T any] struct {
	now atomic.Pointer[content[T]]
	mu  sync.Mutex // held while now is replaced
}

// content is a table at one moment. It never changes.
type content[T any] struct {
	byName map[string]*T
	latest [few]entry[T] // of byName, what was added last; these are looked through first
}

type entry[T any] struct {
	name  string
	value *T
}

// few is how many names are found quicker one by one than in a map.
const few = 4

// Get returns the value of a name, nil if there is none.
func (t *Of[T]) Get(name string) *T {
	now := t.now.Load()
	if now == nil {
		return nil
	}
	for i := range now.latest {
		if e := &now.latest[i]; e.value != nil && e.name == name {
			return e.value
		}
	}
	return now.byName[name]
}

// Add returns the value of a name, a new one if there is none.
func (t *Of[T]) Add(name string) *T {
	t.mu.Lock()
	defer t.mu.Unlock()
	if v := t.Get(name); v != nil {
		return v
	}
	next := &content[T]{byName: map[string]*T{}}
	if now := t.now.Load(); now != nil {
		maps.Copy(next.byName, now.byName)
		copy(next.latest[1:], now.latest[:])
	}
	v := new(T)
	next.byName[name], next.latest[0] = v, entry[T]{name, v}
	t.now.Store(next)
	return v
}

// All are the names and their values at one moment, in no order.
func (t *Of[T]) All() iter.Seq2[string, *T] {
	return func(yield func(string, *T) bool) {
		if now := t.now.Load(); now != nil {
			maps.All(now.byName)(yield)
		}
	}
}

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
// those that came last most: the keys of a ring, by tag or by fingerprint. Its zero value
// is empty and ready. It is safe for concurrent use; what the values hold is up to them.
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

// Add returns the value of a name. If there is none, it is made, unless there are as many
// as most already; then it is nil.
func (t *Of[T]) Add(name string, most int, make func() *T) *T {
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
	if len(next.byName) >= most {
		return nil
	}
	v := make()
	next.byName[name], next.latest[0] = v, entry[T]{name, v}
	t.now.Store(next)
	return v
}

// Keep forgets the names that are not wanted. Who holds one of their values may still
// write to it; a name that comes back has a value of its own.
func (t *Of[T]) Keep(wanted func(name string) bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	next := &content[T]{byName: maps.Collect(t.All())}
	maps.DeleteFunc(next.byName, func(name string, _ *T) bool { return !wanted(name) })
	t.now.Store(next)
}

// Len is how many names there are.
func (t *Of[T]) Len() int {
	if now := t.now.Load(); now != nil {
		return len(now.byName)
	}
	return 0
}

// All are the names and their values at one moment, in no order.
func (t *Of[T]) All() iter.Seq2[string, *T] {
	return func(yield func(string, *T) bool) {
		if now := t.now.Load(); now != nil {
			maps.All(now.byName)(yield)
		}
	}
}

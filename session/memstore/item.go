package memstore

import (
	"container/heap"
	"container/list"
	"maps"
	"time"
)

const (
	sweepBatch = 8    // what one write clears away at most; it adds at most two
	smallMap   = 1024 // maps that never held more are not worth making anew
)

// item is a record, or an entry of the feed.
type item struct {
	data    []byte
	expires time.Time // zero: never
	place   int       // in the queue, if it expires

	id, group, label string // of a record

	number uint64        // of an entry
	link   *list.Element // of an entry, in the feed
}

func (i *item) expired(now time.Time) bool {
	return !i.expires.IsZero() && !i.expires.After(now)
}

// add files the record r under its id, group and label, in the place of what was
// filed under the id.
func (s *Store) add(r *item) {
	if s.records == nil {
		s.records, s.groups, s.labels = map[string]*item{}, map[string]map[string]*item{}, map[string]int{}
	}
	s.records[r.id] = r
	s.most = max(s.most, len(s.records))
	if r.group != "" {
		if s.groups[r.group] == nil {
			s.groups[r.group] = map[string]*item{}
		}
		s.groups[r.group][r.id] = r
	}
	if r.label != "" {
		s.labels[r.label]++
	}
	s.await(r)
}

// remove takes a record off everything that still leads to it: add may have put
// another in its place.
func (s *Store) remove(r *item) {
	if s.records[r.id] == r {
		delete(s.records, r.id)
	}
	if g := s.groups[r.group]; g[r.id] == r {
		delete(g, r.id)
		if len(g) == 0 {
			delete(s.groups, r.group)
		}
	}
	if r.label != "" {
		if s.labels[r.label]--; s.labels[r.label] == 0 {
			delete(s.labels, r.label)
		}
	}
	s.forget(r)
}

// await queues i to be swept once it has expired.
func (s *Store) await(i *item) {
	if !i.expires.IsZero() {
		heap.Push(&s.queue, i)
	}
}

// forget takes i off the queue.
func (s *Store) forget(i *item) {
	if !i.expires.IsZero() {
		heap.Remove(&s.queue, i.place)
	}
}

// sweep clears away at most n of the items that have expired.
func (s *Store) sweep(now time.Time, n int) {
	for ; n > 0 && len(s.queue) > 0 && s.queue[0].expired(now); n-- {
		if i := s.queue[0]; i.link != nil {
			s.drop(i)
		} else {
			s.remove(i)
		}
	}
	if s.most > smallMap && len(s.records) < s.most/8 {
		s.shrink()
	}
}

// shrink makes the maps anew, because a map keeps the size it once had. For each
// record that is copied, at least seven were removed since the last time.
func (s *Store) shrink() {
	s.records = compact(s.records)
	s.groups = compact(s.groups)
	s.labels = compact(s.labels)
	for name, g := range s.groups {
		s.groups[name] = compact(g)
	}
	s.most = len(s.records)
}

func compact[V any](m map[string]V) map[string]V {
	small := make(map[string]V, len(m))
	maps.Copy(small, m)
	return small
}

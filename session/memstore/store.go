// Package memstore keeps sessions in the memory of one process. They end with it;
// a fleet, or a service that restarts, needs sqlstore or redisstore.
package memstore

import (
	"bytes"
	"container/list"
	"context"
	"fmt"
	"maps"
	"sync"
	"time"
)

// Store keeps records and the feed in memory. It satisfies session.Store,
// session.Index and session.Feed, and keyring.Store.
//
// The zero value is ready to use. A Store must not be copied after first use.
// Its time is time.Now, so that tests can run in a testing/synctest bubble.
// What has expired is gone at once, and its memory is given back little by
// little by later writes. Slices are copied on the way in and out.
//
// A Store is safe for concurrent use.
type Store struct {
	mu      sync.Mutex
	records map[string]*item
	groups  map[string]map[string]*item // by group, then by id
	labels  map[string]int              // how many records have each label
	most    int                         // records at the highest since the maps were made
	feed    list.List                   // of *item, oldest first
	last    uint64                      // number of the newest entry; 0: no entry or cursor was given yet
	queue   queue                       // all that expires, soonest first
}

// Get returns a live record and the time; an absent or expired record is nil data
// and no error.
func (s *Store) Get(ctx context.Context, id string) ([]byte, time.Time, error) {
	if err := check(ctx); err != nil {
		return nil, time.Time{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	return bytes.Clone(s.live(id, now)), now, nil
}

// Swap replaces the record by data if it still equals old, and reports whether it
// did. A nil old means absent or expired, a nil data deletes.
func (s *Store) Swap(ctx context.Context, id string, old, data []byte, group, label string, expires time.Time) (bool, error) {
	if err := check(ctx); err != nil {
		return false, err
	}
	r := &item{id: id, data: bytes.Clone(data), group: group, label: label, expires: expires}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.swap(r, old, time.Now()), nil
}

// SwapAppend is Swap, and adds entry to the feed if it swapped; both or neither
// happen.
func (s *Store) SwapAppend(ctx context.Context, id string, old, data []byte, group, label string, expires time.Time, entry []byte, entryExpires time.Time) (bool, error) {
	if err := check(ctx); err != nil {
		return false, err
	}
	r := &item{id: id, data: bytes.Clone(data), group: group, label: label, expires: expires}
	e := &item{data: bytes.Clone(entry), expires: entryExpires}
	s.mu.Lock()
	defer s.mu.Unlock()
	ok := s.swap(r, old, time.Now())
	if ok {
		s.append(e)
	}
	return ok, nil
}

// List returns the live records of a group, by id. The group "" is no group.
func (s *Store) List(ctx context.Context, group string) (map[string][]byte, error) {
	if err := check(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	found := map[string][]byte{}
	for id, r := range s.groups[group] {
		if !r.expired(now) {
			found[id] = bytes.Clone(r.data)
		}
	}
	return found, nil
}

// Count returns how many live records have each label; "" is left out. It costs as
// much as there are labels, however many records there are, and clears away all that
// has expired since the last write or Count.
func (s *Store) Count(ctx context.Context) (map[string]int, error) {
	if err := check(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep(time.Now(), len(s.queue))
	counts := make(map[string]int, len(s.labels))
	maps.Copy(counts, s.labels)
	return counts, nil
}

// live returns the data of a record, or nil if it is absent or has expired.
func (s *Store) live(id string, now time.Time) []byte {
	r := s.records[id]
	if r == nil || r.expired(now) {
		return nil
	}
	return r.data
}

// swap puts r in the place of the record that equals old; r without data deletes.
func (s *Store) swap(r *item, old []byte, now time.Time) bool {
	is := s.live(r.id, now)
	if (is == nil) != (old == nil) || !bytes.Equal(is, old) {
		return false
	}
	before := s.records[r.id]
	if r.data != nil {
		s.add(r)
	}
	if before != nil {
		s.remove(before)
	}
	s.sweep(now, sweepBatch)
	return true
}

func check(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("memstore: %w", err)
	}
	return nil
}

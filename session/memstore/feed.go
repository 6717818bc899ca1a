package memstore

import (
	"bytes"
	"context"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"
)

// After returns the live entries behind a cursor, oldest first, and the next
// cursor; "" is the start. A cursor that this store never gave reads from the start.
func (s *Store) After(ctx context.Context, cursor string) (entries [][]byte, next string, err error) {
	if err := check(ctx); err != nil {
		return nil, "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.start()
	seen, err := strconv.ParseUint(cursor, 10, 64)
	if err != nil || seen > s.last {
		seen = 0
	}
	return s.behind(seen, time.Now()), strconv.FormatUint(s.last, 10), nil
}

// behind returns the live entries with numbers above seen.
func (s *Store) behind(seen uint64, now time.Time) [][]byte {
	var entries [][]byte
	for l := s.feed.Back(); l != nil; l = l.Prev() {
		e := l.Value.(*item)
		if e.number <= seen {
			break
		}
		if !e.expired(now) {
			entries = append(entries, bytes.Clone(e.data))
		}
	}
	slices.Reverse(entries)
	return entries
}

// start numbers entries from a random number on: a cursor of another store, such as
// the one that this process had before it was restarted, is unknown here.
func (s *Store) start() {
	if s.last == 0 {
		s.last = 1 + rand.Uint64N(1<<62)
	}
}

// append adds e to the feed.
func (s *Store) append(e *item) {
	s.start()
	s.last++
	e.number = s.last
	e.link = s.feed.PushBack(e)
	s.await(e)
}

// drop removes e from the feed.
func (s *Store) drop(e *item) {
	s.feed.Remove(e.link)
	s.forget(e)
}

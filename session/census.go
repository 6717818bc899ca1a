package session

import (
	"context"
	"encoding/json"
	"time"
)

// census is the last count of the live sessions, by the fingerprints of the keys that
// vouch for them. One instance makes it for all, since the store reads every record
// for it.
type census struct {
	Next   int64          `json:"next"`   // when it is made again, Unix seconds
	Labels map[string]int `json:"labels"` // nil: not made yet
}

const (
	censusID    = "keys:census"
	censusEvery = time.Minute
	censusShare = 20 // at most one part of so many of the time is spent on it
	censusKept  = time.Hour
)

// count returns the last count of the live sessions, by the keys that vouch for them.
// If it is due, and falls to this instance, it is made now.
func (m *Manager) count(ctx context.Context) (map[string]int, error) {
	if m.index == nil {
		return nil, nil
	}
	old, now, err := m.store.Get(ctx, censusID)
	if err != nil {
		return nil, unavailable(err)
	}
	var c census
	if json.Unmarshal(old, &c) != nil {
		c = census{}
	}
	if now.Unix() < c.Next {
		return c.Labels, nil
	}
	claimed, mine, err := m.saveCensus(ctx, old, census{now.Add(censusEvery).Unix(), c.Labels}, now)
	if err != nil || !mine {
		return c.Labels, err
	}
	return m.recount(ctx, claimed, now)
}

// recount counts the live sessions and writes that in place of old.
func (m *Manager) recount(ctx context.Context, old []byte, now time.Time) (map[string]int, error) {
	began := time.Now()
	labels, err := m.index.Count(ctx)
	if err != nil {
		return nil, unavailable(err)
	}
	next := now.Add(max(censusEvery, censusShare*time.Since(began)))
	_, _, err = m.saveCensus(ctx, old, census{next.Unix(), labels}, now)
	return labels, err
}

// saveCensus replaces the count in the store, and reports whether it did.
func (m *Manager) saveCensus(ctx context.Context, old []byte, c census, now time.Time) (data []byte, ok bool, err error) {
	data, _ = json.Marshal(c) // strings and numbers always encode
	ok, err = m.store.Swap(ctx, censusID, old, data, "", "", now.Add(censusKept))
	return data, ok, unavailable(err)
}

package session

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// told is what this instance ended lately, or could not end because the store was
// down. What it could not, Run tries again; what it could, Run looks for, and writes
// again if it is missing: a failover, or a copy that was restored, may have lost it.
type told struct {
	mu      sync.Mutex
	pending map[string]said // by what the store calls it
	lately  []said
	gone    int // how many were in front of lately, and are forgotten
	found   int // how many from the first on have been seen in the store since
}

// said is a session that was ended, or, if cut names one, all that began before a time.
type said struct {
	ending
	cut cut

	at    time.Time // when it was written
	until time.Time // how long the store keeps it
}

func (s said) id() string {
	if s.cut.id != "" {
		return s.cut.id
	}
	return sessionID(s.sid)
}

// Bounds of what is remembered.
const (
	toldFor    = 2 * time.Minute
	maxEndings = 10_000
)

// add notes that s was written.
func (t *told) add(s said) {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := 0
	for old < len(t.lately) && (s.at.Sub(t.lately[old].at) > toldFor || len(t.lately)-old >= maxEndings) {
		old++
	}
	t.lately, t.gone = append(t.lately[old:], s), t.gone+old
}

// postpone notes that s could not be written.
func (t *told) postpone(s said) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pending == nil {
		t.pending = map[string]said{}
	}
	if len(t.pending) < maxEndings {
		t.pending[s.id()] = s
	}
}

// take returns what is to be written, and, if the store has lost some, what was lately.
func (t *told) take(again bool) []said {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := slices.Collect(maps.Values(t.pending))
	t.pending = nil
	if again {
		list = append(list, t.lately...)
		t.gone += len(t.lately)
		t.lately = nil
	}
	return list
}

// unsure returns what to look for in the store, and what found is to be if it is all
// there: what is new since the last time, and the one before it. Whoever goes back
// loses what came last, so if these are there, none is missing.
func (t *told) unsure(now time.Time) (list []said, found int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.lately[max(t.found-1-t.gone, 0):] {
		if now.Sub(s.at) <= toldFor {
			list = append(list, s)
		}
	}
	return list, t.gone + len(t.lately)
}

// sure notes how much has been found.
func (t *told) sure(found int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.found = found
}

// wentBack reports whether the store has lost something that this instance ended.
func (m *Manager) wentBack(ctx context.Context) bool {
	list, found := m.told.unsure(time.Now())
	for _, s := range list {
		lost, err := m.lost(ctx, s)
		if lost {
			m.cfg.Logger.WarnContext(ctx, "store went back: sessions that were ended are ended again")
		}
		if lost || err != nil {
			return lost
		}
	}
	m.told.sure(found)
	return false
}

// lost reports whether the store does not know any more what it was told.
func (m *Manager) lost(ctx context.Context, s said) (bool, error) {
	data, now, err := m.store.Get(ctx, s.id())
	if err != nil || !now.Before(s.until) {
		return false, err
	}
	if s.cut.id != "" {
		at, _ := decodeCut(data)
		return at.Before(s.cut.at), nil
	}
	r, err := decodeRecord(data)
	return data == nil || err == nil && r.Revoked == 0, nil
}

// repeat writes what is to be written, or written again; what fails waits for the next
// time.
func (m *Manager) repeat(ctx context.Context, again bool) {
	for _, s := range m.told.take(again) {
		if err := m.tellAgain(ctx, s); err != nil {
			m.told.postpone(s)
		}
	}
}

func (m *Manager) tellAgain(ctx context.Context, s said) error {
	if s.cut.id != "" {
		return m.raise(ctx, s.cut)
	}
	return m.revoke(ctx, s.ending)
}

package drivers_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

const (
	feedWriters = 32
	feedEach    = 200 // entries of one
)

// unevenFeed lets 32 writers append so many entries each, at uneven speed, while a reader
// polls: it must miss none. Disturb does to a writer's n-th record what it likes,
// before and while it is written.
func unevenFeed(t *testing.T, s feedStore, each int, disturb func(id string, n int)) {
	t.Helper()
	expires := time.Now().Add(time.Hour)
	var crew sync.WaitGroup
	for w := range feedWriters {
		crew.Go(func() {
			for n := range each {
				id := fmt.Sprint(w, ":", n)
				if disturb != nil {
					disturb(id, n)
				}
				old, _, err := s.Get(t.Context(), id)
				if err != nil {
					t.Error(err)
					return
				}
				if ok, err := s.SwapAppend(t.Context(), id, old, []byte("x"), "", "", expires, []byte(id), expires); !ok || err != nil {
					t.Errorf("SwapAppend: %v, %v", ok, err)
					return
				}
			}
		})
	}
	written := make(chan struct{})
	go func() { crew.Wait(); close(written) }()
	seen, polls, read := pollUntil(t, s, written)
	if missed := feedWriters*each - len(seen); missed != 0 {
		t.Errorf("missed %d of %d", missed, feedWriters*each)
	}
	t.Logf("%d polls read %d entries", polls, read)
}

// pollUntil polls every 5 ms until the channel is closed, and once more.
func pollUntil(t *testing.T, s feedStore, done <-chan struct{}) (seen map[string]bool, polls, read int) {
	t.Helper()
	seen = map[string]bool{}
	cursor := ""
	for last := false; !last; polls++ {
		select {
		case <-done:
			last = true
		case <-time.After(5 * time.Millisecond):
		}
		entries, next, err := s.After(t.Context(), cursor)
		if err != nil {
			t.Fatal(err)
		}
		cursor = next
		read += len(entries)
		for _, e := range entries {
			seen[string(e)] = true
		}
	}
	return seen, polls, read
}

// holdRows makes every eighth record beforehand, and locks it for a while as its
// writer comes, so that transactions end in another order than they began.
func holdRows(t *testing.T, db *sql.DB, s feedStore) func(id string, n int) {
	return func(id string, n int) {
		if n%8 != 0 {
			return
		}
		if ok, err := s.Swap(t.Context(), id, nil, []byte("old"), "", "", time.Time{}); !ok || err != nil {
			t.Errorf("Swap: %v, %v", ok, err)
		}
		held := make(chan error)
		go inTx(t.Context(), db, "SELECT 1 FROM sessionring_records WHERE id = '"+id+"' FOR UPDATE", held)
		if err := <-held; err != nil {
			t.Error(err)
		}
	}
}

// inTx executes a statement in a transaction that stays open for a while after.
func inTx(ctx context.Context, db *sql.DB, statement string, executed chan<- error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		executed <- err
		return
	}
	defer tx.Rollback()
	_, err = tx.ExecContext(ctx, statement)
	executed <- err
	time.Sleep(rand.N(20 * time.Millisecond))
}

// longTransactions keeps writing transactions open, one after the other, until the
// test ends.
func longTransactions(t *testing.T, db *sql.DB) {
	ctx, stop := context.WithCancel(t.Context())
	var crew sync.WaitGroup
	t.Cleanup(func() { stop(); crew.Wait() })
	crew.Go(func() {
		for ctx.Err() == nil {
			ignored := make(chan error, 1)
			inTx(ctx, db, "SELECT pg_current_xact_id(), pg_sleep(0.1)", ignored)
		}
	})
}

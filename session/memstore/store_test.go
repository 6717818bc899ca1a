package memstore_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
	"github.com/sessionring/sessionring/session/storetest"
)

var (
	_ session.Store = (*memstore.Store)(nil)
	_ session.Index = (*memstore.Store)(nil)
	_ session.Feed  = (*memstore.Store)(nil)
)

func TestContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) session.Store { return new(memstore.Store) })
}

// Services that follow the feed from elsewhere still have the cursor of the store
// before when this one, after a restart, has counted as far.
func TestCursorOfAnotherStore(t *testing.T) {
	t.Parallel()
	for range 100 {
		var before, now memstore.Store
		fill := func(s *memstore.Store, n int) {
			for i := range n {
				if ok, err := s.SwapAppend(t.Context(), strconv.Itoa(i), nil, []byte("x"), "", "", time.Time{}, []byte("e"), time.Now().Add(time.Hour)); !ok || err != nil {
					t.Fatal(ok, err)
				}
			}
		}
		fill(&before, 3)
		_, cursor, _ := before.After(t.Context(), "")
		fill(&now, 5)
		if entries, _, err := now.After(t.Context(), cursor); len(entries) != 5 || err != nil {
			t.Fatalf("got %d entries, %v, want all 5", len(entries), err)
		}
	}
}

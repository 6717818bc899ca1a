package health_test

import (
	"context"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/sessionring/sessionring/health"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// countingStore notes how often all of its records are counted.
type countingStore struct {
	memstore.Store
	counted atomic.Int64
}

func (s *countingStore) Count(ctx context.Context) (map[string]int, error) {
	s.counted.Add(1)
	return s.Store.Count(ctx)
}

// A verdict is asked for by every open page every few minutes: it must not read
// every record of the store to name the version of the server.
func TestVerdictCountsNoRecords(t *testing.T) {
	t.Parallel()
	store := new(countingStore)
	h := health.New(managerOf(t, "v2 v1", func(cfg *session.Config) { cfg.Store = store }))
	v := h.Verdict(httptest.NewRequest("GET", "/", nil))
	if v.ServerVersion != "v2" || store.counted.Load() != 0 {
		t.Errorf("got version %q and %d counts, want v2 and 0", v.ServerVersion, store.counted.Load())
	}
}

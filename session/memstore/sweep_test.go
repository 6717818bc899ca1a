package memstore

import (
	"runtime"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// TestSweep is scenario 39: a flood of records and entries expires; every write
// clears away a few of them, and in the end their memory has been given back.
func TestSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const flood = 50_000
		s := new(Store)
		before := inUse()
		expires := time.Now().Add(time.Hour)
		for i := range flood {
			id := strconv.Itoa(i)
			if ok, err := s.SwapAppend(t.Context(), id, nil, []byte(id), "g"+id, "l", expires, []byte(id), expires); !ok || err != nil {
				t.Fatal(ok, err)
			}
		}
		full := inUse() - before
		time.Sleep(2 * time.Hour)
		writes := 0
		for ; len(s.queue) > 0; writes++ {
			left := len(s.queue)
			put(t, s, "other", writes)
			if swept := left - len(s.queue); swept > sweepBatch {
				t.Fatalf("one write swept %d, want at most %d", swept, sweepBatch)
			}
		}
		if want := 2*flood/sweepBatch + 1; writes > want {
			t.Errorf("swept by %d writes, want %d", writes, want)
		}
		if left := inUse() - before; left > full/20 {
			t.Errorf("%d of %d bytes are still in use, want at most a twentieth", left, full)
		}
	})
}

// TestSweepKeepsUp writes far more than it keeps: what has expired never piles up.
func TestSweepKeepsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(Store)
		for i := range 20_000 {
			time.Sleep(time.Millisecond)
			expires := time.Now().Add(100 * time.Millisecond)
			if _, err := s.Swap(t.Context(), strconv.Itoa(i), nil, []byte("x"), "g", "l", expires); err != nil {
				t.Fatal(err)
			}
			if n := len(s.records); n > 200 {
				t.Fatalf("%d records are kept, 100 of them live", n)
			}
		}
	})
}

// TestShrinkKeeps makes the maps anew while records live.
func TestShrinkKeeps(t *testing.T) {
	s := new(Store)
	for i := range 10 * smallMap {
		put(t, s, strconv.Itoa(i), 0)
	}
	for i := range 10*smallMap - 3 {
		if ok, err := s.Swap(t.Context(), strconv.Itoa(i), []byte("0"), nil, "", "", time.Time{}); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	if s.most > smallMap {
		t.Errorf("maps still made for %d records", s.most)
	}
	list, _ := s.List(t.Context(), "group")
	counts, _ := s.Count(t.Context())
	if len(list) != 3 || counts["label"] != 3 {
		t.Errorf("got %d in list and %d counted, want 3", len(list), counts["label"])
	}
}

// put swaps n into a record of "group" that does not expire.
func put(t *testing.T, s *Store, id string, n int) {
	t.Helper()
	old, _, _ := s.Get(t.Context(), id)
	if ok, err := s.Swap(t.Context(), id, old, strconv.AppendInt(nil, int64(n), 10), "group", "label", time.Time{}); !ok || err != nil {
		t.Fatal(ok, err)
	}
}

func inUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

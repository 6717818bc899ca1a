package drivers_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// worker swaps numbers into a record of its own, each with an entry that has the
// same number, and remembers what it was told.
type worker struct {
	name          string
	done, failed  atomic.Int64
	sure, perhaps int // the last number known to be stored; the last that may be
}

// step swaps the number after the one that the record has.
func (w *worker) step(ctx context.Context, s feedStore) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	old, _, err := s.Get(ctx, w.name)
	if err != nil {
		return err
	}
	var n int
	fmt.Sscan(string(old), &n)
	n++
	w.perhaps = max(w.perhaps, n)
	ok, err := s.SwapAppend(ctx, w.name, old, fmt.Append(nil, n), "g", "l", time.Time{}, w.entry(n), time.Now().Add(time.Hour))
	if ok {
		w.sure = n
	}
	if ok && err != nil { // as the contract says, append it again
		for err != nil && ctx.Err() == nil {
			_, err = s.SwapAppend(ctx, w.name, fmt.Append(nil, n), fmt.Append(nil, n), "g", "l", time.Time{}, w.entry(n), time.Now().Add(time.Hour))
		}
	}
	return err
}

func (w *worker) entry(n int) []byte { return fmt.Appendf(nil, "%s:%d", w.name, n) }

// outage works on a store while fault happens to it: there are errors, they pass,
// and afterwards every record and entry that was promised is there. A store that
// swaps and appends at once must not have one of a pair without the other.
func outage(t *testing.T, s feedStore, atOnce bool, fault func(work func())) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var crew sync.WaitGroup
	workers := make([]*worker, 8)
	for i := range workers {
		w := &worker{name: fmt.Sprint("w", i)}
		workers[i] = w
		crew.Go(func() {
			for ctx.Err() == nil {
				if err := w.step(ctx, s); err != nil {
					w.failed.Add(1)
				} else {
					w.done.Add(1)
				}
			}
		})
	}
	fault(func() { progress(t, workers) })
	progress(t, workers)
	stop()
	crew.Wait()
	check(t, s, workers, atOnce)
}

// progress waits until each worker has done something more.
func progress(t *testing.T, workers []*worker) {
	t.Helper()
	end := time.Now().Add(30 * time.Second)
	for _, w := range workers {
		for from := w.done.Load(); w.done.Load() < from+5; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("no progress: %d errors", w.failed.Load())
			}
		}
	}
}

// check waits until record and entries agree: what a worker gave up on may still be
// under way at the server. What is half-written stays so.
func check(t *testing.T, s feedStore, workers []*worker, atOnce bool) {
	t.Helper()
	faults := disagreement(t, s, workers, atOnce)
	for end := time.Now().Add(10 * time.Second); len(faults) > 0 && time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		faults = disagreement(t, s, workers, atOnce)
	}
	failed := int64(0)
	for _, w := range workers {
		failed += w.failed.Load()
	}
	if failed == 0 {
		t.Error("no error while the store was down")
	}
	for _, f := range faults {
		t.Error(f)
	}
	t.Logf("%d errors", failed)
}

// disagreement returns what records and entries are not as the workers were told.
func disagreement(t *testing.T, s feedStore, workers []*worker, atOnce bool) (faults []string) {
	t.Helper()
	entries, _, err := s.After(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, e := range entries {
		seen[string(e)] = true
	}
	for _, w := range workers {
		data, _, err := s.Get(t.Context(), w.name)
		var n int
		if fmt.Sscan(string(data), &n); err != nil || n < w.sure || n > w.perhaps {
			faults = append(faults, fmt.Sprintf("%s: got %q, %v, want %d to %d", w.name, data, err, w.sure, w.perhaps))
		}
		for i := 1; i <= w.perhaps; i++ {
			if there := seen[string(w.entry(i))]; there != (i <= n) && (atOnce || there) {
				faults = append(faults, fmt.Sprintf("%s has %d; entry %d there: %v", w.name, n, i, there))
			}
		}
	}
	return faults
}

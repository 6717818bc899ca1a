package ring_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sessionring/sessionring/internal/ring"
)

// TestSwapUnderTraffic is scenario 12: a hundred goroutines issue and open tokens
// while the ring is swapped under them, forward and back. Every ring shares a key
// with the one before it; a token is opened at most one swap after it was issued,
// because the swaps wait for a round of the traffic.
func TestSwapUnderTraffic(t *testing.T) {
	t.Parallel()
	const workers, swaps = 100, 40
	var keys []*ring.Key
	for i := range swaps + 2 {
		keys = append(keys, ring.NewHMAC(fmt.Sprintf("v%d", i), pattern(byte(5*i))))
	}
	var live ring.Live
	live.Swap(newRing(t, keys[0]))

	var done atomic.Bool
	var rounds [workers]atomic.Int64
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for !done.Load() {
				if err := roundTrip(&live); err != nil {
					t.Errorf("worker %d: %v", w, err)
					done.Store(true)
				}
				rounds[w].Add(1)
				runtime.Gosched()
			}
		})
	}
	for i := range swaps {
		next := []*ring.Key{keys[i+1], keys[i]} // a key joins
		if i%3 == 2 {
			next = []*ring.Key{keys[i], keys[i+1]} // or is taken back
		}
		live.Swap(newRing(t, next...))
		var begun [workers]int64
		for w := range rounds {
			begun[w] = rounds[w].Load()
		}
		for w := range rounds {
			for rounds[w].Load() == begun[w] && !done.Load() { // until the round that may have begun before the swap is over
				runtime.Gosched()
			}
		}
	}
	done.Store(true)
	wg.Wait()
}

// roundTrip issues a token by the ring in force, and opens and audits it by the
// ring in force then.
func roundTrip(live *ring.Live) error {
	s := live.Ring().Signers(now)
	token, err := s.Sign(ring.Access, []byte(claims))
	if err != nil {
		return err
	}
	r := live.Ring()
	if _, err := r.Open(token, now, 0); err != nil {
		return err
	}
	return r.Audit(token, now)
}

// TestReloadUnderTraffic: reloads at once, while others read.
func TestReloadUnderTraffic(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	live := ring.Live{Load: func(context.Context) (*ring.Ring, error) {
		return ringOf(t, []string{"b a +s", "c b +s", "a c +s"}[n.Add(1)%3]), nil
	}}
	live.Swap(ringOf(t, "a +s"))
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			for range 20 {
				if _, err := live.Reload(t.Context()); err != nil {
					t.Error(err)
				}
				if err := roundTrip(&live); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// TestHandlerBuiltBeforeASwap is scenario 13: who holds the handle issues under
// the new key.
func TestHandlerBuiltBeforeASwap(t *testing.T) {
	t.Parallel()
	var live ring.Live
	live.Swap(ringOf(t, "a"))
	handler := func() string { return issue(t, live.Ring(), claims) }
	open(t, "a", handler(), nil)
	live.Swap(ringOf(t, "b"))
	token := handler()
	open(t, "b", token, nil)
	open(t, "a", token, ring.ErrUnknownKey)
}

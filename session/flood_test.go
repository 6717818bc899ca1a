package session_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
)

// 1,000 forged kids a second, for 30 seconds: at most one more reload a second, none
// of them waits longer than a second, and no more than 256 at once. A key that is
// really new is seen soon all the same, and those who hold known keys notice nothing.
// Not parallel: it counts the goroutines of the process.
func TestFloodOfForgedKIDs(t *testing.T) {
	for _, takes := range []time.Duration{0, 300 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) { testFlood(t, takes) })
	}
}

func testFlood(t *testing.T, takes time.Duration) {
	const perSecond, seconds, waiting, others = 1000, 30, 256, 8
	s := new(source)
	s.set(keysOf(t, "v1"))
	keys, err := keyring.FromFunc(t.Context(), func(ctx context.Context) ([]keyring.Key, error) {
		time.Sleep(takes)
		return s.load(ctx)
	})
	if err != nil {
		t.Fatal(err)
	}
	m := managerOf(t, "v1", func(cfg *session.Config) { cfg.Keys = keys })
	known, young := issue(t, m, alice).AccessToken, issue(t, managerOf(t, "v2"), alice).AccessToken
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { m.Run(ctx) })
	time.Sleep(time.Second)
	s.asks.Store(0)
	most, before := 0, goroutines(0)
	wg.Go(func() {
		time.Sleep(10*time.Second + 321*time.Millisecond)
		s.set(keysOf(t, "v2 v1"))
		if took := untilGood(t, m, young); took > 2*time.Second+takes {
			t.Errorf("loads of %v: the new key was seen after %v, want two seconds", takes, took)
		}
	})
	for i := range perSecond * seconds {
		time.Sleep(time.Second / perSecond)
		token := forge("x", fmt.Sprintf(`{"alg":"HS256","kid":"v9.%08d","typ":"at+jwt"}`, i), payloadOf())
		wg.Go(func() {
			began := time.Now()
			_, err := m.Verify(t.Context(), token)
			if took := time.Since(began); session.Reason(err) != "unknown_key" || took > time.Second {
				t.Errorf("a forged kid: got %v after %v, want unknown_key within a second", err, took)
			}
		})
		if i%100 == 0 {
			synctest.Wait()
			most = max(most, goroutines(before+waiting)-before)
			began := time.Now()
			if verify(t, m, known); time.Since(began) != 0 {
				t.Errorf("a known key waited %v", time.Since(began))
			}
		}
	}
	if got := s.asks.Load(); got > seconds+2 || got < 5 {
		t.Errorf("loads of %v: got %d in %d seconds, want at most one a second", takes, got, seconds)
	}
	if most > waiting+others {
		t.Errorf("got %d more goroutines than before, want at most the %d that wait", most, waiting)
	}
	cancel()
	wg.Wait()
	time.Sleep(time.Minute)
	synctest.Wait()
	if left := goroutines(before) - before; left > 0 {
		t.Errorf("got %d more goroutines after the flood than before", left)
	}
}

// goroutines returns how many there are. The runtime counts those that have ended, too,
// while a collection of garbage frees their stacks, so more than expected are counted again
// behind one.
func goroutines(expected int) int {
	n := runtime.NumGoroutine()
	if n > expected {
		runtime.GC()
		n = runtime.NumGoroutine()
	}
	return n
}

// untilGood returns how long it takes until token is good, at most 20 seconds.
func untilGood(t *testing.T, m *session.Manager, token string) time.Duration {
	began := time.Now()
	for time.Since(began) < 20*time.Second {
		if _, err := m.Verify(t.Context(), token); err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	return time.Since(began)
}

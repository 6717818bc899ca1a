package ring_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
)

// source is a ring that can be loaded again.
type source struct {
	ring.Live
	words atomic.Pointer[string]
	loads atomic.Int64
	takes atomic.Int64 // nanoseconds
	fails atomic.Bool
}

var errAway = errors.New("away")

func sourceOf(t *testing.T, words string, takes time.Duration) *source {
	t.Helper()
	s := new(source)
	s.takes.Store(int64(takes))
	s.set(words)
	s.Load = func(ctx context.Context) (*ring.Ring, error) {
		s.loads.Add(1)
		words := *s.words.Load() // read first, answered later
		select {
		case <-time.After(time.Duration(s.takes.Load())):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if s.fails.Load() {
			return nil, errAway
		}
		return ringOf(t, words), nil
	}
	s.Swap(ringOf(t, words))
	return s
}

func (s *source) set(words string) { s.words.Store(&words) }

// awaken is Awaken from a request that has just met the ring in force.
func (s *source) awaken(ctx context.Context, kid string) bool {
	return s.Awaken(ctx, kid, s.Version())
}

// 10,000 forged kids in ten seconds cause one reload a second, and hold up no
// request for longer than that; a key that is really new is seen within a second
// of its first token all the same.
func TestFloodOfUnknownKeys(t *testing.T) {
	t.Parallel()
	for _, takes := range []time.Duration{0, 50 * time.Millisecond, 500 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			s := sourceOf(t, "a", takes)
			var wg sync.WaitGroup
			for i := range 10_000 {
				wg.Go(func() {
					time.Sleep(time.Duration(i) * time.Millisecond)
					began := time.Now()
					s.awaken(t.Context(), fmt.Sprint("forged", i))
					if took := time.Since(began); took > time.Second {
						t.Errorf("a request waited %v, want at most a second", took)
					}
				})
			}
			time.Sleep(5*time.Second + 321*time.Millisecond)
			s.set("b a")
			began := time.Now()
			for s.Ring().Current(now).Tag != "b" && time.Since(began) < 10*time.Second {
				s.awaken(t.Context(), "new")
				time.Sleep(10 * time.Millisecond)
			}
			if took := time.Since(began); took > time.Second+takes+20*time.Millisecond {
				t.Errorf("loads of %v: a new key was seen after %v, want a second and a load", takes, took)
			}
			wg.Wait()
			if got := s.loads.Load(); got > 12 {
				t.Errorf("got %d loads in some ten seconds, want one a second", got)
			}
		})
	}
}

// Whoever comes while a reload is under way waits for the next: that one may have
// read the source before the key was in it.
func TestNewKeyDuringAReload(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := sourceOf(t, "a", 600*time.Millisecond)
		go s.awaken(t.Context(), "forged")
		time.Sleep(300 * time.Millisecond) // the load has read, and not answered yet
		s.set("b a")
		s.awaken(t.Context(), "new")
		time.Sleep(700 * time.Millisecond)
		if got := s.Ring().Current(now).Tag; got != "b" {
			t.Errorf("got the current key %s, want b from a second reload", got)
		}
	})
}

// A kid stays known as unknown for five seconds, or until the ring changes.
func TestKnownAsUnknown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := sourceOf(t, "a", 0)
		for _, step := range []struct {
			name  string
			wait  time.Duration
			words string // of the source, and of the ring: somebody polls it
			loads int64
			woken bool
		}{
			{"the first time", 0, "", 1, false}, {"again", 0, "", 1, false}, {"just before", 5*time.Second - 1, "", 1, false},
			{"five seconds later", 1, "", 2, false}, {"again", time.Second, "", 2, false},
			{"the ring has changed", time.Second, "b a", 3, false}, {"again", time.Second, "b a", 3, false},
			{"the source changes", 5 * time.Second, "", 4, false},
		} {
			time.Sleep(step.wait)
			if step.words != "" {
				s.set(step.words)
				s.Swap(ringOf(t, step.words))
			}
			if got := s.awaken(t.Context(), "kid"); got != step.woken || s.loads.Load() != step.loads {
				t.Errorf("%s: got %v and %d loads, want %v and %d", step.name, got, s.loads.Load(), step.woken, step.loads)
			}
		}
		time.Sleep(5 * time.Second)
		s.set("c b")
		if !s.awaken(t.Context(), "kid") {
			t.Error("got false after a reload with other keys, want true")
		}
	})
}

// A ring that has changed since the token was opened deserves another look at once.
func TestChangedMeanwhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := sourceOf(t, "a", 0)
		version := s.Version()
		s.Swap(ringOf(t, "b a"))
		began := time.Now()
		if !s.Awaken(t.Context(), "b", version) || s.loads.Load() != 0 || time.Since(began) != 0 {
			t.Error("got no second look at once, want one without a load")
		}
	})
}

// At most 256 requests wait; the others are answered at once, and the reload takes
// place. A request that is given up waits no longer.
func TestWaitersAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := sourceOf(t, "a", 900*time.Millisecond)
		var wg sync.WaitGroup
		var waited, turned atomic.Int64
		ask := func(ctx context.Context, kid string) {
			began := time.Now()
			s.awaken(ctx, kid)
			if time.Since(began) == 0 {
				turned.Add(1)
			} else {
				waited.Add(1)
			}
		}
		for i := range 1000 {
			wg.Go(func() { ask(t.Context(), fmt.Sprint(i)) })
		}
		wg.Wait()
		if waited.Load() > 512 || waited.Load() < 256 || turned.Load() < 488 { // 256 in the first flight, and in the next
			t.Errorf("got %d waiting and %d turned away, want some 256 waiting", waited.Load(), turned.Load())
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		began := time.Now()
		s.awaken(ctx, "given up")
		if took := time.Since(began); took != 100*time.Millisecond {
			t.Errorf("a request that was given up waited %v, want 100ms", took)
		}
		if began = time.Now(); s.awaken(t.Context(), "given up") || time.Since(began) == 0 {
			t.Error("a kid that nobody waited for was answered at once, want it not to be known as unknown")
		}
		time.Sleep(10 * time.Second)
	})
}

// A source that hangs, or fails, holds up each request for a second at most, leaves
// the ring, and is asked again; when it answers, new keys are seen.
func TestSourceHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := sourceOf(t, "a", time.Hour)
		for i := range 60 {
			began := time.Now()
			if s.awaken(t.Context(), fmt.Sprint(i)) || time.Since(began) > time.Second {
				t.Fatalf("waited %v, want at most a second and no new keys", time.Since(began))
			}
		}
		if got := s.loads.Load(); got > 7 {
			t.Errorf("got %d loads in a minute, want one at a time, ten seconds each", got)
		}
		time.Sleep(20 * time.Second)
		s.takes.Store(0)
		s.fails.Store(true)
		s.set("b a")
		if s.awaken(t.Context(), "b") {
			t.Error("got new keys from a source that fails, want none")
		}
		s.fails.Store(false)
		time.Sleep(5 * time.Second)
		if !s.awaken(t.Context(), "b") {
			t.Error("got no new keys when the source is back, want them")
		}
	})
}

// Without a source there is nothing to wait for.
func TestNothingToLoad(t *testing.T) {
	t.Parallel()
	var l ring.Live
	l.Swap(ringOf(t, "a"))
	if l.Awaken(t.Context(), "b", l.Version()) {
		t.Error("got true, want false")
	}
}

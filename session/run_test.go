package session_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
)

// source is where a keyring gets its keys, for tests that change them.
type source struct {
	keys atomic.Pointer[[]keyring.Key]
	fail atomic.Bool
	asks atomic.Int64
}

var errSource = errors.New("secret manager is away")

// load is what FromFunc asks.
func (s *source) load(context.Context) ([]keyring.Key, error) {
	s.asks.Add(1)
	if s.fail.Load() {
		return nil, errSource
	}
	return *s.keys.Load(), nil
}

// set changes the keys.
func (s *source) set(keys []keyring.Key) { s.keys.Store(&keys) }

// follow returns a source of the keys that words describe, and a keyring of it.
func follow(t testing.TB, words string) (*source, *keyring.Keyring) {
	t.Helper()
	s := new(source)
	s.set(keysOf(t, words))
	k, err := keyring.FromFunc(t.Context(), s.load)
	if err != nil {
		t.Fatal(err)
	}
	return s, k
}

// Run sees new keys within the interval of the source, a minute and a tenth, and
// reports each change once. It returns when its context ends.
func TestRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := new(logBook)
		s, keys := follow(t, "v1")
		m := managerOf(t, "v1", func(cfg *session.Config) { cfg.Keys, cfg.Logger = keys, log.logger() })
		heard, stop := observe(m), running(t, m)
		before := issue(t, m, alice)
		time.Sleep(10 * time.Minute)
		if heard.take(); log.records(t, "keyring reloaded") != nil {
			t.Errorf("got %s, want nothing about keys that stay as they are", log)
		}
		if n := s.asks.Load(); n < 9 || n > 12 {
			t.Errorf("got %d loads in 10 minutes, want one a minute", n)
		}
		s.set(keysOf(t, "v2 v1"))
		time.Sleep(66 * time.Second)
		if c := verify(t, m, issue(t, m, alice).AccessToken); c.Tag != "v2" {
			t.Errorf("got a token of %s a minute after the rotation, want v2 (scenario 13)", c.Tag)
		}
		if c := verify(t, m, refresh(t, m, before).AccessToken); c.Tag != "v2" {
			t.Errorf("got a token of %s after a refresh, want v2", c.Tag)
		}
		got := log.records(t, "keyring reloaded")
		if len(got) != 1 || got[0]["ring"] == "" || !cmp.Equal(got[0]["tags"], []any{"v2", "v1"}) {
			t.Errorf("got %v, want one record with the tags v2 and v1", got)
		}
		stop()
		asked := s.asks.Load()
		time.Sleep(time.Hour)
		if s.asks.Load() != asked {
			t.Error("got a load after the end, want none")
		}
	})
}

// A reload that fails leaves the keys in force and is reported each time; so is a
// load whose keys are refused.
func TestFailingReload(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := new(logBook)
		s, keys := follow(t, "v1")
		m := managerOf(t, "v1", func(cfg *session.Config) { cfg.Keys, cfg.Logger = keys, log.logger() })
		heard, stop := observe(m), running(t, m)
		s.fail.Store(true)
		time.Sleep(5*time.Minute + 30*time.Second)
		verify(t, m, issue(t, m, alice).AccessToken)
		failed := 0
		for _, e := range heard.take() {
			if e.Name == "keyring reload failed" {
				if failed++; e.Hook != "key" || e.Reason != "unavailable" || !errors.Is(e.Err, errSource) {
					t.Errorf("got %+v, want a key event with the cause", e)
				}
			}
		}
		if failed < 4 || len(log.records(t, "keyring reload failed")) != failed {
			t.Errorf("got %d events and %d records in five minutes, want as many of both", failed, len(log.records(t, "keyring reload failed")))
		}
		if got := statsOf(t, m).Reloads; got["ok"] != 1 || got["failed"] != int64(failed) {
			t.Errorf("got the reloads %v, want the first one good and %d failed", got, failed)
		}
		s.set(nil)
		s.fail.Store(false)
		time.Sleep(66 * time.Second)
		verify(t, m, issue(t, m, alice).AccessToken)
		if len(heard.take()) < 2 {
			t.Error("got no event about an empty keyring, want one")
		}
		s.set(keysOf(t, "v2 v1"))
		time.Sleep(66 * time.Second)
		want := []string{"key: keyring reloaded  ", "key: key activated  "}
		if diff := cmp.Diff(want, butAlerts(heard.words())); diff != "" {
			t.Errorf("events when it is back (-want +got):\n%s", diff)
		}
		stop()
	})
}

// An end of the context during a load is no failure of the source.
func TestRunEndsDuringLoad(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := new(logBook)
		first := true
		keys, err := keyring.FromFunc(t.Context(), func(ctx context.Context) ([]keyring.Key, error) {
			if first {
				first = false
				return keysOf(t, "v1"), nil
			}
			<-ctx.Done()
			return nil, ctx.Err()
		})
		if err != nil {
			t.Fatal(err)
		}
		m := managerOf(t, "v1", func(cfg *session.Config) { cfg.Keys, cfg.Logger = keys, log.logger() })
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		if err := m.Run(ctx); err != nil {
			t.Errorf("got %v, want nil", err)
		}
		if got := log.records(t, "keyring reload failed"); got != nil {
			t.Errorf("got %v, want no failure", got)
		}
	})
}

// Instances that start together do not ask together for long: each poll comes up to a
// fifth before its time, and never after it.
func TestRunPollsWithJitter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var polls []time.Time
		keys, err := keyring.FromFunc(t.Context(), func(context.Context) ([]keyring.Key, error) {
			polls = append(polls, time.Now())
			return keysOf(t, "v1"), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		m := managerOf(t, "v1", func(cfg *session.Config) { cfg.Keys = keys })
		ctx, cancel := context.WithTimeout(t.Context(), 1000*time.Minute)
		defer cancel()
		if err := m.Run(ctx); err != nil {
			t.Fatal(err)
		}
		least, most := time.Hour, time.Duration(0)
		for i := 1; i < len(polls); i++ {
			gap := polls[i].Sub(polls[i-1])
			least, most = min(least, gap), max(most, gap)
		}
		if least < 48*time.Second || least > 49*time.Second || most > time.Minute || most < 59*time.Second {
			t.Errorf("got gaps of %v to %v, want 48 seconds to a minute", least, most)
		}
	})
}

// A source that hangs, as a store does behind a cut connection, is reported like one
// that fails, and asked again; when it answers, its keys are seen.
func TestRunSourceHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var hangs atomic.Bool
		words := "v1"
		keys, err := keyring.FromFunc(t.Context(), func(ctx context.Context) ([]keyring.Key, error) {
			if hangs.Load() {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return keysOf(t, words), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		m := managerOf(t, "v1", func(cfg *session.Config) { cfg.Keys = keys })
		heard := observe(m)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- m.Run(ctx) }()
		hangs.Store(true)
		time.Sleep(10 * time.Minute)
		failed := 0
		for _, e := range heard.take() {
			if e.Name == "keyring reload failed" && errors.Is(e.Err, context.DeadlineExceeded) {
				failed++
			}
		}
		if failed < 4 {
			t.Errorf("got %d events in ten minutes, want one in two", failed)
		}
		words = "v2 v1"
		hangs.Store(false)
		time.Sleep(2 * time.Minute)
		if c := verify(t, m, issue(t, m, alice).AccessToken); c.Tag != "v2" {
			t.Errorf("got a token of %s when the source is back, want v2", c.Tag)
		}
		cancel()
		<-done
	})
}

// With keys that never change by themselves, Run waits for the end.
func TestRunWithoutSource(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := managerOf(t, "v1")
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		start := time.Now()
		if err := m.Run(ctx); err != nil || time.Since(start) != time.Hour {
			t.Errorf("got %v after %v, want nil after an hour", err, time.Since(start))
		}
	})
}

// Keyring.Reload is seen at once, by every Manager on the keyring, and by the
// purposes made before (scenario 13).
func TestReload(t *testing.T) {
	t.Parallel()
	s, keys := follow(t, "v1")
	use := func(cfg *session.Config) { cfg.Keys = keys }
	a, b := managerOf(t, "v1", use), managerOf(t, "v1", use)
	p := a.Purpose("reset", time.Hour)
	link, tokens := issueFor(t, p, "alice", nil), issue(t, a, alice)
	for _, step := range []struct {
		ring, tag string
		err       error // of what was issued first
	}{
		{"v2 v1", "v2", nil}, {"v1 v2", "v1", nil}, {"v2", "v2", session.ErrUnknownKey}, {"v2 !v1", "v2", session.ErrRevoked}, {"v2 ?v1", "v2", session.ErrRevoked}, {"v3 v1", "v3", nil},
	} {
		s.set(keysOf(t, step.ring))
		if err := keys.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, linkErr := p.Verify(t.Context(), link)
		_, err := b.Verify(t.Context(), tokens.AccessToken)
		if !errors.Is(err, step.err) || !errors.Is(linkErr, step.err) {
			t.Errorf("%s: got %v and %v, want %v for both", step.ring, err, linkErr, step.err)
		}
		if got := verify(t, b, issue(t, a, alice).AccessToken).Tag; got != step.tag {
			t.Errorf("%s: got a token of %s, want %s", step.ring, got, step.tag)
		}
	}
}

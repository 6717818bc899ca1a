package session_test

import (
	"context"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// A revocation is in force here at once, and elsewhere within the lag, whether or
// not Run is running there, and at an instance that has just been started.
func TestRevocationReaches(t *testing.T) {
	t.Parallel()
	for _, runs := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := new(memstore.Store)
			here, there := managerOn(t, s), managerOn(t, s)
			if runs {
				defer running(t, there)()
			}
			tokens := issue(t, here, alice)
			for range 30 {
				verify(t, there, tokens.AccessToken)
				time.Sleep(100 * time.Millisecond)
			}
			revoke(t, here, sidOf(t, here, tokens))
			refused(t, here, tokens.AccessToken, session.ErrRevoked)
			refused(t, managerOn(t, s), tokens.AccessToken, session.ErrRevoked)
			time.Sleep(time.Second + time.Nanosecond)
			refused(t, there, tokens.AccessToken, session.ErrRevoked)
			notRefreshed(t, there, tokens, session.ErrRevoked)
		})
	}
}

// distant is a store whose answers are under way for a while.
type distant struct{ memstore.Store }

func (s *distant) After(ctx context.Context, cursor string) ([][]byte, string, error) {
	entries, next, err := s.Store.After(ctx, cursor)
	time.Sleep(800 * time.Millisecond)
	return entries, next, err
}

// A view is as old as the question, not as the answer.
func TestRevocationReachesFar(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := new(distant)
		here, there := managerOn(t, s), managerOn(t, s)
		tokens := issue(t, here, alice)
		sid := sidOf(t, here, tokens)
		go reason(t, there, tokens.AccessToken)
		time.Sleep(time.Millisecond) // there asks, and here is quicker than the answer
		revoke(t, here, sid)
		time.Sleep(time.Second)
		refused(t, there, tokens.AccessToken, session.ErrRevoked)
	})
}

// B11, scenario 38: while the store is down, checks are served from memory until
// the view is five lags old, and as much longer as FailOpenFor says; then they are
// 503. When the store is back, so are they. The cookies are not touched meanwhile.
func TestOutage(t *testing.T) {
	t.Parallel()
	for _, open := range []time.Duration{0, 10 * time.Second, time.Hour, math.MaxInt64} {
		synctest.Test(t, func(t *testing.T) {
			s := new(unsteady)
			m := managerOn(t, s, func(cfg *session.Config) { cfg.FailOpenFor = open })
			open := min(open, time.Hour)
			tokens, gone := issue(t, m, alice), issue(t, m, alice)
			revoke(t, m, sidOf(t, m, gone))
			verify(t, m, tokens.AccessToken)
			start, last := time.Now(), 5*time.Second+open
			s.down.Store(true)
			for time.Since(start) < last+5*time.Second {
				want := "ok"
				if time.Since(start) > last {
					want = "unavailable"
				}
				if got := reason(t, m, tokens.AccessToken); got != want && time.Since(start) < 14*time.Minute {
					t.Fatalf("open for %v, after %v: got %q, want %q", open, time.Since(start), got, want)
				}
				if got := reason(t, m, gone.AccessToken); got != "revoked" && time.Since(start) < 14*time.Minute {
					t.Fatalf("open for %v, after %v: got %q, want revoked all along", open, time.Since(start), got)
				}
				time.Sleep(333 * time.Millisecond)
			}
			s.down.Store(false)
			time.Sleep(500 * time.Millisecond)
			if got := refresh(t, m, tokens); reason(t, m, got.AccessToken) != "ok" {
				t.Error("got a refusal when the store is back, want none")
			}
		})
	}
}

// An instance that has never read the feed serves nothing, however long it may
// fail open: it knows of no revocation.
func TestNeverLoaded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := new(unsteady)
		tokens := issue(t, managerOn(t, s), alice)
		m := managerOn(t, s, func(cfg *session.Config) { cfg.FailOpenFor = math.MaxInt64 })
		s.down.Store(true)
		refused(t, m, tokens.AccessToken, session.ErrUnavailable)
		s.down.Store(false)
		time.Sleep(500 * time.Millisecond)
		verify(t, m, tokens.AccessToken)
	})
}

// slow is a store whose feed takes its time to be read from the start.
type slow struct {
	memstore.Store
	takes time.Duration
}

func (s *slow) After(ctx context.Context, cursor string) ([][]byte, string, error) {
	if cursor == "" {
		select {
		case <-time.After(s.takes):
		case <-ctx.Done():
			return nil, "", ctx.Err()
		}
	}
	return s.Store.After(ctx, cursor)
}

// The first reading of the feed may take long, a minute at most: the first requests
// wait for it, five lags at most. Whoever leaves meanwhile takes it from no other.
func TestFirstReading(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		takes, waited time.Duration
		first, then   string // the first check, and one when the reading is over
	}{
		{100 * time.Millisecond, 100 * time.Millisecond, "ok", "ok"}, {4 * time.Second, 4 * time.Second, "ok", "ok"},
		{59 * time.Second, 5 * time.Second, "unavailable", "ok"}, {61 * time.Second, 5 * time.Second, "unavailable", "unavailable"},
	} {
		synctest.Test(t, func(t *testing.T) {
			tokens := issue(t, managerOf(t, "v1"), alice)
			m := managerOn(t, &slow{takes: c.takes})
			start := time.Now()
			ctx, leave := context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer leave()
			if _, err := m.Verify(ctx, tokens.AccessToken); session.Reason(err) != "unavailable" || time.Since(start) != 10*time.Millisecond {
				t.Errorf("%v: got %v after %v, want who leaves to wait no longer", c.takes, err, time.Since(start))
			}
			if got := reason(t, m, tokens.AccessToken); got != c.first || time.Since(start) != c.waited {
				t.Errorf("%v: got %q after %v, want %q after %v", c.takes, got, time.Since(start), c.first, c.waited)
			}
			time.Sleep(time.Until(start.Add(c.takes + time.Millisecond)))
			if got := reason(t, m, tokens.AccessToken); got != c.then {
				t.Errorf("%v: got %q when it is over, want %q", c.takes, got, c.then)
			}
			time.Sleep(time.Minute) // for the reading under way
		})
	}
}

// A store that hangs holds up no request for longer than a lag, and only those of
// the first second of each reading.
func TestStoreHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := new(unsteady)
		m := managerOn(t, s, func(cfg *session.Config) { cfg.FailOpenFor = time.Hour })
		tokens := issue(t, m, alice)
		verify(t, m, tokens.AccessToken)
		s.hang.Store(true)
		start, slow := time.Now(), 0
		for time.Since(start) < time.Minute {
			began := time.Now()
			verify(t, m, tokens.AccessToken)
			took := time.Since(began)
			if took > time.Second {
				t.Fatalf("a check took %v, want at most the lag", took)
			}
			if took > 0 {
				slow++
			}
			time.Sleep(10 * time.Millisecond)
		}
		if slow > 13 {
			t.Errorf("got %d slow checks in a minute, want one for each reading of five seconds", slow)
		}
		s.hang.Store(false)
		time.Sleep(6 * time.Second)
		verify(t, m, tokens.AccessToken)
	})
}

// B12: an ended session is remembered as long as a token of it may be about, and
// not longer: access_until + leeway + lag + 5 s, and then till the next sweep.
func TestRememberedUntil(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := new(memstore.Store)
		m, other := managerOn(t, s), managerOn(t, s)
		tokens := issue(t, m, alice)
		sid := sidOf(t, m, tokens)
		long := forge("v1", headerOf("v1", "at+jwt"), payloadOf(`sid="`+sid+`"`, "exp="+at(3*time.Hour)))
		until := time.Now().Add(15*time.Minute + time.Minute + time.Minute + time.Second + 5*time.Second)
		revoke(t, m, sid)
		for time.Now().Before(until) {
			for _, m := range []*session.Manager{m, other} {
				if got := reason(t, m, long); got != "revoked" {
					t.Fatalf("%v before the end: got %q, want revoked", time.Until(until), got)
				}
			}
			time.Sleep(time.Second)
		}
		for range 62 {
			reason(t, m, long)
			time.Sleep(time.Second)
		}
		if got := reason(t, m, long); got != "ok" {
			t.Errorf("got %q after the sweep, want the session forgotten", got)
		}
		if list, _, err := s.After(t.Context(), ""); err != nil || len(list) != 0 {
			t.Errorf("got %d entries, %v in the feed, want none", len(list), err)
		}
	})
}

// Instances whose access tokens live for different times, as during a change of the
// Config: an ended session is refused as long as any token of it could be good.
func TestAccessTTLChanges(t *testing.T) {
	t.Parallel()
	ttl := func(d time.Duration) func(*session.Config) {
		return func(cfg *session.Config) { cfg.AccessTTL, cfg.RefreshGrace = d, 15*time.Second }
	}
	for _, c := range []struct {
		name        string
		first, then time.Duration // of the instance that writes, and of the one that answers beside it
	}{
		{"shorter", 2 * time.Hour, time.Minute}, {"longer", time.Minute, 2 * time.Hour}, {"the same", time.Hour, time.Hour},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := new(memstore.Store)
			first, then := managerOn(t, s, ttl(c.first)), managerOn(t, s, ttl(c.then))
			old := issue(t, first, alice)
			tokens := []session.Tokens{old, refresh(t, first, old), refresh(t, then, old)}
			time.Sleep(20 * time.Second) // longer than the grace
			tokens = append(tokens, refresh(t, then, tokens[1]))
			revoke(t, then, sidOf(t, then, tokens[1]))
			time.Sleep(time.Second + 1) // the lag
			for range 150 {
				for i, tokens := range tokens {
					for _, m := range []*session.Manager{first, then, managerOn(t, s)} {
						if got := reason(t, m, tokens.AccessToken); got == "ok" {
							t.Fatalf("%s: the session lives again by token %d, want it ended for good", c.name, i)
						}
					}
				}
				time.Sleep(time.Minute)
			}
		})
	}
}

// However many check at once, the feed is read once a lag.
func TestSingleFlight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := new(unsteady)
		m := managerOn(t, s)
		tokens := issue(t, m, alice)
		var wg sync.WaitGroup
		for range 200 {
			wg.Go(func() {
				for range 101 {
					if got := reason(t, m, tokens.AccessToken); got != "ok" {
						t.Errorf("got %q, want ok", got)
					}
					time.Sleep(100 * time.Millisecond)
				}
			})
		}
		wg.Wait()
		if got := s.polls.Load(); got < 9 || got > 11 {
			t.Errorf("got %d readings of the feed in 10 seconds, want one a second", got)
		}
		before := s.polls.Load()
		s.down.Store(true)
		for range 200 {
			wg.Go(func() {
				for range 100 {
					reason(t, m, tokens.AccessToken)
					time.Sleep(100 * time.Millisecond)
				}
			})
		}
		wg.Wait()
		if got := s.polls.Load() - before; got > 21 {
			t.Errorf("got %d readings in 10 seconds of an outage, want at most two a second", got)
		}
	})
}

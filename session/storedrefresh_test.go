package session_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// causes returns what the refreshes so far came to: their causes, or reasons.
func causes(e *events) (list []string) {
	for _, h := range e.take() {
		switch {
		case h.Hook != "refreshed":
		case h.Err != nil:
			list = append(list, h.Reason)
		case h.Name == "session contended":
			list = append(list, "contended")
		default:
			list = append(list, h.Cause)
		}
	}
	return list
}

// Every move is told by its name: those of rule 1 to 6 of section 7, each provoked.
func TestCauses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := new(memstore.Store)
		m := managerOn(t, s, adoptDay)
		first := issue(t, m, alice)
		heard := observe(m)
		step := func(wait time.Duration, tokens session.Tokens, want string) session.Tokens {
			t.Helper()
			time.Sleep(wait)
			next, _ := m.Refresh(t.Context(), tokens.RefreshToken)
			if diff := cmp.Diff([]string{want}, causes(heard)); diff != "" {
				t.Errorf("causes (-want +got):\n%s", diff)
			}
			return next
		}
		second := step(0, first, "choose")
		step(0, first, "same")
		step(40*time.Second, second, "same")
		step(0, first, "extend")
		sibling := step(2*time.Minute, first, "sibling")
		third := step(2*time.Minute, second, "choose")
		step(2*time.Minute, sibling, "reused")
		step(0, third, "revoked")

		ahead := issue(t, m, alice)
		id := "session:" + sidOf(t, m, ahead)
		before, _, _ := s.Get(t.Context(), id)
		heard.take()
		ahead = step(0, ahead, "choose")
		lost, _, _ := s.Get(t.Context(), id)
		if ok, err := s.Swap(t.Context(), id, lost, before, "", "", time.Time{}); !ok || err != nil {
			t.Fatal(ok, err)
		}
		step(0, step(0, ahead, "adopt"), "same")
		step(0, issue(t, managerOf(t, "v1"), alice), "adopt")

		stats, err := m.Stats(t.Context())
		want := map[string]int64{"choose": 3, "same": 3, "extend": 1, "sibling": 1, "adopt": 2, "reuse": 1, "forged": 0}
		if diff := cmp.Diff(want, stats.Refreshes); diff != "" || err != nil {
			t.Errorf("counters, %v (-want +got):\n%s", err, diff)
		}
	})
}

// tripStore counts the round trips of a real store.
type tripStore struct {
	memstore.Store
	reads, writes atomic.Int64
}

func (s *tripStore) Get(ctx context.Context, id string) ([]byte, time.Time, error) {
	s.reads.Add(1)
	return s.Store.Get(ctx, id)
}

func (s *tripStore) Swap(ctx context.Context, id string, old, data []byte, group, label string, expires time.Time) (bool, error) {
	s.writes.Add(1)
	return s.Store.Swap(ctx, id, old, data, group, label, expires)
}

// A refresh is two round trips, one for who comes second inside the grace, and what
// Strict and Off cost on top is what they say.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		how           session.Revocation
		first, second string
	}{
		{session.Cached, "1 read 1 write", "1 read 0 write"},
		{session.Strict, "3 read 1 write", "3 read 0 write"},
		{session.Off, "2 read 1 write", "2 read 0 write"},
	} {
		s := new(tripStore)
		m := managerOn(t, s, func(cfg *session.Config) { cfg.Revocation = c.how })
		tokens := issue(t, m, alice)
		trips := func() string {
			s.reads.Store(0)
			s.writes.Store(0)
			refresh(t, m, tokens)
			return fmt.Sprintf("%d read %d write", s.reads.Load(), s.writes.Load())
		}
		if first, second := trips(), trips(); first != c.first || second != c.second {
			t.Errorf("revocation %d: got %s, then %s, want %s, then %s", c.how, first, second, c.first, c.second)
		}
	}
}

// B2, B4: the absolute end, Grant.MaxAge and "not remembered" hold with a store: the
// session ends then, however often it is refreshed.
func TestStoredEnds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		grant session.Grant
		end   time.Duration
	}{
		{"session", session.Grant{Subject: "alice"}, 90 * day},
		{"max age", session.Grant{Subject: "alice", MaxAge: 8 * time.Hour}, 8 * time.Hour},
		{"forget", session.Grant{Subject: "alice", Forget: true}, 7 * day},
		{"forget and max age", session.Grant{Subject: "alice", Forget: true, MaxAge: day}, day},
		{"an older sign-in", session.Grant{Subject: "alice", AuthTime: time.Date(1999, 12, 2, 0, 0, 0, 0, time.UTC)}, 60 * day},
	} {
		synctest.Test(t, func(t *testing.T) { // starts at the first of January 2000
			m := managerOn(t, new(memstore.Store), withCookies)
			start, tokens := time.Now(), issue(t, m, c.grant)
			for time.Since(start) < c.end-c.end/50 {
				time.Sleep(c.end / 50)
				tokens = refresh(t, m, tokens)
				if tokens.RefreshUntil.After(start.Add(c.end)) || verify(t, m, tokens.AccessToken).ExpiresAt.After(start.Add(c.end)) {
					t.Fatalf("%s: got tokens for longer than %v", c.name, c.end)
				}
			}
			if got := tokens.RefreshUntil.Sub(start); got != c.end {
				t.Errorf("%s: got the end after %v, want %v", c.name, got, c.end)
			}
			if c.grant.Forget {
				w := httptest.NewRecorder()
				m.HandleRefresh(w, request("POST /refresh", cookieLine(refreshCookie, tokens.RefreshToken)))
				for _, k := range w.Result().Cookies() {
					if k.MaxAge != 0 || !k.Expires.IsZero() {
						t.Errorf("%s: got the cookie %s for longer than the browser is open", c.name, k.Name)
					}
				}
			}
			time.Sleep(time.Until(start.Add(c.end)))
			notRefreshed(t, m, tokens, session.ErrExpired)
			if list, err := m.Sessions(t.Context(), "alice"); err != nil || len(list) != 0 {
				t.Errorf("%s: got %d sessions, %v after the end, want none", c.name, len(list), err)
			}
		})
	}
}

// Section 6: the generation is in refresh tokens of a stored session and in no others.
func TestGenerationClaim(t *testing.T) {
	t.Parallel()
	stateless, stored := managerOf(t, "v1"), managerOn(t, new(memstore.Store))
	first := issue(t, stored, alice)
	for _, c := range []struct {
		name   string
		tokens session.Tokens
		want   string
	}{{"stateless", issue(t, stateless, alice), ""}, {"sign-in", first, `"gen":1`}, {"refreshed", refresh(t, stored, first), `"gen":2`}} {
		if _, payload := segments(t, c.tokens.AccessToken); strings.Contains(payload, `"gen"`) {
			t.Errorf("%s: got a generation in the access token %s", c.name, payload)
		}
		_, payload := segments(t, c.tokens.RefreshToken)
		if strings.Contains(payload, `"gen"`) != (c.want != "") || !strings.Contains(payload, c.want) {
			t.Errorf("%s: got %s, want the generation %q in it", c.name, payload, c.want)
		}
	}
}

// Instances with and without the store may run side by side, as during a roll-out or a
// roll-back: whichever a session comes to, it goes on, and what was used up stays so.
func TestBesideStateless(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stored, stateless := managerOn(t, new(memstore.Store)), managerOf(t, "v1")
		first := issue(t, stored, alice)
		sid, tokens := sidOf(t, stored, first), first
		for i := range 40 {
			time.Sleep(day)
			m := stored
			if i%5 != 0 {
				m = stateless
			}
			if tokens = refresh(t, m, tokens); sidOf(t, stored, tokens) != sid || sidOf(t, stateless, tokens) != sid {
				t.Fatal("got another session, want the same at both")
			}
		}
		notRefreshed(t, stored, first, session.ErrExpired)
		stale := tokens
		tokens = refresh(t, stored, tokens)
		time.Sleep(time.Hour)
		refresh(t, stored, tokens)
		time.Sleep(time.Hour)
		notRefreshed(t, stored, stale, session.ErrReused)
	})
}

// All answers inside one grace carry the same refresh token, byte for byte, and an
// access token each.
func TestOneRefreshTokenInAGrace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := managerOn(t, new(memstore.Store))
		tokens := issue(t, m, alice)
		first, seen := refresh(t, m, tokens), map[string]bool{}
		for range 5 { // the grace begins anew in the second half of each
			for _, old := range []session.Tokens{tokens, first} {
				next := refresh(t, m, old)
				if next.RefreshToken != first.RefreshToken || seen[next.AccessToken] {
					t.Errorf("got another refresh token or the same access token, want one refresh token for all")
				}
				seen[next.AccessToken] = true
			}
			time.Sleep(40 * time.Second)
		}
	})
}

// A SessionTTL that is shortened holds for sessions that are under way, and one that is
// put back gives them back what they had: a roll-back loses nobody.
func TestSessionTTLChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := new(memstore.Store)
		m := managerOn(t, s)
		hour := managerOn(t, s, func(cfg *session.Config) { cfg.SessionTTL = time.Hour })
		tokens, late := issue(t, m, alice), issue(t, m, alice)
		for range 2 {
			time.Sleep(20 * time.Minute)
			tokens = refresh(t, hour, tokens)
			if until := tokens.RefreshUntil; until.After(time.Date(2000, 1, 1, 1, 0, 0, 0, time.UTC)) {
				t.Fatalf("got a refresh token until %v, want it to end with the hour", until)
			}
			if c := verify(t, hour, tokens.AccessToken); c.ExpiresAt.After(tokens.RefreshUntil) {
				t.Fatalf("got an access token until %v, want it to end with the hour", c.ExpiresAt)
			}
		}
		time.Sleep(10 * time.Minute) // longer than the grace
		tokens = refresh(t, m, tokens)
		time.Sleep(10 * time.Minute)
		notRefreshed(t, hour, tokens, session.ErrExpired)
		notRefreshed(t, hour, late, session.ErrExpired)
		for range 12 {
			time.Sleep(6 * day)
			tokens = refresh(t, m, tokens)
		}
	})
}

// An answer whose newest refresh token is the one that was presented sets no
// refresh cookie, and repeats that token in a body.
func TestKeptRefreshToken(t *testing.T) {
	t.Parallel()
	asked := 0 // its answers are others each time, so that a token made anew is another
	m := managerOn(t, new(memstore.Store), withCookies, func(cfg *session.Config) {
		cfg.OnRefresh = func(context.Context, *session.Claims) (any, error) {
			asked++
			return map[string]int{"n": asked}, nil
		}
	})
	old := issue(t, m, alice)
	next := refresh(t, m, old)
	for _, c := range []struct {
		token string
		names []string
	}{{next.RefreshToken, []string{accessCookie}}, {old.RefreshToken, []string{accessCookie, refreshCookie}}} {
		w := httptest.NewRecorder()
		m.HandleRefresh(w, request("POST /refresh", cookieLine(refreshCookie, c.token)))
		var names []string
		for _, k := range w.Result().Cookies() {
			names = append(names, k.Name)
		}
		if diff := cmp.Diff(c.names, names); diff != "" || w.Code != http.StatusNoContent {
			t.Errorf("%d; cookies (-want +got):\n%s", w.Code, diff)
		}
	}
	if again := refresh(t, m, next); again.RefreshToken != next.RefreshToken || again.AccessToken == next.AccessToken {
		t.Error("got another refresh token, or the same access token; want the one presented and a fresh one")
	}
}

// The application is asked once for each refresh, however many swaps that takes; an
// error leaves the session, ErrRevoked ends it in the store.
func TestStoredOnRefresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		var answer error
		s := new(unsteady)
		m := managerOn(t, s, func(cfg *session.Config) {
			cfg.OnRefresh = func(context.Context, *session.Claims) (any, error) {
				asked.Add(1)
				return map[string]int{"n": 1}, answer
			}
		})
		plain := managerOn(t, s)
		tokens := issue(t, m, alice)
		rival := func(context.Context) { refresh(t, plain, tokens) }
		s.rival.Store(&rival)
		next := refresh(t, m, tokens)
		if asked.Load() != 1 || s.rival.Load() != nil {
			t.Errorf("asked %d times, want once under contention", asked.Load())
		}
		answer = errDatabase
		notRefreshed(t, m, next, session.ErrUnavailable)
		refresh(t, plain, next)
		answer = session.ErrRevoked
		notRefreshed(t, m, next, session.ErrRevoked)
		notRefreshed(t, plain, next, session.ErrRevoked)
		other := issue(t, m, alice)
		s.down.Store(true)
		_, err := m.Refresh(t.Context(), other.RefreshToken)
		wantErr(t, err, session.ErrUnavailable)
	})
}

// Scenario 34: a write that took place and was reported as failed costs nothing: the
// same token is good again, within the grace and long after it.
func TestWriteReportedAsFailed(t *testing.T) {
	t.Parallel()
	for _, wait := range []time.Duration{0, 45 * time.Second, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			s := new(unsteady)
			m := managerOn(t, s)
			tokens := issue(t, m, alice)
			for range 5 {
				s.late.Store(true)
				notRefreshed(t, m, tokens, session.ErrUnavailable)
				s.late.Store(false)
				time.Sleep(wait)
				tokens = refresh(t, m, tokens)
				time.Sleep(time.Hour)
			}
			s.late.Store(true)
			if _, err := m.Issue(t.Context(), session.Grant{Subject: "bob"}); !errors.Is(err, session.ErrUnavailable) {
				t.Errorf("sign-in: got %v, want ErrUnavailable", err)
			}
		})
	}
}

// Refreshes by an older token three times in a row are an event; a refresh by the
// newest ends the row.
func TestContended(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := new(logBook)
		m := managerOn(t, new(memstore.Store), func(cfg *session.Config) { cfg.Logger = log.logger() })
		tokens := issue(t, m, alice)
		last := refresh(t, m, tokens)
		heard := observe(m)
		for range 4 {
			time.Sleep(2 * time.Minute)
			last = refresh(t, m, tokens)
		}
		time.Sleep(2 * time.Minute)
		next := refresh(t, m, last)
		time.Sleep(2 * time.Minute)
		refresh(t, m, last)
		_ = next
		want := []string{"sibling", "sibling", "contended", "sibling", "contended", "sibling", "choose", "sibling"}
		if diff := cmp.Diff(want, causes(heard)); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		if got := len(log.records(t, "session contended")); got != 2 {
			t.Errorf("got %d records, want 2", got)
		}
	})
}

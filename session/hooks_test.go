package session_test

import (
	"context"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/session"
)

// E14: every check of an access token is told once, with its result, and a refresh
// token that is only looked at is not.
func TestChecked(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v2 v1 !v0", withCookies)
	heard := observe(m)
	word := func(tag, sub string, edits ...string) string {
		return forge(tag, headerOf(tag, "at+jwt"), payloadOf(append(edits, `sub="`+sub+`"`)...))
	}
	for _, c := range []struct{ name, token, want string }{
		{"good", word("v2", "alice"), "checked: token checked ok alice"},
		{"previous", word("v1", "alice"), "checked: token checked ok alice"},
		{"garbage", "x", "checked: token checked invalid "},
		{"expired", word("v2", "alice", "exp=1000000000"), "checked: token checked expired "},
		{"revoked", word("v0", "mallory"), "checked: token checked revoked "},
		{"unknown, scenario 4", word("v9", "mallory"), "checked: token checked unknown_key "},
		{"from far ahead, scenario 21", word("v2", "alice", "iat="+at(time.Hour)), "checked: clock skew unavailable "},
		{"forged", retold(t, word("v2", "alice"), "alice", "mallory"), "checked: token checked invalid "},
	} {
		r := request("/", "Authorization: Bearer "+c.token)
		byCookie := request("/", cookieLine(accessCookie, c.token))
		for name, check := range map[string]func(){
			"Verify":   func() { m.Verify(t.Context(), c.token) },
			"Check":    func() { m.Check(r) },
			"cookie":   func() { m.Check(byCookie) },
			"Require":  func() { serve(m.Require(hello), r) },
			"Optional": func() { serve(m.Optional(hello), r) },
			"RequireFunc": func() {
				serve(m.RequireFunc(func(*session.Claims) error { return session.ErrForbidden })(hello), r)
			},
		} {
			check()
			if diff := cmp.Diff([]string{c.want}, heard.words()); diff != "" {
				t.Errorf("%s, %s: events (-want +got):\n%s", c.name, name, diff)
			}
		}
	}
	m.CheckRefresh(request("/", cookieLine(refreshCookie, "x")))
	m.Purpose("p", time.Hour).Verify(t.Context(), "x")
	if got := heard.words(); got != nil {
		t.Errorf("got %q, want nothing of a refresh token that is only looked at", got)
	}
	m.Check(request("/"))
	if diff := cmp.Diff([]string{"checked: token checked no_token "}, heard.words()); diff != "" {
		t.Errorf("events without a token (-want +got):\n%s", diff)
	}
}

// What an event says of a session, and that hooks get the context of the request.
func TestEvents(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v2 v1", withCookies)
	heard := observe(m)
	old := managerOf(t, "v1")
	tokens := issue(t, old, alice)
	c := verify(t, m, tokens.AccessToken)
	of := func(hook, name, tag string, previous bool) happened {
		return happened{hook, session.Event{Name: name, Subject: "alice", SessionID: c.SessionID, Tag: tag, Previous: previous, Reason: "ok"}}
	}
	refresh(t, m, tokens)
	w := httptest.NewRecorder()
	if err := m.SignOut(w, request("POST /", cookieLine(refreshCookie, tokens.RefreshToken))); err != nil {
		t.Fatal(err)
	}
	ended := of("revoked", "session revoked", "v1", true)
	ended.Event.Cause = "sign-out"
	want := []happened{of("checked", "token checked", "v1", true), of("refreshed", "session refreshed", "v2", false), ended}
	if diff := cmp.Diff(want, heard.take()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}

	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "mine")
	calls := 0
	m.Observe(session.Hooks{Checked: func(ctx context.Context, e session.Event) {
		if calls++; ctx.Value(key{}) != "mine" {
			t.Error("got another context, want that of the request")
		}
	}})
	serve(m.Require(hello), request("/").WithContext(ctx))
	m.Verify(ctx, "x")
	if calls != 2 {
		t.Errorf("got %d calls, want 2", calls)
	}
}

// Several sets of hooks are all called; nil functions are none; and Observe may
// come at any time.
func TestObserve(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v1")
	m.Observe(session.Hooks{})
	first := observe(m)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { m.Observe(session.Hooks{SignedIn: func(context.Context, session.Event) {}}) })
		wg.Go(func() { m.Issue(t.Context(), alice) })
	}
	wg.Wait()
	second := observe(m)
	first.take()
	issue(t, m, alice)
	if a, b := first.words(), second.words(); len(a) != 1 || len(b) != 1 {
		t.Errorf("got %q and %q, want one event each", a, b)
	}
}

// Sampled is told once a minute, and once more at the end of Run, of as many sessions
// as there are, and the instances count them once for all. A set without Sampled costs
// nothing.
func TestSampled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := new(counted)
		heard := make([][]session.Stats, 3)
		var stop []func()
		for i := range 3 {
			m := managerOf(t, "v2 v1", func(cfg *session.Config) { cfg.Store = store })
			m.Observe(session.Hooks{})
			if i < 2 {
				m.Observe(session.Hooks{Sampled: func(_ context.Context, s session.Stats) { heard[i] = append(heard[i], s) }})
			}
			issue(t, m, alice)
			stop = append(stop, running(t, m))
		}
		time.Sleep(time.Hour)
		for _, f := range stop {
			f()
		}
		for i, list := range heard[:2] {
			last := list[len(list)-1]
			if n := len(list); n < 60 || n > 76 || last.Sessions["v2"] != 3 || len(last.Keys) != 2 || len(last.Needs) != 2 {
				t.Errorf("instance %d: got %d samples, the last %+v; want 60 to 76 of three sessions under v2", i, n, last)
			}
		}
		if n := store.counts.Load(); n < 50 || n > 62 {
			t.Errorf("got %d counts of all sessions in an hour, want one a minute, whatever the instances", n)
		}
	})
}

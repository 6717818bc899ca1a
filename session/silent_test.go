package session_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/cookie"
	"github.com/sessionring/sessionring/session"
)

// API.md, caller g: pages of a server are refreshed on the way, by a good refresh
// cookie, if the access token is missing, expired or bad; and by nothing else.
func TestSilentRefresh(t *testing.T) {
	t.Parallel()
	good := forge("v1", headerOf("v1", "at+jwt"), payloadOf())
	fresh := forge("v1", headerOf("v1", "rt+jwt"), refreshOf())
	expired := forge("v1", headerOf("v1", "at+jwt"), payloadOf("exp=1000000000"))
	over := forge("v1", headerOf("v1", "rt+jwt"), refreshOf("exp=1000000000"))
	unknown := forge("v9", headerOf("v9", "at+jwt"), payloadOf())
	later := forge("v9", headerOf("v9", "rt+jwt"), refreshOf())
	revoked := forge("v0", headerOf("v0", "at+jwt"), payloadOf())
	closed := forge("v1", headerOf("v1", "rt+jwt"), refreshOf(`sub="closed"`))
	failing := forge("v1", headerOf("v1", "rt+jwt"), refreshOf(`sub="failing"`))
	yes, no := true, false
	for _, c := range []struct {
		name              string
		request           *http.Request
		require, optional int
		cookies           bool
	}{
		{"good access", request("/", cookieLine(accessCookie, good, refreshCookie, fresh)), 200, 200, no},
		{"no access", request("/", cookieLine(refreshCookie, fresh)), 200, 200, yes},
		{"expired access", request("/", cookieLine(accessCookie, expired, refreshCookie, fresh)), 200, 200, yes},
		{"bad access", request("/", cookieLine(accessCookie, "x", refreshCookie, fresh)), 200, 200, yes},
		{"a POST of our own page", request("POST /", cookieLine(refreshCookie, fresh), "Sec-Fetch-Site: same-origin"), 200, 200, yes},
		{"a POST of a foreign page", request("POST /", cookieLine(refreshCookie, fresh), "Origin: https://evil.example"), 401, 200, no},
		{"no cookies", request("/"), 401, 200, no},
		{"an access token of an unknown key", request("/", cookieLine(accessCookie, unknown, refreshCookie, fresh)), 503, 200, no},
		{"a revoked access token", request("/", cookieLine(accessCookie, revoked, refreshCookie, fresh)), 401, 200, no},
		{"an expired refresh token", request("/", cookieLine(accessCookie, expired, refreshCookie, over)), 401, 200, no},
		{"a bad refresh token", request("/", cookieLine(refreshCookie, "x")), 401, 200, no},
		{"two that disagree", request("/", cookieLine(refreshCookie, fresh, refreshCookie, forge("v1", headerOf("v1", "rt+jwt"), refreshOf(`sid="other"`)))), 401, 200, no},
		{"a refresh token of an unknown key: try again, do not sign in", request("/", cookieLine(refreshCookie, later)), 503, 200, no},
		{"the same beside an expired access token", request("/", cookieLine(accessCookie, expired, refreshCookie, later)), 503, 200, no},
		{"the account is closed", request("/", cookieLine(refreshCookie, closed)), 401, 200, no},
		{"OnRefresh fails: try again, do not sign in", request("/", cookieLine(refreshCookie, failing)), 503, 503, no},
		{"a header, scenario 51", request("/", cookieLine(refreshCookie, fresh), "Authorization: Bearer x"), 401, 200, no},
		{"an expired header", request("/", cookieLine(refreshCookie, fresh), "Authorization: Bearer "+expired), 401, 200, no},
	} {
		m := managerOf(t, "v1 !v0", withCookies, func(cfg *session.Config) {
			cfg.SilentRefresh = true
			cfg.OnRefresh = func(_ context.Context, c *session.Claims) (any, error) {
				return nil, map[string]error{"closed": session.ErrRevoked, "failing": errDatabase}[c.Subject]
			}
		})
		for name, want := range map[string]int{"Require": c.require, "Optional": c.optional} {
			guard := map[string]func(http.Handler) http.Handler{"Require": m.Require, "Optional": m.Optional}[name]
			res := serve(guard(hello), c.request)
			if res.StatusCode != want || (res.Header["Set-Cookie"] != nil) != c.cookies {
				t.Errorf("%s, %s: got %d and cookies %q, want %d and cookies %t", name, c.name, res.StatusCode, res.Header["Set-Cookie"], want, c.cookies)
			}
			if c.cookies && bodyOf(t, res) != "alice" {
				t.Errorf("%s, %s: got a stranger, want alice", name, c.name)
			}
			if c.cookies && res.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s, %s: got %q, want no-store (E7)", name, c.name, res.Header.Get("Cache-Control"))
			}
		}
	}
}

// What a silent refresh sets is good for the rest of the session, and it is
// reported as any refresh.
func TestSilentRefreshSetsTheSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := managerOf(t, "v1", withCookies, func(cfg *session.Config) { cfg.SilentRefresh, cfg.SessionTTL = true, 10*day })
		tokens := issue(t, m, alice)
		heard := observe(m)
		have := map[string]string{accessCookie: tokens.AccessToken, refreshCookie: tokens.RefreshToken}
		for range 9 {
			time.Sleep(day)
			res := serve(m.Require(hello), request("/", cookieLine(accessCookie, have[accessCookie], refreshCookie, have[refreshCookie])))
			if res.StatusCode != 200 {
				t.Fatalf("got %d, want 200", res.StatusCode)
			}
			for _, c := range res.Cookies() {
				have[c.Name] = c.Value
			}
			want := []string{"checked: token checked expired ", "refreshed: session refreshed ok alice"}
			if diff := cmp.Diff(want, heard.words()); diff != "" {
				t.Fatalf("events (-want +got):\n%s", diff)
			}
		}
		time.Sleep(day)
		if res := serve(m.Require(hello), request("/", cookieLine(accessCookie, have[accessCookie], refreshCookie, have[refreshCookie]))); res.StatusCode != 401 {
			t.Errorf("got %d at the end of the session, want 401", res.StatusCode)
		}
	})
}

// Cookies that cannot be set are a fault, and make nobody a stranger.
func TestSilentRefreshWhereCookiesCannotBeSet(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v1", func(cfg *session.Config) { cfg.Cookies, cfg.SilentRefresh = stingy{cookie.SameSite()}, true })
	r := request("/", cookieLine(refreshCookie, issue(t, m, alice).RefreshToken))
	for name, guard := range map[string]func(http.Handler) http.Handler{"Require": m.Require, "Optional": m.Optional} {
		if res := serve(guard(hello), r); res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
			t.Errorf("%s: got %d, want 503 with Retry-After", name, res.StatusCode)
		}
	}
}

// Without the switch nothing is refreshed on the way.
func TestNoSilentRefreshByDefault(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v1", withCookies)
	res := serve(m.Require(hello), request("/", cookieLine(refreshCookie, issue(t, m, alice).RefreshToken)))
	if res.StatusCode != 401 || res.Header["Set-Cookie"] != nil {
		t.Errorf("got %d and cookies %q, want 401 and none", res.StatusCode, res.Header["Set-Cookie"])
	}
}

package session_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/sessionring/sessionring/session"
)

// jar is a policy that hands out the tokens it was made with.
type jar map[string][]string

func (j jar) Token(_ *http.Request, kind string, n int) (string, bool) {
	if n >= len(j[kind]) {
		return "", false
	}
	return j[kind][n], true
}
func (jar) Set(http.ResponseWriter, *http.Request, string, string, time.Time, time.Time) error {
	return nil
}
func (jar) Clear(http.ResponseWriter, *http.Request) {}
func (jar) Check(*http.Request) error                { return nil }

// Section 8, scenario 42: of several cookies of one name each is tried, in
// whatever order they come; good ones that disagree are refused, and so is a flood.
func TestDuplicateCookies(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v1")
	a, b := issue(t, m, alice), issue(t, m, alice)
	next := refresh(t, m, a)
	expired := func(typ, kind string) string {
		return forge("v1", headerOf("v1", typ), payloadOf("exp=1000000000", `type="`+kind+`"`))
	}
	unknown := func(typ, kind string) string {
		return forge("v9", headerOf("v9", typ), payloadOf(`type="`+kind+`"`))
	}
	revoked := func(typ, kind string) string {
		return forge("v0", headerOf("v0", typ), payloadOf(`type="`+kind+`"`))
	}
	many := func(n int, more ...string) (list []string) {
		for range n {
			list = append(list, "x.y.z")
		}
		return append(list, more...)
	}
	for _, kind := range []struct {
		name, a, next, b, other, expired, unknown, revoked string
	}{
		{"access", a.AccessToken, next.AccessToken, b.AccessToken, a.RefreshToken, expired("at+jwt", "access"), unknown("at+jwt", "access"), revoked("at+jwt", "access")},
		{"refresh", a.RefreshToken, next.RefreshToken, b.RefreshToken, a.AccessToken, expired("rt+jwt", "refresh"), unknown("rt+jwt", "refresh"), revoked("rt+jwt", "refresh")},
	} {
		for _, c := range []struct {
			name, want string
			tokens     []string
		}{
			{"none", "no_token", nil},
			{"one", "ok", []string{kind.a}},
			{"an empty one", "invalid", []string{""}},
			{"a bad one first", "ok", []string{"garbage", kind.a}},
			{"a bad one last", "ok", []string{kind.a, "garbage"}},
			{"a bad one on either side", "ok", []string{"null", kind.a, "undefined"}},
			{"an expired one first", "ok", []string{kind.expired, kind.a}},
			{"an unknown one last", "ok", []string{kind.a, kind.unknown}},
			{"the same twice", "ok", []string{kind.a, kind.a}},
			{"two of one session", "ok", []string{kind.a, kind.next}},
			{"two of one session, the newer first", "ok", []string{kind.next, kind.a}},
			{"two sessions", "invalid", []string{kind.a, kind.b}},
			{"two sessions, the other way round", "invalid", []string{kind.b, kind.a}},
			{"two sessions and a bad one", "invalid", []string{"x", kind.b, "y", kind.a}},
			{"the wrong kind", "invalid", []string{kind.other}},
			{"the wrong kind beside a good one", "ok", []string{kind.other, kind.a}},
			{"all bad", "invalid", []string{"x", "y"}},
			{"expired beside bad", "expired", []string{"x", kind.expired}},
			{"expired beside bad, first", "expired", []string{kind.expired, "x"}},
			{"unknown beside expired", "unknown_key", []string{kind.expired, kind.unknown}},
			{"unknown beside expired, first", "unknown_key", []string{kind.unknown, kind.expired, "x"}},
			{"revoked beside bad", "revoked", []string{"x", kind.revoked, "y"}},
			{"expired beside revoked", "expired", []string{kind.revoked, kind.expired}},
			{"expired beside revoked, first", "expired", []string{kind.expired, kind.revoked}},
			{"sixteen", "ok", many(15, kind.a)},
			{"a flood of seventeen", "invalid", many(16, kind.a)},
			{"a flood behind a good one", "invalid", append([]string{kind.a}, many(16)...)},
			{"an endless flood", "invalid", many(5000)},
		} {
			m := managerOf(t, "v1 !v0", func(cfg *session.Config) { cfg.Cookies = jar{kind.name: c.tokens} })
			check := m.Check
			if kind.name == "refresh" {
				check = m.CheckRefresh
			}
			got, err := check(request("/"))
			if session.Reason(err) != c.want {
				t.Errorf("%s, %s: got %q (%v), want %q", kind.name, c.name, session.Reason(err), err, c.want)
			}
			if err == nil && (got.Transport != "cookie" || got.Subject != "alice") {
				t.Errorf("%s, %s: got %+v, want alice by cookie", kind.name, c.name, got)
			}
		}
	}
}

// The newest good token of a session counts, wherever it stands.
func TestNewestCookie(t *testing.T) {
	t.Parallel()
	var tokens []string
	for i := range 4 {
		tokens = append(tokens, forge("v1", headerOf("v1", "at+jwt"), payloadOf("iat="+at(-time.Duration(i)*time.Minute), fmt.Sprintf(`jti="%d minutes old"`, i))))
	}
	for _, order := range [][]string{{tokens[0], tokens[1]}, {tokens[3], tokens[0], tokens[2]}, {tokens[2], tokens[1], tokens[0]}} {
		m := managerOf(t, "v1", func(cfg *session.Config) { cfg.Cookies = jar{"access": order} })
		c, err := m.Check(request("/"))
		if err != nil || c.TokenID != "0 minutes old" {
			t.Errorf("got %+v, %v, want the newest", c, err)
		}
	}
}

// The same through the real policy and real Cookie headers: cookies of one name,
// in several lines, and a flood of them.
func TestCookieHeader(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v1", withCookies)
	a, b := issue(t, m, alice).AccessToken, issue(t, m, alice).AccessToken
	flood := "Cookie: "
	for range 5000 {
		flood += accessCookie + "=x; "
	}
	for _, c := range []struct {
		name, want string
		headers    []string
	}{
		{"one", "ok", []string{cookieLine(accessCookie, a)}},
		{"in the second line", "ok", []string{"Cookie: theme=dark", cookieLine(accessCookie, a)}},
		{"a bad one before", "ok", []string{cookieLine(accessCookie, "x", accessCookie, a)}},
		{"a bad one behind", "ok", []string{cookieLine(accessCookie, a, accessCookie, "x")}},
		{"two that disagree", "invalid", []string{cookieLine(accessCookie, a, accessCookie, b)}},
		{"two that disagree, in two lines", "invalid", []string{cookieLine(accessCookie, b), cookieLine(accessCookie, a)}},
		{"quotes", "invalid", []string{cookieLine(accessCookie, `"`+a+`"`)}},
		{"without the prefix", "no_token", []string{cookieLine("access", a)}},
		{"another case", "no_token", []string{cookieLine("__host-access", a)}},
		{"a flood", "invalid", []string{flood}},
		{"a flood before a good one", "invalid", []string{flood + accessCookie + "=" + a}},
	} {
		_, err := m.Check(request("/", c.headers...))
		if session.Reason(err) != c.want {
			t.Errorf("%s: got %q (%v), want %q", c.name, session.Reason(err), err, c.want)
		}
	}
}

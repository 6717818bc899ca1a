package session_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/sessionring/sessionring/session"
)

// E1, scenario 51: a request with an Authorization header is judged by it alone.
// Whatever it holds, a good cookie beside it is not consulted.
func TestHeaderForms(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v1", withCookies)
	tokens := issue(t, m, alice)
	good := tokens.AccessToken
	for _, c := range []struct {
		name, want string
		headers    []string
	}{
		{"good", "ok", []string{"Bearer " + good}},
		{"lower case", "ok", []string{"bearer " + good}},
		{"upper case", "ok", []string{"BEARER " + good}},
		{"empty", "invalid", []string{""}},
		{"only the scheme", "invalid", []string{"Bearer"}},
		{"the scheme and a space", "invalid", []string{"Bearer "}},
		{"two spaces", "ok", []string{"Bearer  " + good}}, // RFC 6750, section 2.1: 1*SP
		{"many spaces", "ok", []string{"Bearer" + strings.Repeat(" ", 4000) + good}},
		{"two spaces and a tab", "invalid", []string{"Bearer  \t" + good}},
		{"only spaces", "invalid", []string{"Bearer   "}},
		{"a space before", "invalid", []string{" Bearer " + good}},
		{"a space behind", "invalid", []string{"Bearer " + good + " "}},
		{"a tab", "invalid", []string{"Bearer\t" + good}},
		{"a tab behind the space", "invalid", []string{"Bearer \t" + good}},
		{"a comma", "invalid", []string{"Bearer " + good + ",Bearer " + good}},
		{"two tokens", "invalid", []string{"Bearer " + good + " " + good}},
		{"two headers", "invalid", []string{"Bearer " + good, "Bearer " + good}},
		{"two headers, one empty", "invalid", []string{"", "Bearer " + good}},
		{"null", "invalid", []string{"Bearer null"}},
		{"undefined", "invalid", []string{"Bearer undefined"}},
		{"Basic", "invalid", []string{"Basic YWxpY2U6cGFzc3dvcmQ="}},
		{"Token", "invalid", []string{"Token " + good}},
		{"no scheme", "invalid", []string{good}},
		{"a longer scheme", "invalid", []string{"BearerX " + good}},
		{"a colon", "invalid", []string{"Bearer: " + good}},
		{"quotes", "invalid", []string{`Bearer "` + good + `"`}},
		{"a refresh token, scenario 20", "invalid", []string{"Bearer " + tokens.RefreshToken}},
		{"a key of others", "unknown_key", []string{"Bearer " + forge("v9", headerOf("v9", "at+jwt"), payloadOf())}},
		{"expired", "expired", []string{"Bearer " + forge("v1", headerOf("v1", "at+jwt"), payloadOf("exp=1000000000"))}},
	} {
		for _, cookie := range []string{"", cookieLine(accessCookie, good, refreshCookie, tokens.RefreshToken)} {
			r := request("/")
			r.Header["Authorization"] = c.headers
			if cookie != "" {
				r.Header.Set("Cookie", strings.TrimPrefix(cookie, "Cookie: "))
			}
			got, err := m.Check(r)
			if session.Reason(err) != c.want {
				t.Errorf("%s: got %q (%v), want %q", c.name, session.Reason(err), err, c.want)
			}
			if err == nil && got.Transport != "header" {
				t.Errorf("%s: got the transport %q, want header", c.name, got.Transport)
			}
			if res := serve(m.Require(hello), r); res.StatusCode != session.Status(err) {
				t.Errorf("%s: got the status %d, want %d", c.name, res.StatusCode, session.Status(err))
			}
		}
	}
}

// E3: a 401 speaks of an error exactly if a token was sent, which a header need not have.
func TestChallenge(t *testing.T) {
	t.Parallel()
	const none, bad = `Bearer`, `Bearer error="invalid_token"`
	m := managerOf(t, "v1", withCookies)
	for _, c := range []struct {
		want    string
		headers []string
	}{
		{none, nil}, {none, []string{""}}, {none, []string{"Bearer"}}, {none, []string{"Bearer "}}, {none, []string{"Bearer   "}}, {none, []string{"x.y.z"}}, {none, []string{"Bearer\tx.y.z"}},
		{none, []string{"Basic YWxpY2U6cGFzc3dvcmQ="}}, {none, []string{"", ""}}, {none, []string{"Basic abc", "Bearer"}},
		{bad, []string{"Bearer x"}}, {bad, []string{"bearer x.y.z"}}, {bad, []string{"Bearer x.y.z", "Bearer x.y.z"}}, {bad, []string{"Basic abc", "Bearer x.y.z"}},
	} {
		for _, guard := range []func(http.Handler) http.Handler{m.Require, m.RequireFunc(func(*session.Claims) error { return nil })} {
			r := request("/", cookieLine(accessCookie, "x.y.z", refreshCookie, "x.y.z"))
			if c.headers == nil {
				r = request("/")
			}
			r.Header["Authorization"] = c.headers
			if res := serve(guard(hello), r); res.StatusCode != 401 || res.Header.Get("WWW-Authenticate") != c.want {
				t.Errorf("%q: got %d %q, want 401 %q", c.headers, res.StatusCode, res.Header.Get("WWW-Authenticate"), c.want)
			}
		}
	}
}

// E2: tokens in the address are not looked at.
func TestNoTokenInURL(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v1", withCookies)
	token := issue(t, m, alice).AccessToken
	r := withBody("POST /?access_token="+token, "access_token="+token, "Content-Type: application/x-www-form-urlencoded", "Proxy-Authorization: Bearer "+token)
	_, err := m.Check(r)
	wantErr(t, err, session.ErrNoToken)
}

// A Manager without cookies reads none.
func TestHeaderOnly(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v1")
	tokens := issue(t, m, alice)
	r := request("/", cookieLine(accessCookie, tokens.AccessToken, refreshCookie, tokens.RefreshToken))
	_, err := m.Check(r)
	wantErr(t, err, session.ErrNoToken)
	_, err = m.CheckRefresh(r)
	wantErr(t, err, session.ErrNoToken)
	r.Header.Set("Authorization", "Bearer "+tokens.AccessToken)
	if _, err := m.Check(r); err != nil {
		t.Errorf("got %v, want the header to serve", err)
	}
	r.Method = http.MethodPost // no policy, no origin to check: the header is proof enough
	r.Header.Set("Origin", "https://evil.example")
	if _, err := m.Check(r); err != nil {
		t.Errorf("got %v, want the header to serve", err)
	}
}

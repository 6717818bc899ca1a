package session_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/session"
)

// Section 12, scenario 37: what header, body and cookies carry is each ended, once,
// an expired access token included; without a token there is nothing to do; and
// the answer is 204 with both cookies cleared.
func TestHandleSignOut(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v1 !v0", withCookies)
	access := func(sub string, edits ...string) string {
		return forge("v1", headerOf("v1", "at+jwt"), payloadOf(append(edits, `sub="`+sub+`"`, `sid="sid of `+sub+`"`)...))
	}
	long := func(sub string, edits ...string) string {
		return forge("v1", headerOf("v1", "rt+jwt"), refreshOf(append(edits, `sub="`+sub+`"`, `sid="sid of `+sub+`"`)...))
	}
	const over = "exp=1000000000"
	in := func(token string) string { return `{"refresh_token":"` + token + `"}` }
	const post = "POST /api/auth/logout"
	ended := func(subjects ...string) (list []string) {
		for _, s := range subjects {
			list = append(list, "revoked: session revoked ok "+s)
		}
		return list
	}
	for _, c := range []struct {
		name    string
		request *http.Request
		want    []string
	}{
		{"no token", request(post), nil},
		{"garbage", withBody(post, "{", cookieLine(accessCookie, "x", refreshCookie, "y"), "Authorization: Basic x"), nil},
		{"access cookie", request(post, cookieLine(accessCookie, access("a"))), ended("a")},
		{"refresh cookie", request(post, cookieLine(refreshCookie, long("a"))), ended("a")},
		{"both, once", request(post, cookieLine(accessCookie, access("a"), refreshCookie, long("a"))), ended("a")},
		{"expired access, good refresh, scenario 37", request(post, cookieLine(accessCookie, access("a", over), refreshCookie, long("a"))), ended("a")},
		{"expired access alone", request(post, cookieLine(accessCookie, access("a", over))), ended("a")},
		{"expired access in the header", request(post, "Authorization: Bearer "+access("a", over)), ended("a")},
		{"expired refresh", request(post, cookieLine(refreshCookie, long("a", over))), nil},
		{"header", request(post, "Authorization: Bearer "+access("a")), ended("a")},
		{"body", withBody(post, in(long("a"))), ended("a")},
		{"header, cookies and body", withBody(post, in(long("d")), "Authorization: Bearer "+access("a"), cookieLine(accessCookie, access("b"), refreshCookie, long("c"))), ended("a", "b", "c", "d")},
		{"two cookies of one name", request(post, cookieLine(refreshCookie, long("a"), refreshCookie, long("b"))), ended("a", "b")},
		{"a forged token beside", request(post, cookieLine(accessCookie, retold(t, access("a"), `"a"`, `"m"`), refreshCookie, long("b"))), ended("b")},
		{"the wrong kinds", withBody(post, in(access("a")), "Authorization: Bearer "+long("b"), cookieLine(accessCookie, long("c"), refreshCookie, access("d"))), nil},
		{"a key unknown", request(post, cookieLine(accessCookie, forge("v9", headerOf("v9", "at+jwt"), payloadOf()))), nil},
		{"a form", withBody(post, "csrf=x", cookieLine(refreshCookie, long("a"))), ended("a")},
	} {
		heard := observe(m)
		res := serve(http.HandlerFunc(m.HandleSignOut), c.request)
		if diff := cmp.Diff(c.want, heard.words()); diff != "" {
			t.Errorf("%s: events (-want +got):\n%s", c.name, diff)
		}
		cleared := map[string]bool{}
		for _, k := range res.Cookies() {
			if k.MaxAge < 0 && k.Value == "" {
				cleared[k.Name] = true
			}
		}
		if res.StatusCode != 204 || !cleared[accessCookie] || !cleared[refreshCookie] || res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: got %d and %v, want 204 with both cookies cleared", c.name, res.StatusCode, res.Header)
		}
	}
}

// E5, E9, scenario 63: other methods and foreign pages change nothing.
func TestHandleSignOutRefuses(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v1", withCookies)
	tokens := issue(t, m, alice)
	heard := observe(m)
	jar := cookieLine(accessCookie, tokens.AccessToken, refreshCookie, tokens.RefreshToken)
	for _, c := range []struct {
		request *http.Request
		status  int
		body    string
	}{
		{request("GET /logout", jar), 405, `{"error":"invalid"}`},
		{request("DELETE /logout", jar), 405, `{"error":"invalid"}`},
		{request("POST /logout", jar, "Origin: https://evil.example"), 403, `{"error":"cross_origin"}`},
		{request("POST /logout", jar, "Origin: null"), 403, `{"error":"cross_origin"}`},
		{request("POST /logout", jar, "Sec-Fetch-Site: same-site"), 403, `{"error":"cross_origin"}`},
		{request("POST /logout", jar, "Authorization: Bearer "+tokens.AccessToken, "Origin: https://evil.example"), 403, `{"error":"cross_origin"}`},
	} {
		res := serve(http.HandlerFunc(m.HandleSignOut), c.request)
		if body := bodyOf(t, res); res.StatusCode != c.status || body != c.body || res.Header["Set-Cookie"] != nil {
			t.Errorf("%s: got %d %s and cookies %q, want %d %s and none", c.request.Method, res.StatusCode, body, res.Header["Set-Cookie"], c.status, c.body)
		}
		if (res.Header.Get("Allow") == "POST") != (c.status == 405) {
			t.Errorf("%s: got Allow %q, want POST with 405 only", c.request.Method, res.Header.Get("Allow"))
		}
	}
	if got := heard.words(); got != nil {
		t.Errorf("got the events %q, want none", got)
	}
}

// A Manager without cookies ends what header and body carry, and sets nothing.
func TestSignOutByHeader(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v1")
	heard := observe(m)
	a, b := issue(t, m, alice), issue(t, m, session.Grant{Subject: "bob"})
	heard.take()
	r := withBody("POST /logout", `{"refresh_token":"`+b.RefreshToken+`"}`, "Authorization: Bearer "+a.AccessToken)
	res := serve(http.HandlerFunc(m.HandleSignOut), r)
	if res.StatusCode != 204 || res.Header["Set-Cookie"] != nil {
		t.Errorf("got %d and cookies %q, want 204 and none", res.StatusCode, res.Header["Set-Cookie"])
	}
	if diff := cmp.Diff([]string{"revoked: session revoked ok alice", "revoked: session revoked ok bob"}, heard.words()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// E5, scenario 63: a cookie that a foreign page made the browser send is no proof
// of anything, wherever it is looked at. A header is, since no page can make a
// browser send one.
func TestForeignPages(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v1", withCookies)
	token := issue(t, m, alice).AccessToken
	byCookie, byHeader := cookieLine(accessCookie, token), "Authorization: Bearer "+token
	for _, c := range []struct {
		name              string
		target            string
		headers           []string
		require, optional string
	}{
		{"POST", "POST /", []string{byCookie, "Origin: https://evil.example"}, "403", "stranger"},
		{"POST, by Sec-Fetch-Site", "POST /", []string{byCookie, "Sec-Fetch-Site: cross-site"}, "403", "stranger"},
		{"POST of a sibling host", "POST /", []string{byCookie, "Sec-Fetch-Site: same-site"}, "403", "stranger"},
		{"DELETE", "DELETE /", []string{byCookie, "Origin: https://evil.example"}, "403", "stranger"},
		{"POST without a token", "POST /", []string{"Origin: https://evil.example"}, "401", "stranger"},
		{"POST with a bad cookie", "POST /", []string{cookieLine(accessCookie, "x"), "Origin: https://evil.example"}, "401", "stranger"},
		{"GET", "GET /", []string{byCookie, "Origin: https://evil.example"}, "alice", "alice"},
		{"POST by header", "POST /", []string{byHeader, "Origin: https://evil.example"}, "alice", "alice"},
		{"POST of our page", "POST /", []string{byCookie, "Origin: http://example.com", "Sec-Fetch-Site: same-origin"}, "alice", "alice"},
		{"POST of no page", "POST /", []string{byCookie}, "alice", "alice"},
	} {
		for name, want := range map[string]string{"Require": c.require, "Optional": c.optional} {
			guard := map[string]func(http.Handler) http.Handler{"Require": m.Require, "Optional": m.Optional}[name]
			res := serve(guard(hello), request(c.target, c.headers...))
			got := bodyOf(t, res)
			if res.StatusCode != 200 {
				got = strings.Fields(res.Status)[0]
			}
			if got != want || res.Header["Set-Cookie"] != nil {
				t.Errorf("%s, %s: got %q, want %q", name, c.name, got, want)
			}
		}
	}
}

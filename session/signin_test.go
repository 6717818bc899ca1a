package session_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/cookie"
	"github.com/sessionring/sessionring/session"
)

// B9, D3, E7: a sign-in sets both cookies, under a new session id, whatever the
// request carries; status and body are the caller's, and no token is in them.
func TestSignIn(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v1 !v0", withCookies)
	old := issue(t, m, alice)
	sid := verify(t, m, old.AccessToken).SessionID
	heard := observe(m)
	began := "signed in: signed in ok bob"
	for _, c := range []struct {
		name    string
		headers []string
		want    []string
	}{
		{"a stranger", nil, []string{began}},
		{"by cookies", []string{cookieLine(accessCookie, old.AccessToken, refreshCookie, old.RefreshToken)}, []string{"revoked: session revoked ok alice", began}},
		{"by refresh cookie", []string{cookieLine(refreshCookie, old.RefreshToken)}, []string{"revoked: session revoked ok alice", began}},
		{"by header", []string{"Authorization: Bearer " + old.AccessToken}, []string{"revoked: session revoked ok alice", began}},
		{"by an expired access cookie", []string{cookieLine(accessCookie, forge("v1", headerOf("v1", "at+jwt"), payloadOf("exp=1000000000")))}, []string{"revoked: session revoked ok alice", began}},
		{"garbage", []string{cookieLine(accessCookie, "x", refreshCookie, "null"), "Authorization: Basic x"}, []string{began}},
		{"unknown keys: sign-in works", []string{cookieLine(accessCookie, forge("v9", headerOf("v9", "at+jwt"), payloadOf()))}, []string{began}},
		{"revoked keys", []string{cookieLine(accessCookie, forge("v0", headerOf("v0", "at+jwt"), payloadOf()))}, []string{began}},
	} {
		w := httptest.NewRecorder()
		if err := m.SignIn(w, request("POST /login", c.headers...), session.Grant{Subject: "bob"}); err != nil {
			t.Fatalf("%s: got %v", c.name, err)
		}
		if diff := cmp.Diff(c.want, heard.words()); diff != "" {
			t.Errorf("%s: events (-want +got):\n%s", c.name, diff)
		}
		if w.Body.Len() != 0 || w.Code != 200 || w.Header().Get("Cache-Control") != "no-store" || !strings.Contains(strings.Join(w.Header()["Vary"], ","), "Cookie") {
			t.Errorf("%s: got %d %q %v, want nothing written but headers", c.name, w.Code, w.Body, w.Header())
		}
		jar := map[string]string{}
		for _, k := range w.Result().Cookies() {
			jar[k.Name] = k.Value
			if !k.HttpOnly || !k.Secure || k.SameSite != http.SameSiteLaxMode {
				t.Errorf("%s: got the cookie %s, want HttpOnly, Secure, SameSite=Lax", c.name, k.Name)
			}
		}
		claims := verify(t, m, jar[accessCookie])
		if claims.Subject != "bob" || claims.SessionID == sid || claims.SessionID == "sid-of-alice" || len(jar) != 2 {
			t.Errorf("%s: got %+v and %d cookies, want a new session of bob", c.name, claims, len(jar))
		}
		heard.take()
	}
}

// A sign-in that fails has set nothing, ended nothing and reported nothing.
func TestSignInFails(t *testing.T) {
	t.Parallel()
	local, err := cookie.New(cookie.Config{InsecureLocal: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		cookies session.Cookies
		request *http.Request
		grant   session.Grant
		status  int
		text    string
	}{
		{"a foreign page, scenario 63", cookie.SameSite(), request("POST /login", "Origin: https://evil.example"), alice, 403, "foreign origin"},
		{"no subject", cookie.SameSite(), request("POST /login"), session.Grant{}, 503, "Subject is required"},
		{"claims that do not fit", cookie.SameSite(), request("POST /login"), session.Grant{Subject: "a", Claims: map[string]string{"filler": strings.Repeat("f", 4000)}}, 503, "filler (4002 bytes)"},
		{"a host that gets no cookies", local, request("POST http://example.com/login"), alice, 421, "not local"},
		{"no cookies", nil, request("POST /login"), alice, 503, "SignIn needs Config.Cookies"},
	} {
		m := managerOf(t, "v1", func(cfg *session.Config) { cfg.Cookies = c.cookies })
		c.request.Header.Set("Cookie", accessCookie+"="+issue(t, m, alice).AccessToken+"; local-access="+issue(t, m, alice).AccessToken)
		heard := observe(m)
		w := httptest.NewRecorder()
		err := m.SignIn(w, c.request, c.grant)
		if session.Status(err) != c.status || err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: got %v (%d), want %d with %q", c.name, err, session.Status(err), c.status, c.text)
		}
		if w.Header()["Set-Cookie"] != nil || w.Body.Len() != 0 {
			t.Errorf("%s: got cookies %q, want none", c.name, w.Header()["Set-Cookie"])
		}
		if events := heard.words(); events != nil {
			t.Errorf("%s: got the events %q, want none", c.name, events)
		}
	}
}

// Every sign-in is a session of its own, and never adopts a name of the client.
func TestNoFixation(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v1", withCookies)
	planted := forge("v1", headerOf("v1", "rt+jwt"), refreshOf(`sid="planted"`, `sub="mallory"`))
	w := httptest.NewRecorder()
	r := request("POST /login?sid=planted", cookieLine("sid", "planted", refreshCookie, planted))
	if err := m.SignIn(w, r, alice); err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(w.Header()["Set-Cookie"], "\n"); strings.Contains(text, b64([]byte("planted"))) {
		t.Error("got the planted name, want a new one")
	}
	for _, c := range w.Result().Cookies() {
		if c.Name == accessCookie && verify(t, m, c.Value).SessionID == "planted" {
			t.Error("got the planted session, want a new one")
		}
	}
}

// full is a policy that cannot set cookies.
type full struct {
	jar
	err error
}

func (f full) Set(http.ResponseWriter, *http.Request, string, string, time.Time, time.Time) error {
	return f.err
}

// Errors of a policy reach the caller of SignIn as they are.
func TestPolicyErrors(t *testing.T) {
	t.Parallel()
	errFull := errors.New("the jar is full")
	m := managerOf(t, "v1", func(cfg *session.Config) { cfg.Cookies = jar{} })
	w := httptest.NewRecorder()
	if err := m.SignIn(w, request("POST /"), alice); err != nil || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Vary") == "" {
		t.Errorf("got %v and %v, want no-store and Vary whatever the policy does (E7)", err, w.Header())
	}
	m = managerOf(t, "v1", func(cfg *session.Config) { cfg.Cookies = full{err: errFull} })
	if err := m.SignIn(httptest.NewRecorder(), request("POST /"), alice); !errors.Is(err, errFull) || session.Status(err) != 503 {
		t.Errorf("got %v, want %v and 503", err, errFull)
	}
}

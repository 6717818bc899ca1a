package adapters

import (
	"net/http"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/sessionring/sessionring/session"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode) // else it prints its routes
	m.Run()
}

// The routes of every framework do the same, by real requests.
func TestFrameworks(t *testing.T) {
	t.Parallel()
	for name, routes := range map[string]func(*session.Manager) http.Handler{"chi": Chi, "echo": Echo, "gin": Gin} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newSessions(t)
			at := serve(t, routes(m))
			t.Run("signed in", func(t *testing.T) { signedIn(t, m, at) })
			t.Run("refreshed", func(t *testing.T) { refreshed(t, m, at) })
			t.Run("refused", func(t *testing.T) { refused(t, m, at) })
		})
	}
}

// signedIn wants handlers that know who asks.
func signedIn(t *testing.T, m *session.Manager, at string) {
	both, _ := cookies(t, m, alice)
	for _, path := range []string{"/", "/account/me"} {
		for header, value := range map[string]string{"Cookie": both, "Authorization": bearer(t, m)} {
			r := send(t, 200, "GET", at+path, header, value)
			if r.body != "alice" {
				t.Errorf("%s by %s: got %q, want alice", path, header, r.body)
			}
			r.want(t, "Cache-Control", "no-store")
			r.want(t, "Vary", "Authorization, Cookie")
		}
	}
	send(t, 200, "POST", at+"/account/notes", "Cookie", both, "Sec-Fetch-Site", "same-origin")
	send(t, 204, "POST", at+"/api/auth/logout", "Cookie", both)
	send(t, 401, "GET", at+"/account/me", "Cookie", both)
}

// refreshed wants the cookies of a refresh to reach the browser, asked for or on the way.
func refreshed(t *testing.T, m *session.Manager, at string) {
	_, refresh := cookies(t, m, alice)
	again := send(t, 204, "POST", at+"/api/auth/refresh", "Cookie", refresh).wantCookies(t)
	send(t, 200, "GET", at+"/account/me", "Cookie", again)

	_, refresh = cookies(t, m, session.Grant{Subject: "bob"})
	r := send(t, 200, "GET", at+"/account/me", "Cookie", refresh)
	if again = r.wantCookies(t); r.body != "bob" {
		t.Errorf("got %q, want bob", r.body)
	}
	if r := send(t, 200, "GET", at+"/account/me", "Cookie", again); r.body != "bob" || len(r.Cookies()) > 0 {
		t.Errorf("got %q and %d cookies, want bob and none", r.body, len(r.Cookies()))
	}
}

// refused wants refusals by the book, and no handler behind them.
func refused(t *testing.T, m *session.Manager, at string) {
	both, _ := cookies(t, m, alice)
	for _, tt := range []struct {
		status    int
		headers   []string
		challenge string
		body      string
	}{
		{401, nil, "Bearer", `{"error":"no_token"}`},
		{401, []string{"Authorization", "Bearer x.y.z", "Cookie", both}, `Bearer error="invalid_token"`, `{"error":"invalid"}`},
		{403, []string{"Cookie", both, "Sec-Fetch-Site", "cross-site"}, "", `{"error":"cross_origin"}`},
		{403, []string{"Cookie", both, "Origin", "https://evil.example"}, "", `{"error":"cross_origin"}`},
		{503, []string{"Authorization", foreignBearer(t)}, "", `{"error":"unknown_key"}`},
	} {
		r := send(t, tt.status, "POST", at+"/account/notes", tt.headers...)
		if r.body != tt.body {
			t.Errorf("got %q, want %q alone", r.body, tt.body)
		}
		r.want(t, "WWW-Authenticate", tt.challenge)
		r.want(t, "Cache-Control", "no-store")
		if tt.status == 503 {
			r.want(t, "Retry-After", "1")
		}
	}
	if r := send(t, 200, "GET", at+"/", "Authorization", "Bearer x.y.z"); r.body != "stranger" {
		t.Errorf("got %q, want a stranger", r.body)
	}
	send(t, 403, "POST", at+"/api/auth/refresh", "Cookie", both, "Sec-Fetch-Site", "cross-site")
}

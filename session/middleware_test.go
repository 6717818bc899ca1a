package session_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/session"
)

// seen is what a client sees of an answer.
type seen struct {
	Status                         int
	Body, Challenge, Retry, Caches string
	Cookies                        bool
}

func look(t *testing.T, res *http.Response) seen {
	t.Helper()
	return seen{
		res.StatusCode, bodyOf(t, res), res.Header.Get("WWW-Authenticate"), res.Header.Get("Retry-After"), res.Header.Get("Cache-Control"),
		len(res.Header["Set-Cookie"]) > 0,
	}
}

// The tokens a request can carry, for tables.
func tokenOf(t *testing.T, m *session.Manager, word string) string {
	t.Helper()
	switch word {
	case "good":
		return issue(t, m, alice).AccessToken
	case "expired":
		return forge("v1", headerOf("v1", "at+jwt"), payloadOf("exp=1000000000"))
	case "unknown":
		return forge("v9", headerOf("v9", "at+jwt"), payloadOf())
	case "revoked":
		return forge("v0", headerOf("v0", "at+jwt"), payloadOf())
	case "ahead":
		return forge("v1", headerOf("v1", "at+jwt"), payloadOf("iat="+at(time.Hour)))
	}
	return word
}

// E3, E7, E12, scenario 50: who is let through, and what the others are told.
func TestRequireAndOptional(t *testing.T) {
	t.Parallel()
	const challenge, invalid = `Bearer`, `Bearer error="invalid_token"`
	m := managerOf(t, "v1 !v0", withCookies)
	yes := seen{200, "alice", "", "", "no-store", false}
	stranger := seen{200, "stranger", "", "", "", false}
	for _, c := range []struct {
		token             string
		require, optional seen
	}{
		{"", seen{401, `{"error":"no_token"}`, challenge, "", "no-store", false}, stranger},
		{"good", yes, yes},
		{"garbage", seen{401, `{"error":"invalid"}`, invalid, "", "no-store", false}, stranger},
		{"expired", seen{401, `{"error":"expired"}`, invalid, "", "no-store", false}, stranger},
		{"revoked", seen{401, `{"error":"revoked"}`, invalid, "", "no-store", false}, stranger},
		{"unknown", seen{503, `{"error":"unknown_key"}`, "", "1", "no-store", false}, stranger},
		{"ahead", seen{503, `{"error":"unavailable"}`, "", "1", "no-store", false}, seen{503, `{"error":"unavailable"}`, "", "1", "no-store", false}},
	} {
		for _, transport := range []string{"Authorization: Bearer ", "Cookie: " + accessCookie + "="} {
			r := request("/")
			if c.token != "" {
				r = request("/", transport+tokenOf(t, m, c.token))
			}
			if diff := cmp.Diff(c.require, look(t, serve(m.Require(hello), r))); diff != "" {
				t.Errorf("Require, %s%s (-want +got):\n%s", transport, c.token, diff)
			}
			if diff := cmp.Diff(c.optional, look(t, serve(m.Optional(hello), r))); diff != "" {
				t.Errorf("Optional, %s%s (-want +got):\n%s", transport, c.token, diff)
			}
		}
	}
}

// E7, E8: Vary is added to, never set, and refusals are JSON that no browser guesses at.
func TestAnswerHeaders(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v1", withCookies)
	for name, guard := range map[string]func(http.Handler) http.Handler{
		"Require": m.Require, "Optional": m.Optional, "RequireFunc": m.RequireFunc(func(*session.Claims) error { return nil }),
	} {
		outer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Add("Vary", "Origin")
			guard(hello).ServeHTTP(w, r)
		})
		res := serve(outer, request("/"))
		if diff := cmp.Diff([]string{"Origin", "Authorization, Cookie"}, res.Header["Vary"]); diff != "" {
			t.Errorf("%s: Vary (-want +got):\n%s", name, diff)
		}
		if res.StatusCode != 401 {
			continue
		}
		if got := res.Header.Get("Content-Type") + " " + res.Header.Get("X-Content-Type-Options"); got != "application/json; charset=utf-8 nosniff" {
			t.Errorf("%s: got %q, want JSON and nosniff", name, got)
		}
	}
}

// A handler may say otherwise about caches.
func TestHandlerDecidesOnCaching(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v1")
	h := m.Require(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Cache-Control", "private, max-age=60") }))
	res := serve(h, request("/", "Authorization: Bearer "+issue(t, m, alice).AccessToken))
	if got := res.Header.Get("Cache-Control"); got != "private, max-age=60" {
		t.Errorf("got %q, want what the handler said", got)
	}
}

// RequireFunc: a refusal is 403 whatever its error wraps, and its text stays here.
func TestRequireFunc(t *testing.T) {
	t.Parallel()
	var told error
	m := managerOf(t, "v1", func(cfg *session.Config) {
		cfg.Refuse = func(w http.ResponseWriter, _ *http.Request, err error) {
			told = err
			w.WriteHeader(session.Status(err))
		}
	})
	good := "Authorization: Bearer " + issue(t, m, alice).AccessToken
	for _, err := range []error{errors.New("fresh sign-in needed"), session.ErrExpired, session.ErrUnavailable, session.ErrRevoked, session.ErrNoToken, fmt.Errorf("x: %w", session.ErrUnknownKey)} {
		asked := 0
		h := m.RequireFunc(func(c *session.Claims) error {
			if asked++; c.Subject != "alice" || c.Transport != "header" {
				t.Errorf("got %+v, want verified claims", c)
			}
			return err
		})(hello)
		res := serve(h, request("/", good))
		wantErr(t, told, session.ErrForbidden)
		if res.StatusCode != 403 || asked != 1 || res.Header.Get("WWW-Authenticate") != "" || told.Error() != "session: not allowed: "+err.Error() {
			t.Errorf("got %d and %v, want 403 for %v", res.StatusCode, told, err)
		}
		if res := serve(h, request("/", "Authorization: Bearer x")); res.StatusCode != 401 || asked != 1 {
			t.Errorf("got %d, asked %d times, want 401 without a question", res.StatusCode, asked)
		}
	}
	plain := managerOf(t, "v1")
	deny := plain.RequireFunc(func(*session.Claims) error { return errors.New("secret reason") })(hello)
	if got := look(t, serve(deny, request("/", good))); got.Body != `{"error":"forbidden"}` || got.Status != 403 {
		t.Errorf("got %+v, want 403 and the word forbidden (E12)", got)
	}
	allow := plain.RequireFunc(func(*session.Claims) error { return nil })(hello)
	if got := look(t, serve(allow, request("/", good))); got.Body != "alice" {
		t.Errorf("got %+v, want alice let through", got)
	}
}

// Refuse writes status and body; the headers are set before.
func TestRefuse(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v1", withCookies, func(cfg *session.Config) {
		cfg.Refuse = func(w http.ResponseWriter, r *http.Request, err error) {
			if session.Status(err) != http.StatusUnauthorized {
				http.Error(w, "please try again", session.Status(err))
				return
			}
			http.Redirect(w, r, "/login", http.StatusSeeOther)
		}
	})
	unknown := "Authorization: Bearer " + forge("v9", headerOf("v9", "at+jwt"), payloadOf())
	if got := serve(m.Require(hello), request("/account")); got.StatusCode != 303 || got.Header.Get("Location") != "/login" || got.Header.Get("WWW-Authenticate") != "Bearer" || got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("got %d %v, want the redirect and our headers", got.StatusCode, got.Header)
	}
	if got := look(t, serve(m.Require(hello), request("/account", unknown))); got.Status != 503 || got.Body != "please try again" || got.Retry != "1" {
		t.Errorf("got %+v, want 503 and Retry-After", got)
	}
	if got := serve(http.HandlerFunc(m.HandleRefresh), request("POST /refresh")); got.StatusCode != 303 {
		t.Errorf("got %d, want the handlers to refuse by it too", got.StatusCode)
	}
}

// FromContext has claims below Require and below Optional with a token, else none.
func TestFromContext(t *testing.T) {
	t.Parallel()
	if c := session.FromContext(t.Context()); c != nil {
		t.Errorf("got %+v from an empty context, want nil", c)
	}
	m := managerOf(t, "v1")
	inner := m.Optional(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if c := session.FromContext(r.Context()); c == nil || c.Transport != "header" {
			t.Errorf("got %+v, want the claims of the request", c)
		}
	}))
	serve(m.Require(inner), request("/", "Authorization: Bearer "+issue(t, m, alice).AccessToken))
}

// B14, scenario 57: being let through prolongs nothing.
func TestChecksProlongNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := managerOf(t, "v1", withCookies)
		tokens := issue(t, m, alice)
		r := request("/", cookieLine(accessCookie, tokens.AccessToken, refreshCookie, tokens.RefreshToken))
		for range 15 {
			if res := serve(m.Require(hello), r); res.StatusCode != 200 || res.Header["Set-Cookie"] != nil {
				t.Fatalf("got %d and cookies %q, want 200 and none", res.StatusCode, res.Header["Set-Cookie"])
			}
			time.Sleep(time.Minute)
		}
		time.Sleep(time.Minute)
		if res := serve(m.Require(hello), r); res.StatusCode != 401 || res.Header["Set-Cookie"] != nil {
			t.Errorf("got %d and cookies %q, want 401 and none", res.StatusCode, res.Header["Set-Cookie"])
		}
	})
}

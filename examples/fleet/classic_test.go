package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/sessionring/sessionring/examples/internal/stage"
)

// classicWith starts a classic server with a configuration.
func classicWith(t *testing.T, s secrets, c config) *classic {
	t.Helper()
	current, previous := s.classic(c)
	return newClassic(t, current, previous)
}

// newClassic starts a classic server.
func newClassic(t *testing.T, current, previous secret) *classic {
	t.Helper()
	c, err := startClassic(current, previous)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.close)
	return c
}

// browser returns one whose cookies all servers on this machine get.
func browser() stage.Browser { return stage.NewBrowser(http.DefaultTransport, time.Minute) }

func want(t *testing.T, status int, b stage.Browser, method, url string) stage.Reply {
	t.Helper()
	r, err := b.Send(method, url, `{"username":"alice","password":"alice"}`)
	if err != nil || r.Status != status {
		t.Errorf("%s %s: got %v, %v, want %d", method, url, r, err, status)
	}
	return r
}

// The classic rule is followed to the letter: what the current or the previous secret
// has signed is good, and a refresh moves to the current one. The comparison would be
// worth nothing otherwise.
func TestClassicRule(t *testing.T) {
	t.Parallel()
	s := secrets{}
	v1, v2, v3 := classicWith(t, s, a()), classicWith(t, s, b()), classicWith(t, s, c())
	u := browser()
	want(t, 401, u, "POST", v1.url+"/api/auth/refresh")
	want(t, 200, u, "POST", v1.url+"/api/auth/login")
	want(t, 200, u, "GET", v1.url+"/api/me")
	want(t, 200, u, "GET", v2.url+"/api/me")
	if r := want(t, 401, u, "POST", v3.url+"/api/auth/refresh"); r.Word("error") != "signed with v1 at a server with v3 and v2" {
		t.Errorf("got %v", r)
	}
	want(t, 204, u, "POST", v2.url+"/api/auth/refresh")
	want(t, 200, u, "GET", v3.url+"/api/me")
	want(t, 401, u, "GET", v1.url+"/api/me")
	if r := want(t, 401, u, "POST", v1.url+"/api/auth/refresh"); r.Word("error") != "signed with v2 at a server with v1" {
		t.Errorf("got %v", r)
	}
	v1.set(s.classic(c()))
	if r := want(t, 200, u, "GET", v1.url+"/api/me"); r.Word("subject") != "alice" {
		t.Errorf("got %v, want alice", r)
	}
}

// A token of another kind, one that has expired, and one that was changed are refused.
func TestClassicRefuses(t *testing.T) {
	t.Parallel()
	key := secret{"v1", []byte("x")}
	c := newClassic(t, key, secret{})
	now := time.Now().Unix()
	good := claims{"alice", "access", "v1", now, now + 60}
	expired, other := good, good
	expired.Expires, other.Type = now, "refresh"
	for name, token := range map[string]string{
		"expired":      sign(expired, key.bytes),
		"other kind":   sign(other, key.bytes),
		"other secret": sign(good, []byte("y")),
		"no secret":    sign(good, nil),
		"no token":     "x",
		"no body":      "x.y.z",
	} {
		if got := me(t, c, token); got != 401 {
			t.Errorf("%s: got %d, want 401", name, got)
		}
	}
	if got := me(t, c, sign(good, key.bytes)); got != 200 {
		t.Errorf("got %d for a good token, want 200", got)
	}
}

// me returns the status of a request with an access token.
func me(t *testing.T, c *classic, token string) int {
	t.Helper()
	r, err := browser().Send("GET", c.url+"/api/me", "", "Cookie", "access="+token)
	if err != nil {
		t.Fatal(err)
	}
	return r.Status
}

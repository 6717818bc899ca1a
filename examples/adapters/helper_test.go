package adapters

import (
	"crypto/rand"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/sessiontest"
)

var alice = session.Grant{Subject: "alice"}

// newSessions returns a Manager that refreshes on the way.
func newSessions(t *testing.T) *session.Manager {
	t.Helper()
	cfg := sessiontest.Config(t)
	cfg.SilentRefresh = true
	m, err := session.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// serve serves h on loopback and returns its address.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// cookies returns those of a new session, as a request carries them.
func cookies(t *testing.T, m *session.Manager, g session.Grant) (both, refresh string) {
	t.Helper()
	r := httptest.NewRequest("GET", "/", nil)
	sessiontest.SignIn(t, m, r, g)
	for _, c := range r.Cookies() {
		if c.Name == "__Host-refresh" {
			refresh = c.Name + "=" + c.Value
		}
	}
	if refresh == "" {
		t.Fatal("there is no refresh cookie")
	}
	return r.Header.Get("Cookie"), refresh
}

// bearer returns the value of an Authorization header.
func bearer(t *testing.T, m *session.Manager) string {
	t.Helper()
	tokens, err := m.Issue(t.Context(), alice)
	if err != nil {
		t.Fatal(err)
	}
	return "Bearer " + tokens.AccessToken
}

// foreignBearer is bearer under a key that is unknown here, so nobody can tell.
func foreignBearer(t *testing.T) string {
	t.Helper()
	secret := make([]byte, 32)
	rand.Read(secret)
	key, err := keyring.NewKey("v1", []byte(hex.EncodeToString(secret)))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := keyring.New(key)
	if err != nil {
		t.Fatal(err)
	}
	m, err := session.New(session.Config{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return bearer(t, m)
}

// reply is an answer, read to its end.
type reply struct {
	*http.Response
	body string
}

// send sends a request with headers, name by value, and wants a status.
func send(t *testing.T, status int, method, url string, headers ...string) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	got := reply{answer, strings.TrimSpace(string(body))}
	if got.StatusCode != status {
		t.Errorf("%s %s: got %d %s, want %d", method, url, got.StatusCode, got.body, status)
	}
	return got
}

// want holds a header, all its lines, to a value.
func (r reply) want(t *testing.T, header, value string) {
	t.Helper()
	if got := strings.Join(r.Header.Values(header), ", "); got != value {
		t.Errorf("%s: got %q, want %q", header, got, value)
	}
}

// wantCookies wants cookies of both kinds, and returns them as a request carries them.
func (r reply) wantCookies(t *testing.T) string {
	t.Helper()
	var names, pairs []string
	for _, c := range r.Cookies() {
		names = append(names, c.Name)
		pairs = append(pairs, c.Name+"="+c.Value)
		if !c.HttpOnly || !c.Secure || c.MaxAge <= 0 {
			t.Errorf("got %s without its attributes", c.Name)
		}
	}
	if got := strings.Join(names, " "); got != "__Host-access __Host-refresh" {
		t.Fatalf("got the cookies %q, want both", got)
	}
	if !strings.Contains(strings.Join(r.Header.Values("Cache-Control"), ","), "no-store") {
		t.Error("an answer with cookies may be cached")
	}
	return strings.Join(pairs, "; ")
}

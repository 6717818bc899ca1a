package session_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/sessionring/sessionring/cookie"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
)

// keysOf returns the keys that words describe, newest first: the tag of each,
// behind signs for its state.
//
//	v1 live   +v1 spare   !v1 revoked   ?v1 revoked, its secret gone
func keysOf(t testing.TB, words string) []keyring.Key {
	t.Helper()
	var list []string
	for _, word := range strings.Fields(words) {
		tag := strings.TrimLeft(word, "+!?")
		jwk := fmt.Sprintf(`"kty":"oct","kid":"%s"`, kidOf(tag))
		if !strings.Contains(word, "?") {
			jwk += fmt.Sprintf(`,"k":"%s"`, b64(secretOf(tag)))
		}
		if strings.ContainsAny(word, "!?") {
			jwk += `,"revoked":true`
		}
		if strings.Contains(word, "+") {
			jwk += `,"spare":true`
		}
		list = append(list, "{"+jwk+"}")
	}
	keys, err := keyring.ParseKeys([]byte(`{"keys":[` + strings.Join(list, ",") + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// ringOf returns a keyring of the keys that words describe.
func ringOf(t testing.TB, words string) *keyring.Keyring {
	t.Helper()
	k, err := keyring.New(keysOf(t, words)...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// managerOf returns a Manager with the keys that words describe.
func managerOf(t testing.TB, words string, edits ...func(*session.Config)) *session.Manager {
	t.Helper()
	cfg := session.Config{Keys: ringOf(t, words)}
	for _, edit := range edits {
		edit(&cfg)
	}
	m, err := session.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// managerWith returns a Manager with keys that all have one tag, and the secrets
// of others.
func managerWith(t testing.TB, tag string, secrets ...string) *session.Manager {
	t.Helper()
	var keys []keyring.Key
	for _, s := range secrets {
		key, err := keyring.NewKey(tag, secretOf(s))
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	k, err := keyring.New(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return managerOf(t, "v1", func(cfg *session.Config) { cfg.Keys = k })
}

// withCookies is the same-site policy for managerOf.
func withCookies(cfg *session.Config) { cfg.Cookies = cookie.SameSite() }

// issue returns the tokens of a new session.
func issue(t testing.TB, m *session.Manager, g session.Grant) session.Tokens {
	t.Helper()
	tokens, err := m.Issue(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// refresh returns the next tokens of a session.
func refresh(t testing.TB, m *session.Manager, tokens session.Tokens) session.Tokens {
	t.Helper()
	next, err := m.Refresh(t.Context(), tokens.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// verify returns the claims of an access token that must be good.
func verify(t testing.TB, m *session.Manager, token string) *session.Claims {
	t.Helper()
	c, err := m.Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var alice = session.Grant{Subject: "alice"}

// sentinels are the refusals a caller can tell apart.
var sentinels = []error{
	session.ErrNoToken, session.ErrExpired, session.ErrInvalid, session.ErrUnknownKey, session.ErrRevoked,
	session.ErrCrossOrigin, session.ErrForbidden, session.ErrUnavailable,
}

// wantErr fails unless err is want, and no other refusal beside it.
func wantErr(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
	for _, s := range sentinels {
		if errors.Is(err, s) && !errors.Is(want, s) {
			t.Fatalf("got %v, which is %v as well as %v", err, s, want)
		}
	}
}

// refused fails unless Verify refuses token with want, and without claims.
func refused(t testing.TB, m *session.Manager, token string, want error) {
	t.Helper()
	c, err := m.Verify(t.Context(), token)
	wantErr(t, err, want)
	if c != nil {
		t.Fatalf("got claims together with %v, want none", err)
	}
}

// happened is one event and the hook that it came to.
type happened struct {
	Hook string
	session.Event
}

// events collects what the hooks of a Manager are told.
type events struct {
	mu   sync.Mutex
	list []happened
}

// observe returns the events of m from now on.
func observe(m *session.Manager) *events {
	e := new(events)
	to := func(hook string) func(context.Context, session.Event) {
		return func(_ context.Context, event session.Event) {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.list = append(e.list, happened{hook, event})
		}
	}
	m.Observe(session.Hooks{Checked: to("checked"), SignedIn: to("signed in"), Refreshed: to("refreshed"), Revoked: to("revoked"), Key: to("key")})
	return e
}

// take returns the events so far and forgets them.
func (e *events) take() []happened {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := e.list
	e.list = nil
	return list
}

// words returns the events so far, as "hook: name reason subject", and forgets them.
func (e *events) words() []string {
	var list []string
	for _, h := range e.take() {
		list = append(list, fmt.Sprintf("%s: %s %s %s", h.Hook, h.Name, h.Reason, h.Subject))
	}
	return list
}

// logBook is a log that tests can read.
type logBook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// logger returns a logger of everything into l.
func (l *logBook) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// records returns the records with that message, without time and message.
func (l *logBook) records(t testing.TB, message string) []map[string]any {
	t.Helper()
	var list []map[string]any
	for line := range strings.Lines(l.String()) {
		var record map[string]any
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatal(err)
		}
		if record["msg"] != message {
			continue
		}
		delete(record, "time")
		delete(record, "msg")
		list = append(list, record)
	}
	return list
}

// request returns a request with headers given as "Name: value". Without a
// method in front it is a GET.
func request(target string, headers ...string) *http.Request {
	method, url, ok := strings.Cut(target, " ")
	if !ok {
		method, url = http.MethodGet, target
	}
	r := httptest.NewRequest(method, url, nil)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	return r
}

// withBody is request with a body.
func withBody(target, body string, headers ...string) *http.Request {
	r := request(target, headers...)
	fresh := httptest.NewRequest(r.Method, r.URL.String(), strings.NewReader(body))
	fresh.Header = r.Header
	return fresh
}

// cookieLine returns the header with these cookies, given as name and value.
func cookieLine(pairs ...string) string {
	var list []string
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, pairs[i]+"="+pairs[i+1])
	}
	return "Cookie: " + strings.Join(list, "; ")
}

// The names of the cookies of the same-site policy.
const (
	accessCookie  = "__Host-access"
	refreshCookie = "__Host-refresh"
)

// serve returns the answer of h to r.
func serve(h http.Handler, r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

// hello answers with the subject, or "stranger".
var hello = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	if c := session.FromContext(r.Context()); c != nil {
		fmt.Fprint(w, c.Subject)
		return
	}
	fmt.Fprint(w, "stranger")
})

// bodyOf returns the body of an answer.
func bodyOf(t testing.TB, res *http.Response) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := b.ReadFrom(res.Body); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}

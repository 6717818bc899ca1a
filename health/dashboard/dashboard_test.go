package dashboard_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/health"
	"github.com/sessionring/sessionring/health/dashboard"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
	"github.com/sessionring/sessionring/session/sessiontest"
)

// service is a server with a dashboard for the user admin.
type service struct {
	m      *session.Manager
	keys   *keyring.Keyring
	health *health.Handler
	board  http.Handler
}

// serve returns the service of cfg, which shares lifetimes that suit the tests.
func serve(t *testing.T, edits ...func(*session.Config)) *service {
	t.Helper()
	cfg := sessiontest.Config(t)
	cfg.AccessTTL, cfg.RefreshTTL = 15*time.Minute, time.Hour
	for _, edit := range edits {
		edit(&cfg)
	}
	m, err := session.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return (&service{m: m, keys: cfg.Keys}).withBoard(t, func(*dashboard.Config) {})
}

var errNotAdmin = errors.New("only the administrator may")

func adminOnly(c *session.Claims) error {
	if c.Subject != "admin" {
		return errNotAdmin
	}
	return nil
}

// ask sends a request of a user to the dashboard, "" for nobody.
func (s *service) ask(t *testing.T, user, line, body string) (int, string) {
	t.Helper()
	method, path, _ := strings.Cut(line, " ")
	r := httptest.NewRequest(method, "https://example.com"+path, strings.NewReader(body))
	if user != "" {
		tokens, err := s.m.Issue(t.Context(), session.Grant{Subject: user, MaxAge: 10 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+tokens.AccessToken)
	}
	w := httptest.NewRecorder()
	s.board.ServeHTTP(w, r)
	if got := w.Header().Get("Cache-Control"); w.Code < 300 && got != "no-store" {
		t.Errorf("%s: got Cache-Control %q, want no-store", line, got)
	}
	return w.Code, strings.TrimSpace(w.Body.String())
}

// states returns the keys as "tag state", newest first.
func (s *service) states() string {
	var list []string
	for _, k := range s.keys.List() {
		list = append(list, k.Tag+" "+k.State)
	}
	return strings.Join(list, ", ")
}

const (
	statusLine = "GET /admin/api/status"
	rotateLine = "POST /admin/api/keys/rotate"
	revokeLine = "POST /admin/api/keys/revoke"
	dropLine   = "POST /admin/api/keys/drop"
)

func TestNewRefuses(t *testing.T) {
	_, err := dashboard.New(dashboard.Config{})
	if err == nil || !strings.Contains(err.Error(), "Sessions is required") || !strings.Contains(err.Error(), "Allow is required") {
		t.Errorf("got %v, want both faults", err)
	}
}

// Nobody but those whom Allow lets in sees or changes anything, and no foreign page.
func TestClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t)
		for _, line := range []string{statusLine, rotateLine, revokeLine, dropLine, "GET /admin/", "GET /admin/elsewhere"} {
			for user, want := range map[string]int{"": 401, "alice": 404} {
				if got, body := s.ask(t, user, line, `{"key":"v1"}`); got != want {
					t.Errorf("%s as %q: got %d %s, want %d", line, user, got, body, want)
				}
			}
		}
		for line, want := range map[string]int{"POST /admin/api/status": 405, "GET /admin/api/keys/rotate": 405, "DELETE /admin/api/keys/drop": 405, "GET /admin/elsewhere": 404} {
			if got, body := s.ask(t, "admin", line, ""); got != want || !strings.Contains(body, `"error":`) {
				t.Errorf("%s: got %d %s, want %d", line, got, body, want)
			}
		}
		r := httptest.NewRequest("POST", "https://example.com/admin/api/keys/rotate", nil)
		sessiontest.SignIn(t, s.m, r, session.Grant{Subject: "admin"})
		for origin, want := range map[string]int{"cross-site": 403, "same-origin": 200} {
			r.Header.Set("Sec-Fetch-Site", origin)
			w := httptest.NewRecorder()
			if s.board.ServeHTTP(w, r); w.Code != want {
				t.Errorf("from a page that is %s: got %d, want %d", origin, w.Code, want)
			}
		}
		if got := s.states(); got != "v2 current, v1 previous" {
			t.Errorf("got the keys %s, want one rotation by the page of the same origin", got)
		}
	})
}

// What the server answers about its keys, from the first day to the last of v1.
func TestStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t)
		if err := s.m.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if _, err := s.m.Issue(t.Context(), session.Grant{Subject: "alice"}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		if code, _ := s.ask(t, "admin", rotateLine, ""); code != 200 {
			t.Fatalf("rotate: got %d, want 200", code)
		}
		got := s.status(t)
		kids := s.keys.List()
		want := map[string]any{
			"time": "2000-01-01T00:00:01Z", "version": "v2",
			"keys": []any{
				map[string]any{"tag": "v2", "id": kids[0].ID, "algorithm": "HS256", "state": "current", "made": "2000-01-01T00:00:01Z",
					"last_needed": "2000-01-01T00:00:01Z", "last_issued": "2000-01-01T00:00:01Z", "needed_hour": 0., "droppable": "no", "sessions_lost": 0.},
				map[string]any{"tag": "v1", "id": kids[1].ID, "algorithm": "HS256", "state": "previous", "made": "2000-01-01T00:00:00Z",
					"last_needed": "2000-01-01T00:00:01Z", "last_issued": "2000-01-01T00:00:01Z", "needed_hour": 5., "droppable": "no", "droppable_from": "2000-01-02T01:00:01Z", "sessions_lost": 4.},
			},
			"sessions":  map[string]any{"v1": 4., "v2": 1.},
			"refreshes": map[string]any{"adopt": 0., "choose": 0., "extend": 0., "forged": 0., "reuse": 0., "same": 0., "sibling": 0.},
			"instances": got["instances"],
			"health":    got["health"],
			"alerts":    []any{},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("status (-want +got):\n%s", diff)
		}
		if i := got["instances"].([]any); len(i) != 1 || i[0].(map[string]any)["version"] != "v1" {
			t.Errorf("got the instances %v, want this one", i)
		}
		if h := got["health"].(map[string]any); len(h) != 8 {
			t.Errorf("got the health counts %v, want all eight", h)
		}
		time.Sleep(25*time.Hour + time.Minute)
		v1 := s.status(t)["keys"].([]any)[1].(map[string]any)
		if v1["droppable"] != "yes" || v1["sessions_lost"] != 0. {
			t.Errorf("got %v a day after the last token has expired, want it droppable", v1)
		}
	})
}

// status returns what the server answers.
func (s *service) status(t *testing.T) (v map[string]any) {
	t.Helper()
	code, body := s.ask(t, "admin", statusLine, "")
	if err := json.Unmarshal([]byte(body), &v); code != 200 || err != nil {
		t.Fatalf("got %d %s, %v", code, body, err)
	}
	return v
}

// Keys are changed as asked, and a key that sessions need is dropped only by force.
func TestKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t)
		step := func(line, body string, code int, want, states string) {
			t.Helper()
			got, answer := s.ask(t, "admin", line, body)
			if got != code || !strings.Contains(answer, want) {
				t.Errorf("%s %s: got %d %s, want %d with %s", line, body, got, answer, code, want)
			}
			if now := s.states(); now != states {
				t.Errorf("%s %s: got the keys %s, want %s", line, body, now, states)
			}
		}
		if _, err := s.m.Issue(t.Context(), session.Grant{Subject: "alice"}); err != nil {
			t.Fatal(err)
		}
		step(dropLine, `{"key":"v1"}`, 409, `"error":"in_use","message":"keyring: key is still in use: `+s.keys.List()[0].ID+` is the current key, or the last live one beside spares: rotate first`, "v1 current")
		step(dropLine, `{"key":"v1","force":true}`, 409, `"error":"in_use"`, "v1 current")
		step(rotateLine, "", 200, `{"tag":"v2","kid":"v2.`, "v2 current, v1 previous")
		kid := s.keys.List()[1].ID
		step(dropLine, `{"key":"v1"}`, 409, kid+` is needed until 2000-01-02T01:00:00Z; live sessions that would be lost now: 4","sessions_lost":4,"droppable_from":"2000-01-02T01:00:00Z"`, "v2 current, v1 previous")
		step(dropLine, `{"key":"v1","force":true}`, 200, kid, "v2 current")
		step(dropLine, `{"key":"v1"}`, 404, `"error":"no_such_key"`, "v2 current")
		step(rotateLine, "{}", 200, "v3", "v3 current, v2 previous")
		step(revokeLine, `{"key":"v3"}`, 200, `{"tag":"v3","kid":"v3.`, "v4 current, v3 revoked, v2 previous")
		step(revokeLine, `{"key":"v3"}`, 200, "v3.", "v4 current, v3 revoked, v2 previous")
		step(revokeLine, `{"key":"`+strings.Repeat("x", 64)+`"}`, 404, `"message":"no key, or more than one, has that kid or tag"`, "v4 current, v3 revoked, v2 previous")
		for _, bad := range []string{`{"key":`, `[]`, `"v2"`, `{"key":"` + strings.Repeat("x", 5000) + `"}`, `{"force":"yes"}`, "null", `{"key":"v3","key":"v4"}`,
			`{"kid":"v3"}`, `{"x":1}`, `{"Key":"v2"}`, `{"key":"v2","Force":true}`, `{"key":"v2","forced":true}`, `{"":"v2"}`} {
			for _, line := range []string{rotateLine, revokeLine, dropLine} {
				step(line, bad, 400, `"error":"invalid","message":"the body is no JSON object such as {\"key\": \"v1\"}"`, "v4 current, v3 revoked, v2 previous")
			}
		}
		step(revokeLine, "", 404, "no_such_key", "v4 current, v3 revoked, v2 previous")
		time.Sleep(26 * time.Hour)
		step(dropLine, `{"key":"v2"}`, 200, "v2.", "v4 current, v3 revoked")
	})
}

// A new key that only co-signs yet has no date from which it may go: by then it signs.
func TestKeyBeforeItSigns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, func(cfg *session.Config) {
			keys, err := keyring.FromStore(t.Context(), keyring.Shared{Store: new(memstore.Store), KEK: rand.Text() + rand.Text(), Algorithm: "EdDSA"})
			if err != nil {
				t.Fatal(err)
			}
			cfg.Keys = keys
		})
		if err := s.m.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := s.keys.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := s.m.Issue(t.Context(), session.Grant{Subject: "alice"}); err != nil {
			t.Fatal(err)
		}
		v2 := s.status(t)["keys"].([]any)[0].(map[string]any)
		if v2["state"] != "spare" || v2["droppable"] != "no" || v2["droppable_from"] != nil {
			t.Errorf("got %v, want a spare that may not go, without a date", v2)
		}
		want := fmt.Sprintf(`"error":"in_use","message":"%v becomes the current key on %v: from when it may go`, v2["id"], v2["activates"])
		if code, answer := s.ask(t, "admin", dropLine, `{"key":"v2"}`); code != 409 || !strings.Contains(answer, want) || strings.Contains(answer, "droppable_from") {
			t.Errorf("got %d %s, want 409 with %s", code, answer, want)
		}
		if code, _ := s.ask(t, "admin", dropLine, `{"key":"v2","force":true}`); code != 200 {
			t.Errorf("forced: got %d, want 200", code)
		}
	})
}

// A key stays until its date though no session needs it any more: tokens of sessions that
// have ended may still be about, and of those that nobody counts.
func TestKeysStayUntilTheirDate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t)
		if err := s.m.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := s.m.Issue(t.Context(), session.Grant{Subject: "alice"}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.keys.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.m.RevokeSubject(t.Context(), "alice"); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			wait      time.Duration
			droppable string
			code      int
		}{{time.Second, "no", 409}, {26 * time.Hour, "yes", 200}} {
			time.Sleep(c.wait)
			v1 := s.status(t)["keys"].([]any)[1].(map[string]any)
			if v1["droppable"] != c.droppable || v1["sessions_lost"] != 0.0 {
				t.Errorf("after %v: got %v, want %s, and no session lost", c.wait, v1, c.droppable)
			}
			if code, answer := s.ask(t, "admin", dropLine, `{"key":"v1"}`); code != c.code {
				t.Fatalf("after %v: got %d %s, want %d", c.wait, code, answer, c.code)
			}
		}
	})
}

// Where nobody can tell, or the keys are changed elsewhere, the answer says so.
func TestCannot(t *testing.T) {
	stateless := func(cfg *session.Config) { cfg.Store = nil }
	secret := make([]byte, 32)
	rand.Read(secret)
	key, err := keyring.NewKey("v1", secret)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := keyring.New(key)
	if err != nil {
		t.Fatal(err)
	}
	fixed := func(cfg *session.Config) { cfg.Keys = keys }
	for _, c := range []struct {
		name, line, body string
		edit             func(*session.Config)
		code             int
		want             string
	}{
		{"stateless", dropLine, `{"key":"v1"}`, stateless, 503, `"error":"unavailable","message":"nobody can tell whether sessions need v1.`},
		{"stateless", statusLine, "", stateless, 200, `"droppable":"unknown"`},
		{"fixed keys", rotateLine, "", fixed, 409, `"error":"not_changeable","message":"keyring: the keys cannot be changed from here`},
		{"fixed keys", revokeLine, `{"key":"v1"}`, fixed, 409, "not_changeable"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := serve(t, c.edit)
			if c.code != 409 {
				if _, err := s.keys.Rotate(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if code, body := s.ask(t, "admin", c.line, c.body); code != c.code || !strings.Contains(body, c.want) {
				t.Errorf("%s, %s: got %d %s, want %d with %s", c.name, c.line, code, body, c.code, c.want)
			}
		})
	}
	m, err := session.New(sessiontest.Config(t))
	if err != nil {
		t.Fatal(err)
	}
	board, err := dashboard.New(dashboard.Config{Sessions: m, Allow: adminOnly})
	if err != nil {
		t.Fatal(err)
	}
	s := &service{m: m, board: board}
	if code, body := s.ask(t, "admin", rotateLine, ""); code != 409 || !strings.Contains(body, "not_changeable") {
		t.Errorf("without Config.Keys: got %d %s, want 409 not_changeable", code, body)
	}
}

// A store that is down leaves an operator with what this instance knows, and changes
// nothing.
func TestStoreDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(fragile)
		s := serve(t, func(cfg *session.Config) { cfg.Store, cfg.Revocation = store, session.Off })
		tokens, err := s.m.Issue(t.Context(), session.Grant{Subject: "admin"})
		if err != nil {
			t.Fatal(err)
		}
		store.down = true
		for _, c := range []struct {
			line string
			code int
			want []string
		}{
			{statusLine, 200, []string{`"error":"unavailable"`, `"tag":"v1"`}},
			{dropLine, 503, []string{`"error":"unavailable"`}},
		} {
			method, path, _ := strings.Cut(c.line, " ")
			r := httptest.NewRequest(method, "https://example.com"+path, strings.NewReader(`{"key":"v1"}`))
			r.Header.Set("Authorization", "Bearer "+tokens.AccessToken)
			w := httptest.NewRecorder()
			s.board.ServeHTTP(w, r)
			for _, want := range c.want {
				if w.Code != c.code || !strings.Contains(w.Body.String(), want) {
					t.Errorf("%s: got %d %s, want %d with %s", c.line, w.Code, w.Body, c.code, want)
				}
			}
		}
	})
}

// fragile is a store that can be down.
type fragile struct {
	memstore.Store
	down bool
}

func (f *fragile) Count(ctx context.Context) (map[string]int, error) {
	if f.down {
		return nil, errors.New("the store is away")
	}
	return f.Store.Count(ctx)
}

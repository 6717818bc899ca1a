package sessiontest_test

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/cookie"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/sessiontest"
)

// service is an application on a configuration.
func service(t testing.TB, cfg session.Config) (*session.Manager, http.Handler) {
	t.Helper()
	m, err := session.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	links := m.Purpose("invitation", time.Hour)
	link, err := links.Issue(t.Context(), "alice", nil)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("username") != "alice" {
			http.Error(w, "wrong name", http.StatusUnauthorized)
			return
		}
		if cfg.Cookies != nil {
			if err := m.SignIn(w, r, session.Grant{Subject: "alice"}); err != nil {
				http.Error(w, err.Error(), session.Status(err))
			}
			return
		}
		tokens, err := m.Issue(r.Context(), session.Grant{Subject: "alice"})
		if err != nil {
			http.Error(w, err.Error(), session.Status(err))
			return
		}
		tokens.WriteJSON(w)
	})
	mux.HandleFunc("POST /refresh", m.HandleRefresh)
	mux.Handle("GET /report", m.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "for", session.FromContext(r.Context()).Subject)
	})))
	mux.Handle("GET /invitation", m.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := links.Verify(r.Context(), link); err != nil {
			http.Error(w, err.Error(), session.Status(err))
		}
	})))
	mux.HandleFunc("GET /public", func(http.ResponseWriter, *http.Request) {})
	return m, mux
}

func login() *http.Request {
	r := httptest.NewRequest("POST", "https://example.com/login", strings.NewReader("username=alice"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func TestSignIn(t *testing.T) {
	for name, cookies := range map[string]session.Cookies{"by cookie": cookie.SameSite(), "by header": nil} {
		synctest.Test(t, func(t *testing.T) {
			cfg := sessiontest.Config(t)
			cfg.Cookies = cookies
			m, app := service(t, cfg)
			r := httptest.NewRequest("GET", "/report", nil)
			get := func() int {
				w := httptest.NewRecorder()
				app.ServeHTTP(w, r)
				return w.Code
			}
			if got := get(); got != 401 {
				t.Errorf("%s: got %d before, want 401", name, got)
			}
			sessiontest.SignIn(t, m, r, session.Grant{Subject: "alice"})
			if got := get(); got != 200 || (r.Header.Get("Authorization") != "") != (cookies == nil) {
				t.Errorf("%s: got %d with the headers of %d cookies, want 200", name, got, len(r.Cookies()))
			}
			time.Sleep(17 * time.Minute)
			if got := get(); got != 401 {
				t.Errorf("%s: got %d after the access token has expired, want 401", name, got)
			}
		})
	}
}

func TestSurvivesRotation(t *testing.T) {
	fixed, err := keyring.New(newKey(t, "v7"), newKey(t, "v6"), newKey(t, "v5"))
	if err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(*session.Config){
		"in a store": func(*session.Config) {},
		"strict":     func(cfg *session.Config) { cfg.Revocation = session.Strict },
		"stateless":  func(cfg *session.Config) { cfg.Store = nil },
		"by header":  func(cfg *session.Config) { cfg.Cookies = nil },
		"fixed keys": func(cfg *session.Config) { cfg.Keys = fixed },
	} {
		cfg := sessiontest.Config(t)
		edit(&cfg)
		_, app := service(t, cfg)
		before := cfg.Keys.List()
		for _, check := range []string{"GET /report", "POST /refresh", "GET /invitation"} {
			if name == "by header" && check == "POST /refresh" {
				continue // its token is in the body
			}
			method, path, _ := strings.Cut(check, " ")
			r := &recorder{TB: t}
			sessiontest.SurvivesRotation(r, cfg.Keys, app, login(), httptest.NewRequest(method, "https://example.com"+path, nil))
			if len(r.faults) != 0 {
				t.Errorf("%s, %s: got %q, want no faults", name, check, r.faults)
			}
		}
		if got := cfg.Keys.List(); fmt.Sprint(got) != fmt.Sprint(before) {
			t.Errorf("%s: got the keys %v afterwards, want %v", name, got, before)
		}
	}
}

// SurvivesRotation notices what does not survive, and what proves nothing.
func TestDoesNotSurvive(t *testing.T) {
	cfg := sessiontest.Config(t)
	m, app := service(t, cfg)
	other := sessiontest.Config(t)
	_, elsewhere := service(t, other)
	get := func(path string) *http.Request { return httptest.NewRequest("GET", "https://example.com"+path, nil) }
	for _, c := range []struct {
		name, want    string
		app           http.Handler
		signIn, check *http.Request
	}{
		{"current version only", "a new key has joined: got 401 for who signed in before the rotation, want 200", currentOnly(m, app), login(), get("/report")},
		{"sign-in refused", "signIn before the rotation: got 401", app, httptest.NewRequest("POST", "/login", nil), get("/report")},
		{"sign-in that signs nobody in", "signIn before the rotation: got 200", app, get("/public"), get("/report")},
		{"open to all", "check is answered with 200 to who is signed in and 200 to others", app, login(), get("/public")},
		{"closed to all", "check is answered with 404", app, login(), get("/nowhere")},
		{"another keyring", "the app checks with another keyring", elsewhere, login(), get("/report")},
	} {
		before := fmt.Sprint(cfg.Keys.List())
		r := &recorder{TB: t}
		sessiontest.SurvivesRotation(r, cfg.Keys, c.app, c.signIn, c.check)
		if len(r.faults) == 0 || !strings.Contains(r.faults[0], c.want) {
			t.Errorf("%s: got the faults %q, want first one with %q", c.name, r.faults, c.want)
		}
		if got := fmt.Sprint(cfg.Keys.List()); got != before {
			t.Errorf("%s: got the keys %s afterwards, want %s", c.name, got, before)
		}
	}
}

// A body is sent again each time, and one that GetBody makes is made each time.
func TestBodies(t *testing.T) {
	cfg := sessiontest.Config(t)
	m, app := service(t, cfg)
	bodies := map[string]int{}
	heard := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/form" {
			bodies[r.FormValue("id")]++
			r.URL.Path, r.Method = "/report", "GET"
		}
		app.ServeHTTP(w, r)
	})
	form := func(body string) *http.Request {
		r := httptest.NewRequest("POST", "https://example.com/form", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return r
	}
	sessiontest.SurvivesRotation(t, cfg.Keys, heard, login(), form("id=same"))
	if len(bodies) != 1 || bodies["same"] < 30 {
		t.Errorf("got the bodies %v, want one that was sent often", bodies)
	}
	r, n := form(""), 0
	r.GetBody = func() (io.ReadCloser, error) {
		n++
		return io.NopCloser(strings.NewReader(fmt.Sprint("id=", n))), nil
	}
	clear(bodies)
	sessiontest.SurvivesRotation(t, cfg.Keys, heard, login(), r)
	if len(bodies) != n || n < 30 || m.Version() == "" {
		t.Errorf("got %d bodies, want %d", len(bodies), n)
	}
}

// currentOnly is the classic mistake: it compares the version of a token.
func currentOnly(m *session.Manager, app http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := m.Check(r); err == nil && c.Tag != m.Version() {
			http.Error(w, "outdated", http.StatusUnauthorized)
			return
		}
		app.ServeHTTP(w, r)
	})
}

// recorder is a test that collects its faults.
type recorder struct {
	testing.TB
	faults []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}

// newKey returns a key with a random secret.
func newKey(t testing.TB, tag string) keyring.Key {
	t.Helper()
	secret := make([]byte, 32)
	rand.Read(secret)
	key, err := keyring.NewKey(tag, secret)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

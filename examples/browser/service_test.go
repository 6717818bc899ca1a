package browser_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/sessionring/sessionring/cookie"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// service is a server of this process: an API at the hosts named api, whose policy may
// change while it runs, and an empty page at every other host below .test.
type service struct {
	*testing.T
	port string
	hash string // of the key of its certificate
	cfg  session.Config

	mu   sync.Mutex
	api  http.Handler
	seen []exchange
}

// exchange is a request to the API, and its answer.
type exchange struct {
	method, path, origin string
	cookies              bool // it carried some
	status               int
	sets                 []string
}

func newService(t *testing.T) *service {
	t.Helper()
	key, err := keyring.NewKey("v1", []byte(newSecret()))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := keyring.New(key)
	if err != nil {
		t.Fatal(err)
	}
	s := &service{T: t, cfg: session.Config{Keys: keys, Store: new(memstore.Store)}}
	server := httptest.NewTLSServer(http.HandlerFunc(s.serve))
	t.Cleanup(server.Close)
	u, _ := url.Parse(server.URL)
	sum := sha256.Sum256(server.Certificate().RawSubjectPublicKeyInfo)
	s.port, s.hash = u.Port(), base64.StdEncoding.EncodeToString(sum[:])
	return s
}

// at returns the origin of a host.
func (s *service) at(host string) string { return "https://" + host + ":" + s.port }

// use changes the policy of the API.
func (s *service) use(cfg cookie.Config) {
	s.Helper()
	policy, err := cookie.New(cfg)
	if err != nil {
		s.Fatal(err)
	}
	s.cfg.Cookies = policy
	m, err := session.New(s.cfg)
	if err != nil {
		s.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		if err := m.SignIn(w, r, session.Grant{Subject: "demo"}); err != nil {
			http.Error(w, err.Error(), session.Status(err))
		}
	})
	mux.HandleFunc("/refresh", m.HandleRefresh)
	mux.HandleFunc("/logout", m.HandleSignOut)
	mux.Handle("/me", m.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, session.FromContext(r.Context()).SessionID)
	})))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.api = policy.Handler(mux)
}

func (s *service) serve(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.Host, "api.") {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, "<!doctype html><title>page</title>")
		return
	}
	if r.URL.Path == "/favicon.ico" { // browsers ask for it when they like
		http.NotFound(w, r)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	answer := httptest.NewRecorder()
	s.api.ServeHTTP(answer, r)
	s.seen = append(s.seen, exchange{
		r.Method, r.URL.Path, r.Header.Get("Origin"), r.Header.Get("Cookie") != "", answer.Code, answer.Header()["Set-Cookie"],
	})
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	io.Copy(w, answer.Body)
}

// take returns what the API has seen since the last call.
func (s *service) take() []exchange {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.seen
	s.seen = nil
	return seen
}

// fetch has the page call with credentials, and returns the status and the body, or what
// the page is told if it may not read the answer.
func (b *tab) fetch(method, url string) string {
	b.Helper()
	return b.text(fmt.Sprintf(`fetch(%q, {method: %q, credentials: "include"}).then(
		async (r) => r.status + " " + await r.text(), (e) => e.name)`, url, method))
}

// wantFetch wants that answer.
func (b *tab) wantFetch(method, url, want string) {
	b.Helper()
	if got := b.fetch(method, url); !strings.HasPrefix(got, want) {
		b.Errorf("%s %s: the page reads %q, want %q", method, url, got, want)
	}
}

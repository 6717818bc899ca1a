package session_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// eventually waits until a token is judged so, for ten seconds at most, and returns how
// long that took.
func eventually(t *testing.T, m *session.Manager, token, want string) time.Duration {
	t.Helper()
	begun := time.Now()
	for reason(t, m, token) != want {
		if time.Since(begun) > 10*time.Second {
			t.Fatalf("got %q for ten seconds, want %q", reason(t, m, token), want)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return time.Since(begun)
}

// service is one that signs people in, at an address that stays when it is restarted.
type service struct {
	mux     *http.ServeMux
	server  *http.Server
	address string
}

func (s *service) start(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	s.address = l.Addr().String()
	s.server = &http.Server{Handler: s.mux}
	go s.server.Serve(l)
	t.Cleanup(func() { s.server.Close() })
}

// Keys and feed over HTTP: a sign-out at the one service is in force at the other within
// its lag; the one is away, and the other is 503 until it is back; and keys made while
// it was away are known then.
func TestFeedOverHTTP(t *testing.T) {
	t.Parallel()
	secret, s := feedSecret(), new(memstore.Store)
	m, keys := issuerOf(t, s, secret)
	one := &service{mux: http.NewServeMux(), address: "127.0.0.1:0"}
	one.mux.HandleFunc("GET /.well-known/jwks.json", keys.ServeJWKS)
	one.mux.HandleFunc("GET /internal/revocations", m.ServeRevocations)
	one.mux.HandleFunc("POST /logout", m.HandleSignOut)
	one.start(t)
	public, err := keyring.FromURL(t.Context(), "http://"+one.address+"/.well-known/jwks.json")
	if err != nil {
		t.Fatal(err)
	}
	const lag = 200 * time.Millisecond
	other, err := session.New(session.Config{Keys: public, RevocationLag: lag,
		Revocations: session.RevocationFeed{URL: "http://" + one.address + "/internal/revocations", Secret: secret}})
	if err != nil {
		t.Fatal(err)
	}
	defer running(t, other)()
	tokens, gone := issue(t, m, alice), issue(t, m, alice)
	verify(t, other, tokens.AccessToken)
	verify(t, other, gone.AccessToken)
	r, _ := http.NewRequestWithContext(t.Context(), "POST", "http://"+one.address+"/logout", nil)
	r.Header.Set("Authorization", "Bearer "+gone.AccessToken)
	res, err := http.DefaultClient.Do(r)
	if err != nil || res.StatusCode != 204 {
		t.Fatal(res, err)
	}
	res.Body.Close()
	if d := eventually(t, other, gone.AccessToken, "revoked"); d > 10*lag { // the machine may be busy
		t.Errorf("the sign-out took %v to get there, want about %v", d, lag)
	}
	one.server.Close()
	eventually(t, other, tokens.AccessToken, "unavailable")
	if got := reason(t, other, gone.AccessToken); got != "revoked" {
		t.Errorf("got %q, want revoked throughout", got)
	}
	late := issue(t, m, alice)
	revoke(t, m, sidOf(t, m, late))
	one.start(t)
	eventually(t, other, tokens.AccessToken, "ok")
	refused(t, other, gone.AccessToken, session.ErrRevoked)
	refused(t, other, late.AccessToken, session.ErrRevoked)
	refresh(t, m, tokens)
}

// The secret goes to its address alone, whatever that says.
func TestFeedSecretStaysHome(t *testing.T) {
	t.Parallel()
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	home := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer home.Close()
	log := new(logBook)
	m := managerOf(t, "v1", func(cfg *session.Config) {
		cfg.Revocations, cfg.Logger = session.RevocationFeed{URL: home.URL + "/feed?key=private", Secret: feedSecret()}, log.logger()
	})
	refused(t, m, issue(t, managerOf(t, "v1"), alice).AccessToken, session.ErrUnavailable)
	if elsewhere.Load() != 0 {
		t.Error("another address was asked")
	}
	const want = "answered with status 307"
	for end := time.Now().Add(10 * time.Second); !strings.Contains(log.String(), want) && time.Now().Before(end); {
		time.Sleep(time.Millisecond) // checks do not wait for the log
	}
	if text := log.String(); !strings.Contains(text, want) || strings.Contains(text, "private") {
		t.Errorf("logged %s, want the status and no query", text)
	}
}

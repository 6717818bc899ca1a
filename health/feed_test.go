package health_test

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessionring/sessionring/health"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// A service that reads the ends of sessions from another says that a client should try
// again while it cannot, and that a session has ended once it has read so.
func TestVerdictWithFeed(t *testing.T) {
	t.Parallel()
	b := make([]byte, 32)
	rand.Read(b)
	secret, store := hex.EncodeToString(b), new(memstore.Store)
	one := managerOf(t, "v2", func(cfg *session.Config) { cfg.Store, cfg.Revocations.Secret = store, secret })
	var away atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if away.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		one.ServeRevocations(w, r)
	}))
	defer server.Close()
	h := health.New(managerOf(t, "v2", func(cfg *session.Config) {
		cfg.Revocations, cfg.RevocationLag = session.RevocationFeed{URL: server.URL, Secret: secret}, 20*time.Millisecond
	}))
	tokens, err := one.Issue(t.Context(), session.Grant{Subject: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	want := func(when, status, action string) {
		t.Helper()
		var v health.Verdict
		for begun := time.Now(); time.Since(begun) < 10*time.Second; time.Sleep(5 * time.Millisecond) {
			if v = h.Verdict(request("GET", "", tokens.AccessToken, "")); v.Status == status && v.Action == action {
				return
			}
		}
		t.Fatalf("%s: got %+v, want %s and %s", when, v, status, action)
	}
	away.Store(true)
	want("never read", "unavailable", "retry")
	away.Store(false)
	want("read", "ok", "none")
	away.Store(true)
	want("away", "unavailable", "retry")
	away.Store(false)
	want("back", "ok", "none")
	if err := one.RevokeSubject(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	want("ended", "revoked", "login")
}

package storetest

import (
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessionring/sessionring/session"
)

// recorder notes the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// served: whichever instance answers it, a service without the store hears of every
// end, and while nothing ends it is told that nothing is new.
func served(t *testing.T, s session.Store) {
	key, secret := newKey(t, "v1"), hex.EncodeToString(newSecret())
	serves := func(c *session.Config) { c.Revocations.Secret = secret }
	instances := []*instance{start(t, s, serves, key), start(t, s, serves, key)}
	var asked, same atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &recorder{w, http.StatusOK}
		instances[asked.Add(1)%2].ServeRevocations(rec, r)
		if rec.status == http.StatusNotModified {
			same.Add(1)
		}
	}))
	defer server.Close()
	there := start(t, nil, func(c *session.Config) {
		c.Revocations = session.RevocationFeed{URL: server.URL, Secret: secret}
		c.RevocationLag = 100 * time.Millisecond
	}, key)
	var gone []session.Tokens
	stays := instances[0].signIn("alice")
	for n := range 4 {
		tokens := instances[n%2].signIn("alice")
		if _, err := there.Verify(t.Context(), tokens.AccessToken); err != nil {
			t.Fatal(err)
		}
		if err := instances[n%2].Revoke(t.Context(), "alice", factsOf(t, tokens.RefreshToken).SID); err != nil {
			t.Fatal(err)
		}
		gone = append(gone, tokens)
		for _, g := range gone {
			there.eventually(g, session.ErrRevoked)
		}
		stays = instances[n%2].next(stays)
	}
	if _, err := there.Verify(t.Context(), stays.AccessToken); err != nil {
		t.Error(err)
	}
	for begun := time.Now(); same.Load() == 0; time.Sleep(50 * time.Millisecond) {
		there.Verify(t.Context(), stays.AccessToken)
		if time.Since(begun) > 5*time.Second {
			t.Fatalf("asked %d times, and told every time that something is new", asked.Load())
		}
	}
}

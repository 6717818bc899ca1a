// Package sessiontest helps an application to test its own routes: signed in, and while
// keys rotate. Time is that of testing/synctest, in which a session lives for weeks in
// no time.
package sessiontest

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/sessionring/sessionring/cookie"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// Config returns the configuration of a service that is all its own: a store in memory,
// a keyring in it with one random key, which Rotate and Revoke change, and the cookies
// of cookie.SameSite. The caller may change any field before session.New.
func Config(t testing.TB) session.Config {
	t.Helper()
	kek := make([]byte, 32)
	rand.Read(kek)
	store := new(memstore.Store)
	keys, err := keyring.FromStore(t.Context(), keyring.Shared{Store: store, KEK: hex.EncodeToString(kek), RotateEvery: -1})
	if err != nil {
		t.Fatal(err)
	}
	return session.Config{Keys: keys, Store: store, Cookies: cookie.SameSite()}
}

// SignIn makes r a request of a new session of m: with its cookies, or, where m has no
// cookies, with its access token in the Authorization header. It fails the test if the
// grant is refused.
func SignIn(t testing.TB, m *session.Manager, r *http.Request, g session.Grant) {
	t.Helper()
	w := httptest.NewRecorder()
	byCookie := m.SignIn(w, r, g)
	if byCookie == nil {
		for _, c := range w.Result().Cookies() {
			r.AddCookie(c)
		}
		return
	}
	tokens, err := m.Issue(r.Context(), g)
	if err != nil || errors.Is(byCookie, session.ErrCrossOrigin) {
		t.Fatal(errors.Join(byCookie, err))
	}
	r.Header.Set("Authorization", "Bearer "+tokens.AccessToken)
}

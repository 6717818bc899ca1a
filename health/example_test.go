package health_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/sessionring/sessionring/cookie"
	"github.com/sessionring/sessionring/health"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
)

// The page asks from sign-in to sign-out whether its tokens still fit, and learns
// what to do: nothing, refresh, sign in, or ask again.
func ExampleNew() {
	secret := sha256.Sum256([]byte("for this example only"))
	key, err := keyring.NewKey("v1", secret[:])
	if err != nil {
		log.Fatal(err)
	}
	keys, err := keyring.New(key) // keyring.FromEnv() in a program
	if err != nil {
		log.Fatal(err)
	}
	sessions, err := session.New(session.Config{Keys: keys, Cookies: cookie.SameSite()})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /api/auth/token-health", health.New(sessions))

	w := httptest.NewRecorder()
	if err := sessions.SignIn(w, httptest.NewRequest("POST", "/login", nil), session.Grant{Subject: "alice"}); err != nil {
		log.Fatal(err)
	}
	access, refresh := w.Result().Cookies()[0], w.Result().Cookies()[1]
	for _, cookies := range [][]*http.Cookie{{access, refresh}, {refresh}, nil} {
		r := httptest.NewRequest("GET", "/api/auth/token-health", nil)
		for _, c := range cookies {
			r.AddCookie(c)
		}
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		var v struct{ Status, Action string }
		if err := json.NewDecoder(w.Body).Decode(&v); err != nil {
			log.Fatal(err)
		}
		fmt.Println(w.Code, v.Status, v.Action)
	}
	// Output:
	// 200 ok none
	// 200 expired refresh
	// 200 no_token login
}

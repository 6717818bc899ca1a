package dashboard_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/sessionring/sessionring/cookie"
	"github.com/sessionring/sessionring/health"
	"github.com/sessionring/sessionring/health/dashboard"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// The dashboard is mounted in one line, and closed but for those whom Allow lets in.
func ExampleNew() {
	secret := sha256.Sum256([]byte("for this example only"))
	key, err := keyring.NewKey("v1", secret[:])
	if err != nil {
		log.Fatal(err)
	}
	keys, err := keyring.New(key) // keyring.FromFile in a program: these could not be rotated
	if err != nil {
		log.Fatal(err)
	}
	store := new(memstore.Store) // or another
	sessions, err := session.New(session.Config{Keys: keys, Cookies: cookie.SameSite(), Store: store})
	if err != nil {
		log.Fatal(err)
	}
	board, err := dashboard.New(dashboard.Config{
		Sessions:    sessions,
		Keys:        keys,
		Health:      health.New(sessions),
		Store:       store,
		RefreshPath: "/api/auth/refresh",
		SignInPath:  "/",
		Allow: func(c *session.Claims) error {
			if c.Subject != "admin" { // your own check goes here
				return session.ErrForbidden
			}
			return nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/admin/", board)

	for _, user := range []string{"", "demo", "admin"} {
		r := httptest.NewRequest("GET", "/admin/api/status", nil)
		if user != "" {
			tokens, err := sessions.Issue(context.Background(), session.Grant{Subject: user})
			if err != nil {
				log.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+tokens.AccessToken)
		}
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Printf("%q gets %d\n", user, w.Code)
	}
	// Output:
	// "" gets 401
	// "demo" gets 404
	// "admin" gets 200
}

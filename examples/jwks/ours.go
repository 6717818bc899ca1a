package main

import (
	"context"
	"net/http"

	"github.com/sessionring/sessionring/examples/internal/server"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
)

// newOurs returns a service that verifies with this library. It holds public keys, so
// it can issue nothing, and by the secret it learns which sessions have ended.
func newOurs(ctx context.Context, issuer, secret string) (*session.Manager, http.Handler, error) {
	keys, err := keyring.FromURL(ctx, issuer+jwksPath)
	if err != nil {
		return nil, nil, err
	}
	sessions, err := session.New(session.Config{
		Keys: keys, Issuer: issuer, Audience: audience,
		Revocations: session.RevocationFeed{URL: issuer + endedPath, Secret: secret},
	})
	if err != nil {
		return nil, nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/api/me", server.Only("GET", sessions.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := session.FromContext(r.Context())
		server.JSON(w, http.StatusOK, verified{c.Subject, c.Tag, kids(keys)})
	}))))
	mux.HandleFunc("/", server.NotFound)
	return sessions, mux, nil
}

// verified is what both services answer: who is signed in, the version of the key that
// signed the token, and the kids of the keys that the service has.
type verified struct {
	Subject string   `json:"subject"`
	Version string   `json:"token_version"`
	Keys    []string `json:"keys"`
}

func kids(keys *keyring.Keyring) []string {
	var list []string
	for _, k := range keys.List() {
		list = append(list, k.ID)
	}
	return list
}

package main

import (
	"net/http"
	"time"

	"github.com/sessionring/sessionring/cookie"
	"github.com/sessionring/sessionring/examples/internal/server"
	"github.com/sessionring/sessionring/health"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
)

const (
	jwksPath  = "/.well-known/jwks.json"
	endedPath = "/internal/revocations"
	audience  = "services" // whom the tokens are for
)

// newIssuer returns the service that signs people in, whose tokens name its address as
// their issuer.
func (c *company) newIssuer(keys *keyring.Keyring, store session.Store, accessTTL time.Duration) (*session.Manager, http.Handler, error) {
	policy, err := cookie.New(cookie.Config{InsecureLocal: true})
	if err != nil {
		return nil, nil, err
	}
	sessions, err := session.New(session.Config{
		Keys: keys, Cookies: policy, Store: store,
		Issuer: c.issuer, Audience: audience, AccessTTL: accessTTL,
		Revocations: session.RevocationFeed{Secret: c.secret},
		Logger:      c.log,
	})
	if err != nil {
		return nil, nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc(jwksPath, keys.ServeJWKS)
	mux.HandleFunc(endedPath, sessions.ServeRevocations)
	mux.Handle("/api/auth/login", server.Only("POST", server.SignIn{Sessions: sessions}))
	mux.HandleFunc("/api/auth/refresh", sessions.HandleRefresh)
	mux.HandleFunc("/api/auth/logout", sessions.HandleSignOut)
	mux.Handle("/api/auth/token-health", health.New(sessions))
	mux.Handle("/api/me", server.Only("GET", sessions.Require(http.HandlerFunc(server.Me))))
	mux.HandleFunc("/", server.NotFound)
	return sessions, mux, nil
}

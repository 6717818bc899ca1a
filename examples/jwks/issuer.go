package main

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/sessionring/sessionring/cookie"
	"github.com/sessionring/sessionring/examples/internal/server"
	"github.com/sessionring/sessionring/health"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
)

const (
	jwksPath = "/.well-known/jwks.json"
	audience = "services" // whom the tokens are for
)

// newIssuer returns the service that signs people in, whose tokens name its address as
// their issuer.
func newIssuer(keys *keyring.Keyring, address string, accessTTL time.Duration, log *slog.Logger) (*session.Manager, http.Handler, error) {
	policy, err := cookie.New(cookie.Config{InsecureLocal: true})
	if err != nil {
		return nil, nil, err
	}
	sessions, err := session.New(session.Config{Keys: keys, Cookies: policy, Issuer: address, Audience: audience, AccessTTL: accessTTL, Logger: log})
	if err != nil {
		return nil, nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc(jwksPath, keys.ServeJWKS)
	mux.Handle("/api/auth/login", server.Only("POST", server.SignIn{Sessions: sessions}))
	mux.HandleFunc("/api/auth/refresh", sessions.HandleRefresh)
	mux.HandleFunc("/api/auth/logout", sessions.HandleSignOut)
	mux.Handle("/api/auth/token-health", health.New(sessions))
	mux.Handle("/api/me", server.Only("GET", sessions.Require(http.HandlerFunc(server.Me))))
	mux.HandleFunc("/", server.NotFound)
	return sessions, mux, nil
}

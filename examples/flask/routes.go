package main

import (
	"net/http"

	"github.com/sessionring/sessionring/cookie"
	"github.com/sessionring/sessionring/examples/internal/server"
	"github.com/sessionring/sessionring/health"
	"github.com/sessionring/sessionring/session"
)

// app is the server.
type app struct {
	sessions   *session.Manager
	policy     *cookie.Policy
	bodyTokens bool
}

// routes returns the handler of all requests, with the cookie policy outermost.
func (a *app) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/api/auth/login", server.Only("POST", http.HandlerFunc(a.login)))
	mux.Handle("/api/auth/refresh", server.Only("POST", http.HandlerFunc(a.refresh)))
	mux.HandleFunc("/api/auth/logout", a.sessions.HandleSignOut)
	mux.Handle("/api/auth/token-health", health.New(a.sessions))
	mux.Handle("/api/me", server.Only("GET", a.sessions.Require(http.HandlerFunc(a.me))))
	mux.Handle("/healthz", server.Only("GET", http.HandlerFunc(server.OK)))
	mux.Handle("/readyz", server.Only("GET", http.HandlerFunc(server.OK)))
	mux.HandleFunc("/", server.NotFound)
	return a.policy.Handler(mux)
}

// me tells who is signed in, and which keys token and server are at.
func (a *app) me(w http.ResponseWriter, r *http.Request) {
	c := session.FromContext(r.Context())
	server.JSON(w, http.StatusOK, map[string]string{
		"user_id":        c.Subject,
		"token_version":  c.Tag,
		"server_version": a.sessions.Version(),
	})
}

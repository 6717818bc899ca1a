package main

import (
	"net/http"

	"github.com/sessionring/sessionring/cookie"
	"github.com/sessionring/sessionring/examples/internal/server"
	"github.com/sessionring/sessionring/health"
	"github.com/sessionring/sessionring/health/dashboard"
	"github.com/sessionring/sessionring/health/monitor"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
)

// app is the server.
type app struct {
	sessions *session.Manager
	health   *health.Handler
	board    http.Handler // for the administrator
	keys     *keyring.Keyring
	stored   bool // there is a store
	policy   *cookie.Policy
	anyUser  bool
}

// newApp returns the server of a configuration.
func newApp(cfg *config, sessions *session.Manager) (*app, error) {
	a := &app{
		sessions: sessions, health: health.New(sessions),
		keys: cfg.sessions.Keys, stored: cfg.sessions.Store != nil, policy: cfg.policy, anyUser: cfg.anyUser,
	}
	var err error
	a.board, err = dashboard.New(dashboard.Config{
		Sessions: sessions, Keys: a.keys, Health: a.health, Store: cfg.sessions.Store,
		RefreshPath: "/api/auth/refresh", SignInPath: "/", Allow: adminOnly,
	})
	return a, err
}

// adminOnly lets the user admin see the dashboard, and change the keys.
func adminOnly(c *session.Claims) error {
	if c.Subject != "admin" {
		return session.ErrForbidden
	}
	return nil
}

// routes returns the handler of all requests. The cookie policy stands outermost, so
// that foreign pages are refused before anything else, and refusals can be read by
// the pages that are allowed.
func (a *app) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/api/auth/login", server.Only("POST", server.SignIn{Sessions: a.sessions, AnyUser: a.anyUser}))
	mux.HandleFunc("/api/auth/refresh", a.sessions.HandleRefresh)
	mux.HandleFunc("/api/auth/logout", a.sessions.HandleSignOut)
	mux.Handle("/api/auth/token-health", a.health)
	mux.Handle("/api/me", server.Only("GET", a.sessions.Require(http.HandlerFunc(server.Me))))
	mux.Handle("/api/me/keys", server.Only("GET", a.sessions.Require(http.HandlerFunc(a.myKeys))))
	mux.Handle("/healthz", server.Only("GET", http.HandlerFunc(server.OK)))
	mux.Handle("/readyz", server.Only("GET", http.HandlerFunc(a.ready)))
	mux.Handle("/api/auth/sessions", server.Only("GET", a.sessions.Require(http.HandlerFunc(a.mySessions))))
	mux.Handle("/api/auth/sessions/{id}", server.Only("DELETE", a.sessions.Require(http.HandlerFunc(a.endSession))))
	mux.Handle("/admin/", a.board)
	mux.Handle("/monitor.js", monitor.Handler())
	server.Pages(mux, page, pageFiles)
	mux.HandleFunc("/", server.NotFound)
	return a.policy.Handler(mux)
}

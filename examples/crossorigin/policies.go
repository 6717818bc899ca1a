package main

import (
	"net"
	"net/http"

	"github.com/sessionring/sessionring/cookie"
	"github.com/sessionring/sessionring/examples/internal/server"
	"github.com/sessionring/sessionring/health"
	"github.com/sessionring/sessionring/session"
)

// The hosts. Two are on the site shop.test, the third is not.
const (
	appHost     = "app.shop.test" // the page
	siblingHost = "api.shop.test" // an API on the site of the page
	foreignHost = "api.id.test"   // an API on another site
)

func origin(host, port string) string { return "https://" + net.JoinHostPort(host, port) }

// policies says, for each API, how its cookies travel and which page may call it. That
// is all in which the two differ.
func policies(port string) map[string]cookie.Config {
	pages := []string{origin(appHost, port)}
	return map[string]cookie.Config{
		siblingHost: {Origins: pages},                  // __Host-access, SameSite=Lax: works in every browser
		foreignHost: {Origins: pages, CrossSite: true}, // __Host-access-p, SameSite=None, Partitioned: some browsers drop it
	}
}

// api is the server behind one host.
type api struct {
	sessions *session.Manager
	policy   *cookie.Policy
}

// newAPIs returns the APIs by host.
func newAPIs(port string, cfg session.Config) (map[string]api, error) {
	apis := map[string]api{}
	for host, p := range policies(port) {
		policy, err := cookie.New(p)
		if err != nil {
			return nil, err
		}
		cfg.Cookies = policy
		sessions, err := session.New(cfg)
		if err != nil {
			return nil, err
		}
		apis[host] = api{sessions, policy}
	}
	return apis, nil
}

// routes returns the handler of an API. The policy stands outermost: it refuses pages
// that it does not list, and lets the one that it lists read every answer, the
// refusals of all other handlers included.
func (a api) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/api/auth/login", server.Only("POST", server.SignIn{Sessions: a.sessions}))
	mux.HandleFunc("/api/auth/refresh", a.sessions.HandleRefresh)
	mux.HandleFunc("/api/auth/logout", a.sessions.HandleSignOut)
	mux.Handle("/api/auth/token-health", health.New(a.sessions))
	mux.Handle("/api/me", server.Only("GET", a.sessions.Require(http.HandlerFunc(server.Me))))
	mux.HandleFunc("/", server.NotFound)
	return a.policy.Handler(mux)
}

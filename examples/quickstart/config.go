package main

import (
	"strings"

	"github.com/sessionring/sessionring/cookie"
	"github.com/sessionring/sessionring/examples/internal/server"
	"github.com/sessionring/sessionring/session"
)

// config is what the environment says.
type config struct {
	addr     string
	preset   string // of cookies
	policy   *cookie.Policy
	sessions session.Config
	keysFrom string // for people
	anyUser  bool
}

// readConfig reads the environment and returns all its faults at once. Nothing is
// made on disk unless the rest of the configuration is good.
func readConfig() (*config, error) {
	var e server.Env
	c := &config{addr: e.Address("127.0.0.1:8080"), anyUser: e.Switch("ANY_USER", false)}
	checkListener(&e, c.addr)
	checkStore(&e)
	c.sessions = lifetimes(&e)
	c.sessions.Issuer, c.sessions.Audience = e.Text("ISSUER", ""), e.Text("AUDIENCE", "")
	c.sessions.LegacyUntil = e.Time("LEGACY_UNTIL")
	c.preset, c.policy = openPolicy(&e, server.Loopback(c.addr))
	c.sessions.Cookies = c.policy
	c.sessions.Keys, c.keysFrom = openKeys(&e)
	return c, e.Err()
}

// secure reports whether browsers keep the cookies for https only.
func (c *config) secure() bool { return c.preset != "local" }

// checkListener keeps accounts with well-known passwords off the network.
func checkListener(e *server.Env, addr string) {
	if !server.Loopback(addr) && !e.Switch("INSECURE_DEMO", false) {
		e.Fault("%s is not loopback, and the demo accounts have well-known passwords: listen on 127.0.0.1, or set INSECURE_DEMO=1", addr)
	}
}

// checkStore refuses what needs a store. The value is not quoted, since it may hold
// a password.
func checkStore(e *server.Env) {
	kind, _, _ := strings.Cut(e.Text("SESSION_STORE", "none"), ":")
	switch kind {
	case "none":
	case "sqlite", "postgres", "postgresql", "redis", "rediss", "memory":
		e.Fault("SESSION_STORE is %s: this version has no stores yet, leave it out or set it to none", kind)
	default:
		e.Fault("SESSION_STORE is none of the known kinds: leave it out or set it to none")
	}
	if e.Choice("REVOCATION", "cached", "strict", "off") == "strict" {
		e.Fault("REVOCATION is strict: that asks the store about every request, and SESSION_STORE is none")
	}
	e.Time("ADOPT_UNTIL")
	e.Lifetime("REFRESH_GRACE")
}

// lifetimes reads how long tokens and sessions live.
func lifetimes(e *server.Env) session.Config {
	cfg := session.Config{AccessTTL: e.Lifetime("ACCESS_TTL"), RefreshTTL: e.Lifetime("REFRESH_TTL")}
	ttl, set := e.Duration("SESSION_TTL")
	if set && ttl == 0 {
		e.Fault("SESSION_TTL is 0: leave it out for 90 days, or set it to -1s for no end")
	}
	cfg.SessionTTL = ttl
	leeway, set := e.Duration("LEEWAY")
	switch {
	case leeway < 0:
		e.Fault("LEEWAY is %v: it must not be negative", leeway)
	case set && leeway == 0:
		leeway = -1 // none, where a zero Config.Leeway is the default
	}
	cfg.Leeway = leeway
	return cfg
}

package main

import (
	"crypto/rand"
	"io"

	"github.com/sessionring/sessionring/cookie"
	"github.com/sessionring/sessionring/examples/internal/server"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// config is what the environment says.
type config struct {
	addr     string
	preset   string // of cookies
	policy   *cookie.Policy
	sessions session.Config
	keys     keySource
	store    storeAddress
	keysFrom string    // for people
	db       io.Closer // closes the store
	anyUser  bool
}

// readConfig reads the environment and returns all its faults at once. It makes
// nothing, and asks no store; see open.
func readConfig() (*config, error) {
	var e server.Env
	c := &config{addr: e.Address("127.0.0.1:8080"), anyUser: e.Switch("ANY_USER", false)}
	e.CheckDemo(c.addr)
	c.store = readStore(&e)
	c.sessions = lifetimes(&e)
	revocation(&e, c.store, &c.sessions)
	c.sessions.Issuer, c.sessions.Audience = e.Text("ISSUER", ""), e.Text("AUDIENCE", "")
	c.sessions.LegacyUntil = e.Time("LEGACY_UNTIL")
	c.preset, c.policy = openPolicy(&e, server.Loopback(c.addr))
	c.sessions.Cookies = c.policy
	c.keys = readKeys(&e, c.store)
	if e.Err() == nil {
		e.Check(rehearse(c.sessions))
	}
	return c, e.Err()
}

// rehearse finds the contradictions in cfg, with a store and a key of no consequence.
func rehearse(cfg session.Config) error {
	key, err := keyring.NewKey("rehearsal", []byte(rand.Text()+rand.Text()))
	if err != nil {
		return err
	}
	if cfg.Keys, err = keyring.New(key); err != nil {
		return err
	}
	cfg.Store = new(memstore.Store)
	_, err = session.New(cfg)
	return err
}

// open opens the store and the keys, and makes what is to be made once. What has
// faults leaves no traces: it is called when nothing else is wrong.
func (c *config) open() error {
	var e server.Env
	c.sessions.Store, c.db = c.store.open(&e)
	if e.Err() == nil {
		c.sessions.Keys, c.keysFrom = c.keys.open(&e, c.sessions.Store)
	}
	return e.Err()
}

// secure reports whether browsers keep the cookies for https only.
func (c *config) secure() bool { return c.preset != "local" }

// revocation reads what goes with a store.
func revocation(e *server.Env, store storeAddress, cfg *session.Config) {
	cfg.Revocation = map[string]session.Revocation{"strict": session.Strict, "off": session.Off}[e.Choice("REVOCATION", "cached", "strict", "off")]
	cfg.RefreshGrace = e.Lifetime("REFRESH_GRACE")
	cfg.AdoptUntil = e.Time("ADOPT_UNTIL")
	if cfg.Revocation == session.Strict && store.kind == "none" {
		e.Fault("REVOCATION is strict: that asks the store about every request, and SESSION_STORE is none")
	}
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

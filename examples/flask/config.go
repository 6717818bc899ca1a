package main

import (
	"time"

	"github.com/sessionring/sessionring/cookie"
	"github.com/sessionring/sessionring/examples/internal/server"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
)

// config is what the environment says.
//
//	FLASK_SECRET_KEY, FLASK_SECRET_KEY_OLD, TOKEN_VERSION   the keys
//	PORT                    where to listen on this machine, 5000 if not set; or ADDR, host:port
//	ACCESS_TTL_SECONDS      900 if not set
//	REFRESH_TTL_SECONDS     604800, seven days, if not set
//	SESSION_TTL             a duration such as 2160h, after which sessions end however often they are refreshed; no end if not set
//	COOKIE_SECURE           1, or 0 for plain http on this machine
//	FRONTEND_ORIGINS        the pages that may call, comma separated
//	LEGACY_UNTIL            until when tokens that Flask issued are accepted, RFC 3339; no end if not set
//	BODY_TOKENS             1, or 0 to keep tokens out of bodies
//	INSECURE_DEMO           1 to let other machines in though any password is good; 0 if not set
type config struct {
	addr       string
	secure     bool
	bodyTokens bool
	policy     *cookie.Policy
	sessions   session.Config
	warnings   []string
}

// readConfig reads the environment and returns all its faults at once.
func readConfig() (*config, error) {
	var e server.Env
	c := &config{
		addr:       e.Address("127.0.0.1:5000"),
		secure:     e.Switch("COOKIE_SECURE", true),
		bodyTokens: e.Switch("BODY_TOKENS", true),
	}
	e.CheckDemo(c.addr)
	if !c.secure && !server.Loopback(c.addr) {
		e.Fault("COOKIE_SECURE is 0 and %s is not loopback: cookies without Secure are for this machine only", c.addr)
	}
	keys, err := keyring.FlaskEnv().Open()
	e.Check(err)
	c.policy = c.openPolicy(&e)
	c.sessions = session.Config{
		Keys:       keys,
		Cookies:    c.policy,
		AccessTTL:  e.Seconds("ACCESS_TTL_SECONDS", 15*time.Minute),
		RefreshTTL: e.Seconds("REFRESH_TTL_SECONDS", 7*24*time.Hour),
		SessionTTL: -1, // no end, as Flask has none: a shorter one would sign people out
		// Flask names the user in this claim, and looks for it in our tokens too.
		LegacySubject: "user_id",
		LegacyUntil:   c.legacyUntil(&e),
	}
	if ttl := e.Lifetime("SESSION_TTL"); ttl > 0 {
		c.sessions.SessionTTL = ttl
	}
	return c, e.Err()
}

// noOrigin is an origin that no page can have (RFC 6761, section 6.4). Cross-site
// cookies need an origin to be meant for.
const noOrigin = "https://none.invalid"

// openPolicy returns the policy of the cookies that Flask sets. Without
// FRONTEND_ORIGINS they are the same, and pages of other origins are kept out.
func (c *config) openPolicy(e *server.Env) *cookie.Policy {
	cfg := cookie.Config{AccessName: "access_token", RefreshName: "refresh_token", Origins: e.List("FRONTEND_ORIGINS")}
	if len(cfg.Origins) == 0 {
		c.warnings = append(c.warnings, "FRONTEND_ORIGINS is not set: pages of other origins are refused; name the front end, such as https://app.example.com")
		cfg.Origins = []string{noOrigin}
	}
	if c.secure {
		cfg.CrossSite, cfg.Unpartitioned = true, true
	} else {
		cfg.InsecureLocal = true
	}
	policy, err := cookie.New(cfg)
	e.Check(err)
	return policy
}

// legacyUntil returns the end of the time in which tokens that Flask issued, which
// name no key, are accepted.
func (c *config) legacyUntil(e *server.Env) time.Time {
	until := e.Time("LEGACY_UNTIL")
	if !until.IsZero() {
		return until
	}
	c.warnings = append(c.warnings, "LEGACY_UNTIL is not set: tokens that name no key are accepted without end; set it to a day after the last Flask server stops and its refresh tokens run out")
	return time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
}

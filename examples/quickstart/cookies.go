package main

import (
	"github.com/sessionring/sessionring/cookie"
	"github.com/sessionring/sessionring/examples/internal/server"
)

// presets are the cookie policies to choose from, and what to say of each.
var presets = map[string]string{
	"local":     "for plain http on this machine only (COOKIE_PRESET)",
	"samesite":  "for pages on this origin, by https (COOKIE_PRESET)",
	"crosssite": "for pages of FRONTEND_ORIGINS, by https (COOKIE_PRESET)",
}

// openPolicy returns the cookie policy that the environment asks for.
func openPolicy(e *server.Env, loopback bool) (preset string, policy *cookie.Policy) {
	origins := e.List("FRONTEND_ORIGINS")
	preset = e.Choice("COOKIE_PRESET", "samesite", "crosssite", "local")
	if preset == "" {
		preset = defaultPreset(len(origins) > 0, loopback)
	}
	if preset == "crosssite" && len(origins) == 0 {
		e.Fault("COOKIE_PRESET is crosssite: name the pages in FRONTEND_ORIGINS, such as https://app.example.com")
		return preset, nil
	}
	policy, err := cookie.New(cookie.Config{
		Origins:       origins,
		CrossSite:     preset == "crosssite",
		InsecureLocal: preset == "local",
	})
	e.Check(err)
	return preset, policy
}

// defaultPreset is what fits most: pages elsewhere need cross-site cookies, a server
// on this machine speaks plain http, and any other has https before it.
func defaultPreset(origins, loopback bool) string {
	switch {
	case origins:
		return "crosssite"
	case loopback:
		return "local"
	}
	return "samesite"
}

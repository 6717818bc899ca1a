// Package cookie carries session tokens in cookies, by one policy that serves
// for setting, reading, clearing, CORS and CSRF alike, so that the five cannot
// contradict each other.
//
// Use [SameSite] if pages and API share an origin, and [New] with Origins if the pages
// are on another host of the same site; that works in every browser. Use [New] with
// CrossSite as well if they are on another site: browsers then keep the cookies per
// top-level site (Partitioned), and some keep none at all, so offer the Authorization
// header too. In all three cookies are Secure, HttpOnly and written under names that
// browsers protect ([RFC 6265bis, section 4.1.3]); InsecureLocal is for plain http on
// one machine.
//
// The package looks into no token: it carries text. It imports the standard
// library only.
//
// [RFC 6265bis, section 4.1.3]: https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-4.1.3
package cookie

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Policy reads and writes the cookies of one service, and says which pages may
// cause requests to it. It never changes and is safe for concurrent use.
//
// The zero Policy reads nothing, sets and clears nothing (Set is an error) and refuses
// every foreign page; use New or SameSite.
type Policy struct {
	access, refresh side
	origins         map[string]bool
	csrf            http.CrossOriginProtection
	local           bool
}

// New returns the policy of cfg. The zero Config gives that of SameSite.
//
// cfg is checked as a whole: its contradictions are all returned at once, one
// line each, and the Policy is nil then. cfg is copied.
func New(cfg Config) (*Policy, error) {
	if err := errors.Join(cfg.faults()...); err != nil {
		return nil, err
	}
	p := &Policy{
		access:  cfg.side("access"),
		refresh: cfg.side("refresh"),
		origins: make(map[string]bool, len(cfg.Origins)),
		local:   cfg.InsecureLocal,
	}
	for _, origin := range cfg.Origins {
		p.origins[origin] = true
		if err := p.csrf.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("cookie: %w", err) // our own rules are stricter
		}
	}
	return p, nil
}

// SameSite returns the policy for pages and API on one origin: cookies
// __Host-access and __Host-refresh with Path=/, Secure, HttpOnly and
// SameSite=Lax ([RFC 6265bis, section 4.1.3.2]).
//
// Pages on a sibling host, such as app.example.com beside api.example.com, are
// another origin: name them in Config.Origins.
//
// [RFC 6265bis, section 4.1.3.2]: https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-4.1.3.2
func SameSite() *Policy {
	p, _ := New(Config{}) // the zero Config has no faults; a test keeps it so
	return p
}

// side is what a policy knows about the cookies for one kind of token.
type side struct {
	own   http.Cookie   // as it is set, but for value and end
	stale []http.Cookie // the other cookies that may hold such a token, to be cleared
	read  []string      // the names a token is looked for under, own first
}

func (cfg Config) side(kind string) side {
	own := cfg.cookie(kind, cfg.partitioned())
	s := side{own: own, read: []string{own.Name}}
	s.outdate(cfg, kind)
	for _, former := range cfg.Former {
		s.outdate(former, kind)
		name := former.cookie(kind, former.partitioned()).Name
		if former.InsecureLocal && !cfg.InsecureLocal || slices.Contains(s.read, name) {
			continue
		}
		s.read = append(s.read, name)
	}
	if cfg.CrossSite {
		s.reachCrossSite()
	}
	return s
}

// outdate adds the cookies of cfg, plain and partitioned, to the stale ones.
func (s *side) outdate(cfg Config, kind string) {
	for _, partitioned := range []bool{false, true} {
		c := cfg.cookie(kind, partitioned)
		known := same(s.own, c) || slices.ContainsFunc(s.stale, func(old http.Cookie) bool { return same(old, c) })
		if known || partitioned && cfg.InsecureLocal { // Partitioned needs Secure
			continue
		}
		s.stale = append(s.stale, c)
	}
}

// reachCrossSite makes the clearing of stale cookies work in cross-site answers,
// where Chromium heeds only lines with SameSite=None and Secure. SameSite is no
// part of what identifies a cookie, so it need not be as it was set.
func (s *side) reachCrossSite() {
	for i := range s.stale {
		if s.stale[i].Secure {
			s.stale[i].SameSite = http.SameSiteNoneMode
		}
	}
}

// same reports whether browsers take a and b for one cookie: RFC 6265bis,
// section 5.7, and the partition that CHIPS adds.
func same(a, b http.Cookie) bool {
	return a.Name == b.Name && a.Path == b.Path && a.Partitioned == b.Partitioned &&
		strings.EqualFold(strings.TrimPrefix(a.Domain, "."), b.Domain)
}

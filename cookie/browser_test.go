package cookie_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/sessionring/sessionring/cookie"
)

// browser is a cookie jar with the rules measured in Chromium: what it drops
// silently, what identifies a cookie, and what counts in a cross-site answer.
type browser struct {
	crossSite bool
	names     []string // in order of arrival, as sent
	jar       map[identity]string
}

// identity is what tells one cookie from another: RFC 6265bis, section 5.7, and
// the partition.
type identity struct {
	name, domain, path string
	partitioned        bool
}

func identify(c *http.Cookie) identity { return identity{c.Name, c.Domain, c.Path, c.Partitioned} }

// receive takes the Set-Cookie lines of h and returns those it dropped.
func (b *browser) receive(t *testing.T, h http.Header) (dropped []string) {
	t.Helper()
	for _, line := range h["Set-Cookie"] {
		c := parse(t, line)
		if !b.keeps(c) {
			dropped = append(dropped, line)
			continue
		}
		id := identify(c)
		if b.jar == nil {
			b.jar = map[identity]string{}
		}
		delete(b.jar, id)
		if c.MaxAge >= 0 {
			b.jar[id] = c.Value
			b.names = append(slices.DeleteFunc(b.names, func(n string) bool { return n == c.Name }), c.Name)
		}
	}
	return dropped
}

func (b *browser) keeps(c *http.Cookie) bool {
	name := strings.ToLower(c.Name)
	host := strings.HasPrefix(name, "__host-")
	secure := host || strings.HasPrefix(name, "__secure-") || c.SameSite == http.SameSiteNoneMode || c.Partitioned
	return len(c.Name)+len(c.Value) <= 4096 &&
		(!host || c.Path == "/" && c.Domain == "") &&
		(!secure || c.Secure) &&
		(!b.crossSite || c.Secure && c.SameSite == http.SameSiteNoneMode)
}

// request returns a request with all cookies of b.
func (b *browser) request(method string) *http.Request {
	r := httptest.NewRequest(method, "https://api.example.com/", nil)
	for _, name := range b.names {
		for id, value := range b.jar {
			if id.name == name {
				r.Header.Add("Cookie", name+"="+value)
			}
		}
	}
	return r
}

func parse(t *testing.T, line string) *http.Cookie {
	t.Helper()
	c, err := http.ParseSetCookie(line)
	if err != nil {
		t.Fatalf("Set-Cookie %q: %v", line, err)
	}
	return c
}

func newPolicy(t testing.TB, cfg cookie.Config) *cookie.Policy {
	t.Helper()
	p, err := cookie.New(cfg)
	if err != nil {
		t.Fatalf("New(%+v): %v", cfg, err)
	}
	return p
}

// candidates returns all that Token gives for kind.
func candidates(p *cookie.Policy, r *http.Request, kind string) []string {
	var all []string
	for n := 0; ; n++ {
		token, ok := p.Token(r, kind, n)
		if !ok {
			return all
		}
		all = append(all, token)
	}
}

var (
	app   = []string{"https://app.example.net"}
	flask = cookie.Config{CrossSite: true, Unpartitioned: true, Origins: app, AccessName: "access_token", RefreshName: "refresh_token"}
)

// policies are all shapes that a policy may have, for properties that hold for
// each.
func policies() map[string]cookie.Config {
	return map[string]cookie.Config{
		"same-site":           {},
		"strict":              {SameSite: http.SameSiteStrictMode},
		"sibling":             {Origins: []string{"https://app.example.com"}},
		"domain":              {Domain: "example.com"},
		"own names":           {AccessName: "__Host-a", RefreshName: "__Secure-r"},
		"cross-site":          {CrossSite: true, Origins: app},
		"cross-site, domain":  {CrossSite: true, Origins: app, Domain: "example.com"},
		"cross-site, names":   {CrossSite: true, Origins: app, AccessName: "__Host-a", RefreshName: "__Host-r"},
		"unpartitioned":       {CrossSite: true, Unpartitioned: true, Origins: app},
		"flask":               flask,
		"local":               {InsecureLocal: true},
		"flask, local":        {InsecureLocal: true, AccessName: "access_token", RefreshName: "refresh_token"},
		"former host-only":    {Domain: "example.com", Former: []cookie.Config{{}}},
		"former same names":   {AccessName: "__Secure-a", RefreshName: "__Secure-r", Former: []cookie.Config{{AccessName: "__Secure-a", RefreshName: "__Secure-r", Domain: "example.com"}}},
		"former flask":        {CrossSite: true, Origins: app, Former: []cookie.Config{{CrossSite: true, Unpartitioned: true, AccessName: "access_token", RefreshName: "refresh_token"}}},
		"former same site":    {CrossSite: true, Origins: app, Former: []cookie.Config{{}, {Domain: "example.com"}}},
		"former unprefixed":   {Former: []cookie.Config{{AccessName: "sid", RefreshName: "rid"}}},
		"local, former local": {InsecureLocal: true, Former: []cookie.Config{{InsecureLocal: true, AccessName: "a", RefreshName: "r"}}},
	}
}

// host is one that every policy serves.
const host = "localhost:8080"

package cookie

import (
	"fmt"
	"net/http"
	"strings"
)

// Config describes a policy; its zero value is that of SameSite.
//
// Attributes are those of [RFC 6265bis, section 4.1.2], and Partitioned of
// [CHIPS].
//
// [RFC 6265bis, section 4.1.2]: https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-4.1.2
// [CHIPS]: https://datatracker.ietf.org/doc/html/draft-cutler-httpbis-partitioned-cookies
type Config struct {
	// Origins lists the pages on other origins that may call with credentials,
	// exactly as browsers send them in the Origin header: "https://app.example.com".
	// Wildcards, "null", paths and default ports are faults, and so is http on a
	// host that is not loopback, unless InsecureLocal. Nil: pages of the same
	// origin only.
	Origins []string

	// CrossSite says that those pages are on another site: SameSite=None and
	// Partitioned. It needs Origins. The cookies must be set in answer to a fetch
	// with credentials made by the page, not during a redirect through this host.
	CrossSite bool

	// Unpartitioned, with CrossSite, leaves Partitioned out: for names that
	// another system sets too. Many browsers drop such cookies.
	Unpartitioned bool

	// InsecureLocal is for development over plain http: no Secure, and only for
	// the hosts localhost, 127.0.0.0/8 and [::1]. Requests for other hosts get no
	// cookie and status 421. It excludes CrossSite and Domain.
	InsecureLocal bool

	// SameSite is Lax by default, or None if CrossSite, which admits nothing
	// else. Strict is allowed, http.SameSiteDefaultMode is not: browsers differ
	// about what a missing attribute means.
	SameSite http.SameSite

	// Domain shares the cookies with all hosts below it, such as "example.com".
	// The default "" means this host only, which is safer: any of the other hosts
	// could set them as well. Public suffixes of more than one label, such as
	// co.uk, are not detected here; browsers refuse them.
	Domain string

	// AccessName and RefreshName default to __Host-access and __Host-refresh, with
	// Domain to __Secure-access and __Secure-refresh, with InsecureLocal to
	// local-access and local-refresh. Own names must carry the prefix too, except
	// with Unpartitioned or InsecureLocal. Partitioned cookies have -p appended
	// to these names, own ones included, so that they never meet a plain cookie
	// of the same name; names given here must not end in it themselves. Two
	// services on one host need names of their own.
	AccessName, RefreshName string

	// Former lists the policies used before, or by another library at Path=/, so
	// that nobody is signed out by a change: their cookies are still read, after
	// those of this policy, and are cleared by Set and Clear. Their Origins and
	// prefixes do not matter, and they may have no Former themselves. Names of an
	// InsecureLocal policy are read by another such policy only.
	//
	// While old and new instances run side by side, both must read both. So change
	// a policy in two deployments: first the old one with the new one as its
	// Former, then the new one with the old one as its Former. Drop the entry when
	// its refresh tokens have run out: it keeps the weaknesses of the old names,
	// such as that sibling hosts can set those without __Host-.
	Former []Config
}

// partitioned reports whether the cookies of cfg are.
func (cfg Config) partitioned() bool {
	return cfg.CrossSite && !cfg.Unpartitioned && !cfg.InsecureLocal
}

// sameSite returns cfg.SameSite or its default.
func (cfg Config) sameSite() http.SameSite {
	switch {
	case cfg.SameSite != 0:
		return cfg.SameSite
	case cfg.CrossSite:
		return http.SameSiteNoneMode
	}
	return http.SameSiteLaxMode
}

// cookie returns a cookie of cfg in its plain or partitioned variant, without
// value and end.
func (cfg Config) cookie(kind string, partitioned bool) http.Cookie {
	c := http.Cookie{
		Name:     cfg.name(kind),
		Path:     "/", // RFC 6265bis, section 4.1.3.2: __Host- demands it
		Domain:   cfg.Domain,
		Secure:   !cfg.InsecureLocal,
		HttpOnly: true,
		SameSite: cfg.sameSite(),
	}
	if partitioned {
		c.Name += partitionedSuffix
		c.Partitioned = true
		c.SameSite = http.SameSiteNoneMode
	}
	return c
}

// faults collects what is wrong with a Config.
type faults []error

func (f *faults) add(bad bool, format string, args ...any) {
	if bad {
		*f = append(*f, fmt.Errorf("cookie: "+format, args...))
	}
}

func (cfg Config) faults() faults {
	var f faults
	cfg.checkAttributes(&f)
	cfg.checkOrigins(&f)
	cfg.checkPrefix(&f, "AccessName", cfg.AccessName)
	cfg.checkPrefix(&f, "RefreshName", cfg.RefreshName)
	cfg.checkKinds(&f)
	cfg.checkCommon(&f, "")
	for i, former := range cfg.Former {
		where := fmt.Sprintf("Former[%d]: ", i)
		former.checkCommon(&f, where)
		f.add(len(former.Former) > 0, "%sa former policy has no Former of its own: list all policies side by side", where)
	}
	return f
}

// checkAttributes finds the contradictions that matter to a policy in use only.
func (cfg Config) checkAttributes(f *faults) {
	mode := cfg.sameSite()
	f.add(cfg.CrossSite && len(cfg.Origins) == 0,
		`CrossSite without Origins: list the pages that may call, such as "https://app.example.com"`)
	f.add(cfg.CrossSite && mode != http.SameSiteNoneMode,
		"SameSite %q with CrossSite, where browsers send only None: leave SameSite out", modeName(mode))
	f.add(!cfg.CrossSite && mode == http.SameSiteNoneMode,
		"SameSite %q without CrossSite: set CrossSite and Origins, or leave SameSite out", modeName(mode))
	f.add(cfg.Unpartitioned && !cfg.CrossSite, "Unpartitioned without CrossSite: only cross-site cookies are partitioned, leave it out")
	f.add(cfg.InsecureLocal && cfg.CrossSite, "InsecureLocal with CrossSite: cross-site cookies must be Secure, choose one")
	f.add(cfg.InsecureLocal && cfg.Domain != "", "InsecureLocal with Domain %q: local cookies belong to one host, leave Domain out", cfg.Domain)
}

// checkCommon finds the faults with which a cookie could be neither set nor
// cleared.
func (cfg Config) checkCommon(f *faults, where string) {
	mode := cfg.SameSite
	f.add(mode < 0 || mode == http.SameSiteDefaultMode || mode > http.SameSiteNoneMode,
		"%sSameSite %q: use http.SameSiteLaxMode or http.SameSiteStrictMode, or leave it out", where, modeName(mode))
	f.add(cfg.Domain != "" && !validDomain(cfg.Domain),
		`%sDomain %q: give a host name such as "example.com", in lower case, without a dot at either end, and no address or top-level domain`,
		where, cfg.Domain)
	cfg.checkName(f, where+"AccessName", cfg.name("access"))
	cfg.checkName(f, where+"RefreshName", cfg.name("refresh"))
}

// validDomain reports whether browsers may keep a cookie with that Domain; what
// net/http does not like it would drop silently.
func validDomain(domain string) bool {
	return validHostname(domain) && !endsInNumber(domain) && strings.Contains(domain, ".")
}

func modeName(mode http.SameSite) string {
	switch mode {
	case http.SameSiteDefaultMode:
		return "Default"
	case http.SameSiteLaxMode:
		return "Lax"
	case http.SameSiteStrictMode:
		return "Strict"
	case http.SameSiteNoneMode:
		return "None"
	}
	return fmt.Sprint(int(mode))
}

package cookie

import (
	"net/http"
	"slices"
	"strings"
)

const (
	hostPrefix        = "__Host-"
	securePrefix      = "__Secure-"
	partitionedSuffix = "-p"
	maxName           = 64
)

// name returns the name of a plain cookie of cfg: its own, or the one that says
// most about it.
func (cfg Config) name(kind string) string {
	own := cfg.AccessName
	if kind == "refresh" {
		own = cfg.RefreshName
	}
	switch {
	case own != "":
		return own
	case cfg.InsecureLocal:
		return "local-" + kind
	case cfg.Domain != "":
		return securePrefix + kind
	}
	return hostPrefix + kind
}

// checkName finds what makes browsers drop a name, or take it for another.
func (cfg Config) checkName(f *faults, field, name string) {
	err := (&http.Cookie{Name: name}).Valid()
	f.add(err != nil, "%s %q is not a cookie name: use letters, digits, - and _ (RFC 6265, section 4.1.1)", field, name)
	f.add(len(name) > maxName, "%s %q has %d bytes: use at most %d", field, name, len(name), maxName)
	f.add(strings.HasSuffix(name, partitionedSuffix),
		"%s %q ends in %q, which is appended to partitioned cookies: choose another ending", field, name, partitionedSuffix)
	for _, prefix := range []string{hostPrefix, securePrefix, "__Http-"} {
		carries := foldPrefix(name, prefix)
		f.add(carries && !strings.HasPrefix(name, prefix),
			"%s %q differs from a prefix only by case, which browsers ignore: write %q", field, name, prefix)
		f.add(carries && cfg.InsecureLocal, "%s %q needs Secure, which InsecureLocal leaves out: choose a name without %q", field, name, prefix)
		f.add(carries && cfg.Domain != "" && prefix == hostPrefix,
			"%s %q cannot have Domain %q: use %q, or leave Domain out", field, name, cfg.Domain, securePrefix)
	}
}

// checkPrefix wants an own name protected from sibling hosts. It is no matter in
// a former policy, whose cookies exist already.
func (cfg Config) checkPrefix(f *faults, field, name string) {
	free := cfg.InsecureLocal || cfg.CrossSite && cfg.Unpartitioned
	f.add(name != "" && !free && !foldPrefix(name, hostPrefix) && !foldPrefix(name, securePrefix),
		"%s %q can be set by sibling hosts: begin it with %q, or %q if there is a Domain", field, name, hostPrefix, securePrefix)
}

// checkKinds finds names that are used for access and for refresh tokens, here
// or in a former policy: clearing the one would lose the other.
func (cfg Config) checkKinds(f *faults) {
	var access, refresh []string
	for _, c := range append([]Config{cfg}, cfg.Former...) {
		access = append(access, c.name("access"))
		refresh = append(refresh, c.name("refresh"))
	}
	for i, name := range access {
		f.add(slices.Contains(refresh, name) && !slices.Contains(access[:i], name),
			"%q is an access and a refresh name, here or in Former: give each kind a name of its own", name)
	}
}

// foldPrefix reports whether name begins with prefix, compared without case as
// browsers do (RFC 6265bis, section 5.4).
func foldPrefix(name, prefix string) bool {
	return len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix)
}

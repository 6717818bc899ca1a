package cookie

import (
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

// Check refuses requests that a page of an origin not allowed here has caused:
// with status 403, by an error whose method HTTPStatus returns it. Functions Status and
// Reason of package session know it: 403, cross_origin.
//
// It is [http.CrossOriginProtection] with Config.Origins trusted and no exempt
// paths. Requests that come from no page, and those with a safe method (GET,
// HEAD, OPTIONS), pass. So GET must change nothing, and a WebSocket handshake,
// which is a GET, needs a check of its own.
//
// Origins are compared as text, as [RFC 6454, section 5] allows for their serial
// form.
//
// [RFC 6454, section 5]: https://www.rfc-editor.org/rfc/rfc6454#section-5
func (p *Policy) Check(r *http.Request) error {
	if p.csrf.Check(r) == nil {
		return nil
	}
	text := "foreign origin"
	if origin := r.Header.Get("Origin"); origin != "" {
		text += " " + strconv.Quote(origin[:min(len(origin), 100)])
	}
	return &refusal{http.StatusForbidden, text}
}

// refusal is an error that has a status of its own. Session finds it by the
// method HTTPStatus.
type refusal struct {
	status int
	text   string
}

func (e *refusal) Error() string   { return "cookie: " + e.text }
func (e *refusal) HTTPStatus() int { return e.status }

// checkHost refuses requests that an InsecureLocal policy must not serve. It
// trusts the Host header alone, never a forwarded one.
func (p *Policy) checkHost(r *http.Request) error {
	if !p.local {
		return nil
	}
	if host, _, ok := cutPort(r.Host); ok && isLoopback(host) {
		return nil
	}
	return &refusal{http.StatusMisdirectedRequest,
		"host " + strconv.Quote(r.Host) + " is not local: open the service as localhost, or use a policy with Secure cookies"}
}

// checkOrigins holds Origins to the form in which browsers send them, because
// they are compared as text (RFC 6454, section 6.2).
func (cfg Config) checkOrigins(f *faults) {
	for _, origin := range cfg.Origins {
		advice := originFault(origin, cfg.InsecureLocal)
		f.add(advice != "", "origin %q: %s", origin, advice)
	}
}

// originFault says what to do about origin, or nothing if it is good.
func originFault(origin string, insecure bool) string {
	scheme, rest, _ := strings.Cut(origin, "://")
	host, port, ok := cutPort(rest)
	switch {
	case origin == "null":
		return "any sandboxed page may send it, name the pages instead"
	case strings.Contains(origin, "*"):
		return "list every origin in full, there are no wildcards"
	case scheme != "https" && scheme != "http":
		return "begin it with https://"
	case strings.ContainsAny(rest, `/?#@\`):
		return "leave out user, path and query, and the slash at the end"
	case origin != strings.ToLower(origin):
		return "write it in lower case, as browsers do"
	case !ok:
		return "give a port from 1 to 65535, or none"
	case !validOriginHost(host):
		return "give a valid host, international names in their xn-- form"
	case scheme == "https" && port == "443", scheme == "http" && port == "80":
		return "leave out the default port, as browsers do"
	case scheme == "http" && !insecure && !isLoopback(host):
		return "use https, because anybody on the way can change a page sent by http"
	}
	return ""
}

// cutPort separates a host from its port; an IPv6 address keeps its brackets.
func cutPort(s string) (host, port string, ok bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || strings.HasSuffix(s, "]") {
		return s, "", true
	}
	n, err := strconv.ParseUint(s[i+1:], 10, 16)
	return s[:i], s[i+1:], err == nil && n > 0 && strconv.FormatUint(n, 10) == s[i+1:]
}

// isLoopback reports whether host is localhost, in 127.0.0.0/8, or [::1].
func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || host == "[::1]" || err == nil && ip.Is4() && ip.IsLoopback()
}

// validOriginHost reports whether host is a name or an address, written as
// browsers write it.
func validOriginHost(host string) bool {
	inner, isIPv6 := strings.CutPrefix(host, "[")
	if isIPv6 {
		ip, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		return err == nil && ip.Is6() && !ip.Is4In6() && ip.Zone() == "" && "["+ip.String()+"]" == host
	}
	if endsInNumber(host) {
		ip, err := netip.ParseAddr(host)
		return err == nil && ip.Is4()
	}
	return validHostname(host)
}

// endsInNumber reports whether the last label of host makes it an address.
func endsInNumber(host string) bool {
	_, err := strconv.ParseUint(host[strings.LastIndexByte(host, '.')+1:], 10, 64)
	return err == nil
}

// validHostname reports whether host is a name of lower-case letters, digits and
// hyphens: RFC 1123, section 2.1.
func validHostname(host string) bool {
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || strings.Trim(label, labelBytes) != "" {
			return false
		}
	}
	return len(host) <= 253
}

const labelBytes = "abcdefghijklmnopqrstuvwxyz0123456789-"

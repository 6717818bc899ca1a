package cookie

import (
	"net/http"
	"strings"
)

// maxCandidates bounds how many cookies of one kind a request can make a caller
// try. Honest browsers send one, and seldom two or three.
const maxCandidates = 8

// Token returns the n-th cookie value, counted from 0, that may be a token of
// that kind, "access" or "refresh"; any other kind has none.
//
// Candidates are those under the policy's own name, in the order of the request,
// then those under the names of Config.Former; at most 8. Names are compared
// exactly. Values are returned as they came, quotes included, so that a cookie and
// a header with the same token give the same text; empty ones are passed over.
// The order says nothing about which is right ([RFC 6265bis, section 4.2.2]): try
// each, and refuse valid ones that disagree.
//
// A former access name without __Host- is passed over if the request has the
// policy's own refresh cookie: the session has moved by then, and any sibling
// host could have set the other.
//
// Nothing is verified here, and nothing allocated.
//
// [RFC 6265bis, section 4.2.2]: https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-4.2.2
func (p *Policy) Token(r *http.Request, kind string, n int) (token string, ok bool) {
	if n < 0 || n >= maxCandidates {
		return "", false
	}
	lines := r.Header["Cookie"] // HTTP/2 and proxies may send several
	for i, name := range p.names(kind) {
		if i > 0 && kind == "access" && !strings.HasPrefix(name, hostPrefix) && has(lines, p.refresh.own.Name) {
			continue
		}
		value, left := nth(lines, name, n)
		if left < 0 {
			return value, true
		}
		n = left
	}
	return "", false
}

// names returns the names that tokens of a kind are looked for under.
func (p *Policy) names(kind string) []string {
	switch kind {
	case "access":
		return p.access.read
	case "refresh":
		return p.refresh.read
	}
	return nil
}

// has reports whether a cookie of that name has a value.
func has(lines []string, name string) bool {
	_, left := nth(lines, name, 0)
	return left < 0
}

// nth returns the n-th value under name, and -1; or how many values fewer are to
// be passed over elsewhere.
func nth(lines []string, name string, n int) (value string, left int) {
	for _, line := range lines {
		for line != "" {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			value, found := valueOf(pair, name)
			if !found {
				continue
			}
			if n == 0 {
				return value, -1
			}
			n--
		}
	}
	return "", n
}

// valueOf returns the value of a name=value pair, if it has that name and is not
// empty. Only space and tab are trimmed, and not before the equals sign: wider
// trimming lets other names pass for prefixed ones.
func valueOf(pair, name string) (value string, ok bool) {
	for pair != "" && isBlank(pair[0]) {
		pair = pair[1:]
	}
	for pair != "" && isBlank(pair[len(pair)-1]) {
		pair = pair[:len(pair)-1]
	}
	if len(pair) <= len(name)+1 || pair[len(name)] != '=' || pair[:len(name)] != name {
		return "", false
	}
	return pair[len(name)+1:], true
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

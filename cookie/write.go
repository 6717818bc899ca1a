package cookie

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	maxSize = 4096                 // of name and value: RFC 6265bis, section 5.6
	maxLife = 400 * 24 * time.Hour // RFC 6265bis, section 5.5
)

// Set writes the cookies of both tokens, or nothing and an error.
//
// An empty token leaves the cookie of that kind as it is; two are an error.
// Max-Age is the time left, at most 400 days. A zero time means until the
// browser is closed, and a time past removes the cookie. Cookies of the other
// variant and of Config.Former that the request carries are cleared, each kind
// only if its token is given. The answer becomes Cache-Control: no-store and
// varies by Cookie. A second call replaces the lines of the first.
//
// Errors: a token has a byte that cookies cannot carry, or is over 4096 bytes with
// its name, where browsers drop it silently ([RFC 6265bis, section 5.6]); the
// policy is InsecureLocal and the host is not local, an error whose method
// HTTPStatus returns 421; w, or what it unwraps to, has a method Written() bool
// that returns true. The writer of net/http has none: with it, cookies set after the first byte
// of the body are lost without a sign, so call Set before.
//
// Secure follows from the policy alone, never from r.TLS or a forwarded header.
//
// [RFC 6265bis, section 5.6]: https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.6
func (p *Policy) Set(w http.ResponseWriter, r *http.Request, access, refresh string, accessUntil, refreshUntil time.Time) error {
	if err := p.checkWritable(w, r); err != nil {
		return err
	}
	var stale, fresh []http.Cookie
	for _, v := range []struct {
		side  *side
		token string
		until time.Time
	}{{&p.access, access, accessUntil}, {&p.refresh, refresh, refreshUntil}} {
		if v.token == "" {
			continue
		}
		if err := checkSize(v.side.own.Name, v.token); err != nil {
			return err
		}
		stale = append(stale, v.side.carried(r)...)
		fresh = append(fresh, lasting(v.side.own, v.token, v.until))
	}
	if len(fresh) == 0 {
		return errors.New("cookie: no token to set: use Clear to remove cookies")
	}
	// Clearing comes first: whoever takes old and new for one cookie keeps the new.
	write(w.Header(), append(stale, fresh...))
	return nil
}

// Clear removes the cookies of both kinds: the plain and the partitioned variant
// of this policy and of those in Config.Former, each with the attributes it was
// set with, because browsers remove nothing else ([RFC 6265bis, section 5.7]). The
// answer becomes Cache-Control: no-store and varies by Cookie.
//
// Cookies in the partition of another top-level site are out of reach, and
// copies of a token live on: end the session on the server too. An InsecureLocal
// policy does nothing for a host that is not local, and the zero Policy nothing at all.
//
// [RFC 6265bis, section 5.7]: https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.7
func (p *Policy) Clear(w http.ResponseWriter, r *http.Request) {
	if p.access.own.Name == "" || p.checkHost(r) != nil {
		return
	}
	var lines []http.Cookie
	for _, s := range []*side{&p.access, &p.refresh} {
		lines = append(lines, expired(s.own))
		for _, c := range s.stale {
			lines = append(lines, expired(c))
		}
	}
	write(w.Header(), lines)
}

// checkWritable says why an answer cannot have cookies.
func (p *Policy) checkWritable(w http.ResponseWriter, r *http.Request) error {
	if p.access.own.Name == "" {
		return errors.New("cookie: the zero Policy sets nothing: use New or SameSite")
	}
	if begun(w) {
		return errors.New("cookie: the answer has begun, cookies would be lost: set them before the body")
	}
	return p.checkHost(r)
}

// begun reports whether w, or what it wraps, says that its header is sent.
func begun(w http.ResponseWriter) bool {
	if v, ok := w.(interface{ Written() bool }); ok && v.Written() {
		return true
	}
	v, ok := w.(interface{ Unwrap() http.ResponseWriter })
	return ok && begun(v.Unwrap())
}

// checkSize says why browsers, or net/http, would not keep token as it is.
func checkSize(name, token string) error {
	if size := len(name) + len(token); size > maxSize {
		return fmt.Errorf("cookie: %q has %d bytes with its name, browsers drop more than %d: put less into the token", name, size, maxSize)
	}
	if strings.ContainsFunc(token, func(c rune) bool { return !isCookieOctet(c) }) {
		return fmt.Errorf("cookie: the token for %q has a byte that cookies cannot carry: encode it as base64url", name)
	}
	return nil
}

// isCookieOctet reports whether c may stand in a value: RFC 6265, section 4.1.1.
func isCookieOctet(c rune) bool {
	return '!' <= c && c <= '~' && !strings.ContainsRune(`",;\`, c)
}

// carried returns what clears the stale cookies that r has.
func (s *side) carried(r *http.Request) []http.Cookie {
	var lines []http.Cookie
	for _, c := range s.stale {
		if has(r.Header["Cookie"], c.Name) {
			lines = append(lines, expired(c))
		}
	}
	return lines
}

// lasting returns c with a value until then, a time that has passed being the end
// of it. Seconds are rounded up, because a Max-Age of 0 seconds is left out by
// net/http.
func lasting(c http.Cookie, value string, until time.Time) http.Cookie {
	c.Value = value
	if until.IsZero() {
		return c
	}
	life := min(time.Until(until), maxLife)
	if life <= 0 {
		return expired(c)
	}
	c.MaxAge = int((life + time.Second - 1) / time.Second)
	return c
}

// expired returns what removes c.
func expired(c http.Cookie) http.Cookie {
	c.Value = ""
	c.MaxAge = -1 // net/http writes Max-Age=0
	c.Expires = time.Unix(1, 0)
	return c
}

// write adds the lines to h, in place of earlier ones for the same cookies, and
// keeps caches away from them.
func write(h http.Header, lines []http.Cookie) {
	var all []string
	for _, old := range h["Set-Cookie"] {
		c, err := http.ParseSetCookie(old)
		replaced := err == nil && slices.ContainsFunc(lines, func(line http.Cookie) bool { return same(*c, line) })
		if !replaced {
			all = append(all, old)
		}
	}
	for _, line := range lines {
		all = append(all, line.String())
	}
	h["Set-Cookie"] = all
	h.Set("Cache-Control", "no-store")
	if !slices.Contains(h["Vary"], "Cookie") {
		h.Add("Vary", "Cookie")
	}
}

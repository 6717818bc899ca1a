package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Where a token came from.
const (
	fromHeader = "header"
	fromCookie = "cookie"
)

// maxCandidates is how many cookies of one name are looked at; more are a flood.
const maxCandidates = 16

// Check returns the claims of the access token of r, or nil and an error.
//
// A request with an Authorization header is judged by that header alone,
// whatever it holds: a bad header is never made good by a cookie (RFC 6750,
// section 2). Of several cookies of one name each is tried, and two good ones
// that disagree on the session are refused. A cookie that came with a request
// which a foreign page caused is ErrCrossOrigin.
//
// Errors are those of Verify, ErrNoToken and ErrCrossOrigin. Check is safe for
// concurrent use.
func (m *Manager) Check(r *http.Request) (*Claims, error) {
	c, now, err := m.checkRequest(r)
	m.checked(r.Context(), c, now, err)
	return c, err
}

// checkRequest is Check without a report of it.
func (m *Manager) checkRequest(r *http.Request) (c *Claims, now time.Time, err error) {
	token, present, err := bearer(r)
	switch {
	case present && err != nil:
		return nil, now, err
	case present:
		return m.verify(r.Context(), token, kindAccess, fromHeader)
	}
	c, now, err = m.tryCookies(r, kindAccess, m.verify)
	if err == nil {
		err = m.sameOrigin(r)
	}
	if err != nil {
		return nil, now, err
	}
	return c, now, nil
}

// CheckRefresh returns the claims of the refresh cookie of r without using it
// up: whether the session could be refreshed, by signature, expiry and
// revocation. Its errors are those of Check. It is safe for concurrent use.
func (m *Manager) CheckRefresh(r *http.Request) (*Claims, error) {
	c, _, err := m.tryCookies(r, kindRefresh, m.refreshable)
	return c, err
}

// refreshable is verify with the absolute end of the session.
func (m *Manager) refreshable(ctx context.Context, token, _, transport string) (*Claims, time.Time, error) {
	c, err := m.checkRefresh(ctx, token)
	return via(c, transport), time.Time{}, err
}

// via notes in c, which may be nil, where its token came from.
func via(c *Claims, transport string) *Claims {
	if c != nil {
		c.Transport = transport
	}
	return c
}

// sameOrigin is nil unless a foreign page caused r.
func (m *Manager) sameOrigin(r *http.Request) error {
	if m.cfg.Cookies == nil {
		return nil
	}
	if err := m.cfg.Cookies.Check(r); err != nil {
		return fmt.Errorf("%w: %w", ErrCrossOrigin, err)
	}
	return nil
}

// bearer returns the token of the Authorization header; present says that there
// is such a header, good or bad.
func bearer(r *http.Request) (token string, present bool, err error) {
	values := r.Header["Authorization"]
	for _, value := range values {
		scheme, rest, _ := strings.Cut(value, " ")
		if token == "" && strings.EqualFold(scheme, "Bearer") {
			token = strings.TrimLeft(rest, " ") // RFC 6750, section 2.1: one space or more
		}
	}
	switch {
	case len(values) == 0:
		return "", false, nil
	case token == "":
		return "", true, errNoBearer
	case len(values) > 1:
		return "", true, errHeaders
	}
	return token, true, nil
}

// tryCookies judges every cookie of a kind and returns the claims of the newest
// good one, and when it was judged. Two good ones of different sessions are refused; if
// none is good, the error is the most hopeful of them all.
func (m *Manager) tryCookies(r *http.Request, kind string, verify func(ctx context.Context, token, kind, transport string) (*Claims, time.Time, error)) (best *Claims, at time.Time, _ error) {
	if m.cfg.Cookies == nil {
		return nil, at, ErrNoToken
	}
	failure := ErrNoToken
	for n := 0; ; n++ {
		token, ok := m.cfg.Cookies.Token(r, kind, n)
		switch {
		case !ok && best != nil:
			return best, at, nil
		case !ok:
			return nil, at, failure
		case n == maxCandidates:
			return nil, at, errFlood
		}
		c, now, err := verify(r.Context(), token, kind, fromCookie)
		switch {
		case err != nil:
			failure = moreHopeful(failure, err)
		case best != nil && best.SessionID != c.SessionID:
			return nil, at, errDisagree
		case best == nil || c.IssuedAt.After(best.IssuedAt):
			best, at = c, now
		}
	}
}

// moreHopeful returns that of two errors which leaves the user more: cannot tell
// before expired, expired before revoked, revoked before invalid.
func moreHopeful(a, b error) error {
	for _, hope := range []error{ErrUnavailable, ErrUnknownKey, ErrExpired, ErrRevoked, ErrInvalid} {
		if errors.Is(a, hope) {
			return a
		}
		if errors.Is(b, hope) {
			return b
		}
	}
	return b
}

package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
)

// Require lets signed-in requests through and refuses others with 401, or 503
// when nobody can tell. Below it FromContext is never nil.
//
// Answers below Require are marked Cache-Control: no-store, unless the handler
// says otherwise, and vary with Authorization and Cookie. A 401 carries
// WWW-Authenticate, with an error if a token was sent (RFC 6750, section 3); a 503
// Retry-After.
func (m *Manager) Require(next http.Handler) http.Handler {
	return m.guard(next, func(*Claims) error { return nil })
}

// RequireFunc is Require and, for claims that allow refuses, 403. Claims reach
// allow verified; its error reaches Config.Refuse, wrapped in ErrForbidden, and
// no client. allow must be safe for concurrent use.
func (m *Manager) RequireFunc(allow func(*Claims) error) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return m.guard(next, func(c *Claims) error {
			if err := allow(c); err != nil {
				return fmt.Errorf("%w: %w", ErrForbidden, hidden{err})
			}
			return nil
		})
	}
}

// hidden keeps the text of an error and takes it out of reach of errors.Is: what
// allow returns is a 403, whatever it wraps.
type hidden struct{ err error }

func (h hidden) Error() string { return h.err.Error() }

// guard is Require with one more check.
func (m *Manager) guard(next http.Handler, allow func(*Claims) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		private(w.Header())
		c, err := m.authenticate(w, r)
		if err == nil {
			err = allow(c)
		}
		if err != nil {
			m.refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, with(r, c))
	})
}

// Optional lets every request through, signed in or not: below it FromContext is
// nil for strangers. A bad, expired or unknown token makes a stranger, and so
// does a cookie that came with a request which a foreign page caused; nothing is
// cleared. Optional refuses only while nobody can tell (503).
func (m *Manager) Optional(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		vary(w.Header())
		c, err := m.authenticate(w, r)
		switch {
		case err == nil:
			noStore(w.Header())
			r = with(r, c)
		case Reason(err) == "unavailable":
			private(w.Header())
			m.refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// with returns r with the claims c.
func with(r *http.Request, c *Claims) *http.Request {
	return r.WithContext(&visit{r.Context(), c})
}

// visit is the context of a request with its claims.
type visit struct {
	context.Context
	claims *Claims
}

// Value returns the claims, or what the context of the request has.
func (v *visit) Value(key any) any {
	if key == (claimsKey{}) {
		return v.claims
	}
	return v.Context.Value(key)
}

// authenticate is Check and, where it is switched on, a silent refresh.
func (m *Manager) authenticate(w http.ResponseWriter, r *http.Request) (*Claims, error) {
	c, err := m.Check(r)
	if err == nil || !m.cfg.SilentRefresh || !mayRefresh(r, err) {
		return c, err
	}
	renewed, refused := m.silently(w, r)
	switch {
	case refused == nil:
		return via(renewed, fromCookie), nil
	case Status(refused) == http.StatusServiceUnavailable: // still signed in, perhaps
		return nil, refused
	}
	return nil, err
}

// mayRefresh reports whether a refresh cookie could make good what err says.
func mayRefresh(r *http.Request, err error) bool {
	_, header := r.Header["Authorization"]
	return !header && (errors.Is(err, ErrExpired) || errors.Is(err, ErrNoToken) || errors.Is(err, ErrInvalid))
}

// silently refreshes by cookie and returns the claims of the new access token, or an
// error, and changes nothing then.
func (m *Manager) silently(w http.ResponseWriter, r *http.Request) (*Claims, error) {
	if err := m.sameOrigin(r); err != nil {
		return nil, err
	}
	c, err := m.CheckRefresh(r)
	if err != nil {
		return nil, err
	}
	var pair issued
	if err := m.trade(r.Context(), &pair, c, nil); err != nil {
		return nil, err
	}
	return pair.claims(), m.setCookies(w, r, &pair)
}

// refuse answers a request that err refuses.
func (m *Manager) refuse(w http.ResponseWriter, r *http.Request, err error) {
	h, status := w.Header(), Status(err)
	switch status {
	case http.StatusUnauthorized:
		challenge(h, err)
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", "1")
	}
	if m.cfg.Refuse != nil {
		m.cfg.Refuse(w, r, err)
		return
	}
	writeError(w, status, Reason(err))
}

// challenge says what to come with instead, and that the token is no good if there was
// one (RFC 6750, section 3).
func challenge(h http.Header, err error) {
	value := `Bearer error="invalid_token"`
	if errors.Is(err, ErrNoToken) || errors.Is(err, errNoBearer) {
		value = `Bearer`
	}
	h.Set("WWW-Authenticate", value)
}

// writeError answers with {"error": word}.
func writeError(w http.ResponseWriter, status int, word string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"error": word})
}

// private marks an answer as one for this user alone.
func private(h http.Header) {
	if h["Vary"] != nil {
		noStore(h)
		vary(h)
		return
	}
	values := []string{cacheControl, varies} // both in one piece of memory
	h["Cache-Control"], h["Vary"] = values[:1:1], values[1:]
}

const (
	cacheControl = "no-store"
	varies       = "Authorization, Cookie"
)

// noStore keeps an answer out of caches (RFC 9111, section 5.2.2.5).
func noStore(h http.Header) { h.Set("Cache-Control", cacheControl) }

// vary says, once, on which headers the answer depends.
func vary(h http.Header) {
	if !slices.Contains(h["Vary"], varies) {
		h.Add("Vary", varies)
	}
}

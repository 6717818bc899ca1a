package adapters

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/sessionring/sessionring/session"
)

// What a gateway is told of a request that may pass. It sets these headers on the way to
// the application, in place of any that the client has sent.
const (
	subjectHeader = "X-Auth-Subject" // percent-encoded (RFC 3986), as by url.PathEscape
	sessionHeader = "X-Auth-Session"
)

// ForwardAuth returns the handler that a gateway asks whether a request may pass: nginx by
// auth_request, Traefik by forwardAuth, Envoy by ext_authz. It answers
//
//   - 200 with X-Auth-Subject and X-Auth-Session, both always;
//   - 401 with WWW-Authenticate, 403 for what a foreign page has caused, or 503 with
//     Retry-After when nobody can tell now, which ends no session.
//
// No answer may be cached (Cache-Control: no-store). With Config.SilentRefresh a 200 may
// set cookies. They are in Set-Cookie and, since nginx can read only one of several
// headers of one name, also in X-Set-Cookie-1, X-Set-Cookie-2 and so on: the gateway puts
// them into the answer to the browser.
//
// What a foreign page may cause depends on the method of the request that is judged.
// methodHeader is where the gateway says it, such as X-Forwarded-Method; without exactly
// one such header the request counts as a POST. With "", it is the method by which the
// gateway asks. No other header of the X-Forwarded kind is looked at.
//
// Only the gateway should reach this handler, and only the gateway the application: give
// each a listener of its own.
func ForwardAuth(m *session.Manager, methodHeader string) http.Handler {
	guarded := m.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, h := session.FromContext(r.Context()), w.Header()
		h.Set(subjectHeader, url.PathEscape(c.Subject)) // a name may hold anything, a header not
		h.Set(sessionHeader, c.SessionID)
		for i, line := range h["Set-Cookie"] {
			h.Set("X-Set-Cookie-"+strconv.Itoa(i+1), line)
		}
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		guarded.ServeHTTP(w, asSent(r, methodHeader))
	})
}

// asSent returns r with the method of the request that is judged. A WebSocket handshake
// counts as a POST: it is a GET, but opens a connection that acts for the user.
func asSent(r *http.Request, methodHeader string) *http.Request {
	sent := r.Clone(r.Context())
	if methodHeader != "" {
		sent.Method = http.MethodPost
		if said := r.Header.Values(methodHeader); len(said) == 1 {
			sent.Method = said[0]
		}
	}
	if r.Header.Get("Sec-WebSocket-Key") != "" {
		sent.Method = http.MethodPost
	}
	return sent
}

package cookie

import (
	"io"
	"net/http"
)

// Handler answers CORS preflights, adds CORS headers to every answer of next for
// pages of Config.Origins, refusals included, and refuses foreign pages as Check
// does. Put it outermost: a page cannot read an error that has no CORS headers,
// and takes it for a network failure.
//
// Allowed pages may send Authorization and Content-Type and read Retry-After
// and WWW-Authenticate. Others get {"error":"cross_origin"} with 403 for a preflight
// or an unsafe method, and for a safe one an answer that they cannot read.
// Origins are compared as text, and every answer has Vary: Origin. With
// InsecureLocal, a host that is not local gets {"error":"misdirected"} with 421.
//
// The headers are in place before next is called; it must add to Vary, not set it.
// They are those of the [CORS protocol].
//
// [CORS protocol]: https://fetch.spec.whatwg.org/#http-cors-protocol
func (p *Policy) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		allowed := p.share(w.Header(), r)
		switch {
		case p.checkHost(r) != nil:
			refuse(w, http.StatusMisdirectedRequest, `{"error":"misdirected"}`)
		case allowed && isPreflight(r):
			answerPreflight(w)
		case isPreflight(r) || p.Check(r) != nil:
			refuse(w, http.StatusForbidden, `{"error":"cross_origin"}`)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// share lets the page that caused r read the answer, if its origin is allowed.
func (p *Policy) share(h http.Header, r *http.Request) (allowed bool) {
	h.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if !p.origins[origin] {
		return false
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Credentials", "true")
	h.Set("Access-Control-Expose-Headers", "Retry-After, WWW-Authenticate")
	return true
}

// isPreflight reports whether a browser asks by r for leave to send a request:
// the Fetch standard, section "CORS-preflight fetch".
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

func answerPreflight(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
	h.Set("Access-Control-Max-Age", "7200") // seconds; Chromium keeps no answer longer
	w.WriteHeader(http.StatusNoContent)
}

func refuse(w http.ResponseWriter, status int, body string) {
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	io.WriteString(w, body+"\n")
}

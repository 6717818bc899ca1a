// Package health tells a client whether its tokens still fit the server, without
// ever setting, extending or ending anything.
//
//	http.Handle("GET /api/auth/token-health", health.New(sessions))
//
// The answer looks at header and cookie, access and refresh token, and ends in
// one of four actions: none, refresh, login, or retry. Only login may lead to a
// prompt, and no answer of this package ends a session: a fault of the server or
// a key it does not hold is a 503 that says retry.
package health

import (
	"encoding/json"
	"net/http"
	"sync/atomic"

	"github.com/sessionring/sessionring/session"
)

// statuses are all words a Verdict can have.
var statuses = []string{"ok", "previous_key", "expired", "revoked", "no_token", "invalid", "unknown_key", "unavailable"}

// Handler serves GET with a Verdict. It is safe for concurrent use and made by New.
type Handler struct {
	sessions *session.Manager
	counts   map[string]*atomic.Int64
}

// New returns the handler for the sessions of m, which must not be nil. While m runs,
// its answers are judged: many failures among them are the alert health_failures of m.
func New(m *session.Manager) *Handler {
	h := &Handler{sessions: m, counts: map[string]*atomic.Int64{}}
	for _, s := range statuses {
		h.counts[s] = new(atomic.Int64)
	}
	m.Alarm("health_failures", (&failures{counts: h.counts}).judge)
	return h
}

// Counts returns how often each status was given since the start. The map is the
// caller's and has every status.
func (h *Handler) Counts() map[string]int64 {
	counts := map[string]int64{}
	for s, n := range h.counts {
		counts[s] = n.Load()
	}
	return counts
}

// ServeHTTP answers GET and HEAD with the verdict on r as JSON, never cached:
// 200, or 503 with Retry-After where nobody can tell. Other methods are 405.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Add("Vary", "Authorization, Cookie")
	header.Set("Content-Type", "application/json; charset=utf-8")
	header.Set("X-Content-Type-Options", "nosniff")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
		w.Write([]byte(`{"error":"invalid"}` + "\n"))
		return
	}
	v := h.Verdict(r)
	if v.Action == "retry" {
		header.Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	json.NewEncoder(w).Encode(v)
}

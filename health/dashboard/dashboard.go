// Package dashboard answers an operator: which keys there are, how much each is needed
// and from when it may go, how many sessions live under which, which instances run, and
// what is wrong. It also rotates, revokes and drops keys.
//
//	board, err := dashboard.New(dashboard.Config{Sessions: sessions, Keys: keys, Allow: isAdmin})
//	http.Handle("/admin/", board)
//
// It is what keyring status -server and its siblings ask:
//
//	GET  /admin/api/status
//	POST /admin/api/keys/rotate  {}
//	POST /admin/api/keys/revoke  {"key": kid or tag}
//	POST /admin/api/keys/drop    {"key": kid or tag, "force": bool}
//
// No answer holds a secret or a token.
package dashboard

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/sessionring/sessionring/health"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
)

// Config describes a dashboard.
type Config struct {
	Sessions *session.Manager // required
	Keys     *keyring.Keyring // the keyring of Sessions, which may be changed here; nil: it may not
	Health   *health.Handler  // whose counts are shown; nil: none
	// Allow is required: it decides who may see and do all this. An error is 403.
	Allow func(*session.Claims) error
}

// New returns the handler for everything below /admin/. It lets in whom cfg.Allow
// lets in, by access token in header or cookie, as session.Manager.RequireFunc does,
// foreign pages never. What is missing in cfg is an error. The handler is safe for
// concurrent use.
func New(cfg Config) (http.Handler, error) {
	var errs []error
	if cfg.Sessions == nil {
		errs = append(errs, errors.New("dashboard: Config.Sessions is required"))
	}
	if cfg.Allow == nil {
		errs = append(errs, errors.New("dashboard: Config.Allow is required: it says who may see the dashboard"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	b := board{cfg}
	mux := http.NewServeMux()
	mux.Handle("/admin/api/status", only("GET", b.status))
	mux.Handle("/admin/api/keys/rotate", only("POST", b.rotate))
	mux.Handle("/admin/api/keys/revoke", only("POST", b.revoke))
	mux.Handle("/admin/api/keys/drop", only("POST", b.drop))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusNotFound, map[string]string{"error": "not_found"})
	})
	return cfg.Sessions.RequireFunc(cfg.Allow)(mux), nil
}

// board is a dashboard.
type board struct{ cfg Config }

// only lets requests with one method through, and HEAD with GET.
func only(method string, next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == method || method == http.MethodGet && r.Method == http.MethodHead {
			next(w, r)
			return
		}
		w.Header().Set("Allow", method)
		answer(w, http.StatusMethodNotAllowed, map[string]string{"error": "invalid"})
	})
}

// answer answers with v.
func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

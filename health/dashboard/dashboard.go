// Package dashboard answers an operator: which keys there are, how much each is needed
// and from when it may go, how many sessions live under which, which instances run,
// what has happened, and what is wrong. It also rotates, revokes and drops keys, and
// ends sessions.
//
//	board, err := dashboard.New(dashboard.Config{Sessions: sessions, Keys: keys, Store: store, Allow: isAdmin})
//	http.Handle("/admin/", board)
//
// GET /admin/ is a page for people. It needs no script, and loads none from elsewhere.
// This is what keyring status -server and its siblings ask:
//
//	GET  /admin/api/status
//	POST /admin/api/keys/rotate  {}
//	POST /admin/api/keys/revoke  {"key": kid or tag}
//	POST /admin/api/keys/drop    {"key": kid or tag, "force": bool}
//
// A body that is no JSON object, or has other members, is 400; an empty one is {}. No
// answer holds a secret or a token.
//
// Who gave an order that was carried out is on the page and in the log of Sessions: as
// "key rotation ordered", "key revocation ordered" or "key drop ordered", with version,
// forced and by, and "end of sessions ordered". What came of it is told by every instance
// as session.Hooks says, such as "key revoked".
package dashboard

import (
	"encoding/json"
	"errors"
	"html/template"
	"net/http"

	"github.com/sessionring/sessionring/health"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// Config describes a dashboard.
type Config struct {
	Sessions *session.Manager // required
	Keys     *keyring.Keyring // the keyring of Sessions, which may be changed here; nil: it may not
	Health   *health.Handler  // whose counts are shown; nil: none
	// Store keeps the history, and must be a session.Index: best that of Sessions, so
	// that the history covers all instances and survives them. It takes less than 1 MB
	// there. Nil: it is kept in memory, covers this instance and ends with it.
	Store session.Store
	// RefreshPath is the route of session.Manager.HandleRefresh, such as
	// "/api/auth/refresh". An open page asks it when its access token has expired, and
	// who comes to a page with one that has is refreshed on the way; "": neither, the
	// one page says that it is out of date, and the other that nobody is signed in.
	RefreshPath string
	// SignInPath is where people sign in, such as "/". Browsers without a session are
	// shown the way there; "": they are only told that they are not signed in.
	SignInPath string
	// Allow is required: it decides who may see and do all this. An error, which the
	// Logger of Sessions is told, is 404, as if there were nothing here.
	Allow func(*session.Claims) error
}

// New returns the handler for everything below /admin/. It lets in whom cfg.Allow
// lets in, by access token in header or cookie, as session.Manager.Require does:
// strangers are answered 401, and requests by foreign pages 403. What is missing in cfg
// is an error.
//
// It observes cfg.Sessions from now on, for the history, which is written once a minute
// by session.Manager.Run and whenever somebody looks: one dashboard for one Manager, or
// everything is counted twice. The handler is safe for concurrent use.
func New(cfg Config) (http.Handler, error) {
	store, listed := cfg.Store.(indexed)
	if cfg.Store == nil {
		store = new(memstore.Store)
	}
	var errs []error
	if cfg.Sessions == nil {
		errs = append(errs, errors.New("dashboard: Config.Sessions is required"))
	}
	if cfg.Allow == nil {
		errs = append(errs, errors.New("dashboard: Config.Allow is required: it says who may see the dashboard"))
	}
	if cfg.Store != nil && !listed {
		errs = append(errs, errors.New("dashboard: Config.Store is no session.Index: leave it out, and the history is kept in memory"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	b := &board{cfg: cfg, history: newHistory(store, cfg.Health), pages: parsePages(), figures: figures{turn: make(chan struct{}, 1)}}
	cfg.Sessions.Observe(b.history.hooks())
	return strict(b.gate(b.routes())), nil
}

// board is a dashboard.
type board struct {
	cfg     Config
	history *history
	pages   *template.Template
	figures figures
}

func (b *board) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/admin/{$}", only("GET", b.page))
	mux.Handle("/admin/confirm", only("GET", b.confirm))
	mux.Handle("/admin/do", only("POST", b.do))
	mux.Handle("/admin/page.css", only("GET", file("page.css")))
	mux.Handle("/admin/page.js", only("GET", file("page.js")))
	mux.Handle("/admin/api/status", only("GET", b.status))
	mux.Handle("/admin/api/keys/rotate", only("POST", b.obey(keyRotated, b.rotate)))
	mux.Handle("/admin/api/keys/revoke", only("POST", b.obey(keyRevoked, b.revoke)))
	mux.Handle("/admin/api/keys/drop", only("POST", b.obey(keyDropped, b.drop)))
	mux.HandleFunc("/", notFound)
	return mux
}

// notFound answers for what does not exist.
func notFound(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusNotFound, map[string]string{"error": "not_found"})
}

// contentPolicy lets a page load what this handler serves, and send its forms here.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// strict adds to every answer what browsers must not do with it.
func strict(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("Referrer-Policy", "same-origin")
		h.Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}

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

package session

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/sessionring/sessionring/internal/strictjson"
)

// maxBody is the longest request body that the handlers read, in bytes.
const maxBody = 16 << 10

// SignIn starts a session and sets its cookies; status and body are the caller's,
// to be written after it. It ends the session that r carried, and works whatever
// tokens r carries. The label of the session is browser and system of the
// User-Agent, unless the grant has one.
//
// On an error nothing has been set. Errors are ErrCrossOrigin, those of Issue,
// and those of the cookie policy, such as cookies that are too large. It is safe
// for concurrent use.
func (m *Manager) SignIn(w http.ResponseWriter, r *http.Request, g Grant) error {
	private(w.Header())
	if m.cfg.Cookies == nil {
		return errors.New("session: SignIn needs Config.Cookies: use Issue for tokens in a body")
	}
	if err := m.sameOrigin(r); err != nil {
		return err
	}
	if g.Label == "" {
		g.Label = deviceOf(r.UserAgent())
	}
	var pair issued
	if err := m.start(r.Context(), &pair, g); err != nil {
		return err
	}
	if err := m.setCookies(w, r, &pair); err != nil {
		return errors.Join(err, m.forgo(r.Context(), &pair, "not delivered"))
	}
	m.endAll(r.Context(), m.carried(r), "sign-in") // of a store that is down, Run takes care
	m.began(r.Context(), &pair)
	return nil
}

// SignOut ends the session of r, even if its access token has expired, and clears
// the cookies. What header, body and cookies carry is each ended; a request
// without a token is no error. Status and body are the caller's.
//
// Without a Store both tokens live on for whoever has a copy: the access token until
// it expires, the refresh token, by being refreshed, until the session would have
// ended. With one, the session ends as by Revoke. Errors are ErrCrossOrigin, and then
// nothing has changed, and ErrUnavailable: the cookies are cleared, the store is down,
// and Run ends the session when it is back. It is safe for concurrent use.
func (m *Manager) SignOut(w http.ResponseWriter, r *http.Request) error {
	private(w.Header())
	if err := m.sameOrigin(r); err != nil {
		return err
	}
	list := m.carried(r)
	if token, err := bodyToken(r); token != "" && err == nil {
		if c, _, err := m.endable(r.Context(), token); err == nil {
			list = append(list, c)
		}
	}
	if m.cfg.Cookies != nil {
		m.cfg.Cookies.Clear(w, r)
	}
	return m.endAll(r.Context(), list, "sign-out")
}

// endAll ends the sessions of which list holds claims, each once.
func (m *Manager) endAll(ctx context.Context, list []*Claims, cause string) error {
	var errs []error
	seen := map[string]bool{}
	for _, c := range list {
		if !seen[c.SessionID] {
			seen[c.SessionID] = true
			errs = append(errs, m.end(ctx, c, cause, nil))
		}
	}
	return errors.Join(errs...)
}

// carried returns the claims of every good token in the header and the cookies of
// r, and of access tokens that were good until they expired.
func (m *Manager) carried(r *http.Request) []*Claims {
	var list []*Claims
	keep := func(c *Claims, _ time.Time, err error) {
		if err == nil {
			list = append(list, c)
		}
	}
	if token, _, err := bearer(r); token != "" && err == nil {
		keep(m.genuine(r.Context(), token, kindAccess, ""))
	}
	if m.cfg.Cookies == nil {
		return list
	}
	for n := range maxCandidates {
		if token, ok := m.cfg.Cookies.Token(r, kindAccess, n); ok {
			keep(m.genuine(r.Context(), token, kindAccess, ""))
		}
		if token, ok := m.cfg.Cookies.Token(r, kindRefresh, n); ok {
			keep(m.endable(r.Context(), token))
		}
	}
	return list
}

// endable is verify for a refresh token whose session is to end. It does not ask
// whether that has ended already: a store that is down must not keep it alive.
func (m *Manager) endable(ctx context.Context, token string) (*Claims, time.Time, error) {
	c, now, err := m.genuine(ctx, token, kindRefresh, "")
	if err != nil {
		return nil, now, err
	}
	c, err = m.unexpired(c, now)
	return c, now, err
}

// HandleRefresh serves POST: a refresh token from the cookie is answered by
// cookies (204), one from the body, {"refresh_token": …}, by Tokens (200). A token
// in the body wins over the cookie; the Authorization header is ignored. So a
// script cannot turn a cookie into a token it could read.
//
// A refused refresh clears nothing: the loser of a race must not clear what the
// winner has set. Only a 401 of this route ends a session in a client. A body
// that is no JSON object is 400.
func (m *Manager) HandleRefresh(w http.ResponseWriter, r *http.Request) {
	private(w.Header())
	if !post(w, r) {
		return
	}
	token, err := bodyToken(r)
	switch {
	case err != nil:
		writeError(w, http.StatusBadRequest, "invalid")
	case token != "":
		m.refreshBody(w, r, token)
	default:
		m.refreshCookie(w, r)
	}
}

// refreshBody answers a refresh by body.
func (m *Manager) refreshBody(w http.ResponseWriter, r *http.Request, token string) {
	tokens, err := m.Refresh(r.Context(), token)
	if err != nil {
		m.refuse(w, r, err)
		return
	}
	tokens.WriteJSON(w)
}

// refreshCookie answers a refresh by cookie.
func (m *Manager) refreshCookie(w http.ResponseWriter, r *http.Request) {
	var c *Claims
	err := m.sameOrigin(r)
	if err == nil {
		c, err = m.CheckRefresh(r)
	}
	var pair issued
	if err = m.trade(r.Context(), &pair, c, err); err == nil {
		err = m.setCookies(w, r, &pair)
	}
	if err != nil {
		m.refuse(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// HandleSignOut serves POST by SignOut and answers 204, also to a request without
// a token.
func (m *Manager) HandleSignOut(w http.ResponseWriter, r *http.Request) {
	private(w.Header())
	if !post(w, r) {
		return
	}
	if err := m.SignOut(w, r); err != nil {
		m.refuse(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// post reports whether r is a POST, and answers it if not (RFC 9110, section 15.5.6).
func post(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodPost {
		return true
	}
	w.Header().Set("Allow", http.MethodPost)
	writeError(w, http.StatusMethodNotAllowed, "invalid")
	return false
}

var errBody = errors.New("session: the body is no JSON object with a refresh_token")

// bodyToken returns the refresh token in the body of r, "" if it has none.
func bodyToken(r *http.Request) (string, error) {
	if r.Body == nil {
		return "", nil
	}
	data, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if err != nil {
		return "", errBody
	}
	if strings.TrimSpace(string(data)) == "" {
		return "", nil
	}
	members, err := strictjson.Object(data)
	if err != nil {
		return "", errBody
	}
	for _, m := range members {
		if m.Name != "refresh_token" {
			continue
		}
		var token string // stays empty for null
		if json.Unmarshal(m.Raw, &token) != nil {
			return "", errBody
		}
		return token, nil
	}
	return "", nil
}

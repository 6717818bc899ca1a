package health

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/sessionring/sessionring/session"
)

// Verdict is what a client is told.
//
//	status        compatible  authenticated  action
//	ok            true        true           none
//	previous_key  true        true           none
//	expired       true        false          refresh, or login if nothing can be refreshed
//	revoked       true        false          login
//	no_token      false       false          login
//	invalid       false       false          login
//	unknown_key   false       false          retry (503)
//	unavailable   false       false          retry (503)
//
// A client signs in only after it has tried to refresh where Refreshable says so: a key
// that was revoked may have vouched for the access token alone.
type Verdict struct {
	Compatible    bool    `json:"compatible"`     // the tokens fit this server
	Authenticated bool    `json:"authenticated"`  // the access token is good now
	TokenVersion  *string `json:"token_version"`  // null unless verified
	ServerVersion string  `json:"server_version"` // tag of the current key
	Status        string  `json:"status"`         // "ok", "previous_key" or a word of session.Reason
	Action        string  `json:"action"`         // "none", "refresh", "login" or "retry"
	Transport     string  `json:"-"`              // "header" or "cookie"; "", encoded as null, without a token
	Refreshable   bool    `json:"refreshable"`    // a good refresh cookie came along
	ExpiresIn     int     `json:"expires_in"`     // seconds, 0 unless authenticated
	ServerTime    int64   `json:"server_time"`    // Unix seconds
}

// MarshalJSON encodes v in the words of the table above.
func (v Verdict) MarshalJSON() ([]byte, error) {
	type plain Verdict
	body := struct {
		plain
		Transport *string `json:"transport"`
	}{plain: plain(v)}
	if v.Transport != "" {
		body.Transport = &v.Transport
	}
	return json.Marshal(body)
}

// Verdict judges the tokens of r. It changes nothing, and is safe for concurrent use.
//
// An access cookie that is gone because the browser let it expire looks like no
// token at all; beside a good refresh cookie it is expired, to be refreshed. So
// is a bad access cookie. Where it cannot be told whether the refresh cookie is
// good, the verdict is that nobody can tell, and never a sign-in.
func (h *Handler) Verdict(r *http.Request) Verdict {
	v := Verdict{ServerVersion: h.sessions.Version(), ServerTime: time.Now().Unix()}
	access, err := h.sessions.Check(r)
	if _, header := r.Header["Authorization"]; header {
		v.Transport = "header"
	} else if !errors.Is(err, session.ErrNoToken) {
		v.Transport = "cookie"
	}
	if v.Transport != "header" {
		err = v.lookAtRefresh(h.sessions, r, err)
	}
	if access != nil {
		v.authenticated(access)
	} else {
		v.refused(err)
	}
	if v.Status == "unavailable" {
		h.sessions.Logger().ErrorContext(r.Context(), "error checking token health", "error", err)
	}
	h.counts[v.Status].Add(1)
	return v
}

// lookAtRefresh looks at the refresh cookie, and returns what is to be made of
// err, the fault of the access token, in its light.
func (v *Verdict) lookAtRefresh(m *session.Manager, r *http.Request, err error) error {
	refresh, refreshErr := m.CheckRefresh(r)
	if refreshErr == nil {
		v.Refreshable = true
		v.Transport = "cookie"
	}
	dead := errors.Is(err, session.ErrExpired) || errors.Is(err, session.ErrNoToken) || errors.Is(err, session.ErrInvalid)
	switch {
	case !dead:
		return err
	case refreshErr == nil:
		v.TokenVersion = &refresh.Tag
		return session.ErrExpired
	case session.Status(refreshErr) == http.StatusServiceUnavailable:
		v.Transport = "cookie"
		return refreshErr
	}
	return err
}

// authenticated is the verdict on a good access token.
func (v *Verdict) authenticated(c *session.Claims) {
	v.Compatible, v.Authenticated, v.Action = true, true, "none"
	v.Status = "ok"
	if c.Previous {
		v.Status = "previous_key"
	}
	v.TokenVersion = &c.Tag
	v.ExpiresIn = max(0, int(time.Until(c.ExpiresAt)/time.Second))
}

// refused is the verdict on a bad or missing one.
func (v *Verdict) refused(err error) {
	v.Status = session.Reason(err)
	switch v.Status {
	case "expired":
		v.Compatible, v.Action = true, "login"
		if v.Refreshable || v.Transport == "header" {
			v.Action = "refresh"
		}
	case "revoked", "reused":
		v.Status, v.Compatible, v.Action = "revoked", true, "login"
	case "no_token", "invalid":
		v.Action = "login"
	case "unknown_key":
		v.Action = "retry"
	default:
		v.Status, v.Action = "unavailable", "retry"
	}
}

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"github.com/sessionring/sessionring/examples/internal/server"
	"github.com/sessionring/sessionring/session"
)

// login takes any password but one. The user id is made from the e-mail address as
// Flask makes it.
func (a *app) login(w http.ResponseWriter, r *http.Request) {
	var in struct{ Email, Password string }
	if server.ReadJSON(w, r, &in) != nil || in.Email == "" || in.Password == "" {
		server.Refuse(w, http.StatusBadRequest, "invalid")
		return
	}
	if in.Password == "wrong" {
		server.Refuse(w, http.StatusUnauthorized, "wrong_password")
		return
	}
	tokens, err := a.sessions.Issue(r.Context(), session.Grant{Subject: userID(in.Email), Label: r.UserAgent()})
	a.deliver(w, r, tokens, err)
}

// userID returns the first 16 hex digits of the SHA-256 of the address.
func userID(email string) string {
	sum := sha256.Sum256([]byte(strings.ToLower(email)))
	return hex.EncodeToString(sum[:])[:16]
}

// refresh trades the refresh token of the body, or else of the cookie, for new tokens.
// A refusal clears no cookie.
//
// Session.HandleRefresh is the better way: it answers cookies with cookies only, so
// that no script can turn a cookie into a token that it can read. Flask's clients
// want both.
func (a *app) refresh(w http.ResponseWriter, r *http.Request) {
	token, err := bodyToken(w, r)
	if err != nil {
		server.Refuse(w, http.StatusBadRequest, "invalid")
		return
	}
	if token == "" {
		token, err = a.cookieToken(r)
	}
	var tokens session.Tokens
	if err == nil {
		tokens, err = a.sessions.Refresh(r.Context(), token)
	}
	a.deliver(w, r, tokens, err)
}

// bodyToken returns the refresh token in the body of r, "" if there is no body.
func bodyToken(w http.ResponseWriter, r *http.Request) (string, error) {
	var in struct {
		RefreshToken string `json:"refresh_token"`
	}
	err := server.ReadJSON(w, r, &in)
	return in.RefreshToken, err
}

// cookieToken returns the refresh token of the cookies of r. Browsers can send several
// of one name: CheckRefresh judges them all, and we look for the one that it chose.
func (a *app) cookieToken(r *http.Request) (string, error) {
	best, err := a.sessions.CheckRefresh(r)
	if err != nil {
		return "", err
	}
	for n := 0; ; n++ {
		token, ok := a.policy.Token(r, "refresh", n)
		if !ok {
			return "", session.ErrNoToken
		}
		alone := r.Clone(r.Context())
		alone.Header = http.Header{"Cookie": {"refresh_token=" + token}}
		if c, err := a.sessions.CheckRefresh(alone); err == nil && c.TokenID == best.TokenID {
			return token, nil
		}
	}
}

// answer is what login and refresh say. Tokens are in it unless BODY_TOKENS is 0.
type answer struct {
	UserID       string `json:"user_id"`
	TokenVersion string `json:"token_version"`
	*session.Tokens
}

// deliver sets tokens as cookies and answers with them, or refuses for err.
func (a *app) deliver(w http.ResponseWriter, r *http.Request, tokens session.Tokens, err error) {
	var out answer
	if err == nil {
		out, err = a.describe(r.Context(), tokens)
	}
	if err == nil {
		accessUntil := time.Now().Add(time.Duration(tokens.ExpiresIn) * time.Second)
		err = a.policy.Set(w, r, tokens.AccessToken, tokens.RefreshToken, accessUntil, tokens.RefreshUntil)
	}
	if err != nil {
		server.Fail(w, err)
		return
	}
	server.JSON(w, http.StatusOK, out)
}

// describe returns the answer for tokens that have just been issued.
func (a *app) describe(ctx context.Context, tokens session.Tokens) (answer, error) {
	c, err := a.sessions.Verify(ctx, tokens.AccessToken)
	if err != nil {
		return answer{}, err
	}
	out := answer{UserID: c.Subject, TokenVersion: c.Tag}
	if a.bodyTokens {
		out.Tokens = &tokens
	}
	return out, nil
}

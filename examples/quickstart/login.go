package main

import (
	"crypto/subtle"
	"net/http"

	"golang.org/x/crypto/bcrypt"

	"github.com/sessionring/sessionring/examples/internal/server"
	"github.com/sessionring/sessionring/session"
)

// accounts holds the bcrypt hash of the password of each demo user, which is the
// name again. A real service has a table of users here.
var accounts = map[string]string{
	"demo":  "$2a$10$3dGma2d4AKqIZvIc77YxIebg3EJbjkoOO6/GKoCqw/pD9Gg4m0Qka",
	"admin": "$2a$10$ImUSBdK/5kpsfYbJZpdgx.BKQ1iO2SNKYjUyFYoFwsSnMSy0/8K5m",
}

// knows reports whether password is that of user. An unknown name costs as much time
// as a wrong password, so that time does not tell which names exist.
func (a *app) knows(user, password string) bool {
	if a.anyUser {
		return subtle.ConstantTimeCompare([]byte(user), []byte(password)) == 1
	}
	hash, known := accounts[user]
	if !known {
		hash = accounts["demo"]
	}
	right := bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil
	return known && right
}

// signIn is the body of a sign-in.
type signIn struct {
	Username  string `json:"username"`
	Password  string `json:"password"`
	Transport string `json:"transport"` // "bearer": tokens in the body, no cookies
}

// maxName is the longest name of a user, in bytes: it must fit into a cookie with
// all the rest.
const maxName = 128

func (in *signIn) valid() bool {
	return in.Username != "" && len(in.Username) <= maxName &&
		(in.Transport == "" || in.Transport == "cookie" || in.Transport == "bearer")
}

// login checks name and password and starts a session.
func (a *app) login(w http.ResponseWriter, r *http.Request) {
	var in signIn
	if server.ReadJSON(w, r, &in) != nil || !in.valid() {
		server.Refuse(w, http.StatusBadRequest, "invalid")
		return
	}
	if !a.knows(in.Username, in.Password) {
		server.Refuse(w, http.StatusUnauthorized, "wrong_password")
		return
	}
	grant := session.Grant{Subject: in.Username, Label: r.UserAgent()}
	var answer signedIn
	var err error
	if in.Transport == "bearer" {
		answer, err = a.startBearer(r, grant)
	} else {
		answer, err = a.startCookies(w, r, grant)
	}
	if err != nil {
		server.Fail(w, err)
		return
	}
	server.JSON(w, http.StatusOK, answer)
}

// signedIn is the answer to a sign-in. Only those who asked for tokens in the body
// get them there.
type signedIn struct {
	identity
	*session.Tokens
}

// startBearer starts a session whose tokens the client keeps itself.
func (a *app) startBearer(r *http.Request, g session.Grant) (signedIn, error) {
	tokens, err := a.sessions.Issue(r.Context(), g)
	if err != nil {
		return signedIn{}, err
	}
	c, err := a.sessions.Verify(r.Context(), tokens.AccessToken)
	if err != nil {
		return signedIn{}, err
	}
	return signedIn{identityOf(c), &tokens}, nil
}

// startCookies starts a session whose tokens the browser keeps in cookies.
func (a *app) startCookies(w http.ResponseWriter, r *http.Request, g session.Grant) (signedIn, error) {
	if err := a.sessions.SignIn(w, r, g); err != nil {
		return signedIn{}, err
	}
	c, err := a.sessions.Check(nextRequest(w, r))
	if err != nil {
		return signedIn{}, err
	}
	return signedIn{identity: identityOf(c)}, nil
}

// nextRequest returns a request as the browser will send it when it has the cookies
// that are about to be set on w: what tells us about the session that has just begun.
func nextRequest(w http.ResponseWriter, r *http.Request) *http.Request {
	next := r.Clone(r.Context())
	next.Header = http.Header{}
	for _, c := range (&http.Response{Header: w.Header()}).Cookies() {
		next.AddCookie(c)
	}
	return next
}

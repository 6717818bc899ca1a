package server

import (
	"crypto/subtle"
	"net/http"

	"golang.org/x/crypto/bcrypt"

	"github.com/sessionring/sessionring/session"
)

// accounts holds the bcrypt hash of the password of each demo user, which is the
// name again. A real service has a table of users here.
var accounts = map[string]string{
	"demo":  "$2a$10$3dGma2d4AKqIZvIc77YxIebg3EJbjkoOO6/GKoCqw/pD9Gg4m0Qka",
	"admin": "$2a$10$ImUSBdK/5kpsfYbJZpdgx.BKQ1iO2SNKYjUyFYoFwsSnMSy0/8K5m",
}

// SignIn is the route that checks name and password and starts a session, in cookies or,
// if it is asked for, with the tokens in the answer.
type SignIn struct {
	Sessions *session.Manager
	AnyUser  bool // any user name signs in with itself as the password
}

// knows reports whether password is that of user. An unknown name costs as much time
// as a wrong password, so that time does not tell which names exist.
func (s SignIn) knows(user, password string) bool {
	if s.AnyUser {
		return subtle.ConstantTimeCompare([]byte(user), []byte(password)) == 1
	}
	hash, known := accounts[user]
	if !known {
		hash = accounts["demo"]
	}
	right := bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil
	return known && right
}

// credentials is the body of a sign-in.
type credentials struct {
	Username  string `json:"username"`
	Password  string `json:"password"`
	Transport string `json:"transport"` // "bearer": tokens in the body, no cookies
}

// maxName is the longest name of a user, in bytes: it must fit into a cookie with
// all the rest.
const maxName = 128

func (in *credentials) valid() bool {
	return in.Username != "" && len(in.Username) <= maxName &&
		(in.Transport == "" || in.Transport == "cookie" || in.Transport == "bearer")
}

// ServeHTTP answers 200 with the identity that has signed in, 401 for a wrong password
// and 400 for a body that is none.
func (s SignIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in credentials
	if ReadJSON(w, r, &in) != nil || !in.valid() {
		Refuse(w, http.StatusBadRequest, "invalid")
		return
	}
	if !s.knows(in.Username, in.Password) {
		Refuse(w, http.StatusUnauthorized, "wrong_password")
		return
	}
	grant := session.Grant{Subject: in.Username, Label: r.UserAgent()}
	var answer signedIn
	var err error
	if in.Transport == "bearer" {
		answer, err = s.startBearer(r, grant)
	} else {
		answer, err = s.startCookies(w, r, grant)
	}
	if err != nil {
		Fail(w, err)
		return
	}
	JSON(w, http.StatusOK, answer)
}

// signedIn is the answer to a sign-in. Only those who asked for tokens in the body
// get them there.
type signedIn struct {
	Identity
	*session.Tokens
}

// startBearer starts a session whose tokens the client keeps itself.
func (s SignIn) startBearer(r *http.Request, g session.Grant) (signedIn, error) {
	tokens, err := s.Sessions.Issue(r.Context(), g)
	if err != nil {
		return signedIn{}, err
	}
	c, err := s.Sessions.Verify(r.Context(), tokens.AccessToken)
	if err != nil {
		return signedIn{}, err
	}
	return signedIn{identityOf(c), &tokens}, nil
}

// startCookies starts a session whose tokens the browser keeps in cookies.
func (s SignIn) startCookies(w http.ResponseWriter, r *http.Request, g session.Grant) (signedIn, error) {
	if err := s.Sessions.SignIn(w, r, g); err != nil {
		return signedIn{}, err
	}
	c, err := s.Sessions.Check(nextRequest(w, r))
	if err != nil {
		return signedIn{}, err
	}
	return signedIn{Identity: identityOf(c)}, nil
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

// Identity is what a client learns about its session.
type Identity struct {
	Subject      string `json:"subject"`
	SessionID    string `json:"session_id"`
	TokenVersion string `json:"token_version"`
}

func identityOf(c *session.Claims) Identity {
	return Identity{c.Subject, c.SessionID, c.Tag}
}

// Me tells who is signed in. It stands behind Require.
func Me(w http.ResponseWriter, r *http.Request) {
	JSON(w, http.StatusOK, identityOf(session.FromContext(r.Context())))
}

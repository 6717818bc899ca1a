package dashboard

import (
	"net/http"
	"strings"

	"github.com/sessionring/sessionring/session"
)

// gate lets in who is signed in and whom Config.Allow lets in. To all others who are
// signed in there is nothing here.
//
// Programs and scripts are answered as by session.Manager.Require. People who browse are
// refreshed on the way if their access token has expired and their refresh token has
// not, and else get a page that says what to do.
func (b *board) gate(next http.Handler) http.Handler {
	inside := b.cfg.Sessions.Require(b.allowed(next))
	people := b.cfg.Sessions.Optional(b.welcome(b.allowed(next), inside))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if browses(r) {
			people.ServeHTTP(w, r)
			return
		}
		inside.ServeHTTP(w, r)
	})
}

// browses reports whether r comes from somebody who looks at pages, with cookies.
func browses(r *http.Request) bool {
	_, header := r.Header["Authorization"]
	return !header && strings.Contains(r.Header.Get("Accept"), "text/html")
}

// allowed asks Config.Allow.
func (b *board) allowed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := session.FromContext(r.Context())
		if err := b.cfg.Allow(c); err != nil {
			b.cfg.Sessions.Logger().WarnContext(r.Context(), "dashboard refused", "subject", c.Subject, "session", c.SessionID, "error", err)
			notFound(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// welcome lets go on who is signed in, and those whose tokens could be refreshed through
// inside, which judges anew.
func (b *board) welcome(next, inside http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if session.FromContext(r.Context()) != nil {
			next.ServeHTTP(w, r)
			return
		}
		again, status := b.renewed(w, r)
		if again == nil {
			b.turnAway(w, status)
			return
		}
		inside.ServeHTTP(w, again)
	})
}

// renewed refreshes by the cookies of r, as a request to Config.RefreshPath would, and
// returns r with the new ones, which w sets. If that is refused it returns nil and the
// status of the refusal. A page of another site does not bring it about.
func (b *board) renewed(w http.ResponseWriter, r *http.Request) (again *http.Request, status int) {
	if b.cfg.RefreshPath == "" {
		return nil, http.StatusUnauthorized
	}
	if _, err := b.cfg.Sessions.CheckRefresh(r); err != nil {
		return nil, session.Status(err)
	}
	ask := r.Clone(r.Context())
	ask.Method, ask.Body, ask.ContentLength = http.MethodPost, http.NoBody, 0
	got := &jar{header: http.Header{}}
	b.cfg.Sessions.HandleRefresh(got, ask)
	if got.status != http.StatusNoContent {
		return nil, got.status
	}
	again = r.Clone(r.Context())
	for _, line := range got.header["Set-Cookie"] {
		w.Header().Add("Set-Cookie", line)
		if c, err := http.ParseSetCookie(line); err == nil && c.Value != "" {
			again.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
		}
	}
	return again, 0
}

// jar keeps the headers and the status of an answer.
type jar struct {
	header http.Header
	status int
}

func (j *jar) Header() http.Header         { return j.header }
func (j *jar) WriteHeader(status int)      { j.status = status }
func (j *jar) Write(p []byte) (int, error) { return len(p), nil }

// turnedAway is a page for those who are not let in.
type turnedAway struct{ Title, Text, SignIn string }

// turnAway says why somebody is not let in, and what to do. The page holds nothing else.
func (b *board) turnAway(w http.ResponseWriter, status int) {
	v := turnedAway{Title: "Not signed in", Text: "This page is for administrators. Sign in, and come back.", SignIn: b.cfg.SignInPath}
	switch status {
	case http.StatusServiceUnavailable:
		v = turnedAway{Title: "Please wait", Text: "Nobody can tell now whether you are signed in. You need not sign in again for that: try again in a moment."}
		w.Header().Set("Retry-After", "1")
	case http.StatusForbidden:
		v = turnedAway{Title: "From elsewhere", Text: "A page of another site has led here. Nothing was done."}
	default:
		status = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	b.show(w, status, "turned-away", v)
}

package main

import (
	"net/http"

	"github.com/sessionring/sessionring/examples/internal/server"
	"github.com/sessionring/sessionring/session"
)

// device is one session in the list of those of a user.
type device struct {
	session.Info
	Subject string `json:"subject,omitempty"` // left out: the list is its own
	Current bool   `json:"current"`
}

// mySessions lists where the user is signed in. Without a store nobody knows.
func (a *app) mySessions(w http.ResponseWriter, r *http.Request) {
	if !a.stored {
		server.NotFound(w, r)
		return
	}
	me := session.FromContext(r.Context())
	list, err := a.sessions.Sessions(r.Context(), me.Subject)
	if err != nil {
		server.Fail(w, err)
		return
	}
	devices := []device{}
	for _, info := range list {
		devices = append(devices, device{Info: info, Current: info.ID == me.SessionID})
	}
	server.JSON(w, http.StatusOK, map[string]any{"sessions": devices})
}

// endSession signs one device of the user out. The id of a session that is gone, or
// somebody else's, changes nothing and tells nothing.
func (a *app) endSession(w http.ResponseWriter, r *http.Request) {
	if !a.stored {
		server.NotFound(w, r)
		return
	}
	me := session.FromContext(r.Context())
	if err := a.sessions.Revoke(r.Context(), me.Subject, r.PathValue("id")); err != nil {
		server.Fail(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

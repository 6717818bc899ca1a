package dashboard

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
)

// order is what a request to change a key says.
type order struct {
	Key   string `json:"key"`
	Force bool   `json:"force"`
}

// refusal is the answer to an order that is not carried out.
type refusal struct {
	Error         string    `json:"error"`
	Message       string    `json:"message"`
	SessionsLost  *int      `json:"sessions_lost,omitempty"`
	DroppableFrom time.Time `json:"droppable_from,omitzero"`
}

// done is the answer to one that is: the key it was about, or the new one.
type done struct {
	Tag string `json:"tag"`
	KID string `json:"kid"`
}

const maxOrder = 4 << 10 // bytes

// rotate makes a new current key.
func (b board) rotate(w http.ResponseWriter, r *http.Request) {
	if _, ok := b.read(w, r); !ok {
		return
	}
	tag, err := b.cfg.Keys.Rotate(r.Context())
	if err != nil {
		fail(w, err)
		return
	}
	for _, k := range b.cfg.Keys.List() {
		if k.Tag == tag {
			answer(w, http.StatusOK, done{k.Tag, k.ID})
			return
		}
	}
	answer(w, http.StatusOK, done{Tag: tag}) // dropped by another meanwhile
}

// revoke withdraws a key.
func (b board) revoke(w http.ResponseWriter, r *http.Request) {
	_, k, ok := b.readKey(w, r)
	if !ok {
		return
	}
	if err := b.cfg.Keys.Revoke(r.Context(), k.ID); err != nil {
		fail(w, err)
		return
	}
	answer(w, http.StatusOK, done{k.Tag, k.ID})
}

// drop removes a key that no session needs, or, if forced, one that some do.
func (b board) drop(w http.ResponseWriter, r *http.Request) {
	o, k, ok := b.readKey(w, r)
	if !ok {
		return
	}
	if k.State != "retired" && k.State != "revoked" {
		if !o.Force && !b.mayGo(w, r, k) {
			return
		}
		if err := b.cfg.Keys.Retire(r.Context(), k.ID); err != nil {
			fail(w, err)
			return
		}
	}
	if err := b.cfg.Keys.Drop(r.Context(), k.ID); err != nil {
		fail(w, err)
		return
	}
	answer(w, http.StatusOK, done{k.Tag, k.ID})
}

// mayGo reports whether no session needs k, and else says why not.
func (b board) mayGo(w http.ResponseWriter, r *http.Request, k keyring.KeyInfo) bool {
	from, lost, err := b.cfg.Sessions.SafeToDrop(r.Context(), k.ID)
	switch {
	case err != nil:
		answer(w, http.StatusServiceUnavailable, refusal{Error: "unavailable", Message: "nobody can tell whether sessions need " + k.ID + ": " + err.Error()})
	case lost > 0 || time.Now().Before(from):
		answer(w, http.StatusConflict, refusal{
			Error:         "in_use",
			Message:       fmt.Sprintf("%s is needed until %s; live sessions that would be lost now: %d", k.ID, from.Format(time.RFC3339), lost),
			SessionsLost:  &lost,
			DroppableFrom: from,
		})
	default:
		return true
	}
	return false
}

// read reads an order, and answers one that cannot be carried out.
func (b board) read(w http.ResponseWriter, r *http.Request) (o order, ok bool) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxOrder))
	if err == nil && len(data) > 0 {
		err = json.Unmarshal(data, &o)
	}
	switch {
	case err != nil:
		answer(w, http.StatusBadRequest, refusal{Error: "invalid", Message: `the body is no JSON object such as {"key": "v1"}`})
	case b.cfg.Keys == nil:
		answer(w, http.StatusConflict, refusal{Error: "not_changeable", Message: "the keys cannot be changed here: the server does not offer it"})
	default:
		return o, true
	}
	return o, false
}

// readKey reads an order about a key, and answers one that cannot be carried out. The
// name of a key that is none is not quoted: it may be a secret.
func (b board) readKey(w http.ResponseWriter, r *http.Request) (o order, k keyring.KeyInfo, ok bool) {
	o, ok = b.read(w, r)
	if !ok {
		return o, k, false
	}
	var found []keyring.KeyInfo
	for _, k := range b.cfg.Keys.List() {
		if k.ID == o.Key {
			return o, k, true
		}
		if k.Tag == o.Key {
			found = append(found, k)
		}
	}
	if len(found) != 1 {
		answer(w, http.StatusNotFound, refusal{Error: "no_such_key", Message: "no key, or more than one, has that kid or tag"})
		return o, k, false
	}
	return o, found[0], true
}

// fail answers for an error of the keyring.
func fail(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, keyring.ErrInUse):
		answer(w, http.StatusConflict, refusal{Error: "in_use", Message: err.Error()})
	case errors.Is(err, keyring.ErrFixed):
		answer(w, http.StatusConflict, refusal{Error: "not_changeable", Message: err.Error()})
	default:
		answer(w, http.StatusServiceUnavailable, refusal{Error: session.Reason(session.ErrUnavailable), Message: err.Error()})
	}
}

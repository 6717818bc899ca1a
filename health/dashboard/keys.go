package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/sessionring/sessionring/internal/strictjson"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
)

// order is what a request to change a key says.
type order struct {
	Key   string `json:"key"`
	Force bool   `json:"force"`
}

// refusal is why an order is not carried out, and the answer that says so.
type refusal struct {
	Word          string    `json:"error"`
	Message       string    `json:"message"`
	SessionsLost  *int      `json:"sessions_lost,omitempty"`
	DroppableFrom time.Time `json:"droppable_from,omitzero"`
}

func (r *refusal) Error() string { return r.Message }

// status returns the HTTP status of a refusal.
func (r *refusal) status() int {
	switch r.Word {
	case "invalid":
		return http.StatusBadRequest
	case "no_such_key":
		return http.StatusNotFound
	case "in_use", "not_changeable":
		return http.StatusConflict
	}
	return http.StatusServiceUnavailable
}

// done is the answer to one that is: the key it was about, or the new one.
type done struct {
	Tag       string    `json:"tag"`
	KID       string    `json:"kid"`
	Activates time.Time `json:"activates,omitzero"` // a new key that only co-signs until then
}

const maxOrder = 4 << 10 // bytes

// rotate makes a new current key.
func (b *board) rotate(ctx context.Context, _ order) (done, error) {
	tag, err := b.cfg.Keys.Rotate(ctx)
	if err != nil {
		return done{}, refusalOf(err)
	}
	for _, k := range b.cfg.Keys.List() {
		if k.Tag == tag {
			return done{k.Tag, k.ID, k.Activates}, nil
		}
	}
	return done{Tag: tag}, nil // dropped by another meanwhile
}

// revoke withdraws a key.
func (b *board) revoke(ctx context.Context, o order) (done, error) {
	k, err := b.find(o.Key)
	if err == nil {
		err = b.cfg.Keys.Revoke(ctx, k.ID)
	}
	return done{Tag: k.Tag, KID: k.ID}, refusalOf(err)
}

// drop removes a key that no session needs, or, if forced, one that some do.
func (b *board) drop(ctx context.Context, o order) (done, error) {
	k, err := b.find(o.Key)
	if err == nil && k.State != "retired" && k.State != "revoked" {
		if !o.Force {
			err = b.mayGo(ctx, k)
		}
		if err == nil {
			err = b.cfg.Keys.Retire(ctx, k.ID)
		}
	}
	if err == nil {
		err = b.cfg.Keys.Drop(ctx, k.ID)
	}
	return done{Tag: k.Tag, KID: k.ID}, refusalOf(err)
}

// mayGo returns why k may not go, nil if no session needs it, or if it signs.
func (b *board) mayGo(ctx context.Context, k keyring.KeyInfo) error {
	from, lost, err := b.cfg.Sessions.SafeToDrop(ctx, k.ID)
	switch {
	case err != nil:
		return &refusal{Word: "unavailable", Message: "nobody can tell whether sessions need " + k.ID + ": " + err.Error()}
	case k.State == "current": // Retire says what to do
		return nil
	case signsBy(from, k, time.Now()):
		return &refusal{
			Word:         "in_use",
			Message:      fmt.Sprintf("%s becomes the current key on %s: from when it may go can be said when another has taken its place", k.ID, k.Activates.Format(time.RFC3339)),
			SessionsLost: &lost,
		}
	case lost > 0 || time.Now().Before(from):
		return &refusal{
			Word:          "in_use",
			Message:       fmt.Sprintf("%s is needed until %s; live sessions that would be lost now: %d", k.ID, from.Format(time.RFC3339), lost),
			SessionsLost:  &lost,
			DroppableFrom: from,
		}
	}
	return nil
}

// find returns the key that a kid or a tag names. The name of a key that is none is
// not quoted: it may be a secret.
func (b *board) find(name string) (keyring.KeyInfo, error) {
	var found []keyring.KeyInfo
	for _, k := range b.cfg.Keys.List() {
		if k.ID == name {
			return k, nil
		}
		if k.Tag == name {
			found = append(found, k)
		}
	}
	if len(found) != 1 {
		return keyring.KeyInfo{}, &refusal{Word: "no_such_key", Message: "no key, or more than one, has that kid or tag"}
	}
	return found[0], nil
}

// refusalOf returns err as a refusal, nil for nil.
func refusalOf(err error) error {
	var r *refusal
	switch {
	case err == nil || errors.As(err, &r):
		return err
	case errors.Is(err, keyring.ErrInUse):
		return &refusal{Word: "in_use", Message: err.Error()}
	case errors.Is(err, keyring.ErrFixed):
		return &refusal{Word: "not_changeable", Message: err.Error()}
	}
	return &refusal{Word: session.Reason(session.ErrUnavailable), Message: err.Error()}
}

// obey returns the handler of a JSON request to change a key by do, which is noted as
// an event of a name.
func (b *board) obey(name string, do func(context.Context, order) (done, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		o, err := orderOf(w, r)
		var did done
		if err != nil {
			err = &refusal{Word: "invalid", Message: `the body is no JSON object such as {"key": "v1"}`}
		} else {
			did, err = b.change(r.Context(), name, o, do)
		}
		var no *refusal
		if errors.As(err, &no) {
			answer(w, no.status(), no)
			return
		}
		answer(w, http.StatusOK, did)
	}
}

var errMember = errors.New("an order has the members key and force only")

// orderOf returns the order in the body of r: one JSON object whose members differ and are
// those of an order, or nothing. What is misspelt must not count as not said.
func orderOf(w http.ResponseWriter, r *http.Request) (order, error) {
	var o order
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxOrder))
	if err != nil || len(data) == 0 {
		return o, err
	}
	members, err := strictjson.Object(data)
	if err != nil {
		return o, err
	}
	if slices.ContainsFunc(members, func(m strictjson.Member) bool { return m.Name != "key" && m.Name != "force" }) {
		return o, errMember
	}
	err = json.Unmarshal(data, &o)
	return o, err
}

// change changes a key by do, and notes who did it, for the page and in the log.
func (b *board) change(ctx context.Context, name string, o order, do func(context.Context, order) (done, error)) (done, error) {
	if b.cfg.Keys == nil {
		return done{}, &refusal{Word: "not_changeable", Message: "the keys cannot be changed here: the server does not offer it"}
	}
	did, err := do(ctx, o)
	b.figures.forget()
	if err == nil {
		b.history.recent.note(incident{Name: name, Tag: did.Tag, By: doer(ctx)})
		b.cfg.Sessions.Logger().InfoContext(ctx, name, "version", did.Tag, "forced", o.Force, "by", doer(ctx))
	}
	return did, err
}

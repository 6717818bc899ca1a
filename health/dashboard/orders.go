package dashboard

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"unicode/utf8"

	"github.com/sessionring/sessionring/session"
)

// Names of what an administrator has done, in the log and on the page. They say who gave
// the order; what came of it, each instance tells as it sees it, by the names of
// session.Hooks.
const (
	keyRotated = "key rotation ordered"
	keyRevoked = "key revocation ordered"
	keyDropped = "key drop ordered"
)

// form is what the page asks to do: after a confirmation, which is a page of its own.
type form struct {
	Do               string // rotate, revoke, drop, end or end-all
	Key              string // kid
	Force            bool
	Subject, Session string
}

// formOf reads a form from a query or a body.
func formOf(v url.Values) form {
	return form{Do: v.Get("do"), Key: v.Get("key"), Force: v.Get("force") != "", Subject: v.Get("subject"), Session: v.Get("session")}
}

// sound reports whether f can be asked of the store.
func (f form) sound() bool { return utf8.ValidString(f.Subject) && utf8.ValidString(f.Session) }

var errNoOrder = &refusal{Word: "invalid", Message: "there is no such order"}

// carryOut does what f asks, and returns the word that says so.
func (b *board) carryOut(ctx context.Context, f form) (said string, err error) {
	o := order{Key: f.Key, Force: f.Force}
	switch f.Do {
	case "rotate":
		_, err = b.change(ctx, keyRotated, o, b.rotate)
		return "rotated", err
	case "revoke":
		_, err = b.change(ctx, keyRevoked, o, b.revoke)
		return "revoked", err
	case "drop":
		_, err = b.change(ctx, keyDropped, o, b.drop)
		return "dropped", err
	case "end":
		return "ended", b.end(ctx, f)
	case "end-all":
		return "ended-all", b.ended(ctx, f, b.cfg.Sessions.RevokeSubject(ctx, f.Subject))
	}
	return "", errNoOrder
}

// end ends one session, if the user has it.
func (b *board) end(ctx context.Context, f form) error {
	list, err := b.cfg.Sessions.Sessions(ctx, f.Subject)
	if err == nil && !slices.ContainsFunc(list, func(s session.Info) bool { return s.ID == f.Session }) {
		return &refusal{Word: "no_such_session", Message: "the user has no such session"}
	}
	return b.ended(ctx, f, b.cfg.Sessions.Revoke(ctx, f.Subject, f.Session))
}

// ended returns what came of the end of sessions, which is seen at once, and notes in the
// log who asked for it.
func (b *board) ended(ctx context.Context, f form, err error) error {
	b.figures.forget()
	log := b.cfg.Sessions.Logger().With("subject", f.Subject, "session", f.Session, "by", doer(ctx))
	if err != nil {
		log = log.With("error", err)
	}
	log.InfoContext(ctx, "end of sessions ordered")
	if errors.Is(err, errors.ErrUnsupported) {
		return &refusal{Word: "not_stored", Message: err.Error()}
	}
	return refusalOf(err)
}

// messages are what the page says after an order, by the word in its address: no other
// text gets from there into the page.
var messages = map[string]string{
	"rotated":         "A new key signs now. The others stay and co-sign.",
	"revoked":         "The key is revoked. Tokens that another live key vouches for stay good.",
	"dropped":         "The key is gone.",
	"ended":           "The session has ended.",
	"ended-all":       "All sessions of the user have ended.",
	"in_use":          "Nothing was done: the key is in use. Its row says until when.",
	"not_changeable":  "Nothing was done: the keys cannot be changed here. Change them where they come from.",
	"not_stored":      "Nothing was done: without a store that lists its sessions none can be ended.",
	"no_such_key":     "Nothing was done: there is no such key any more.",
	"no_such_session": "Nothing was done: the user has no such session any more.",
	"unavailable":     "It is not sure that it was done: the store does not answer. Look, and try again.",
	"invalid":         "Nothing was done: the request made no sense.",
}

const maxForm = 16 << 10 // bytes

// do answers POST: it carries out an order and goes back to the page.
func (b *board) do(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	said, err := "", r.ParseForm()
	f := formOf(r.PostForm)
	if err == nil && f.sound() {
		said, err = b.carryOut(r.Context(), f)
	} else {
		err = errNoOrder
	}
	if err != nil {
		var no *refusal
		errors.As(err, &no)
		said = no.Word
	}
	back := url.Values{"said": {said}}
	if f.Subject != "" && f.sound() {
		back.Set("subject", f.Subject)
	}
	w.Header().Set("Location", "./?"+back.Encode())
	w.WriteHeader(http.StatusSeeOther)
}

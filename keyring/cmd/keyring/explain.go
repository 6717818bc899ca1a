package main

import (
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/sessionring/sessionring/keyring"
)

const (
	leeway   = time.Minute      // the default of servers
	maxAhead = 10 * time.Minute // how far ahead of this clock a token may have been issued
	purpose  = "sessionring purpose v1 "
)

// explain takes a token apart and says what the ring of keys makes of it. Without
// keys nothing is verified.
func explain(token string, keys *keyring.Keyring, now time.Time) (*explained, error) {
	r := orStranger(keys).Live().Ring()
	e, err := r.Explain(token)
	if err == nil && e.Text("type") == "purpose" { // these have keys of their own, derived from those of the ring
		r = r.Derive(purpose + e.Text("purpose"))
		e, err = r.Explain(token)
	}
	if err != nil {
		return nil, fmt.Errorf("keyring: %s", cause(err))
	}
	x := &explained{now: now, Signatures: []signature{}}
	for _, m := range e.Header {
		x.Header = append(x.Header, member{name: m.Name, value: m.Raw})
	}
	for _, m := range e.Claims {
		x.Claims = append(x.Claims, member{m.Name, m.Raw, dateOf(&e, m.Name)})
	}
	for i, s := range e.Signatures {
		found := signature{Key: s.Name, Cosigned: i > 0, Held: s.Key != nil, Right: s.Right}
		if s.Key != nil {
			found.Key, found.State, found.Verified = s.Key.ID(), r.State(s.Key, now), s.Key.Identity != ""
		}
		x.Signatures = append(x.Signatures, found)
	}
	t, err := r.Open(token, now, leeway)
	if x.legacy() {
		t, err = r.OpenLegacy(token, now)
	}
	if err == nil && e.Text("type") == "refresh" {
		err = r.Audit(token, now)
	}
	x.Kind = kind(&e, string(t.Type))
	x.judge(keys == nil, &e, err)
	return x, nil
}

// orStranger returns keys, or a keyring that holds the key of no token.
func orStranger(keys *keyring.Keyring) *keyring.Keyring {
	if keys != nil {
		return keys
	}
	secret := make([]byte, 32)
	rand.Read(secret) // never fails
	key, err := keyring.NewKey(newSecret()[:32], secret)
	if err == nil {
		keys, err = keyring.New(key)
	}
	if err != nil {
		panic("keyring: " + err.Error()) // random bytes are good ones
	}
	return keys
}

// claims are those of a token.
type claims interface {
	Text(name string) string
	Date(name string) (time.Time, bool)
}

// dateOf returns the date that a claim of that name is, else the zero time.
func dateOf(c claims, name string) time.Time {
	switch name {
	case "iat", "exp", "nbf", "auth_time", "session_end":
		t, _ := c.Date(name)
		return t
	}
	return time.Time{}
}

// kind returns the kind of a token, "" if it is none of ours, or if its header, the
// type of which is "" if it has none, says another.
func kind(c claims, header string) string {
	name := c.Text("type")
	want := map[string]string{"access": "at+jwt", "refresh": "rt+jwt", "purpose": "pt+jwt"}[name]
	if want == "" || header != "" && header != want {
		return ""
	}
	return name
}

// legacy reports whether the token names no key, as those of other systems.
func (x *explained) legacy() bool {
	for _, m := range x.Header {
		if m.name == "kid" {
			return false
		}
	}
	return true
}

// cause returns the text of an error without the package that it is from.
func cause(err error) string { return strings.TrimPrefix(err.Error(), "session: ") }

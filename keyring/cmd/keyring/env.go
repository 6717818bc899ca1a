package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/sessionring/sessionring/keyring"
)

// nextEnv prints the lines of the next rotation.
func nextEnv(_ context.Context, c *call) error {
	find, where, err := c.variables()
	if err != nil {
		return err
	}
	keys, err := c.openEnv(find)
	if err != nil {
		return err
	}
	now := time.Now().UTC().Truncate(time.Second)
	r := &rotation{names: c.names(), find: find, keys: keys.List(), now: now, RemoveOldFrom: now.Add(c.lifetime + margin)}
	if at := r.keys[0].Activates; at.After(now) {
		return &failure{status: refused, Word: "refused", Message: fmt.Sprintf("keyring: the secret in %s signs from %s on: rotate it after that", where, dateFrom(at))}
	}
	r.make()
	if err := r.prove(keys); err != nil {
		return err
	}
	if c.json {
		return writeJSON(c.out, r)
	}
	return r.write(c)
}

// rotation is an environment and the one that follows it.
type rotation struct {
	names keyring.Env
	find  lookup
	keys  []keyring.KeyInfo // of the present: that of the secret, of the old ones, and others
	now   time.Time

	Tag           string     `json:"tag"`
	KID           string     `json:"kid"`
	Old           string     `json:"old_kid"` // of the present secret
	RemoveOldFrom time.Time  `json:"remove_old_from"`
	Variables     []variable `json:"variables"`
}

// variable is a line of an environment. Its value may be secret.
type variable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// make makes the variables that follow.
func (r *rotation) make() {
	old := []string{portable(r.value(r.names.Secret))}
	for text := range strings.SplitSeq(r.value(r.names.SecretOld), ",") {
		if text != "" {
			old = append(old, portable(text))
		}
	}
	r.Old = r.keys[0].ID
	r.Tag = keyring.NextTag(r.keys[0].Tag)
	for slices.ContainsFunc(r.keys, func(k keyring.KeyInfo) bool { return k.Tag == r.Tag }) {
		r.Tag = keyring.NextTag(r.Tag)
	}
	r.set(r.names.Secret, newSecret())
	r.set(r.names.SecretOld, strings.Join(old, ","))
	r.set(r.names.Version, r.Tag)
	r.label(r.keys[:len(old)])
	r.set(r.names.Spare, portable(r.value(r.names.Spare)))
	r.set(r.names.Revoked, strings.Join(r.revoked(), ","))
	if r.value(r.names.ActivatesAt) != "" {
		r.set(r.names.ActivatesAt, r.now.Add(margin).Format(time.RFC3339))
	}
}

// value returns the present value of a variable, as keyrings read it.
func (r *rotation) value(name string) string {
	text, _ := r.find(name)
	if line, ok := strings.CutSuffix(text, "\n"); ok {
		return strings.TrimSuffix(line, "\r")
	}
	return text
}

// set sets a variable, unless to nothing.
func (r *rotation) set(name, value string) {
	if value != "" {
		r.Variables = append(r.Variables, variable{name, value})
	}
}

// portable returns the text of a secret in a form that all read alike, in a list
// too. Both forms are the same key.
func portable(secret string) string {
	if isBare(secret) && !strings.Contains(secret, ",") {
		return secret
	}
	return "hex:" + hex.EncodeToString([]byte(secret))
}

// label sets the tags of the old secrets, unless they get the same ones without it
// and no variable with others is left behind.
func (r *rotation) label(old []keyring.KeyInfo) {
	var tags []string
	for _, k := range old {
		tags = append(tags, k.Tag)
	}
	keys, err := r.names.OpenFrom(r.lookup)
	counted := err == nil && slices.EqualFunc(keys.List()[1:], tags, func(k keyring.KeyInfo, tag string) bool { return k.Tag == tag })
	if !counted || r.value(r.names.VersionOld) != "" {
		r.set(r.names.VersionOld, strings.Join(tags, ","))
	}
}

// lookup finds the variables that were made so far.
func (r *rotation) lookup(name string) (string, bool) {
	for _, v := range r.Variables {
		if v.Name == name {
			return v.Value, true
		}
	}
	return "", false
}

// revoked returns the kids of the revoked keys.
func (r *rotation) revoked() (kids []string) {
	for _, k := range r.keys {
		if k.State == "revoked" {
			kids = append(kids, k.ID)
		}
	}
	return kids
}

// prove reads what was made as a server would, and makes sure that nobody is signed
// out by it.
func (r *rotation) prove(present *keyring.Keyring) error {
	find, err := parseEnv("the next environment", []byte(r.lines()))
	if err != nil {
		return err
	}
	next, err := r.names.OpenFrom(find)
	if err != nil {
		return in("the next environment", err)
	}
	if !accepts(next, present, r.now) || !accepts(present, next, r.now) {
		return errors.New("keyring: the next environment would share no live key with the present one: are there too many old secrets?")
	}
	r.KID = next.List()[0].ID
	return nil
}

// lines returns the variables as lines of an env file.
func (r *rotation) lines() string {
	var b strings.Builder
	for _, v := range r.Variables {
		fmt.Fprintf(&b, "%s=%s\n", v.Name, v.Value)
	}
	return b.String()
}

// write prints the lines with what is to be done with them.
func (r *rotation) write(c *call) error {
	var notes []string
	note := func(format string, args ...any) { notes = append(notes, "# "+fmt.Sprintf(format, args...)+"\n") }
	note("Put these lines in the place of those with the same names, and deploy as always.")
	note("If the roll-out ends today, %s may be removed from %s from %s on.", r.Old, r.names.SecretOld, r.RemoveOldFrom.Format(time.RFC3339))
	if _, ok := r.lookup(r.names.VersionOld); ok {
		note("Remove its label from %s then too.", r.names.VersionOld)
	}
	if old, _ := r.lookup(r.names.SecretOld); c.flask && strings.ContainsAny(old, ",:") {
		note("Flask itself reads one old secret as text: no list, and no prefix hex: or base64:.")
	}
	if _, ok := r.lookup(r.names.ActivatesAt); ok {
		note("Until %s the new secret only co-signs, for verifiers that must learn of it first.", r.names.ActivatesAt)
	}
	_, err := io.WriteString(c.out, strings.Join(notes, "")+r.lines())
	return err
}

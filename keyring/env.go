package keyring

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
)

// Env names the environment variables of a keyring; empty fields mean the default
// names. Variables that are set to nothing count as not set, except that of the
// secret. One final line break is not part of any value.
type Env struct {
	Secret      string // SESSION_SECRET: the key that signs
	SecretOld   string // SESSION_SECRET_OLD: those before it, newest first, comma separated
	Version     string // TOKEN_VERSION: the tag of the key that signs, v1 if not set
	VersionOld  string // TOKEN_VERSION_OLD: the tags of those before it, comma separated
	Spare       string // SESSION_SECRET_SPARE: a key that only co-signs, kept for an emergency
	Revoked     string // SESSION_SECRET_REVOKED: kids of stolen keys, comma separated
	ActivatesAt string // SESSION_SECRET_ACTIVATES_AT: when the key begins to sign, RFC 3339; until then it co-signs
}

// FromEnv returns the keyring of SESSION_SECRET, SESSION_SECRET_OLD, TOKEN_VERSION
// and their companions, which the fields of [Env] describe.
//
// It is Env{}.Open.
func FromEnv() (*Keyring, error) { return Env{}.Open() }

// FlaskEnv returns the names that Flask services use: FLASK_SECRET_KEY and
// FLASK_SECRET_KEY_OLD. The other variables have their default names.
func FlaskEnv() Env {
	return Env{Secret: "FLASK_SECRET_KEY", SecretOld: "FLASK_SECRET_KEY_OLD"}
}

// Open returns the keyring of these variables; every fault is reported at once.
//
// The text of a secret is the key: its UTF-8 bytes, as Flask takes them. With the
// prefix hex: or base64: (either alphabet, padded or not) it is decoded. Secrets
// under 32 bytes, weak or published ones, placeholders and white space are
// refused; so is a missing one, for which no other is ever made. Old secrets that
// hold a comma must be written with a prefix.
//
// Old keys that TOKEN_VERSION_OLD does not name are labelled by counting down from
// the one before: v3, v2, v1, old1, old2. Two keys may have one tag, but no key may
// be there twice, nor two that are equivalent for HMAC.
//
// What SESSION_SECRET_REVOKED names is withdrawn: a key that is held, by kid or by
// a tag that no other has; and a kid that is not held, which is remembered. At
// least one key must be left to sign with.
//
// The variables are read once. To change the keys, change the variables and
// restart: Reload, Rotate, Revoke, Retire and Drop are errors.
func (e Env) Open() (*Keyring, error) { return e.OpenFrom(os.LookupEnv) }

// OpenFrom is Open for variables that are elsewhere than in the environment of the
// process, such as in a file. The function has the form of os.LookupEnv and is not
// called after OpenFrom returns. Messages name the variables all the same.
func (e Env) OpenFrom(lookup func(string) (string, bool)) (*Keyring, error) {
	r := envReader{names: e.named(), lookup: lookup}
	keys := r.keys()
	keys = append(keys, r.revoke(keys)...)
	made, err := ring.New(keys)
	r.add(err)
	if r.faults == nil && made.Current(time.Now()) == nil {
		r.addf("no key is left to sign with: %s names them all; set a new %s", r.names.Revoked, r.names.Secret)
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	return newKeyring(made, fmt.Sprintf("the keys come from the environment: change %s and %s there and restart", r.names.Secret, r.names.SecretOld)), nil
}

// named returns e with the default names where it has none.
func (e Env) named() Env {
	return Env{
		Secret:      cmp.Or(e.Secret, "SESSION_SECRET"),
		SecretOld:   cmp.Or(e.SecretOld, "SESSION_SECRET_OLD"),
		Version:     cmp.Or(e.Version, "TOKEN_VERSION"),
		VersionOld:  cmp.Or(e.VersionOld, "TOKEN_VERSION_OLD"),
		Spare:       cmp.Or(e.Spare, "SESSION_SECRET_SPARE"),
		Revoked:     cmp.Or(e.Revoked, "SESSION_SECRET_REVOKED"),
		ActivatesAt: cmp.Or(e.ActivatesAt, "SESSION_SECRET_ACTIVATES_AT"),
	}
}

// envReader reads the variables of a keyring and notes all that is wrong with them.
type envReader struct {
	names   Env
	lookup  func(string) (string, bool)
	secrets []string // all that may be secret, which no tag may repeat
	faults
}

// keys returns the keys of all variables, newest first, without those at fault.
func (r *envReader) keys() []*ring.Key {
	current, old, spare := r.current(), r.items(r.names.SecretOld, asIs), r.value(r.names.Spare)
	r.secrets = append(append(r.secrets, old...), current, spare)
	tags, activates := r.tags(len(old)), r.activates()

	var keys []*ring.Key
	if k := r.key(r.names.Secret, tags[0], current); k != nil {
		k.Activates = activates
		keys = append(keys, k)
	}
	for i, text := range old {
		if k := r.key(item(r.names.SecretOld, i, len(old)), tags[i+1], text); k != nil {
			keys = append(keys, k)
		}
	}
	if k := r.key(r.names.Spare, "spare", spare); k != nil {
		k.Spare = true
		keys = append(keys, k)
	}
	return keys
}

// current returns the secret that signs. Without one the program must not start.
func (r *envReader) current() string {
	const need = "it must hold a secret of at least 32 random bytes, as openssl rand -hex 32 prints"
	text, set := r.lookup(r.names.Secret)
	switch text = chomp(text); {
	case !set:
		r.addf("%s is not set: %s", r.names.Secret, need)
	case text == "":
		r.addf("%s is set but empty: %s", r.names.Secret, need)
	}
	return text
}

// key returns the key of text, or nil if there is none or it is at fault.
func (r *envReader) key(source, tag, text string) *ring.Key {
	if text == "" {
		return nil
	}
	secret, err := parseSecret(text)
	if err != nil {
		hint := ""
		if len(text) < minSecret && strings.HasPrefix(source, r.names.SecretOld+" ") {
			hint = "; if it is part of a secret that holds a comma, write the whole one with the prefix hex: or base64: instead"
		}
		r.addf("%s %w%s", source, err, hint)
		return nil
	}
	k := ring.NewHMAC(tag, secret)
	k.Source = source
	return k
}

// activates returns when the current key begins to sign.
func (r *envReader) activates() time.Time {
	text := r.value(r.names.ActivatesAt)
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		r.addf("%s is not a time as in RFC 3339, such as 2027-06-01T12:00:00Z", r.names.ActivatesAt)
	}
	return t
}

// value returns the value of a variable, "" if it is not set.
func (r *envReader) value(name string) string {
	text, _ := r.lookup(name)
	return chomp(text)
}

// items returns the comma separated items of a variable, trimmed. Empty ones are a
// fault and left in, so that the others keep their numbers.
func (r *envReader) items(name string, trim func(string) string) []string {
	text := r.value(name)
	if text == "" {
		return nil
	}
	items := strings.Split(text, ",")
	for i := range items {
		items[i] = trim(items[i])
	}
	if slices.Contains(items, "") {
		r.addf("%s has a comma with nothing before or behind it: remove that comma", name)
	}
	return items
}

// asIs trims nothing: white space is no part of a secret, and shows a mistake.
func asIs(text string) string { return text }

// item names the item i, from 0, of a variable that has n of them.
func item(name string, i, n int) string {
	if n == 1 {
		return name
	}
	return fmt.Sprintf("%s (value %d)", name, i+1)
}

// revoke withdraws the keys that a variable names, and returns those that are not
// held and must be remembered. No name at fault is quoted: it may be the secret.
func (r *envReader) revoke(keys []*ring.Key) []*ring.Key {
	complete := r.faults == nil
	names := r.items(r.names.Revoked, strings.TrimSpace)
	var gone []*ring.Key
	for i, name := range names {
		source := item(r.names.Revoked, i, len(names))
		found := find(keys, name)
		k, whole := ring.Withdrawn(name)
		switch {
		case len(found) == 1:
			found[0].Revoked = true
		case len(found) > 1:
			r.addf("%s is the tag of several keys: write the whole kid of the one you mean, %s", source, kids(found))
		case whole && find(gone, name) == nil:
			gone = append(gone, k)
		case !whole && name != "" && (complete || !ring.ValidTag(name)): // else it may be the tag of a key at fault
			r.addf("%s is neither a whole kid, tag.fingerprint, nor the tag of a key that is held: write the whole kid", source)
		}
	}
	return gone
}

package keyring

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
	"github.com/sessionring/sessionring/internal/strictjson"
)

// entryReader reads the members of one JWK and notes all that is wrong with them.
type entryReader struct {
	source string
	values map[string]json.RawMessage
	faults
}

// parseEntry reads one key of a set. The source is where it stands.
func parseEntry(source string, raw json.RawMessage) (entry, error) {
	members, err := strictjson.Object(raw)
	if err != nil {
		return entry{}, fmt.Errorf("%s: %w", source, err)
	}
	j := &entryReader{source: source, values: map[string]json.RawMessage{}}
	for _, m := range members {
		j.values[m.Name] = m.Raw
	}
	k := j.key()
	return entry{members, k}, errors.Join(j.faults...)
}

// note notes a fault of this key.
func (j *entryReader) note(format string, args ...any) {
	j.faults = append(j.faults, fmt.Errorf("%s: "+format, append([]any{j.source}, args...)...))
}

// key returns the key, which is of use if no fault was noted.
func (j *entryReader) key() *ring.Key {
	m := j.material()
	kid := j.kid(m.secrets...)
	j.purpose(m)
	made, activates, retires := j.date("iat"), j.date("nbf"), j.date("exp")
	spare, revoked := j.flag("spare"), j.revoked()

	k := j.newKey(kid, m, revoked)
	if k == nil {
		return nil
	}
	k.SetKID, k.Source = kid, j.source
	k.Made, k.Activates, k.Retires, k.Spare, k.Revoked = made, activates, retires, spare, revoked
	return k
}

// newKey returns the key of a material. A revoked one is not judged: it is good for
// nothing, and a file that revokes it must not be refused on its account.
func (j *entryReader) newKey(kid string, m material, revoked bool) *ring.Key {
	if m.make == nil && m.err == nil {
		return j.remembered(kid, m, revoked)
	}
	if m.err == nil && m.weak != nil && !revoked {
		j.note("%s %w", m.name, m.weak)
	}
	if m.err == nil {
		k, err := m.make(firstTag, m.usable(j.alg(m)))
		if err == nil {
			return k.Tagged(tagOf(kid, k.Fingerprint))
		}
		m.err = err
	}
	j.note("%s %w", m.name, m.err)
	return nil
}

// remembered returns a revoked key of which only the kid is left.
func (j *entryReader) remembered(kid string, m material, revoked bool) *ring.Key {
	if !revoked {
		j.note("has no %s: only a revoked key may lack it", m.name)
		return nil
	}
	k, ok := ring.Withdrawn(kid)
	if !ok {
		j.note("is revoked and has no %s, so its kid must be tag.fingerprint", m.name)
		return nil
	}
	k.Algorithm = j.alg(m)
	return k
}

// kid returns the kid, and names the key by it in messages unless it may be the
// secret, in one spelling or the other.
func (j *entryReader) kid(secrets ...string) string {
	kid, _ := j.text("kid")
	for _, s := range secrets {
		if len(s) >= minQuoted && strings.Contains(kid, s) {
			j.note("kid holds the secret itself: it is a name, which everybody sees")
			return kid
		}
	}
	if !validKID(kid) {
		j.note("kid must be there and have 1 to %d printable ASCII characters, without spaces and quotes", maxKID)
		return kid
	}
	j.source += fmt.Sprintf(" (%q)", kid)
	return kid
}

const (
	maxKID    = 128
	minQuoted = 16 // shorter secrets are refused whatever their names are
)

// validKID reports whether kid may stand in messages, headers and logs.
func validKID(kid string) bool {
	return kid != "" && len(kid) <= maxKID && !strings.ContainsFunc(kid, func(c rune) bool {
		return c <= ' ' || c >= 0x7f || c == '"'
	})
}

// tagOf returns the tag of the key that a set calls kid and that has the
// fingerprint print.
func tagOf(kid, print string) string {
	if tag, ok := strings.CutSuffix(kid, "."+print); ok && tag != "" {
		kid = tag
	}
	if ring.ValidTag(kid) {
		return kid
	}
	tag := strings.Map(func(c rune) rune {
		if ring.ValidTag(string(c)) {
			return c
		}
		return '-'
	}, kid)
	return tag[:min(len(tag), maxTag)]
}

// purpose checks the members that say what the key is for: one key, one algorithm,
// one use (RFC 8725, section 3.1; RFC 7517, section 4).
func (j *entryReader) purpose(m material) {
	if len(m.algs) == 0 {
		j.note(`kty must be "oct", a secret for HS256, or "OKP", "EC" or "RSA"`)
	} else if !m.fits(j.alg(m)) {
		j.note(`alg must be "%s", or not be there`, strings.Join(m.algs, `" or "`))
	}
	j.text("alg")
	if use, ok := j.text("use"); ok && use != "sig" {
		j.note(`use must be "sig", or not be there: a key that signs must serve nothing else`)
	}
	if raw, ok := j.values["key_ops"]; ok && !m.operates(raw) {
		j.note(`key_ops must be %s, or not be there`, m.ops)
	}
}

// alg returns the algorithm of the key, by default the first one of its kind.
func (j *entryReader) alg(m material) string {
	alg, ok := strictjson.String(j.values["alg"])
	if !ok && len(m.algs) > 0 {
		return m.algs[0]
	}
	return alg
}

// text returns a member that is a string; ok is false if it is not there.
func (j *entryReader) text(name string) (text string, ok bool) {
	raw, ok := j.values[name]
	if !ok {
		return "", false
	}
	text, isString := strictjson.String(raw)
	if !isString {
		j.note("%s must be a string", name)
	}
	return text, isString
}

// date returns a member that is a date, the zero time if it is not there.
func (j *entryReader) date(name string) time.Time {
	raw, ok := j.values[name]
	if !ok {
		return time.Time{}
	}
	t, ok := ring.Date(raw)
	if !ok {
		j.note("%s must be a date as a number, in seconds since 1970", name)
	}
	return t
}

// flag returns a member that is true or false, false if it is not there.
func (j *entryReader) flag(name string) bool {
	raw, ok := j.values[name]
	if ok && string(raw) != "true" && string(raw) != "false" {
		j.note("%s must be true or false", name)
	}
	return string(raw) == "true"
}

// revoked reports whether the key is withdrawn. A date says since when, for people
// to read: even one ahead means now.
func (j *entryReader) revoked() bool {
	raw, ok := j.values["revoked"]
	if _, isDate := ring.Date(raw); isDate {
		return true
	}
	if ok && string(raw) != "true" && string(raw) != "false" {
		j.note("revoked must be true, false or a date as a number, in seconds since 1970")
	}
	return string(raw) == "true"
}

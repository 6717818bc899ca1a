// Package ring is the engine below keyring and session: the immutable set of
// keys that one instance holds, and what can be done with it — sign, co-sign,
// verify, and swap for another.
//
// Its rule is the double-signature rollover of DNSSEC (RFC 6781, section
// 4.1.1.2), brought to session tokens. A token is signed by the current key and
// co-signed by every other live key, so it is accepted by every instance whose
// ring holds, live, at least one of them. No clock, delay or order of deployment
// is involved.
package ring

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Ring holds keys, newest first. It never changes and is safe for concurrent use.
type Ring struct {
	keys    []*Key
	bySet   map[string]*Key    // by the whole kid of a JWK Set
	byPrint map[string]*Key    // by fingerprint
	byTag   map[string]*Key    // by tag; nil where several keys have it
	headers map[string]*header // constant header segments
	latest  []constant         // of these, those of access tokens by the newest keys, which are looked through first
	foreign bool               // some key has a kid outside our grammar
}

// New returns the ring of keys, newest first. It refuses keys that repeat each
// other, and reports all of them at once.
func New(keys []*Key) (*Ring, error) {
	r := &Ring{
		keys:    slices.Clone(keys),
		bySet:   map[string]*Key{},
		byPrint: map[string]*Key{},
		byTag:   map[string]*Key{},
		headers: map[string]*header{},
	}
	var errs []error
	for i, k := range r.keys {
		errs = append(errs, repeats(k, r.keys[:i]))
		r.add(k)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	r.point()
	for _, k := range r.keys[:min(len(r.keys), few)] {
		if len(k.headers) > 0 { // a withdrawn key has none
			r.latest = append(r.latest, constant{k.headerOf(Access), r.headers[k.headerOf(Access)]})
		}
	}
	return r, nil
}

// repeats returns an error if k is one of the earlier keys again.
func repeats(k *Key, earlier []*Key) error {
	for _, e := range earlier {
		switch {
		case k.Identity == "" || e.Identity == "":
			if k.Fingerprint == e.Fingerprint {
				return fmt.Errorf("%s and %s are the same key %s: keep one", e.Source, k.Source, k.ID())
			}
		case k.Identity == e.Identity:
			return fmt.Errorf("%s and %s are the same key (equal, or equivalent for HMAC): remove one or replace it", e.Source, k.Source)
		case k.Fingerprint == e.Fingerprint:
			return fmt.Errorf("%s and %s have the same fingerprint %s: replace one of them", e.Source, k.Source, k.Fingerprint)
		}
	}
	return nil
}

// add files k under all its names.
func (r *Ring) add(k *Key) {
	r.byPrint[k.Fingerprint] = k
	r.byTag[k.Tag] = unlessTaken(r.byTag, k.Tag, k)
	if k.SetKID != "" {
		r.bySet[k.SetKID] = unlessTaken(r.bySet, k.SetKID, k)
		r.foreign = r.foreign || !grammatical([]byte(k.SetKID))
	}
	for i, head := range k.headers {
		r.headers[head] = &header{kid: k.ID(), alg: k.Algorithm, typ: types[i]}
	}
}

// point lets every constant header point at the key that its kid names, and adds those
// without a kid.
func (r *Ring) point() {
	for _, h := range r.headers {
		h.key = r.Find(h.kid)
	}
	for _, head := range noKID {
		r.headers[head] = &header{alg: HS256, err: ErrNoKID}
	}
}

// unlessTaken returns k, or nil if m has an entry for name already: an ambiguous
// name selects no key.
func unlessTaken(m map[string]*Key, name string, k *Key) *Key {
	if _, taken := m[name]; taken {
		return nil
	}
	return k
}

// Keys returns all keys, newest first. The slice is the caller's, the keys are not.
func (r *Ring) Keys() []*Key { return slices.Clone(r.keys) }

// Find returns the key that kid names: by its whole kid in a JWK Set, by the
// fingerprint behind the last dot, or as a bare tag that exactly one key has.
// It returns nil if the ring has no such key, whatever state a key it has is in.
func (r *Ring) Find(kid string) *Key { return r.find([]byte(kid)) }

func (r *Ring) find(kid []byte) *Key {
	if k := r.bySet[string(kid)]; k != nil {
		return k
	}
	if _, print, ok := splitKID(kid); ok {
		if k := r.printed(print); k != nil {
			return k
		}
	}
	return r.byTag[string(kid)]
}

// few is how many keys, or headers, are found quicker one by one than in a map.
const few = 4

// printed returns the key with that fingerprint, which no two have, or nil.
func (r *Ring) printed(print []byte) *Key {
	if len(r.keys) > few {
		return r.byPrint[string(print)]
	}
	for _, k := range r.keys {
		if k.Fingerprint == string(print) {
			return k
		}
	}
	return nil
}

// livePrint returns the key with that fingerprint if it is live, else nil.
func (r *Ring) livePrint(s *Scratch, print []byte) *Key {
	if k := r.printed(print); k.live(s) {
		return k
	}
	return nil
}

// wellFormed reports whether kid could be that of some key: an unknown one that
// is not wellFormed is invalid, and never taken for a key yet to come.
func (r *Ring) wellFormed(kid []byte) bool {
	return grammatical(kid) || r.foreign && len(kid) > 0 && len(kid) <= maxKID
}

// Successor returns the oldest of the live keys that have joined the ring after the one
// with a fingerprint and sign like it, or nil.
func (r *Ring) Successor(print string, now time.Time) *Key {
	var successor *Key
	for _, k := range r.keys {
		switch {
		case k.Fingerprint == print:
			return successor
		case k.Live(now) && !k.Spare:
			successor = k
		}
	}
	return nil
}

// SteadyUntil returns the end of the time from now on in which no key of r changes its
// state by the clock; zero if there is none.
func (r *Ring) SteadyUntil(now time.Time) (end time.Time) {
	for _, k := range r.keys {
		for _, at := range [2]time.Time{k.Activates, k.Retires} {
			if at.After(now) && (end.IsZero() || at.Before(end)) {
				end = at
			}
		}
	}
	return end
}

// Current returns the key that signs now, or nil if none can.
func (r *Ring) Current(now time.Time) *Key {
	return r.signer(now)
}

// State returns the word for the state of k at the time now: current, previous,
// spare, retired or revoked. A key whose activation is still ahead only co-signs,
// so it is a spare until then.
func (r *Ring) State(k *Key, now time.Time) string {
	switch {
	case k.Revoked:
		return "revoked"
	case !k.Live(now):
		return "retired"
	case k == r.Current(now):
		return "current"
	case k.Spare || now.Before(k.Activates):
		return "spare"
	}
	return "previous"
}

// Fingerprint returns a short one-way name for the whole ring: equal for two
// instances exactly if they hold the same keys in the same states.
func (r *Ring) Fingerprint() string {
	lines := make([]string, len(r.keys))
	for i, k := range r.keys {
		lines[i] = fmt.Sprintf("%s %t %t %d %d", k.Fingerprint, k.Spare, k.Revoked, unix(k.Activates), unix(k.Retires))
	}
	sum := sha256.Sum256([]byte("sessionring ring v1\n" + strings.Join(lines, "\n")))
	return base64.RawURLEncoding.EncodeToString(sum[:6])
}

// unix is t in Unix seconds, 0 for the zero time.
func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// expand derives n bytes from secret for one use, named by info (RFC 5869,
// without salt).
func expand(secret []byte, info string, n int) []byte {
	out, err := hkdf.Key(sha256.New, secret, nil, info, n)
	if err != nil {
		panic("ring: " + err.Error()) // n is a small constant and SHA-256 is always there
	}
	return out
}

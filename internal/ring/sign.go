package ring

import (
	"errors"
	"time"
)

// maxSigners is how many keys vouch for one token: the one that signs it and up
// to three that co-sign.
const maxSigners = 4

// Signers are the keys that vouch for the tokens issued at one moment.
type Signers struct {
	keys [maxSigners]*Key // the first signs, the others co-sign
	n    int
}

// Signers returns the keys that sign and co-sign at the time now.
//
// The newest live key whose activation has come signs; if none has come, the
// oldest live key; a spare only if nothing else is live. The other live keys
// co-sign, newest first, up to three, one place being kept for a spare.
func (r *Ring) Signers(now time.Time) Signers {
	var s Signers
	first := r.signer(now)
	if first == nil {
		return s
	}
	s.add(first)
	room := maxSigners
	if r.holdsSpare(first, now) {
		room--
	}
	s.fill(r.keys, first, false, room, now)
	s.fill(r.keys, first, true, maxSigners, now)
	return s
}

// signer returns the key of the ordinary signature.
func (r *Ring) signer(now time.Time) *Key {
	var oldest, spare *Key
	for _, k := range r.keys {
		switch {
		case !k.Live(now) || !k.Signs():
		case k.Spare:
			if spare == nil {
				spare = k
			}
		case !now.Before(k.Activates):
			return k
		default:
			oldest = k
		}
	}
	if oldest != nil {
		return oldest
	}
	return spare
}

// holdsSpare reports whether a live spare other than first can co-sign.
func (r *Ring) holdsSpare(first *Key, now time.Time) bool {
	for _, k := range r.keys {
		if k != first && k.Spare && k.Live(now) && k.cosign != nil {
			return true
		}
	}
	return false
}

// fill adds the live keys that can co-sign, spares or others, until s has room keys.
func (s *Signers) fill(keys []*Key, first *Key, spare bool, room int, now time.Time) {
	for _, k := range keys {
		if s.n < room && k != first && k.Spare == spare && k.Live(now) && k.cosign != nil {
			s.add(k)
		}
	}
}

func (s *Signers) add(k *Key) {
	s.keys[s.n] = k
	s.n++
}

// Tag returns the tag of the key that signs, or "" if there is none.
func (s *Signers) Tag() string {
	if s.n == 0 {
		return ""
	}
	return s.keys[0].Tag
}

// Keys returns the keys, the one that signs first.
func (s *Signers) Keys() []*Key { return s.keys[:s.n] }

// ErrCannotSign is returned by Sign where no key can.
var ErrCannotSign = errors.New("no live key can sign: the keyring only verifies")

// Sign returns the compact JWS (RFC 7515, section 3.1) over payload, a compact
// JSON object with at least one member and none called "cs". The co-signatures
// become its last member.
func (s *Signers) Sign(t Type, payload []byte) (string, error) {
	token, err := s.AppendToken(nil, new(Scratch), t, payload)
	return string(token), err
}

// AppendToken is Sign, of which it appends the result to dst, in the memory of w.
func (s *Signers) AppendToken(dst []byte, w *Scratch, t Type, payload []byte) ([]byte, error) {
	if s.n == 0 {
		return dst, ErrCannotSign
	}
	first := s.keys[0]
	header := first.headerOf(t)
	if s.n > 1 {
		w.payload = append(w.payload[:0], payload...)
		if err := s.cosign(w, header); err != nil {
			return dst, err
		}
		payload = w.payload
	}
	start := len(dst)
	dst = w.Opening.encode(append(dst, header...), payload)
	return first.sign(append(dst, '.'), dst[start:])
}

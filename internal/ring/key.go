package ring

import (
	"crypto"
	"slices"
	"time"
)

// Key is one key of a ring. Its exported fields are set before the key joins a
// ring and never after; its material lies in closures, where no printer or
// encoder finds it.
type Key struct {
	Tag         string    // version label
	Fingerprint string    // 8 characters derived from the material
	Algorithm   string    // the one JWS algorithm of this key
	SetKID      string    // whole kid it has in a JWK Set, if it came from one
	Source      string    // where it came from, for messages
	Identity    string    // equal for keys that verify the same tokens; "" without material
	Made        time.Time // zero if unknown
	Activates   time.Time // until then it only co-signs; zero: at once
	Retires     time.Time // from then on it vouches for nothing; zero: never
	Spare       bool      // only co-signs, kept for an emergency
	Revoked     bool      // withdrawn: vouches for nothing

	engine
	print   []byte   // the fingerprint
	headers []string // constant header segments, one of each type, each with its dot
}

// engine is what a key can do. A nil function is something it cannot.
type engine struct {
	sign     func(dst, input []byte) ([]byte, error)   // appends the signature of a JWS signing input
	verify   func(input, signature []byte) bool        // checks one, in its only canonical spelling
	cosign   func(dst, message []byte) ([]byte, error) // appends a co-signature
	coverify func(message, text []byte) bool
	derive   func(info string, n int) []byte // key material for one named use
	public   crypto.PublicKey                // public half; nil: none
}

// Type is the media type in a token header, without "application/".
type Type string

// The types of tokens (RFC 8725, section 3.11).
const (
	Access  Type = "at+jwt"
	Refresh Type = "rt+jwt"
	Purpose Type = "pt+jwt"
)

var types = []Type{Access, Refresh, Purpose}

// Lengths of names.
const (
	maxTag   = 32
	maxKID   = 128
	printLen = 8
)

// newKey returns a key with its header segments made.
func newKey(tag, print, alg, identity string, e engine) *Key {
	k := &Key{Tag: tag, Fingerprint: print, Algorithm: alg, Identity: identity, Source: "key " + tag, engine: e, print: []byte(print)}
	for _, t := range types {
		k.headers = append(k.headers, encodeHeader(headerText(alg, k.ID(), t)))
	}
	return k
}

// headerOf returns the header segment of a type.
func (k *Key) headerOf(t Type) string { return k.headers[slices.Index(types, t)] }

// Tagged returns k under another tag, as it was when it was made.
func (k *Key) Tagged(tag string) *Key {
	return newKey(tag, k.Fingerprint, k.Algorithm, k.Identity, k.engine)
}

// Withdrawn returns a key without material: the memory of a revoked one.
// It reports false unless kid has the form tag.fingerprint.
func Withdrawn(kid string) (*Key, bool) {
	tag, print, ok := splitKID([]byte(kid))
	if !ok {
		return nil, false
	}
	return &Key{Tag: string(tag), Fingerprint: string(print), Source: "key " + kid, Revoked: true}, true
}

// ID returns the kid: tag, dot, fingerprint.
func (k *Key) ID() string { return k.Tag + "." + k.Fingerprint }

// Live reports whether k vouches for tokens at the time now.
func (k *Key) Live(now time.Time) bool {
	return !k.Revoked && k.verify != nil && (k.Retires.IsZero() || now.Before(k.Retires))
}

// live is Live for an operation, which asks for the time only of a key that has an end.
// A nil key is not.
func (k *Key) live(s *Scratch) bool {
	return k != nil && !k.Revoked && k.verify != nil && (k.Retires.IsZero() || s.Now().Before(k.Retires))
}

// Signs reports whether k can sign, and not only verify.
func (k *Key) Signs() bool { return k.sign != nil }

// Derive returns n secret bytes for the use that info names, or nil if k has no
// secret. They must be kept secret.
func (k *Key) Derive(info string, n int) []byte {
	if k.derive == nil {
		return nil
	}
	return k.derive(info, n)
}

// ValidTag reports whether tag is 1 to 32 characters of A-Z a-z 0-9 . _ -.
func ValidTag(tag string) bool { return validTag([]byte(tag)) }

func validTag(tag []byte) bool {
	for i := range len(tag) {
		if !isBase64Char(tag[i]) && tag[i] != '.' {
			return false
		}
	}
	return len(tag) > 0 && len(tag) <= maxTag
}

// isBase64 reports whether s consists of characters of base64url.
func isBase64(s []byte) bool {
	digit, all := &base64url[0], uint64(0)
	for _, c := range s {
		all |= digit[c]
	}
	return all&notDigit == 0
}

func isBase64Char(c byte) bool { return base64url[0][c] != notDigit }

// splitKID takes a kid of the form tag.fingerprint apart.
func splitKID(kid []byte) (tag, print []byte, ok bool) {
	dot := len(kid) - printLen - 1
	if dot < 0 || kid[dot] != '.' {
		return nil, nil, false
	}
	tag, print = kid[:dot], kid[dot+1:]
	return tag, print, validTag(tag) && isBase64(print)
}

// grammatical reports whether kid is tag.fingerprint or a bare tag.
func grammatical(kid []byte) bool {
	_, _, ok := splitKID(kid)
	return ok || validTag(kid)
}

package keyring

import (
	"fmt"
	"io"

	"github.com/sessionring/sessionring/internal/ring"
)

// Key is one signing or verifying key under a tag. Its material cannot be read,
// printed or marshalled: a Key shows as its kid, whatever it is printed with.
//
// The zero Key is no key, and New refuses it. A Key may be copied and used in
// several keyrings, and is safe for concurrent use.
type Key struct{ k *ring.Key }

// tagRule says what a tag is. Tags that break it are not quoted in messages: they
// may be a secret in the wrong place.
const tagRule = "a tag is 1 to 32 characters of A-Z a-z 0-9 . _ -"

// NewKey returns an HS256 key.
//
// The secret is taken as it is: at least 32 bytes, best 32 random ones. Secrets
// that are short, weak or published are refused, and so is text with white space
// in it, such as the line break at the end of a file. All faults are reported at
// once. The secret is copied.
//
// See RFC 7518, section 3.2: https://www.rfc-editor.org/rfc/rfc7518#section-3.2
func NewKey(tag string, secret []byte) (Key, error) {
	var f faults
	if !ring.ValidTag(tag) {
		f.addf("the tag is refused: " + tagRule)
	}
	if err := checkBytes(secret); err != nil {
		f.addf("the secret %w", err)
	}
	if err := f.err(); err != nil {
		return Key{}, err
	}
	return Key{ring.NewHMAC(tag, secret)}, nil
}

// ParseKeys reads a JWK Set and returns its keys, newest first.
//
// The set is one JSON object of at most 1 MiB in which no name occurs twice, with
// the array keys. Each key has a kid and the members kty "oct" and k; alg, if
// present, is HS256, use is sig and key_ops are sign and verify. The dates iat
// (made), nbf (activates) and exp (retires), the boolean spare, and revoked (a
// boolean or a date) are read; a revoked key may lack k. Other members are
// ignored. If every key has iat, the newest comes first, else the set is in order.
// Weak secrets are refused as in NewKey. All faults are reported at once.
//
// See RFC 7517, section 5: https://www.rfc-editor.org/rfc/rfc7517#section-5
func ParseKeys(jwks []byte) ([]Key, error) {
	set, err := parseSet("JWK Set", jwks)
	if err != nil {
		return nil, err
	}
	var keys []Key
	for _, k := range set.keys() {
		keys = append(keys, Key{k})
	}
	return keys, nil
}

// String returns the kid: tag, dot, fingerprint. It is empty for the zero Key.
func (k Key) String() string {
	if k.k == nil {
		return ""
	}
	return k.k.ID()
}

// Format writes the kid, whatever the verb.
func (k Key) Format(f fmt.State, _ rune) { io.WriteString(f, k.String()) }

// MarshalText returns the kid. Encoders of JSON and of logs use it.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

package keyring

import (
	"crypto"
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

// NewSigner returns an EdDSA key if s is an Ed25519 key, an ES256 key if s is one on
// P-256. It may be in memory, such as what x509.ParsePKCS8PrivateKey returns, or in a
// key service.
//
// Any other type is refused, RSA too: such keys only verify, from a JWK Set. A nil
// signer is refused. Signing calls s, whose error then is that of issuing; what s
// returns wrongly is never used. s must be safe for concurrent use.
//
// Such a key has no date: until others that verify know it, let it stand behind
// another key in New, where it co-signs.
//
// See RFC 8037, section 3.1, and RFC 7518, section 3.4:
// https://www.rfc-editor.org/rfc/rfc8037#section-3.1
func NewSigner(tag string, s crypto.Signer) (Key, error) {
	var f faults
	if !ring.ValidTag(tag) {
		f.addf("the tag is refused: " + tagRule)
	}
	k, err := ring.NewSigner(tag, s)
	if err != nil {
		f.addf("the signer %w", err)
	}
	if err := f.err(); err != nil {
		return Key{}, err
	}
	return Key{k}, nil
}

// ParseKeys reads a JWK Set, private or public, and returns its keys, newest first.
//
// The set is one JSON object of at most 1 MiB in which no name occurs twice, with
// the array keys. Each key has a kid and, with alg if that is present,
//
//   - kty "oct" and k: a secret for HS256;
//   - kty "OKP", crv "Ed25519" and x, or kty "EC", crv "P-256", x and y: EdDSA or
//     ES256, which verifies only without the private half d;
//   - kty "RSA", n and e: RS256 or PS256, by default the first, which only verifies.
//
// A use is sig, and key_ops are what the key does. The dates iat (made), nbf
// (activates) and exp (retires), the boolean spare, and revoked (a boolean or a date)
// are read; a revoked key may lack its material. Other members are ignored. If every
// key has iat, the newest comes first, else the set is in order. Weak secrets are
// refused as in NewKey, and so are points that are not on their curve, those of small
// order, and RSA keys under 2048 bits. All faults are reported at once.
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

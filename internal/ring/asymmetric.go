package ring

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
)

// The algorithms of keys with a public half (RFC 7518, section 3.1; RFC 8037,
// section 3.1). Those of RSA only verify.
const (
	EdDSA = "EdDSA" // Ed25519
	ES256 = "ES256" // ECDSA on P-256 with SHA-256
	RS256 = "RS256" // RSASSA-PKCS1-v1_5 with SHA-256
	PS256 = "PS256" // RSASSA-PSS with SHA-256
)

// sig64 is the length of a signature by EdDSA or ES256.
const sig64 = 64

// The refusals of keys, to follow their names in a sentence.
var (
	errKeyType = errors.New("is of a type that is not used here: use Ed25519 or P-256")
	errNotOurs = errors.New("gave a signature that its public half refuses")
)

// NewPublic returns a key that verifies by the algorithm alg and does nothing else.
// It refuses public halves that are not good ones of that algorithm. The
// fingerprint is that of their PKIX form (RFC 5280, section 4.1.2.7).
func NewPublic(tag, alg string, pub crypto.PublicKey) (*Key, error) {
	verify, err := verifier(alg, pub)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, errKeyType
	}
	print, identity := base64.RawURLEncoding.EncodeToString(expand(der, labelPrint, 6)), sha256.Sum256(der)
	e := engine{public: pub, verify: verify}
	if alg == EdDSA || alg == ES256 {
		e.coverify = verify
	}
	return newKey(tag, print, alg, string(identity[:16]), e), nil
}

// verifier returns how signatures by pub are checked, if it is a key for alg.
func verifier(alg string, pub crypto.PublicKey) (func(input, signature []byte) bool, error) {
	switch p := pub.(type) {
	case ed25519.PublicKey:
		if alg == EdDSA {
			return verifyEdDSA(p)
		}
	case *ecdsa.PublicKey:
		if alg == ES256 {
			return verifyES256(p)
		}
	case *rsa.PublicKey:
		if alg == RS256 || alg == PS256 {
			return verifyRSA(alg, p)
		}
	default:
		return nil, errKeyType
	}
	return nil, fmt.Errorf("is no key for %s", alg)
}

// NewSigner returns the EdDSA or ES256 key of s, whose public half decides which.
// Every signature of a signer that is not a key in memory is checked before it is
// used; of one that is, only the first, since its halves may not belong together.
func NewSigner(tag string, s crypto.Signer) (*Key, error) {
	own, err := ownSigner(s)
	if err != nil {
		return nil, err
	}
	m := &maker{signer: own, alg: ES256}
	if _, ok := own.Public().(ed25519.PublicKey); ok {
		m.alg = EdDSA
	}
	k, err := NewPublic(tag, m.alg, own.Public())
	if err != nil {
		return nil, err
	}
	m.verify = k.verify
	if inMemory(own) {
		if _, err := m.sign(nil, []byte(labelCosign)); err != nil {
			return nil, err
		}
		m.trusted = true
	}
	k.sign, k.cosign = m.sign, m.sign
	return k, nil
}

// maker makes signatures of 64 bytes.
type maker struct {
	signer  crypto.Signer
	alg     string
	verify  func(input, signature []byte) bool
	trusted bool // its signatures need no check
}

// sign appends the signature over input, in base64url.
func (m *maker) sign(dst, input []byte) ([]byte, error) {
	raw := signES256
	if m.alg == EdDSA {
		raw = signEdDSA
	}
	sig, err := raw(m.signer, input)
	if err != nil {
		return nil, err
	}
	start := len(dst)
	dst = base64.RawURLEncoding.AppendEncode(dst, sig)
	if !m.trusted && !m.verify(input, dst[start:]) {
		return nil, errNotOurs
	}
	return dst, nil
}

// ownSigner returns s, copied if it is a slice, if it is anything at all.
func ownSigner(s crypto.Signer) (crypto.Signer, error) {
	switch p := s.(type) {
	case nil:
		return nil, errors.New("is nil")
	case ed25519.PrivateKey:
		if len(p) != ed25519.PrivateKeySize {
			return nil, fmt.Errorf("has %d bytes instead of %d", len(p), ed25519.PrivateKeySize)
		}
		return append(ed25519.PrivateKey(nil), p...), nil
	}
	return s, nil
}

// inMemory reports whether s is a key of the standard library.
func inMemory(s crypto.Signer) bool {
	switch s.(type) {
	case ed25519.PrivateKey, *ecdsa.PrivateKey:
		return true
	}
	return false
}

// Public returns the public half of k, nil if it has none.
func (k *Key) Public() crypto.PublicKey { return k.public }

// decode64 decodes a signature of 64 bytes, in its only spelling.
func decode64(text []byte) (sig [sig64]byte, ok bool) {
	if len(text) != sig64Len {
		return sig, false
	}
	var buf [sig64 + spare]byte
	_, err := decode(buf[:0], text)
	return [sig64]byte(buf[:]), err == nil
}

// signEdDSA returns a signature by Ed25519 (RFC 8037, section 3.1).
func signEdDSA(s crypto.Signer, input []byte) ([]byte, error) {
	sig, err := s.Sign(rand.Reader, input, crypto.Hash(0))
	if err == nil && len(sig) != sig64 {
		err = errNotOurs
	}
	return sig, err
}

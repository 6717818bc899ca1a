package keyring

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/sessionring/sessionring/internal/ring"
)

// material is what one JWK holds of its key.
type material struct {
	kty     string
	name    string                                   // of the member that a key must have, for messages
	algs    []string                                 // it may be used for; none if kty is none of ours
	ops     string                                   // what key_ops may say, as a message says it
	secrets []string                                 // what must not stand anywhere else
	make    func(tag, alg string) (*ring.Key, error) // nil: there is none
	weak    error                                    // why the secret is refused
	err     error                                    // why nothing can be made of it
}

// fits reports whether the key may be used for alg.
func (m *material) fits(alg string) bool { return slices.Contains(m.algs, alg) }

// usable returns alg or, where that is a fault that is noted elsewhere, another that
// the key may be used for.
func (m *material) usable(alg string) string {
	if len(m.algs) > 0 && !m.fits(alg) {
		return m.algs[0]
	}
	return alg
}

// operates reports whether raw, the member key_ops, lists just what such a key does.
// Who has the private half may leave "verify" to the public one.
func (m *material) operates(raw json.RawMessage) bool {
	var ops []string
	err := json.Unmarshal(raw, &ops)
	slices.Sort(ops)
	both, half := slices.Equal(ops, []string{"sign", "verify"}), slices.Equal(ops, []string{"sign"})
	switch {
	case err != nil:
		return false
	case m.kty == "oct":
		return both
	case m.secrets == nil:
		return slices.Equal(ops, []string{"verify"})
	}
	return both || half
}

// material reads the material of the key.
func (j *entryReader) material() material {
	switch kty, _ := j.text("kty"); kty {
	case "OKP":
		return j.pair(material{kty: kty, name: "x", algs: []string{ring.EdDSA}}, "Ed25519", "x")
	case "EC":
		return j.pair(material{kty: kty, name: "x", algs: []string{ring.ES256}}, "P-256", "x", "y")
	case "RSA":
		return j.rsa(material{kty: kty, name: "n", algs: []string{ring.RS256, ring.PS256}})
	case "oct":
		return j.oct(material{kty: kty, name: "k", algs: []string{ring.HS256}})
	}
	return j.oct(material{name: "k"})
}

// oct reads a secret.
func (j *entryReader) oct(m material) material {
	m.ops = `["sign","verify"]`
	text, ok := j.text("k")
	if !ok {
		return m
	}
	secret, err := octets(text)
	if err == nil && len(secret) == 0 {
		err = errors.New("is empty")
	}
	m.secrets, m.err, m.weak = []string{text, string(secret)}, err, judge(secret, published)
	m.make = func(tag, _ string) (*ring.Key, error) { return ring.NewHMAC(tag, secret), nil }
	return m
}

// pair reads a key on that curve: its public half in the members that are named, and
// the private one in d, if it is there.
func (j *entryReader) pair(m material, curve string, names ...string) material {
	m.ops = `["verify"]`
	d, private := j.text("d")
	if _, ok := j.values[m.name]; !ok && !private {
		return m
	}
	if private {
		m.secrets = []string{d}
	}
	if crv, _ := j.text("crv"); crv != curve {
		m.name, m.err = "crv", fmt.Errorf("must be %q", curve)
		return m
	}
	pub, err := publicKey(j.texts(m.kty, append(names, "crv")))
	m.err = err
	m.make = func(tag, alg string) (*ring.Key, error) { return ring.NewPublic(tag, alg, pub) }
	if !private || err != nil {
		return m
	}
	m.name, m.ops = "d", `["sign"] or ["sign","verify"]`
	seed, err := octets(d)
	s, mismatch := privateKey(m.kty, seed, pub)
	m.secrets, m.err, m.weak = []string{d, string(seed)}, cmp.Or(err, mismatch), judge(seed, published)
	m.make = func(tag, _ string) (*ring.Key, error) { return ring.NewSigner(tag, s) }
	return m
}

// rsa reads the public half of an RSA key. The private one has no business here.
func (j *entryReader) rsa(m material) material {
	m.ops = `["verify"]`
	if _, ok := j.values["n"]; !ok {
		return m
	}
	pub, err := publicKey(j.texts(m.kty, []string{"n", "e"}))
	for _, name := range privateMembers {
		if _, ok := j.values[name]; ok {
			err = errors.New("is that of a private key: RSA keys only verify here, so leave n and e and remove the private members")
		}
	}
	m.err = err
	m.make = func(tag, alg string) (*ring.Key, error) { return ring.NewPublic(tag, alg, pub) }
	return m
}

// privateMembers are those of private and symmetric keys (RFC 7518, sections 6.2.2,
// 6.3.2 and 6.4.1).
var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

// texts returns members that are strings, with kty.
func (j *entryReader) texts(kty string, names []string) map[string]string {
	texts := map[string]string{"kty": kty}
	for _, name := range names {
		if text, ok := j.text(name); ok {
			texts[name] = text
		}
	}
	return texts
}

// privateKey returns the private half in seed, which must be that of pub.
func privateKey(kty string, seed []byte, pub crypto.PublicKey) (crypto.Signer, error) {
	const size = 32
	if len(seed) != size {
		return nil, fmt.Errorf("is %d bytes long and needs %d", len(seed), size)
	}
	var s crypto.Signer = ed25519.NewKeyFromSeed(seed)
	if kty == "EC" {
		k, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), seed)
		if err != nil {
			return nil, errors.New("is no private key on P-256")
		}
		s = k
	}
	if half, ok := s.Public().(interface{ Equal(crypto.PublicKey) bool }); !ok || !half.Equal(pub) {
		return nil, errors.New("is not the private half of the key that the other members describe")
	}
	return s, nil
}

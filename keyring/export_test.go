package keyring

import (
	"crypto/sha256"
	"encoding/hex"
)

// FromURLBy is FromURL by way of a transport.
var FromURLBy = fromURL

// Public reads a set as FromURL does.
func Public(data []byte) error {
	_, err := publicRing("JWK Set", data)
	return err
}

// OpenEnv is Env.Open for any environment.
var OpenEnv = Env.OpenFrom

// Judge judges a secret against given digests of published ones.
func Judge(secret []byte, published map[string]bool) error { return judge(secret, published) }

// Publish has secret taken for a published one until undo is called.
func Publish(secret string) (undo func()) {
	digest := Digest(secret)
	published[digest] = true
	return func() { delete(published, digest) }
}

// Digest is how the list of published secrets holds one.
func Digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// Published is the list itself.
var Published = published

// Rewrite reads a JWK Set and writes it again.
func Rewrite(data []byte) ([]byte, error) {
	s, err := parseSet("JWK Set", data)
	if err != nil {
		return nil, err
	}
	return s.encode()
}

// Seal seals text as a keyring in a store.
func Seal(kek string, text []byte) ([]byte, error) {
	s, err := newSealer(kek)
	if err != nil {
		return nil, err
	}
	return s.seal(text), nil
}

// Unseal returns the text that Seal has sealed.
func Unseal(kek string, data []byte) (string, error) {
	s, err := newSealer(kek)
	if err != nil {
		return "", err
	}
	text, err := s.open(data)
	return string(text), err
}

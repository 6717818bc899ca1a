package keyring

// This is the one file of the package that imports the JWT library. That is asked
// for the material of a key and nothing else: what goes in is made here, no type of
// its own comes out, and it fetches nothing.

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"

	"github.com/lestrrat-go/jwx/v2/jwk"
)

var errOctets = errors.New("is not canonical base64url without padding")

// octets returns the material of the symmetric key whose member k is given (RFC
// 7518, section 6.4.1). It accepts one spelling only: the library alone would take
// padding, line breaks, the other alphabet and stray bits.
func octets(k string) ([]byte, error) {
	data, err := json.Marshal(map[string]string{"kty": "oct", "k": k})
	if err != nil {
		return nil, errOctets
	}
	key, err := jwk.ParseKey(data)
	if err != nil {
		return nil, errOctets // the cause may quote the key
	}
	symmetric, ok := key.(jwk.SymmetricKey)
	if !ok || base64.RawURLEncoding.EncodeToString(symmetric.Octets()) != k {
		return nil, errOctets
	}
	return symmetric.Octets(), nil
}

var errSpelling = errors.New("and the members beside it are no public key, in the one spelling that RFC 7518, section 6, allows")

// publicKey returns the public half that the members of a JWK describe (RFC 7518,
// section 6; RFC 8037, section 2). Whether it is a good one is not judged.
func publicKey(members map[string]string) (crypto.PublicKey, error) {
	data, err := json.Marshal(members)
	if err != nil {
		return nil, errSpelling
	}
	key, err := jwk.ParseKey(data)
	if err != nil {
		return nil, errSpelling
	}
	var raw any
	if err := key.Raw(&raw); err != nil {
		return nil, errSpelling
	}
	again, err := publicMembers(raw)
	if err != nil || !maps.Equal(again, members) {
		return nil, errSpelling
	}
	return raw, nil
}

// publicMembers returns the members of the JWK of a public half. It refuses all else,
// and private keys first of all.
func publicMembers(pub crypto.PublicKey) (map[string]string, error) {
	switch pub.(type) {
	case ed25519.PublicKey, *ecdsa.PublicKey, *rsa.PublicKey:
	default:
		return nil, errSpelling
	}
	key, err := jwk.FromRaw(pub)
	if err != nil {
		return nil, errSpelling
	}
	data, err := json.Marshal(key)
	if err != nil {
		return nil, errSpelling
	}
	members := map[string]string{}
	return members, json.Unmarshal(data, &members)
}

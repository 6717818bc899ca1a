package keyring

// This is the one file of the package that imports the JWT library. That is asked
// for the material of a key and nothing else: what goes in is made here, no type of
// its own comes out, and it fetches nothing.

import (
	"encoding/base64"
	"encoding/json"
	"errors"

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

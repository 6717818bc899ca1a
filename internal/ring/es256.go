package ring

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"math/big"
)

var errCurve = errors.New("is no point of the curve P-256")

// verifyES256 returns the check of ECDSA signatures by pub. They are r and s, 32
// bytes each (RFC 7518, section 3.4).
func verifyES256(pub *ecdsa.PublicKey) (func(input, signature []byte) bool, error) {
	if pub == nil || pub.Curve != elliptic.P256() {
		return nil, errors.New("is on another curve than P-256")
	}
	if _, err := pub.ECDH(); err != nil { // which checks the point
		return nil, errCurve
	}
	return func(input, signature []byte) bool {
		sig, ok := decode64(signature)
		if !ok {
			return false
		}
		digest := sha256.Sum256(input)
		return ecdsa.Verify(pub, digest[:], new(big.Int).SetBytes(sig[:sig64/2]), new(big.Int).SetBytes(sig[sig64/2:]))
	}, nil
}

// signES256 returns a signature in the form of JWS. Signers give theirs in ASN.1.
func signES256(s crypto.Signer, input []byte) ([]byte, error) {
	digest := sha256.Sum256(input)
	der, err := s.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	var pair struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &pair); err != nil || len(rest) > 0 || !fits(pair.R) || !fits(pair.S) {
		return nil, errNotOurs
	}
	sig := make([]byte, sig64)
	pair.R.FillBytes(sig[:sig64/2])
	pair.S.FillBytes(sig[sig64/2:])
	return sig, nil
}

// fits reports whether n is positive and no longer than 32 bytes.
func fits(n *big.Int) bool { return n.Sign() > 0 && n.BitLen() <= 8*sig64/2 }

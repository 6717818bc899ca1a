package ring

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
)

// Bounds of RSA keys: the least size is that of RFC 7518, section 3.3, the most is
// what a check may cost, and the exponents are those of FIPS 186-5, section 5.1, that
// the standard library takes.
const (
	minRSA      = 2048
	maxRSA      = 8192
	minExponent = 1<<16 + 1
	maxExponent = 1<<31 - 1
)

// verifyRSA returns the check of RSA signatures by pub (RFC 7518, sections 3.3 and 3.5).
func verifyRSA(alg string, pub *rsa.PublicKey) (func(input, signature []byte) bool, error) {
	if err := judgeRSA(pub); err != nil {
		return nil, err
	}
	options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
	return func(input, signature []byte) bool {
		sig, err := decode(nil, signature)
		if err != nil {
			return false
		}
		digest := sha256.Sum256(input)
		if alg == PS256 {
			return rsa.VerifyPSS(pub, crypto.SHA256, digest[:], sig, options) == nil
		}
		return rsa.VerifyPKCS1v15(pub, crypto.SHA256, digest[:], sig) == nil
	}, nil
}

// judgeRSA returns why pub is refused, or nil.
func judgeRSA(pub *rsa.PublicKey) error {
	switch {
	case pub == nil || pub.N == nil:
		return errKeyType
	case pub.N.BitLen() < minRSA || pub.N.BitLen() > maxRSA:
		return fmt.Errorf("has %d bits: use %d to %d", pub.N.BitLen(), minRSA, maxRSA)
	case pub.E < minExponent || pub.E > maxExponent || pub.E%2 == 0:
		return fmt.Errorf("has the exponent %d: use 65537", pub.E)
	case pub.N.Bit(0) == 0:
		return errors.New("has an even modulus, so it is no RSA key")
	case isROCA(pub.N):
		return errors.New("was made by a chip whose keys can be factored (CVE-2017-15361): make a new one")
	}
	return nil
}

// primesROCA are those that tell such a modulus: modulo each of them it is a power
// of 65537. By chance that happens once in more than a hundred million times.
var primesROCA = []int64{11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157}

// isROCA reports whether n is a modulus of CVE-2017-15361.
func isROCA(n *big.Int) bool {
	for _, p := range primesROCA {
		if !isPower(new(big.Int).Mod(n, big.NewInt(p)).Int64(), 65537%p, p) {
			return false
		}
	}
	return true
}

// isPower reports whether n is a power of g modulo p.
func isPower(n, g, p int64) bool {
	for power := int64(1); ; {
		if power == n {
			return true
		}
		if power = power * g % p; power == 1 {
			return false
		}
	}
}

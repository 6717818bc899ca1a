package ring

import (
	"crypto/ed25519"
	"errors"
	"math/big"
	"slices"
)

var errEdwards = errors.New("is no point of Ed25519 that a key may have")

// verifyEdDSA returns the check of Ed25519 signatures by pub (RFC 8037, section 3.1).
func verifyEdDSA(pub ed25519.PublicKey) (func(input, signature []byte) bool, error) {
	if !goodPoint(pub) {
		return nil, errEdwards
	}
	own := slices.Clone(pub)
	return func(input, signature []byte) bool {
		sig, ok := decode64(signature)
		return ok && ed25519.Verify(own, input, sig[:])
	}, nil
}

// goodPoint reports whether pub encodes a point of the curve, in its only spelling,
// and none of the eight of small order: under those anybody can sign.
//
// The curve is -x² + y² = 1 + d x² y² over the field of p = 2^255 - 19 elements, where
// d = -121665/121666 (RFC 8032, section 5.1). Points of small order are those with
// x = 0, those with y = 0, and those that doubling takes to y = 0, which is where
// x² + y² = 0.
func goodPoint(pub ed25519.PublicKey) bool {
	if len(pub) != ed25519.PublicKeySize {
		return false
	}
	one, p := big.NewInt(1), new(big.Int).Lsh(big.NewInt(1), 255)
	p.Sub(p, big.NewInt(19))
	d := new(big.Int).ModInverse(big.NewInt(121666), p)
	d.Mul(d, big.NewInt(-121665))

	b := slices.Clone(pub)
	slices.Reverse(b)
	b[0] &= 0x7f // the sign of x
	y := new(big.Int).SetBytes(b)
	if y.Cmp(p) >= 0 {
		return false
	}
	y2 := new(big.Int).Mul(y, y)
	v := new(big.Int).Mul(d, y2)
	v.ModInverse(v.Add(v, one).Mod(v, p), p) // never of 0: -1/d is no square
	x2 := new(big.Int).Sub(y2, one)
	x2.Mod(x2.Mul(x2, v), p)
	sum := new(big.Int).Add(x2, y2)
	small := x2.Sign() == 0 || y.Sign() == 0 || sum.Mod(sum, p).Sign() == 0
	return !small && big.Jacobi(x2, p) == 1
}

package ring

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"sync"
)

// HS256 is the algorithm of HMAC keys (RFC 7518, section 3.2).
const HS256 = "HS256"

// Labels for HKDF, one for each use of a secret, so that no use can stand in
// for another.
const (
	labelPrint  = "sessionring fingerprint v1"
	labelCosign = "sessionring co-signature v1"
)

// Lengths of signatures in base64url.
const (
	macLen   = 43 // HMAC-SHA-256, all of it
	comacLen = 22 // its first 128 bits
)

// NewHMAC returns an HS256 key. It does not judge the secret; that is keyring's
// task. The secret is copied.
func NewHMAC(tag string, secret []byte) *Key {
	return newHMAC(tag, base64.RawURLEncoding.EncodeToString(expand(secret, labelPrint, 6)), secret)
}

// newHMAC is NewHMAC with a given fingerprint.
func newHMAC(tag, print string, secret []byte) *Key {
	own := append([]byte(nil), secret...)
	ordinary, co := newMAC(own), newMAC(expand(own, labelCosign, 32))
	identity := ordinary([]byte("sessionring identity"))
	return newKey(tag, print, HS256, string(identity[:16]), engine{
		sign: func(dst, input []byte) ([]byte, error) {
			sum := ordinary(input)
			return Encode(dst, sum[:]), nil
		},
		verify: func(input, signature []byte) bool {
			sum := ordinary(input)
			return equalText(sum[:], signature)
		},
		cosign: func(dst, message []byte) ([]byte, error) {
			sum := co(message[len(labelCosign)+1:])
			return Encode(dst, sum[:16]), nil
		},
		coverify: func(message, text []byte) bool {
			sum := co(message[len(labelCosign)+1:])
			return equalText(sum[:16], text)
		},
		derive: func(info string, n int) []byte { return expand(own, info, n) },
	})
}

// equalText reports whether text is sum in base64url, in its only spelling, and takes
// the same time for every text that is some.
func equalText(sum, text []byte) bool {
	var buf [sha256.Size + spare]byte
	if len(text) != base64.RawURLEncoding.EncodedLen(len(sum)) {
		return false
	}
	got, err := decode(buf[:0], text)
	return err == nil && equalWords(got, sum)
}

// equalWords is subtle.ConstantTimeCompare in words: a and b are equal only if their
// lengths are, and a multiple of eight. It takes the same time whatever they hold.
func equalWords(a, b []byte) bool {
	if len(a) != len(b) || len(a)%8 != 0 {
		return false
	}
	differ := uint64(0)
	for len(a) >= 8 && len(b) >= 8 {
		differ |= binary.LittleEndian.Uint64(a) ^ binary.LittleEndian.Uint64(b)
		a, b = a[8:], b[8:]
	}
	return differ == 0
}

// mac returns HMAC-SHA-256.
type mac func(input []byte) [sha256.Size]byte

// keyed is a pooled HMAC state with room for what it returns.
type keyed struct {
	hash hash.Hash
	sum  [sha256.Size]byte
}

// newMAC returns the HMAC under secret. States are pooled: a state that has been
// reset keeps the key schedule, which is a third of the cost of a short message.
func newMAC(secret []byte) mac {
	pool := &sync.Pool{New: func() any { return &keyed{hash: hmac.New(sha256.New, secret)} }}
	return func(input []byte) [sha256.Size]byte {
		k := pool.Get().(*keyed)
		k.hash.Reset()
		k.hash.Write(input)
		k.hash.Sum(k.sum[:0])
		sum := k.sum
		pool.Put(k)
		return sum
	}
}

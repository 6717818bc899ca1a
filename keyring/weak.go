package keyring

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math"
	"strings"

	"github.com/sessionring/sessionring/internal/ring"
)

// minSecret is the shortest secret in bytes: that of the hash (RFC 7518, section 3.2).
const minSecret = 32

// advice is how a good secret is made.
const advice = "make a new one with: openssl rand -hex 32"

// The faults of a secret, to follow its name in a sentence.
var (
	errPublished   = weak("has been published, so anybody can sign with it: " + advice)
	errRegular     = weak("is too regular to be random: " + advice)
	errPlaceholder = weak("is a placeholder: " + advice)
)

// weak is a fault of a secret that might be guessed.
type weak string

func (w weak) Error() string { return string(w) }

// Is reports whether target is ring.ErrWeak.
func (w weak) Is(target error) bool { return target == ring.ErrWeak }

// published holds the SHA-256 digests of secrets that stand in public documents:
// the two of REQUIREMENTS.md, and those of two much copied tutorials.
var published = map[string]bool{
	"e93104f40a57870e993b0f09bcbedb8c1845dfa8cf2f4d7184de47b817f3395d": true,
	"fe768107d4e0d27eb8875e836cc19ca30a137fc0c64d2e8dbcfc8a4bbfee79dd": true,
	"570dad43de1af4c925f92c16a68a50936da42b7dd6fdeb24850507a1199aac89": true,
	"3354cfcf65c7b2e6840ea6f880aede239750cb1d063950c4e8fd9fbf9ec73a32": true,
}

// judge returns why secret is refused as a key, or nil. It never quotes it.
func judge(secret []byte, published map[string]bool) error {
	switch {
	case isPublished(secret, published):
		return errPublished
	case len(secret) < minSecret:
		return weak(fmt.Sprintf("is %d bytes long and needs at least %d: %s", len(secret), minSecret, advice))
	case isRegular(secret, minSecret):
		return errRegular
	case isPlaceholder(secret):
		return errPlaceholder
	}
	return nil
}

// isPublished reports whether one of the texts that stand for secret is published:
// its bytes, or the hex or base64 text that it may have been decoded from.
func isPublished(secret []byte, published map[string]bool) bool {
	small := hex.EncodeToString(secret)
	for _, text := range []string{
		string(secret), small, strings.ToUpper(small),
		base64.StdEncoding.EncodeToString(secret), base64.RawStdEncoding.EncodeToString(secret),
		base64.URLEncoding.EncodeToString(secret), base64.RawURLEncoding.EncodeToString(secret),
	} {
		digest := sha256.Sum256([]byte(text))
		if published[hex.EncodeToString(digest[:])] {
			return true
		}
	}
	return false
}

// Limits that random secrets keep clear of, down to 32 hex digits: of those, fewer
// than one in ten million is beyond them.
const (
	minDistinct = 8   // different bytes
	minBits     = 2.5 // bits of Shannon entropy for each byte
	sureOverlap = 10  // bytes that must repeat before we speak of a repetition
	maxLag      = 4   // interleaved sequences, as in a1b2c3
)

// isRegular reports whether b is plainly not random: few different bytes, a
// repetition of fewer than minPeriod bytes, or a sequence such as 0123.
func isRegular(b []byte, minPeriod int) bool {
	if distinct(b) < minDistinct || entropy(b) < minBits || period(b) < minPeriod {
		return true
	}
	for lag := 1; lag <= maxLag; lag++ {
		if isSequence(b, lag) {
			return true
		}
	}
	return false
}

// distinct counts the different bytes of b.
func distinct(b []byte) int {
	n := 0
	for i, c := range b {
		if bytes.IndexByte(b[:i], c) < 0 {
			n++
		}
	}
	return n
}

// entropy estimates the Shannon entropy of each byte of b from how often it occurs.
func entropy(b []byte) float64 {
	var counts [256]int
	for _, c := range b {
		counts[c]++
	}
	h := 0.0
	for _, n := range counts {
		if n > 0 {
			p := float64(n) / float64(len(b))
			h -= p * math.Log2(p)
		}
	}
	return h
}

// period returns the least p such that b repeats its first p bytes, or len(b).
func period(b []byte) int {
	for p := 1; p <= len(b)-sureOverlap; p++ {
		if bytes.Equal(b[p:], b[:len(b)-p]) {
			return p
		}
	}
	return len(b)
}

// isSequence reports whether more than half of b goes on by a constant step from
// the byte lag places before.
func isSequence(b []byte, lag int) bool {
	steady := 0
	for i := 2 * lag; i < len(b); i++ {
		if b[i]-b[i-lag] == b[i-lag]-b[i-2*lag] {
			steady++
		}
	}
	return 2*steady > len(b)-2*lag
}

package ring_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
)

// BenchmarkReference is the least that a check can cost: a keyed and reused HMAC
// over the same bytes.
func BenchmarkReference(b *testing.B) {
	token := issue(b, ringOf(b, "a"), session)
	input := []byte(token[:strings.LastIndexByte(token, '.')])
	h := hmac.New(sha256.New, pattern('a'))
	h.Reset()
	out := make([]byte, 0, 32)
	b.ReportAllocs()
	b.SetBytes(int64(len(input)))
	for b.Loop() {
		h.Reset()
		h.Write(input)
		h.Sum(out)
	}
}

// openIn is a check in the memory of w.
func openIn(r *ring.Ring, w *ring.Scratch, token string, legacy bool) error {
	var t ring.Sealed
	err := t.Look(r, token)
	w.At = now
	switch {
	case legacy:
		_, err = t.OpenLegacy(w)
	case err == nil:
		_, err = t.Open(w, 0)
	}
	return err
}

func BenchmarkOpen(b *testing.B) {
	one, four := issue(b, ringOf(b, "a"), session), issue(b, ringOf(b, "d c b a"), session)
	flask := sign(pattern('a'), `{"alg":"HS256","typ":"JWT"}`, session)
	for _, c := range []struct{ name, ring, token string }{
		{"signature", "a", one},
		{"signature=older", "c b a", one},
		{"signature=fourKeys", "d", four},
		{"cosignature=first", "c", four},
		{"cosignature=last", "a", four},
		{"forged", "a", one[:len(one)-4] + "AAAA"},
		{"unknownKey", "x", four},
		{"garbage", "a", strings.Repeat("x", len(one))},
		{"garbage=dots", "a", strings.Repeat("x.y", 100)},
		{"garbage=foreignHeader", "a", b64([]byte(`{"alg":"none"}`)) + one[strings.IndexByte(one, '.'):]},
		{"legacy", "a", flask},
		{"legacy=third", "c b a", flask},
	} {
		r, w := ringOf(b, c.ring), new(ring.Scratch)
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				openIn(r, w, c.token, strings.HasPrefix(c.name, "legacy"))
			}
		})
	}
}

func BenchmarkOpenParallel(b *testing.B) {
	r := ringOf(b, "a")
	token := issue(b, r, session)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		w := new(ring.Scratch)
		for pb.Next() {
			openIn(r, w, token, false)
		}
	})
}

func BenchmarkAudit(b *testing.B) {
	r := ringOf(b, "d c b a")
	token := issue(b, r, session)
	b.ReportAllocs()
	for b.Loop() {
		r.Audit(token, now)
	}
}

func BenchmarkSign(b *testing.B) {
	payload := []byte(session)
	for name, words := range map[string]string{"keys=1": "a", "keys=2": "b a", "keys=3": "c b a", "keys=4": "d c b a"} {
		s, w := ringOf(b, words).Signers(now), new(ring.Scratch)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w.Tokens, _ = s.AppendToken(w.Tokens[:0], w, ring.Access, payload)
			}
		})
	}
}

func BenchmarkSigners(b *testing.B) {
	r := ringOf(b, "d c b a +s")
	b.ReportAllocs()
	for b.Loop() {
		r.Signers(now)
	}
}

// BenchmarkAsymmetric has a check by a ring beside the bare one of the standard
// library over the same bytes, by turns, so that both see the same machine. The
// metric x-of-bare is the quotient of the two quickest.
func BenchmarkAsymmetric(b *testing.B) {
	for alg, s := range signers(b) {
		r, w := newRing(b, signerKey(b, "v1", s)), new(ring.Scratch)
		token := issue(b, r, session)
		bare := bareCheck(b, s.Public(), token)
		b.Run(alg, func(b *testing.B) {
			b.ReportAllocs()
			ours, theirs := time.Hour, time.Hour
			for b.Loop() {
				ours = min(ours, timed(func() { openIn(r, w, token, false) }))
				theirs = min(theirs, timed(bare))
			}
			b.ReportMetric(float64(ours.Nanoseconds()), "ns/open")
			b.ReportMetric(float64(ours)/float64(theirs), "x-of-bare")
		})
	}
}

func timed(do func()) time.Duration {
	begun := time.Now()
	do()
	return time.Since(begun)
}

// bareCheck verifies the signature of token and does nothing else.
func bareCheck(b *testing.B, pub crypto.PublicKey, token string) func() {
	dot := strings.LastIndexByte(token, '.')
	input := []byte(token[:dot])
	sig, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
	if err != nil {
		b.Fatal(err)
	}
	switch p := pub.(type) {
	case ed25519.PublicKey:
		return func() { ed25519.Verify(p, input, sig) }
	case *ecdsa.PublicKey:
		return func() {
			digest := sha256.Sum256(input)
			ecdsa.Verify(p, digest[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:]))
		}
	}
	b.Fatalf("no bare check by %T", pub)
	return nil
}

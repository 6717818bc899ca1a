package ring_test

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
)

// The token format once more, written from the text of the design and not from
// the code, with nothing but HMAC and HKDF. Vectors are held against it, and
// attackers who have a key forge with it.

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func sum(b []byte) []byte {
	s := sha256.Sum256(b)
	return s[:]
}

func hmacSHA256(secret []byte, text string) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// derive is HKDF-SHA-256 without salt.
func derive(secret []byte, info string, n int) []byte {
	b, err := hkdf.Key(sha256.New, secret, nil, info, n)
	if err != nil {
		panic(err)
	}
	return b
}

// fingerprint is that of a secret.
func fingerprint(secret []byte) string { return b64(derive(secret, "sessionring fingerprint v1", 6)) }

// sign returns the JWS of header and payload, both in the clear.
func sign(secret []byte, header, payload string) string {
	input := b64([]byte(header)) + "." + b64([]byte(payload))
	return input + "." + b64(hmacSHA256(secret, input))
}

// cosign returns payload with the co-signatures of secrets as its last member.
func cosign(header, payload string, secrets ...[]byte) string {
	member := func(text func(secret []byte) string) string {
		var list []string
		for _, s := range secrets {
			list = append(list, `"`+fingerprint(s)+`":"`+text(s)+`"`)
		}
		return strings.TrimSuffix(payload, "}") + `,"cs":{` + strings.Join(list, ",") + `}}`
	}
	blank := member(func([]byte) string { return "" })
	input := b64([]byte(header)) + "." + blank
	return member(func(s []byte) string {
		return b64(hmacSHA256(derive(s, "sessionring co-signature v1", 32), input)[:16])
	})
}

// pieces is a token taken apart: header and payload in the clear.
type pieces struct{ header, payload, signature string }

func apart(t testing.TB, token string) pieces {
	t.Helper()
	p := strings.Split(token, ".")
	if len(p) != 3 {
		t.Fatalf("got %d parts, want 3", len(p))
	}
	header, err1 := base64.RawURLEncoding.DecodeString(p[0])
	payload, err2 := base64.RawURLEncoding.DecodeString(p[1])
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	return pieces{string(header), string(payload), p[2]}
}

func (p pieces) token() string {
	return b64([]byte(p.header)) + "." + b64([]byte(p.payload)) + "." + p.signature
}

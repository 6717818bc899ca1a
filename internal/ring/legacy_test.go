package ring_test

import (
	"strings"
	"testing"

	"github.com/sessionring/sessionring/internal/ring"
)

// TestOpenLegacy: tokens without a kid, as Flask issues them, here by the key a.
func TestOpenLegacy(t *testing.T) {
	t.Parallel()
	const flask = `{"user_id":7,"type":"access","exp":1900000000}`
	plain := sign(pattern('a'), `{"alg":"HS256","typ":"JWT"}`, flask)
	signed := func(header string) string { return sign(pattern('a'), header, flask) }
	for _, c := range []struct {
		name, ring, token string
		want              string // tag of the key, "" for ErrInvalid
	}{
		{"current key", "a", plain, "a"},
		{"previous key", "c b a", plain, "a"},
		{"spare", "b +a", plain, "a"},
		{"activation ahead", "b >a", plain, "a"},
		{"no typ", "a", signed(`{"alg":"HS256"}`), "a"},
		{"members in another order", "a", signed(`{"typ":"JWT","alg":"HS256"}`), "a"},
		{"white space", "a", signed("{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}"), "a"},

		{"key not held", "b", plain, ""},
		{"retired key", "b -a", plain, ""},
		{"revoked key", "b !a", plain, ""},
		{"revoked key, its secret gone", "b ?a", plain, ""},
		{"no key", "", plain, ""},
		{"signature altered", "a", plain[:len(plain)-4] + "AAAA", ""},
		{"payload altered", "a", strings.Replace(plain, ".", ".AAAA", 1), ""},
		{"payload not base64url", "a", plain[:len(plain)-43] + "=" + plain[len(plain)-43:], ""},
		{"payload not canonical", "a", signedText(`{"alg":"HS256"}`, "AB"), ""},
		{"two parts", "a", "a.b", ""},

		{"kid", "a", signed(`{"alg":"HS256","kid":"a","typ":"JWT"}`), ""},
		{"kid of ours", "a", issue(t, ringOf(t, "a"), flask), ""},
		{"kid, no typ", "a", signed(`{"alg":"HS256","kid":"a"}`), ""},
		{"kid empty", "a", signed(`{"alg":"HS256","kid":""}`), ""},
		{"alg none", "a", signed(`{"alg":"none","typ":"JWT"}`), ""},
		{"alg HS512", "a", signed(`{"alg":"HS512","typ":"JWT"}`), ""},
		{"alg RS256", "a", signed(`{"alg":"RS256","typ":"JWT"}`), ""},
		{"no alg", "a", signed(`{"typ":"JWT"}`), ""},
		{"our typ", "a", signed(`{"alg":"HS256","typ":"at+jwt"}`), ""},
		{"typ jwt", "a", signed(`{"alg":"HS256","typ":"jwt"}`), ""},
		{"typ empty", "a", signed(`{"alg":"HS256","typ":""}`), ""},
		{"crit", "a", signed(`{"alg":"HS256","typ":"JWT","crit":["exp"]}`), ""},
		{"b64", "a", signed(`{"alg":"HS256","typ":"JWT","b64":false}`), ""},
		{"jwk", "a", signed(`{"alg":"HS256","typ":"JWT","jwk":{}}`), ""},
		{"header twice", "a", signed(`{"alg":"HS256","alg":"HS256","typ":"JWT"}`), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := ringOf(t, c.ring).OpenLegacy(c.token, now)
			if c.want == "" {
				check(t, err, ring.ErrInvalid)
				if got.Key != nil {
					t.Errorf("got a token by %s together with the error", got.Key.Tag)
				}
				return
			}
			check(t, err, nil)
			if got.Key.Tag != c.want || string(got.Payload) != flask || got.Type != "" {
				t.Errorf("got %s by %s, want %s by %s", got.Payload, got.Key.Tag, flask, c.want)
			}
			_, err = ringOf(t, c.ring).Open(c.token, now, 0) // only on the legacy path
			check(t, err, ring.ErrNoKID)
		})
	}
}

// signedText is sign over a payload segment as it stands.
func signedText(header, segment string) string {
	input := b64([]byte(header)) + "." + segment
	return input + "." + b64(hmacSHA256(pattern('a'), input))
}

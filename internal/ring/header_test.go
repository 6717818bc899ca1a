package ring_test

import (
	"crypto/hmac"
	"crypto/sha512"
	"strings"
	"testing"

	"github.com/sessionring/sessionring/internal/ring"
)

// TestHeaders: every token here is properly signed by the key a, so that nothing
// but the header can be the cause of a refusal.
func TestHeaders(t *testing.T) {
	t.Parallel()
	kid := "a." + fingerprint(pattern('a'))
	for _, c := range []struct{ name, header, want string }{ // of the rings {b, a} and {b}
		{"ours", `{"alg":"HS256","kid":"$","typ":"at+jwt"}`, "yu"},
		{"members in another order", `{"typ":"at+jwt","kid":"$","alg":"HS256"}`, "yu"},
		{"white space", "{\r\n \"alg\" : \"HS256\",\t\"kid\":\"$\" ,\"typ\":\"at+jwt\"}\n", "yu"},
		{"escapes", `{"\u0061lg":"HS\u003256","kid":"$","typ":"at+jwt"}`, "yu"},
		{"no type", `{"alg":"HS256","kid":"$"}`, "yu"},
		{"full media type", `{"alg":"HS256","kid":"$","typ":"application/at+jwt"}`, "yu"},
		{"media type in capitals", `{"alg":"HS256","kid":"$","typ":"Application/AT+JWT"}`, "yu"},
		{"unknown members", `{"alg":"HS256","kid":"$","typ":"at+jwt","cty":"x","foo":{"bar":[null]},"cs":{}}`, "yu"},
		{"bare tag", `{"alg":"HS256","kid":"a","typ":"at+jwt"}`, "yu"},

		{"alg none", `{"alg":"none","kid":"$","typ":"at+jwt"}`, "ii"},
		{"alg None", `{"alg":"None","kid":"$","typ":"at+jwt"}`, "ii"},
		{"alg nOnE", `{"alg":"nOnE","kid":"$","typ":"at+jwt"}`, "ii"},
		{"alg NONE", `{"alg":"NONE","kid":"$","typ":"at+jwt"}`, "ii"},
		{"alg hs256", `{"alg":"hs256","kid":"$","typ":"at+jwt"}`, "ii"},
		{"alg HS256 and a space", `{"alg":"HS256 ","kid":"$","typ":"at+jwt"}`, "ii"},
		{"alg HS384", `{"alg":"HS384","kid":"$","typ":"at+jwt"}`, "ii"},
		{"alg HS512", `{"alg":"HS512","kid":"$","typ":"at+jwt"}`, "ii"},
		{"alg of another kind of key", `{"alg":"RS256","kid":"$","typ":"at+jwt"}`, "iu"},
		{"alg ES256", `{"alg":"ES256","kid":"$","typ":"at+jwt"}`, "iu"},
		{"alg EdDSA", `{"alg":"EdDSA","kid":"$","typ":"at+jwt"}`, "iu"},
		{"alg empty", `{"alg":"","kid":"$","typ":"at+jwt"}`, "ii"},
		{"alg null", `{"alg":null,"kid":"$","typ":"at+jwt"}`, "ii"},
		{"alg an array", `{"alg":["HS256"],"kid":"$","typ":"at+jwt"}`, "ii"},
		{"alg absent", `{"kid":"$","typ":"at+jwt"}`, "ii"},
		{"alg in capitals", `{"ALG":"HS256","kid":"$","typ":"at+jwt"}`, "ii"},
		{"alg twice", `{"alg":"HS256","alg":"HS256","kid":"$","typ":"at+jwt"}`, "ii"},
		{"alg twice, escaped", `{"alg":"HS256","\u0061lg":"none","kid":"$","typ":"at+jwt"}`, "ii"},

		{"crit", `{"alg":"HS256","kid":"$","typ":"at+jwt","crit":["exp"],"exp":1}`, "ii"},
		{"crit empty", `{"alg":"HS256","kid":"$","typ":"at+jwt","crit":[]}`, "ii"},
		{"crit null", `{"alg":"HS256","kid":"$","typ":"at+jwt","crit":null}`, "ii"},
		{"crit escaped", `{"alg":"HS256","kid":"$","typ":"at+jwt","cri\u0074":["exp"]}`, "ii"},
		{"b64 false", `{"alg":"HS256","kid":"$","typ":"at+jwt","b64":false,"crit":["b64"]}`, "ii"},
		{"b64 without crit", `{"alg":"HS256","kid":"$","typ":"at+jwt","b64":false}`, "ii"},
		{"b64 true", `{"alg":"HS256","kid":"$","typ":"at+jwt","b64":true}`, "ii"},
		{"jku", `{"alg":"HS256","kid":"$","typ":"at+jwt","jku":"http://127.0.0.1/"}`, "ii"},
		{"jwk", `{"alg":"HS256","kid":"$","typ":"at+jwt","jwk":{"kty":"oct","k":"AA"}}`, "ii"},
		{"x5u", `{"alg":"HS256","kid":"$","typ":"at+jwt","x5u":"http://127.0.0.1/"}`, "ii"},
		{"x5c", `{"alg":"HS256","kid":"$","typ":"at+jwt","x5c":[]}`, "ii"},
		{"x5t", `{"alg":"HS256","kid":"$","typ":"at+jwt","x5t":""}`, "ii"},
		{"x5t#S256", `{"alg":"HS256","kid":"$","typ":"at+jwt","x5t#S256":""}`, "ii"},

		{"kid twice", `{"alg":"HS256","kid":"$","kid":"$","typ":"at+jwt"}`, "ii"},
		{"kid twice, escaped", `{"alg":"HS256","kid":"$","\u006bid":"b","typ":"at+jwt"}`, "ii"},
		{"kid in capitals", `{"alg":"HS256","KID":"$","typ":"at+jwt"}`, "ii"},
		{"kid with a Kelvin sign", `{"alg":"HS256","Kid":"$","typ":"at+jwt"}`, "ii"},
		{"typ JWT beside a kid", `{"alg":"HS256","kid":"$","typ":"JWT"}`, "ii"},
		{"typ of something else", `{"alg":"HS256","kid":"$","typ":"dpop+jwt"}`, "ii"},
		{"typ with a parameter", `{"alg":"HS256","kid":"$","typ":"at+jwt;v=1"}`, "ii"},
		{"typ empty", `{"alg":"HS256","kid":"$","typ":""}`, "ii"},
		{"typ a number", `{"alg":"HS256","kid":"$","typ":1}`, "ii"},
		{"typ twice", `{"alg":"HS256","kid":"$","typ":"at+jwt","typ":"rt+jwt"}`, "ii"},
		{"unknown member twice", `{"alg":"HS256","kid":"$","typ":"at+jwt","x":1,"x":1}`, "ii"},
		{"a nested name twice", `{"alg":"HS256","kid":"$","typ":"at+jwt","x":{"y":1,"y":1}}`, "ii"},

		{"byte order mark", "\ufeff" + `{"alg":"HS256","kid":"$","typ":"at+jwt"}`, "ii"},
		{"not UTF-8", `{"alg":"HS256","kid":"$","typ":"at+jwt","x":"` + "\xff" + `"}`, "ii"},
		{"lone surrogate", `{"alg":"HS256","kid":"$","typ":"at+jwt","x":"\ud800"}`, "ii"},
		{"two objects", `{"alg":"HS256","kid":"$","typ":"at+jwt"}{}`, "ii"},
		{"an array", `["HS256","$"]`, "ii"},
		{"null", `null`, "ii"},
		{"no object", `{}`, "ii"},
		{"ours without its beginning", `HS256","kid":"$","typ":"at+jwt"}`, "ii"},
		{"ours without its end", `{"alg":"HS256","kid":"$","typ":"at+jwt`, "ii"},
		{"ours with more behind", `{"alg":"HS256","kid":"$","typ":"at+jwt"}"}`, "ii"},
		{"ours twice", `{"alg":"HS256","kid":"$","typ":"at+jwt"}{"alg":"HS256","kid":"$","typ":"at+jwt"}`, "ii"},
		{"unclosed", `{"alg":"HS256","kid":"$","typ":"at+jwt"`, "ii"},
		{"deep", `{"alg":"HS256","kid":"$","typ":"at+jwt","x":` + strings.Repeat("[", 400) + strings.Repeat("]", 400) + `}`, "ii"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			token := sign(pattern('a'), strings.ReplaceAll(c.header, "$", kid), claims)
			open(t, "b", token, verdicts[rune(c.want[1])])
			got := open(t, "b a", token, verdicts[rune(c.want[0])])
			if got.Key != nil && got.Type != ring.Access && strings.Contains(c.header, "typ") {
				t.Errorf("got type %q, want %q", got.Type, ring.Access)
			}
		})
	}
}

// TestHeaderUnderCosignature: a co-signature covers the header byte for byte.
func TestHeaderUnderCosignature(t *testing.T) {
	t.Parallel()
	token := issue(t, ringOf(t, "n a"), claims)
	kid := "n." + fingerprint(pattern('n'))
	for _, c := range []struct{ name, header string }{
		{"re-encoded with white space", `{"alg":"HS256", "kid":"$","typ":"at+jwt"}`},
		{"members in another order", `{"kid":"$","alg":"HS256","typ":"at+jwt"}`},
		{"escapes", `{"alg":"HS256","kid":"\u006e` + kid[1:] + `","typ":"at+jwt"}`},
		{"no type", `{"alg":"HS256","kid":"$"}`},
		{"another type", `{"alg":"HS256","kid":"$","typ":"rt+jwt"}`},
		{"full media type", `{"alg":"HS256","kid":"$","typ":"application/at+jwt"}`},
		{"another algorithm", `{"alg":"EdDSA","kid":"$","typ":"at+jwt"}`},
		{"alg none", `{"alg":"none","kid":"$","typ":"at+jwt"}`},
		{"crit", `{"alg":"HS256","crit":["x"],"kid":"$","typ":"at+jwt"}`},
		{"a member added", `{"alg":"HS256","kid":"$","typ":"at+jwt","x":1}`},
		{"another unknown kid", `{"alg":"HS256","kid":"n.AAAAAAAA","typ":"at+jwt"}`},
		{"another tag", `{"alg":"HS256","kid":"m` + kid[1:] + `","typ":"at+jwt"}`},
		{"the kid of who co-signs", `{"alg":"HS256","kid":"a.` + fingerprint(pattern('a')) + `","typ":"at+jwt"}`},
		{"no kid", `{"alg":"HS256","typ":"JWT"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := apart(t, token)
			p.header = strings.ReplaceAll(c.header, "$", kid)
			open(t, "a", p.token(), ring.ErrInvalid)
		})
	}
}

// TestHS512: the right secret under another algorithm is the wrong key.
func TestHS512(t *testing.T) {
	t.Parallel()
	input := b64([]byte(`{"alg":"HS512","kid":"a","typ":"at+jwt"}`)) + "." + b64([]byte(claims))
	h := hmac.New(sha512.New, pattern('a'))
	h.Write([]byte(input))
	open(t, "a", input+"."+b64(h.Sum(nil)), ring.ErrInvalid)
}

// TestKID: a kid is looked up and nothing else. Only one that some key of ours
// could have is ErrUnknownKey, which makes clients wait.
func TestKID(t *testing.T) {
	t.Parallel()
	set := keyOf(t, "a")
	set.SetKID = "urn:example:key 1"
	for _, c := range []struct {
		name, kid   string // the kid as JSON
		plain, jwks error  // by a ring of our own keys, and by one from a JWK Set with other kids
	}{
		{"tag and fingerprint", `"v1.AAAAAAAA"`, ring.ErrUnknownKey, ring.ErrUnknownKey},
		{"longest tag", `"` + strings.Repeat("v", 32) + `.AAAAAAAA"`, ring.ErrUnknownKey, ring.ErrUnknownKey},
		{"tag too long", `"` + strings.Repeat("v", 33) + `.AAAAAAAA"`, ring.ErrInvalid, ring.ErrUnknownKey},
		{"bare tag", `"v1"`, ring.ErrUnknownKey, ring.ErrUnknownKey},
		{"bare tag with a dot", `"2024.11"`, ring.ErrUnknownKey, ring.ErrUnknownKey},
		{"another tag and the fingerprint", `"x.y.` + fingerprint(pattern('a')) + `"`, nil, nil},
		{"the fingerprint behind a hyphen", `"a-` + fingerprint(pattern('a')) + `"`, ring.ErrUnknownKey, ring.ErrUnknownKey},
		{"the fingerprint alone", `"` + fingerprint(pattern('a')) + `"`, ring.ErrUnknownKey, ring.ErrUnknownKey},
		{"the fingerprint behind a dot", `".` + fingerprint(pattern('a')) + `"`, ring.ErrUnknownKey, ring.ErrUnknownKey},
		{"held, by its whole kid", `"urn:example:key 1"`, ring.ErrInvalid, nil},
		{"path traversal", `"../../../../etc/passwd"`, ring.ErrInvalid, ring.ErrUnknownKey},
		{"SQL", `"' OR '1'='1"`, ring.ErrInvalid, ring.ErrUnknownKey},
		{"a shell's", `"$(id)"`, ring.ErrInvalid, ring.ErrUnknownKey},
		{"a line break", `"v1\n"`, ring.ErrInvalid, ring.ErrUnknownKey},
		{"NUL", `"v1\u0000"`, ring.ErrInvalid, ring.ErrUnknownKey},
		{"not ASCII", `"é"`, ring.ErrInvalid, ring.ErrUnknownKey},
		{"128 bytes", `"` + strings.Repeat("k", 128) + `"`, ring.ErrInvalid, ring.ErrUnknownKey},
		{"129 bytes", `"` + strings.Repeat("k", 129) + `"`, ring.ErrInvalid, ring.ErrInvalid},
		{"129 bytes in 65 characters", `"k` + strings.Repeat("é", 64) + `"`, ring.ErrInvalid, ring.ErrInvalid},
		{"empty", `""`, ring.ErrInvalid, ring.ErrInvalid},
		{"a number", `1`, ring.ErrInvalid, ring.ErrInvalid},
		{"null", `null`, ring.ErrInvalid, ring.ErrInvalid},
		{"true", `true`, ring.ErrInvalid, ring.ErrInvalid},
		{"an array", `["a"]`, ring.ErrInvalid, ring.ErrInvalid},
		{"an object", `{"a":"a"}`, ring.ErrInvalid, ring.ErrInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			token := sign(pattern('a'), `{"alg":"HS256","kid":`+c.kid+`,"typ":"at+jwt"}`, claims)
			open(t, "a", token, c.plain)
			_, err := newRing(t, set).Open(token, now, 0)
			check(t, err, c.jwks)
		})
	}
}

package ring

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// FuzzHeader holds the strict reader against encoding/json: what it accepts reads
// the same there, and has nothing that would change how the token is read.
func FuzzHeader(f *testing.F) {
	for _, s := range []string{
		`{"alg":"HS256","kid":"v1.AAAAAAAA","typ":"at+jwt"}`,
		`{"alg":"HS256","kid":"v1"}`,
		`{"alg":"HS256","typ":"JWT"}`,
		"{\"typ\":\"application/RT+jwt\",\r\n \"alg\":\"ES256\",\"kid\":\"\\u0061\",\"x\":[{}]}",
		`{"alg":"none","kid":"a"}`,
		`{"alg":"HS256","kid":"a","kid":"b"}`,
		`{"alg":"HS256","kid":"a","crit":["b64"],"b64":false}`,
		`{"ALG":"HS256","kid":"a"}`,
		`HS256","kid":"v1.AAAAAAAA","typ":"at+jwt`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if plain, ok := plainMembers(data); ok {
			strict, err := strictMembers(data)
			if err != nil || !slices.Equal(plain.texts(), strict.texts()) {
				t.Fatalf("%q: got %q, want %q, %v as the strict reader says", data, plain, strict, err)
			}
		}
		head := base64.RawURLEncoding.EncodeToString(data) + "."
		h, err := parseHeader(head)
		if (err == nil || err == ErrNoKID) && foreign(head) != nil {
			t.Fatalf("%q: is refused at a glance, want %+v", data, h)
		}
		if err != nil && err != ErrNoKID {
			if h != (header{}) {
				t.Fatalf("got %v together with %v", h, err)
			}
			return
		}
		var want map[string]any
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatalf("accepted %q, which encoding/json refuses: %v", data, err)
		}
		if want["alg"] != h.alg || algorithmOf([]byte(h.alg)) == "" {
			t.Fatalf("%q: got alg %q, want %v", data, h.alg, want["alg"])
		}
		if kid, ok := want["kid"]; ok != (err == nil) || ok && kid != h.kid {
			t.Fatalf("%q: got kid %q, want %v", data, h.kid, kid)
		}
		if typ, _ := want["typ"].(string); h.typ != "" && !strings.EqualFold(strings.TrimPrefix(strings.ToLower(typ), "application/"), string(h.typ)) {
			t.Fatalf("%q: got typ %q, want %q", data, h.typ, typ)
		}
		for name := range refused {
			if _, ok := want[name]; ok {
				t.Fatalf("%q: accepted with %q", data, name)
			}
		}
	})
}

// texts are the members, to compare.
func (m members) texts() []string { return []string{string(m[alg]), string(m[kid]), string(m[typ])} }

// TestPlainHeaders: headers in the usual form are read without the strict reader, and
// all others are left to it.
func TestPlainHeaders(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`{"alg":"HS256","kid":"v1.AAAAAAAA","typ":"at+jwt"}`: true, `{"typ":"JWT","alg":"none"}`: true, `{"kid":"a"}`: true,
		`{}`: false, ``: false, `{`: false, `{"alg":"a"`: false, `{"alg":"a"},`: false, `{"alg":"a",}`: false, `{"alg":"a"}}`: false,
		`{ "alg":"a"}`: false, `{"alg":"a","alg":"a"}`: false, `{"alg":""}`: false, `{"alg":"\u0061"}`: false, `{"alg":1}`: false,
		`{"alg":"a","x":"b"}`: false, `{"alg":"a","crit":"b"}`: false, `{"alg"}`: false, `{"alg":"ü"}`: false, `["alg":"a"}`: false,
	} {
		if _, ok := plainMembers([]byte(text)); ok != want {
			t.Errorf("%s: got %v, want %v", text, ok, want)
		}
	}
}

// TestForeignAlgorithm: most headers with an algorithm that no key has are known by a
// letter, and none with one of ours is, however it is written.
func TestForeignAlgorithm(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`{"alg":"none","typ":"JWT"}`: true, `{"alg":"None"}`: true, `{"alg":"A128KW"}`: true, `{"alg":"dir"}`: true, `{"alg":"rs256"}`: true,
		`{"alg":"HS256"}`: false, `{"alg":"EdDSA"}`: false, `{"alg":"ES256"}`: false, `{"alg":"RS256"}`: false, `{"alg":"PS256"}`: false,
		`{"alg":"\u0048S256"}`: false, `{"alg": "HS256"}`: false, `{ "alg":"HS256"}`: false, `{"alg":""}`: false, `{"alg":`: false, `{"typ":"JWT","alg":"none"}`: false,
	} {
		if got := foreignAlgorithm(encodeHeader(text)); got != want {
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
	}
}

// TestSplit: a token has exactly two dots (RFC 7515, section 7.1), which is found
// out before anything is computed.
func TestSplit(t *testing.T) {
	t.Parallel()
	for token, want := range map[string]error{
		"a.b.c": nil, "": errForm, "a": errForm, "a.b": errForm, "a.b.": errForm, "a..c": errForm, ".b.c": errForm, "..": errForm,
		"a.b.c.d": errForm, "a.b.c.d.e": errForm, "....": errForm, strings.Repeat("a", MaxToken-4) + ".b.c": nil, strings.Repeat("a", MaxToken-3) + ".b.c": errSize,
	} {
		var p parts
		err := p.split(token)
		if err != want {
			t.Errorf("split(%.20q): got %v, want %v", token, err, want)
		}
		if whole := p.head + p.payload + "." + p.signature; err == nil && (whole != token || p.input+"."+p.signature != token) {
			t.Errorf("split(%.20q): got %q", token, p)
		}
	}
}

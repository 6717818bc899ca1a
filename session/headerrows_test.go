package session_test

import (
	"strings"
	"testing"

	"github.com/sessionring/sessionring/session"
)

// headerRow is a header, with KID where the kid of the way goes, and the word for
// it on an access token.
type headerRow struct{ name, want, header string }

var headerRows = []headerRow{
	{"ours", "ok", `{"alg":"HS256","kid":"KID","typ":"at+jwt"}`},
	{"another order", "ok", `{"typ":"at+jwt","kid":"KID","alg":"HS256"}`},
	{"with space", "ok", " {\n\t\"alg\" : \"HS256\", \"kid\":\"KID\",\"typ\":\"at+jwt\"} "},
	{"escaped names", "ok", `{"\u0061lg":"HS256","kid":"KID","typ":"at\u002bjwt"}`},
	{"A20: the whole media type", "ok", `{"alg":"HS256","kid":"KID","typ":"application/at+jwt"}`},
	{"media types have no case", "ok", `{"alg":"HS256","kid":"KID","typ":"Application/AT+JWT"}`},
	{"no typ", "ok", `{"alg":"HS256","kid":"KID"}`},
	{"A8: unknown members", "ok", `{"alg":"HS256","kid":"KID","typ":"at+jwt","x":{"y":[1]},"cty":"JWT"}`},

	{"A19: typ of a refresh token", "invalid", `{"alg":"HS256","kid":"KID","typ":"rt+jwt"}`},
	{"typ of a purpose token", "invalid", `{"alg":"HS256","kid":"KID","typ":"pt+jwt"}`},
	{"A20: typ JWT with a kid", "invalid", `{"alg":"HS256","kid":"KID","typ":"JWT"}`},
	{"typ of others", "invalid", `{"alg":"HS256","kid":"KID","typ":"secevent+jwt"}`},
	{"typ is empty", "invalid", `{"alg":"HS256","kid":"KID","typ":""}`},
	{"typ is null", "invalid", `{"alg":"HS256","kid":"KID","typ":null}`},
	{"typ is an array", "invalid", `{"alg":"HS256","kid":"KID","typ":["at+jwt"]}`},
	{"typ with a parameter", "invalid", `{"alg":"HS256","kid":"KID","typ":"at+jwt;v=1"}`},

	{"A2: none", "invalid", `{"alg":"none","kid":"KID","typ":"at+jwt"}`},
	{"A2: None", "invalid", `{"alg":"None","kid":"KID","typ":"at+jwt"}`},
	{"A2: nOnE", "invalid", `{"alg":"nOnE","kid":"KID","typ":"at+jwt"}`},
	{"A3: hs256", "invalid", `{"alg":"hs256","kid":"KID","typ":"at+jwt"}`},
	{"A3: HS512", "invalid", `{"alg":"HS512","kid":"KID","typ":"at+jwt"}`},
	{"A3: HS384", "invalid", `{"alg":"HS384","kid":"KID","typ":"at+jwt"}`},
	{"alg with space", "invalid", `{"alg":"HS256 ","kid":"KID","typ":"at+jwt"}`},
	{"no alg", "invalid", `{"kid":"KID","typ":"at+jwt"}`},
	{"alg is empty", "invalid", `{"alg":"","kid":"KID","typ":"at+jwt"}`},
	{"alg is null", "invalid", `{"alg":null,"kid":"KID","typ":"at+jwt"}`},
	{"alg is an array", "invalid", `{"alg":["HS256"],"kid":"KID","typ":"at+jwt"}`},
	{"A13: ALG", "invalid", `{"ALG":"HS256","kid":"KID","typ":"at+jwt"}`},
	{"A28: enc of JWE", "ok", `{"alg":"HS256","kid":"KID","typ":"at+jwt","enc":"A128GCM"}`},

	{"A7: crit", "invalid", `{"alg":"HS256","kid":"KID","typ":"at+jwt","crit":["exp"],"exp":1}`},
	{"A7: crit is empty", "invalid", `{"alg":"HS256","kid":"KID","typ":"at+jwt","crit":[]}`},
	{"A7: crit is null", "invalid", `{"alg":"HS256","kid":"KID","typ":"at+jwt","crit":null}`},
	{"A7: crit names what is absent", "invalid", `{"alg":"HS256","kid":"KID","typ":"at+jwt","crit":["x"]}`},
	{"A7: b64 off", "invalid", `{"alg":"HS256","kid":"KID","typ":"at+jwt","b64":false}`},
	{"A7: b64 on", "invalid", `{"alg":"HS256","kid":"KID","typ":"at+jwt","b64":true}`},
	{"A5: jku", "invalid", `{"alg":"HS256","kid":"KID","typ":"at+jwt","jku":"https://evil.example/jwks.json"}`},
	{"A5: jwk", "invalid", `{"alg":"HS256","kid":"KID","typ":"at+jwt","jwk":{"kty":"oct","k":"AAAA"}}`},
	{"A5: x5u", "invalid", `{"alg":"HS256","kid":"KID","typ":"at+jwt","x5u":"https://evil.example/"}`},
	{"A5: x5c", "invalid", `{"alg":"HS256","kid":"KID","typ":"at+jwt","x5c":[]}`},
	{"A5: x5t", "invalid", `{"alg":"HS256","kid":"KID","typ":"at+jwt","x5t":"AAAA"}`},
	{"A5: x5t#S256", "invalid", `{"alg":"HS256","kid":"KID","typ":"at+jwt","x5t#S256":"AAAA"}`},

	{"A9: kid twice, scenario 27", "invalid", `{"alg":"HS256","kid":"KID","kid":"KID","typ":"at+jwt"}`},
	{"A9: kid twice, the other first", "invalid", `{"alg":"HS256","kid":"v7","typ":"at+jwt","kid":"KID"}`},
	{"A9: alg twice", "invalid", `{"alg":"none","alg":"HS256","kid":"KID","typ":"at+jwt"}`},
	{"A9: escaped", "invalid", `{"alg":"HS256","kid":"KID","typ":"at+jwt","\u006bid":"KID"}`},
	{"A9: below", "invalid", `{"alg":"HS256","kid":"KID","typ":"at+jwt","x":{"a":1,"a":2}}`},
	{"A12: two objects", "invalid", `{"alg":"HS256","kid":"KID","typ":"at+jwt"}{}`},
	{"A12: something behind", "invalid", `{"alg":"HS256","kid":"KID","typ":"at+jwt"}x`},
	{"A12: a comma too many", "invalid", `{"alg":"HS256","kid":"KID","typ":"at+jwt",}`},
	{"A12: an array", "invalid", `[{"alg":"HS256","kid":"KID","typ":"at+jwt"}]`},
	{"A12: a byte order mark", "invalid", "\ufeff" + `{"alg":"HS256","kid":"KID","typ":"at+jwt"}`},
	{"A12: no UTF-8", "invalid", `{"alg":"HS256","kid":"KID","typ":"at+jwt","x":"` + "\xff" + `"}`},
	{"a lone surrogate", "invalid", `{"alg":"HS256","kid":"KID","typ":"at+jwt","x":"\ud800"}`},
	{"nested too deeply", "invalid", `{"alg":"HS256","kid":"KID","typ":"at+jwt","x":` + strings.Repeat("[", 30) + strings.Repeat("]", 30) + `}`},
	{"empty", "invalid", `{}`},
	{"null", "invalid", `null`},
	{"no kid", "invalid", `{"alg":"HS256","typ":"at+jwt"}`},
	{"A13: KID", "invalid", `{"alg":"HS256","KID":"KID","typ":"at+jwt"}`},
	{"kid is null", "invalid", `{"alg":"HS256","kid":null,"typ":"at+jwt"}`},
	{"kid is empty", "invalid", `{"alg":"HS256","kid":"","typ":"at+jwt"}`},
	{"kid is an array", "invalid", `{"alg":"HS256","kid":["KID"],"typ":"at+jwt"}`},
}

// A2 to A9, A12, A13, A19, A20, C6, scenario 27: the header, on every way, also of
// tokens that are rightly signed.
func TestHeader(t *testing.T) {
	t.Parallel()
	m := vouched(t)
	everyWay(t, func(t *testing.T, w way) {
		for _, c := range headerRows {
			header := strings.ReplaceAll(c.header, `"KID"`, `"`+w.kid+`"`)
			_, err := m.Verify(t.Context(), w.make(header, payloadOf()))
			if got := session.Reason(err); got != c.want {
				t.Errorf("%s: got %q (%v), want %q", c.name, got, err, c.want)
			}
			if !strings.Contains(header, `"at+jwt"`) {
				continue
			}
			_, err = m.Refresh(t.Context(), w.make(strings.Replace(header, `"at+jwt"`, `"rt+jwt"`, 1), refreshOf()))
			if got := session.Reason(err); got != c.want {
				t.Errorf("%s, refresh: got %q (%v), want %q", c.name, got, err, c.want)
			}
		}
	})
}

// A3, A4: a key has one algorithm, and the header names it.
func TestOneAlgorithm(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v2 v1")
	for _, alg := range []string{"RS256", "ES256", "EdDSA", "PS256"} {
		for _, tag := range []string{"v2", "v1"} {
			header := strings.Replace(headerOf(tag, "at+jwt"), "HS256", alg, 1)
			refused(t, m, forge(tag, header, payloadOf()), session.ErrInvalid)
		}
	}
}

// A19, C6, scenario 20: kinds exclude each other, by the header type and by the
// claim, on every way and in both directions.
func TestKinds(t *testing.T) {
	t.Parallel()
	m := vouched(t)
	everyWay(t, func(t *testing.T, w way) {
		for _, c := range []struct{ typ, claim, access, refresh string }{
			{"at+jwt", `"access"`, "ok", "invalid"},
			{"rt+jwt", `"refresh"`, "invalid", "ok"},
			{"at+jwt", `"refresh"`, "invalid", "invalid"},
			{"rt+jwt", `"access"`, "invalid", "invalid"},
			{"pt+jwt", `"purpose"`, "invalid", "invalid"},
			{"pt+jwt", `"access"`, "invalid", "invalid"},
			{"at+jwt", `"purpose"`, "invalid", "invalid"},
			{"at+jwt", `"Access"`, "invalid", "invalid"},
			{"at+jwt", `"access "`, "invalid", "invalid"},
			{"at+jwt", `""`, "invalid", "invalid"},
			{"at+jwt", `null`, "invalid", "invalid"},
			{"at+jwt", `["access"]`, "invalid", "invalid"},
			{"at+jwt", `1`, "invalid", "invalid"},
		} {
			token := w.make(w.header(c.typ), payloadOf("type="+c.claim))
			_, err := m.Verify(t.Context(), token)
			if got := session.Reason(err); got != c.access {
				t.Errorf("%s %s as access token: got %q (%v), want %q", c.typ, c.claim, got, err, c.access)
			}
			_, err = m.Refresh(t.Context(), token)
			if got := session.Reason(err); got != c.refresh {
				t.Errorf("%s %s as refresh token: got %q (%v), want %q", c.typ, c.claim, got, err, c.refresh)
			}
		}
	})
}

// A1, A10, A11, A28, A29, scenario 27: the form of a token.
func TestForm(t *testing.T) {
	t.Parallel()
	m := vouched(t)
	everyWay(t, func(t *testing.T, w way) {
		good := w.access(payloadOf())
		parts := strings.Split(good, ".")
		header, body, sig := parts[0], parts[1], parts[2]
		for name, token := range map[string]string{
			"empty":                      "",
			"dots":                       "..",
			"two parts":                  header + "." + body,
			"four parts":                 good + "." + sig,
			"A28: five parts":            header + ".." + body + "." + sig + "." + sig,
			"no signature":               header + "." + body + ".",
			"no payload":                 header + ".." + sig,
			"no header":                  "." + body + "." + sig,
			"A10: JSON form":             `{"protected":"` + header + `","payload":"` + body + `","signature":"` + sig + `"}`,
			"A10: general JSON form":     `{"payload":"` + body + `","signatures":[{"protected":"` + header + `","signature":"` + sig + `"}]}`,
			"A11: padding":               good + "=",
			"A11: padding inside":        header + "=." + body + "." + sig,
			"A11: a line break behind":   good + "\n",
			"A11: a line break inside":   header + "\r\n." + body + "." + sig,
			"A11: a line break in sig":   header + "." + body + "." + sig[:10] + "\n" + sig[10:],
			"A11: space before":          " " + good,
			"A11: space behind":          good + " ",
			"A11: the standard alphabet": header + "." + body + "." + sig[:5] + "+" + sig[6:],
			"a null byte":                good + "\x00",
			"the scheme":                 "Bearer " + good,
			"quotes":                     `"` + good + `"`,
			"A29: one byte too long":     strings.Repeat("A", 4095) + "..",
			"A29: 1 MiB":                 strings.Repeat("A", 1<<20),
			"A29: 1 MiB of dots":         strings.Repeat(".", 1<<20),
			"A29: 1 MiB payload":         header + "." + strings.Repeat("A", 1<<20) + "." + sig,
		} {
			c, err := m.Verify(t.Context(), token)
			if got := session.Reason(err); got != "invalid" || c != nil {
				t.Errorf("%s: got %q (%v), want invalid", name, got, err)
			}
		}
	})
}

// A11: the last character of a signature has bits that decoders ignore. Only one
// spelling of a token is accepted.
func TestStrayBits(t *testing.T) {
	t.Parallel()
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	m := vouched(t)
	everyWay(t, func(t *testing.T, w way) {
		good := w.access(payloadOf())
		last := len(good) - 1
		accepted := 0
		for _, c := range alphabet {
			if _, err := m.Verify(t.Context(), good[:last]+string(c)); err == nil {
				accepted++
			}
		}
		// The ordinary signature of a token that is vouched for by co-signature counts
		// for nothing, but it must be canonical: four endings have no stray bits set.
		if most := 16; accepted == 0 || accepted > most {
			t.Errorf("got %d spellings accepted, want 1 to %d", accepted, most)
		}
		if accepted != 1 && !strings.Contains(w.name, "co-signature") {
			t.Errorf("got %d spellings accepted, want 1", accepted)
		}
	})
}

// A29, scenario 27: a token that is too long costs nothing, whatever its length.
func TestRefusalsAreCheap(t *testing.T) { // not parallel: it counts allocations
	m := vouched(t)
	for _, token := range []string{strings.Repeat("eyJhbGciOiJIUzI1NiJ9.", 1<<16), strings.Repeat("A", 1<<20), strings.Repeat(".", 1<<20)} {
		if n := testing.AllocsPerRun(100, func() { m.Verify(t.Context(), token) }); n > 1 {
			t.Errorf("got %v allocations for a token of 1 MiB, want none that grows with it", n)
		}
	}
}

// A1: every byte of a token counts. One changed letter anywhere is refused.
func TestTampering(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v2")
	good := forge("v2", headerOf("v2", "at+jwt"), payloadOf())
	for i := range good {
		for _, c := range []byte("A_") {
			if good[i] == c || good[i] == '.' {
				continue
			}
			if _, err := m.Verify(t.Context(), good[:i]+string(c)+good[i+1:]); err == nil {
				t.Fatalf("got a token accepted with another letter at %d, want it refused", i)
			}
		}
	}
}

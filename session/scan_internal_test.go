package session

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/internal/ring"
)

// scanned fails if what scanPayload takes is refused by the strict reader, or if that
// finds something else in it. It reports whether it was taken.
func scanned(t *testing.T, data []byte, legacySubject string) (taken bool) {
	t.Helper()
	for _, cfg := range []Config{
		{LegacySubject: legacySubject}, {LegacySubject: legacySubject, Issuer: "https://id.example.com", Audience: "shop"},
		{LegacySubject: legacySubject, Issuer: "https://id.example.com"}, // the audience is not expected
	} {
		var fast payload
		took := scanPayload(data, expect(&cfg), &fast)
		if cfg.Issuer == "" {
			taken = took
		} else if took != taken {
			t.Fatalf("%s: got taken %v where the issuer %q and the audience %q are expected, else %v", data, took, cfg.Issuer, cfg.Audience, taken)
		}
		if !took {
			continue
		}
		strict, err := parsePayload(data, legacySubject)
		if err != nil {
			t.Fatalf("got %s taken, want %v as the strict reader says", data, err)
		}
		if diff := cmp.Diff(*strict, fast, cmp.AllowUnexported(payload{})); diff != "" {
			t.Fatalf("%s: (-strict +fast):\n%s", data, diff)
		}
	}
	return taken
}

// parts of payloads, for the table and for the fuzzer to put together.
const (
	ownClaims = `"iss":"https://id.example.com","aud":"shop","sub":"alice","sid":"AAECAwQFBgcICQoLDA0ODw","jti":"EBESExQVFhcYGRobHB0eHw",` +
		`"iat":1899999100,"exp":1900000000,"auth_time":1899990000,"type":"access","version":"v2"`
	theirs = `"tenant":"acme","roles":["admin","editor"],"plan":{"name":"x","seats":7,"trial":false,"notes":[null,-1,[]]}`
	cosign = `"cs":{"Abcdefg1":"0123456789012345678901","Abcdefg2":"0123456789012345678901"}`
)

// What this library issues is scanned, and what differs from it in any way is left to
// the strict reader, or read alike.
func TestScan(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		taken      bool
	}{
		{"ours", "{" + ownClaims + "}", true},
		{"with claims of the application", "{" + ownClaims + "," + theirs + "}", true},
		{"co-signed", "{" + ownClaims + "," + theirs + "," + cosign + "}", true},
		{"refresh", "{" + ownClaims + `,"act":{"sub":"bob"},"gen":7,"session_end":1900000000,"forget":true,` + cosign + "}", true},
		{"not forgotten", "{" + ownClaims + `,"forget":false}`, true},
		{"of another system", "{" + ownClaims + `,"user_id":"alice"}`, true},
		{"user_id again", "{" + ownClaims + `,"user_id":"alice","user_id":"bob"}`, false},
		{"user_id is a number", "{" + ownClaims + `,"user_id":7}`, false},
		{"iss again", "{" + ownClaims + `,"iss":"https://id.example.com"}`, false},
		{"aud again", "{" + ownClaims + `,"aud":"shop"}`, false},
		{"USER_ID", "{" + ownClaims + `,"USER_ID":"bob"}`, false},
		{"empty", "{}", false},
		{"nothing", "", false},
		{"only an opening", "{", false},
		{"behind the object", "{" + ownClaims + "} ", false},
		{"a comma at the end", "{" + ownClaims + ",}", false},
		{"space", "{" + ownClaims + `, "x":1}`, false},
		{"sub again", "{" + ownClaims + `,"sub":"mallory"}`, false},
		{"exp again", "{" + ownClaims + `,"exp":1900000001}`, false},
		{"Sub", "{" + ownClaims + `,"Sub":"mallory"}`, false},
		{"escaped name", "{" + ownClaims + `,"\u0073ub":"mallory"}`, false},
		{"escaped value", "{" + ownClaims + `,"x":"\u0041"}`, false},
		{"not ASCII", "{" + ownClaims + `,"x":"ü"}`, false},
		{"a control character", "{" + ownClaims + ",\"x\":\"\x01\"}", false},
		{"nbf", "{" + ownClaims + `,"nbf":1}`, false},
		{"act names nobody", "{" + ownClaims + `,"act":{"sub":""}}`, false},
		{"act with more", "{" + ownClaims + `,"act":{"sub":"bob","iss":"x"}}`, false},
		{"gen 0", "{" + ownClaims + `,"gen":0}`, false},
		{"gen with a zero in front", "{" + ownClaims + `,"gen":07}`, false},
		{"gen too long", "{" + ownClaims + `,"gen":1234567890123456}`, false},
		{"a fraction", `{"exp":1900000000.5}`, false},
		{"after the last date", `{"exp":253402300800}`, false},
		{"the last date", `{"exp":253402300799}`, true},
		{"an id with a quotation mark", ownWith("AAECAwQF", `AAE"AwQF`), false},
		{"an id with a backslash", ownWith("AAECAwQF", `AAE\wQF`), false},
		{"an id with a control character", ownWith("EBESExQV", "EBES\x1fxQV"), false},
		{"an id with DEL", ownWith("EBESExQV", "EBES\x7fxQV"), false},
		{"an id that is not ASCII", ownWith("EBESExQV", "EBES\xe4xQV"), false},
		{"an id of punctuation", ownWith("EBESExQV", "EBES ~!V"), true},
		{"a shorter id", ownWith("AAECAwQF", "AAECAwQ"), true},
		{"a longer id", ownWith("EBESExQV", "EBESExQVW"), true},
		{"ids in the other order", ownWith(`"sid"`, `"jti"`, `"jti"`, `"sid"`), true},
		{"a date that begins with 0", ownWith("1899999100", "0899999100"), false},
		{"a date of nine digits", ownWith("1899999100", "189999910"), true},
		{"a date of eleven digits", ownWith("1900000000", "19000000000"), true},
		{"other digits", ownWith("1899999100", "1234567890"), true},
		{"all nines", ownWith("1899999100", "9999999999"), true},
		{"a date that begins with a colon", ownWith("1899999100", ":899999100"), false},
		{"a colon behind the first digit", ownWith("1899999100", "1:99999100"), false},
		{"a slash behind the first digit", ownWith("1899999100", "1/99999100"), false},
		{"a colon in a date", ownWith("1899999100", "18:9999100"), false},
		{"a colon at the end of a date", ownWith("1899990000", "189999000:"), false},
		{"a slash in a date", ownWith("1900000000", "1/00000000"), false},
		{"a slash at the end of a date", ownWith("1900000000", "190000000/"), false},
		{"a fraction in a date", ownWith("1900000000", "190000000."), false},
		{"another name within", ownWith("auth_time", "auth-time"), true},
		{"date 0", `{"exp":0}`, true},
		{"negative", `{"exp":-1}`, false},
		{"no digits", `{"exp":}`, false},
		{"a name of no application", `{"a b":1}`, false},
		{"no name", `{"":1}`, false},
		{"the same name twice", `{"x":1,"x":2}`, false},
		{"the same name twice below", `{"x":{"a":1,"a":2}}`, false},
		{"two groups", `{"x":1,"sub":"alice","y":2}`, false},
		{"one group in front", `{"x":1,"y":2,"sub":"alice"}`, true},
		{"co-signatures before others", "{" + cosign + `,"x":1}`, false},
		{"co-signatures twice", "{" + ownClaims + "," + cosign + "," + cosign + "}", false},
		{"deep", `{"x":[[[[[1]]]]]}`, true},
		{"too deep to scan", `{"x":[[[[[[1]]]]]]}`, false},
		{"words", `{"x":true,"y":false,"z":null}`, true},
		{"half a word", `{"x":tru}`, false},
		{"numbers", `{"x":0,"y":-0,"z":-12}`, true},
		{"a zero in front", `{"x":01}`, false},
		{"an exponent", `{"x":1e3}`, false},
		{"a minus", `{"x":-}`, false},
		{"empty below", `{"x":{},"y":[]}`, true},
		{"a comma below", `{"x":[1,]}`, false},
		{"not closed", `{"x":[1}`, false},
		{"sixteen names", "{" + names(16) + "}", true},
		{"seventeen names", "{" + names(17) + "}", false},
		{"a long name", `{"` + strings.Repeat("x", 65) + `":1}`, false},
	} {
		if got := scanned(t, []byte(c.text), "user_id"); got != c.taken {
			t.Errorf("%s: got taken %t, want %t: %s", c.name, got, c.taken, c.text)
		}
	}
}

// ownWith returns a payload of ours with other texts in the place of some.
func ownWith(oldNew ...string) string {
	return "{" + strings.NewReplacer(oldNew...).Replace(ownClaims) + "}"
}

// names returns n members.
func names(n int) string {
	var list []string
	for i := range n {
		list = append(list, `"`+strings.Repeat("x", i+1)+`":1`)
	}
	return strings.Join(list, ",")
}

// What is issued is scanned, whatever the grant, and whoever co-signs.
func TestIssuedIsScanned(t *testing.T) {
	t.Parallel()
	m := &Manager{cfg: Config{LegacySubject: "user_id", Issuer: "https://id.example.com", Audience: "shop"}}
	m.expected = expect(&m.cfg)
	now := time.Unix(1900000000, 0)
	s := &grant{subject: "alice", sid: newID(), actor: "bob", gen: 3, authTime: now, end: now, forget: true, custom: []byte("{" + theirs + "}")}
	for _, kind := range []string{kindAccess, kindRefresh} {
		secret := make([]byte, 32)
		older := ring.NewHMAC("v1", secret)
		secret[0] = 1
		r, err := ring.New([]*ring.Key{ring.NewHMAC("v2", secret), older})
		if err != nil {
			t.Fatal(err)
		}
		signers := r.Signers(now)
		token, err := signers.Sign(headerType(kind), s.encode(s.opening(nil, m), kind, "v2", stamp{newID(), now, now.Add(time.Hour)}))
		if err != nil {
			t.Fatal(err)
		}
		opened, err := r.Open(token, now, 0)
		if err != nil || !scanned(t, opened.Payload, "user_id") {
			t.Errorf("%s: got %s, %v, want it scanned", kind, opened.Payload, err)
		}
	}
}

// FuzzScan holds the scanner against the strict reader.
func FuzzScan(f *testing.F) {
	for _, text := range []string{
		"{" + ownClaims + "," + theirs + "," + cosign + "}",
		"{" + ownClaims + `,"act":{"sub":"bob"},"gen":7,"session_end":1900000000,"forget":true,"user_id":"alice",` + cosign + "}",
		`{"x":{"a":[1,{"b":"c"}]},"sub":"alice"}`, `{"exp":0}`, "{}", "",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		scanned(t, data, "user_id")
		scanned(t, data, "sub")
	})
}

// An issuer and an audience that JSON spells in its own way are found by that spelling.
func TestScanOpening(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"https://ü.example.com", "a <b> & c", `quo"ted \ name`, "\u2028", "tab\there", "\x7f"} {
		m := &Manager{cfg: Config{LegacySubject: "sub", Issuer: name, Audience: name + " too"}}
		m.expected = expect(&m.cfg)
		s := &grant{subject: "alice", sid: newID(), authTime: time.Now()}
		data := s.encode(s.opening(nil, m), kindAccess, "v2", stamp{newID(), time.Now(), time.Now()})
		var fast payload
		if !scanPayload(data, m.expected, &fast) || string(fast.iss) != name || string(fast.audience) != name+" too" {
			t.Errorf("%s: got iss %q, aud %q", data, fast.iss, fast.audience)
		}
		strict, err := parsePayload(data, "sub")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(*strict, fast, cmp.AllowUnexported(payload{})); diff != "" {
			t.Errorf("%s: (-strict +fast):\n%s", data, diff)
		}
	}
}

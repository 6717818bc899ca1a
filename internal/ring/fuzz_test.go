package ring_test

import (
	"encoding/json"
	"math/big"
	"regexp"
	"testing"

	"github.com/sessionring/sessionring/internal/ring"
)

// FuzzOpen opens a text as it comes, and a genuine token of which one part was
// cut and something else put in. Whatever is accepted was issued as it is, save
// for the signatures of keys that the ring does not hold.
func FuzzOpen(f *testing.F) {
	tokens := []string{
		issue(f, ringOf(f, "a"), claims),
		issue(f, ringOf(f, "b a"), claims),
		issue(f, ringOf(f, "n a +s"), claims),
		issue(f, ringOf(f, "d c b a"), `{"sub":"bob","exp":1900000000,"x":{"y":1,"cs":{"AAAAAAAA":"AAAAAAAAAAAAAAAAAAAAAA"}}}`),
	}
	issued := map[string]bool{}
	for _, token := range tokens {
		issued[skeleton(apart(f, token).payload)] = true
		f.Add(token, uint8(0), uint8(1), uint16(0), uint16(0), "")
	}
	for _, text := range []string{
		"", "..", "a.b.c", `,"cs":{"AAAAAAAA":"AAAAAAAAAAAAAAAAAAAAAA"}}`, `"admin":true,`, "}}", "\n", "=", `"kid":"a",`, `"crit":[],`,
	} {
		for part := range uint8(3) {
			f.Add(text, uint8(2), part, uint16(20), uint16(3), text)
		}
	}
	rings := []*ring.Ring{ringOf(f, "a"), ringOf(f, "b !a"), ringOf(f, "+s"), ringOf(f, "c a"), ringOf(f, "x")}

	f.Fuzz(func(t *testing.T, text string, which, part uint8, at, cut uint16, put string) {
		mutant := apart(t, tokens[int(which)%len(tokens)])
		splice := func(s string) string {
			i := int(at) % (len(s) + 1)
			j := min(i+int(cut), len(s))
			return s[:i] + put + s[j:]
		}
		switch part % 3 {
		case 0:
			mutant.header = splice(mutant.header)
		case 1:
			mutant.payload = splice(mutant.payload)
		default:
			mutant.signature = splice(mutant.signature)
		}
		for _, r := range rings {
			for _, token := range []string{text, mutant.token(), splice(text)} {
				got, err := r.Open(token, now, 0)
				if err == nil && !issued[skeleton(string(got.Payload))] {
					t.Fatalf("accepted %q by %s", got.Payload, got.Key.Tag)
				}
				legacy, legacyErr := r.OpenLegacy(token, now)
				if legacyErr == nil {
					t.Fatalf("accepted %q without a kid", legacy.Payload)
				}
				_ = r.Audit(token, now)
				if e, explainErr := r.Explain(token); err == nil && (explainErr != nil || len(e.Signatures) == 0) {
					t.Fatalf("accepted, but not explained: %v", explainErr)
				}
			}
		}
	})
}

var macs = regexp.MustCompile(`("[A-Za-z0-9_-]{8}"):"([A-Za-z0-9_-]{22}|[A-Za-z0-9_-]{86})"`)

// skeleton is payload without its co-signatures.
func skeleton(payload string) string { return macs.ReplaceAllString(payload, `$1:""`) }

// FuzzDate: what is accepted is a number from 1970 to 9999, read to the second.
func FuzzDate(f *testing.F) {
	for raw := range dates {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if !json.Valid([]byte(raw)) {
			return // it is always the value of a member
		}
		got, ok := ring.Date(json.RawMessage(raw))
		if ok && (got.Unix() < 0 || got.UTC().Year() > 9999) {
			t.Fatalf("%q: got %v", raw, got)
		}
		want, isInt := new(big.Int).SetString(raw, 10)
		if !isInt || raw[0] == '-' {
			return
		}
		if inside := want.Cmp(big.NewInt(253402300799)) <= 0; ok != inside || ok && want.Int64() != got.Unix() {
			t.Fatalf("%s: got %v, %v, want it accepted: %v", raw, got, ok, inside)
		}
	})
}

package ring_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/sessionring/sessionring/internal/ring"
)

// TestSpellings: a token has one spelling. Each row is another one of a token by
// n and a; want is the verdict of {n}, {a} and {b}, which read it by the ordinary
// signature, by a co-signature, and not at all.
func TestSpellings(t *testing.T) {
	t.Parallel()
	token := issue(t, newRing(t, ring.NewHMAC("n2", pattern('n')), keyOf(t, "a")), `{"sub":"alice2","type":"access","exp":1900000000}`)
	part := strings.Split(token, ".")
	h, p, s := part[0], part[1], part[2]
	longest := ring.MaxToken - len(h) - len(p) - len("..")
	if len(h)%4 == 0 || len(p)%4 == 0 || longest%4 == 1 {
		t.Fatal("the lengths make rows of the table pointless: choose another name")
	}
	for _, c := range []struct{ name, token, want string }{
		{"genuine", h + "." + p + "." + s, "yyu"},
		{"padded header", h + "=." + p + "." + s, "iii"},
		{"padded payload", h + "." + p + "=." + s, "iii"},
		{"padded signature", h + "." + p + "." + s + "=", "iii"},
		{"unused bits in the header", lastBit(h) + "." + p + "." + s, "iii"},
		{"unused bits in the payload", h + "." + lastBit(p) + "." + s, "iii"},
		{"unused bits in the signature", h + "." + p + "." + lastBit(s), "iii"},
		{"LF in the header", h[:4] + "\n" + h[4:] + "." + p + "." + s, "iii"},
		{"LF in the payload", h + "." + p[:4] + "\n" + p[4:] + "." + s, "iii"},
		{"LF in the signature", h + "." + p + "." + s[:4] + "\n" + s[4:], "iii"},
		{"CR in the header", h + "\r." + p + "." + s, "iii"},
		{"CR in the payload", h + "." + p + "\r." + s, "iii"},
		{"CR in the signature", h + "." + p + ".\r" + s, "iii"},
		{"LF behind", token + "\n", "iii"},
		{"space in front", " " + token, "iii"},
		{"space behind", token + " ", "iii"},
		{"NUL behind", token + "\x00", "iii"},
		{"? in the header", h[:4] + "?" + h[4:] + "." + p + "." + s, "iii"},
		{"? in the payload", h + "." + p + "?." + s, "iii"},
		{"? in the signature", h + "." + p + ".?" + s, "iii"},
		{"+ for - in the signature", h + "." + p + "." + s[:42] + "+", "iii"},
		{"percent sign", h + "." + p + "." + s + "%20", "iii"},
		{"quoted", `"` + token + `"`, "iii"},
		{"Bearer", "Bearer " + token, "iii"},
		{"markup for a signature", h + "." + p + ".<script>", "iii"},
		{"not ASCII", h + "." + p + "." + s + "é", "iii"},
		{"not UTF-8", h + "." + p + "." + s + "\xff", "iii"},

		{"empty", "", "iii"},
		{"no dot", h, "iii"},
		{"one dot", h + "." + p, "iii"},
		{"only dots", "..", "iii"},
		{"three dots", token + ".", "iii"},
		{"three dots, doubled", h + ".." + p + "." + s, "iii"},
		{"four dots, as JWE", token + ".AA.AA", "iii"},
		{"no header", "." + p + "." + s, "iii"},
		{"no payload", h + ".." + s, "iii"},
		{"no signature", h + "." + p + ".", "iii"},
		{"twice", token + token, "iii"},
		{"signature cut short", h + "." + p + "." + s[:40], "iyu"},
		{"signature too long", h + "." + p + "." + s + "A", "iyu"},
		{"signature of 45 characters", h + "." + p + "." + s + s[:1] + "A", "iii"},
		{"signature doubled", h + "." + p + "." + s[:40] + s[:40], "iyu"},
		{"header in capitals", strings.ToUpper(h) + "." + p + "." + s, "iii"},
		{"parts swapped", p + "." + h + "." + s, "iii"},

		{"JSON serialization", fmt.Sprintf(`{"payload":%q,"signatures":[{"protected":%q,"signature":%q}]}`, p, h, s), "iii"},
		{"JSON serialization, flat", fmt.Sprintf(`{"payload":%q,"protected":%q,"signature":%q}`, p, h, s), "iii"},
		{"JSON serialization with dots", fmt.Sprintf(`{"x":"..","payload":%q,"protected":%q,"signature":%q}`, p, h, s), "iii"},
		{"4096 bytes", h + "." + p + "." + strings.Repeat("A", longest), "iyu"},
		{"4097 bytes", h + "." + p + "." + strings.Repeat("A", longest+1), "iii"},
		{"1 MiB of A", strings.Repeat("A", 1<<20), "iii"},
		{"1 MiB of dots", strings.Repeat(".", 1<<20), "iii"},
		{"1 MiB of signature", h + "." + p + "." + strings.Repeat("A", 1<<20), "iii"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for i, words := range []string{"n", "a", "b"} {
				open(t, words, c.token, verdicts[rune(c.want[i])])
			}
		})
	}
}

// lastBit flips the last bit of the last character, which in a segment of other
// than a multiple of four characters carries nothing.
func lastBit(s string) string {
	const chars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(chars, s[len(s)-1])
	return s[:len(s)-1] + chars[last^1:last^1+1]
}

// TestSignedSpelling: not even who has the key may sign another spelling.
func TestSignedSpelling(t *testing.T) {
	t.Parallel()
	for segment, want := range map[string]error{
		"AAAA": nil, "AA": nil, // RFC 7515 leaves the payload to us; what it says is asked later
		"AB": ring.ErrInvalid, "AA==": ring.ErrInvalid, "AA\nAA": ring.ErrInvalid, "AA AA": ring.ErrInvalid, "A": ring.ErrInvalid, "AA?A": ring.ErrInvalid, "é": ring.ErrInvalid,
	} {
		open(t, "a", signedText(`{"alg":"HS256","kid":"a","typ":"at+jwt"}`, segment), want)
	}
}

// TestCosignatureSpelling: nor has a co-signature two spellings.
func TestCosignatureSpelling(t *testing.T) {
	t.Parallel()
	p := apart(t, issue(t, ringOf(t, "n a"), claims))
	end := len(p.payload) - len(`"}}`)
	p.payload = lastBit(p.payload[:end]) + p.payload[end:]
	open(t, "a", p.token(), ring.ErrInvalid)
	open(t, "n", p.token(), ring.ErrInvalid)
}

// TestOddClaims: what a careless application may put into its own claims, next to
// each other in the ring that signs alone and in the one that co-signs.
func TestOddClaims(t *testing.T) {
	t.Parallel()
	print := fingerprint(pattern('a'))
	entry := `"` + print + `":"AAAAAAAAAAAAAAAAAAAAAA"`
	for _, odd := range []string{
		`"x":{"y":1,"cs":{` + entry + `}}`,
		`"x":{"y":1,"cs":{` + entry + `,"xxxxxxxx":"AAAAAAAAAAAAAAAAAAAAAA"}}`,
		`"x":{"cs":{` + entry + `}}`,
		`"x":[{"y":1,"cs":{` + entry + `}}]`,
		`"x":[1,{"cs":{` + entry + `}}]`,
		`"x":{"y":{"z":1,"cs":{` + entry + `}}}`,
		`"x":",\"cs\":{\"` + print + `\":\"AAAAAAAAAAAAAAAAAAAAAA\"}}"`,
		`"x":"a,","cs2":{` + entry + `}`,
		`"x":",","c":"s\":{"`,
		`"x":{",":1,"cs":{}}`,
		`"x":{"cs":{}}`,
		`"x":"}}"`,
		`"x":{"":{"":{}}}`,
		`"Cs":{` + entry + `}`,
		`"acs":{` + entry + `}`,
		`"cs ":{` + entry + `}`,
		`"x":"\u2028é\ud83d\ude00<>&"`,
	} {
		payload := strings.TrimSuffix(claims, "}") + "," + odd + "}"
		if !json.Valid([]byte(payload)) {
			t.Fatalf("not JSON: %s", payload)
		}
		alone, both := issue(t, ringOf(t, "n"), payload), issue(t, ringOf(t, "n a"), payload)
		if got := open(t, "n", alone, nil); string(got.Payload) != payload {
			t.Errorf("got %s, want %s", got.Payload, payload)
		}
		if err := ringOf(t, "n a").Audit(alone, now); err != nil {
			t.Errorf("Audit(%s): %v", odd, err)
		}
		open(t, "a", alone, ring.ErrUnknownKey) // no list of its own, so the odd one is not taken for it
		for _, words := range []string{"n", "a", "a n"} {
			got := open(t, words, both, nil)
			if !strings.HasPrefix(string(got.Payload), strings.TrimSuffix(payload, "}")) {
				t.Errorf("got %s, want %s", got.Payload, payload)
			}
			if err := ringOf(t, words).Audit(both, now); err != nil {
				t.Errorf("ring %q: Audit(%s): %v", words, odd, err)
			}
		}
	}
}

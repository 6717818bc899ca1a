package ring_test

import (
	"strings"
	"testing"

	"github.com/sessionring/sessionring/internal/ring"
)

// verdicts are the letters of the attack tables.
var verdicts = map[rune]error{'y': nil, 'i': ring.ErrInvalid, 'u': ring.ErrUnknownKey, 'r': ring.ErrRevoked}

// Parts of the tables below.
const (
	body = `"sub":"alice","type":"access","exp":1900000000`
	evil = `"sub":"mallory","type":"access","exp":1900000000`
	list = `,"cs":{"$A":"$a","$S":"$s"}}`
)

// placeholders fills in for one token: $N, $A, $S and $B are the fingerprints of
// the keys n, a, s and b; $a and $s the co-signatures by a and s.
func placeholders(t *testing.T, token string) *strings.Replacer {
	t.Helper()
	payload := apart(t, token).payload
	var pairs []string
	for _, tag := range []string{"n", "a", "s", "b"} {
		print := fingerprint(pattern(tag[0]))
		pairs = append(pairs, "$"+strings.ToUpper(tag), print)
		if _, rest, ok := strings.Cut(payload, print+`":"`); ok {
			text, _, _ := strings.Cut(rest, `"`)
			pairs = append(pairs, "$"+tag, text)
		}
	}
	return strings.NewReplacer(pairs...)
}

// TestPayloadAttacks: the attacker has no key, but a token that n signed and that
// a and the spare s co-signed. Each row is what they make of the payload, and the
// verdicts of five rings: {n}, {a}, {s}, {a, s} and {b}.
func TestPayloadAttacks(t *testing.T) {
	t.Parallel()
	token := issue(t, ringOf(t, "n a +s"), "{"+body+"}")
	fill := placeholders(t, token)
	another := placeholders(t, issue(t, ringOf(t, "n a +s"), "{"+evil+"}")).Replace(list)
	byA := placeholders(t, issue(t, ringOf(t, "a +s"), "{"+body+"}")).Replace("$s")
	ordinary := apart(t, issue(t, ringOf(t, "a"), "{"+body+"}")).signature

	for _, c := range []struct{ name, payload, want string }{
		{"genuine", `{` + body + list, "yyyyu"},

		{"another subject", `{` + evil + list, "iiiiu"},
		{"another type", `{"sub":"alice","type":"refresh","exp":1900000000` + list, "iiiiu"},
		{"a claim added", `{` + body + `,"admin":true` + list, "iiiiu"},
		{"a claim taken out", `{"sub":"alice","exp":1900000000` + list, "iiiiu"},
		{"claims in another order", `{"type":"access","sub":"alice","exp":1900000000` + list, "iiiiu"},
		{"white space among the claims", `{ ` + body + list, "iiiiu"},
		{"a name twice", `{` + body + `,"sub":"mallory"` + list, "iiiii"},

		{"list stripped", `{` + body + `}`, "iuuuu"},
		{"list emptied", `{` + body + `,"cs":{}}`, "iuuuu"},
		{"list null", `{` + body + `,"cs":null}`, "iuuuu"},
		{"list an array", `{` + body + `,"cs":["$A","$a"]}`, "iuuuu"},
		{"list an array of objects", `{` + body + `,"cs":[{"$A":"$a"}]}`, "iuuuu"},
		{"list of another token", `{` + body + another, "iiiiu"},
		{"list alone", `{"cs":{"$A":"$a","$S":"$s"}}`, "iiiii"},

		{"co-signatures swapped", `{` + body + `,"cs":{"$A":"$s","$S":"$a"}}`, "iiiiu"},
		{"fingerprints swapped", `{` + body + `,"cs":{"$S":"$a","$A":"$s"}}`, "iiiiu"},
		{"entries in another order", `{` + body + `,"cs":{"$S":"$s","$A":"$a"}}`, "iiiiu"},
		{"first entry taken out", `{` + body + `,"cs":{"$S":"$s"}}`, "iuiiu"},
		{"last entry taken out", `{` + body + `,"cs":{"$A":"$a"}}`, "iiuiu"},
		{"entry of b added in front", `{` + body + `,"cs":{"$B":"$a","$A":"$a","$S":"$s"}}`, "iiiii"},
		{"entry of b added behind", `{` + body + `,"cs":{"$A":"$a","$S":"$s","$B":"$a"}}`, "iiiii"},
		{"entry of nobody added", `{` + body + `,"cs":{"xxxxxxxx":"$a","$A":"$a","$S":"$s"}}`, "iiiiu"},
		{"entry of the signer added", `{` + body + `,"cs":{"$A":"$a","$S":"$s","$N":"$a"}}`, "iiiiu"},
		{"entry renamed to b", `{` + body + `,"cs":{"$B":"$a","$S":"$s"}}`, "iuiii"},
		{"four entries", `{` + body + `,"cs":{"$A":"$a","$S":"$s","xxxxxxxx":"$a","yyyyyyyy":"$a"}}`, "iuuuu"},
		{"an entry twice", `{` + body + `,"cs":{"$A":"$a","$A":"$a"}}`, "iiiii"},
		{"an entry twice, the good one first", `{` + body + `,"cs":{"$A":"$a","$A":"$s","$S":"$s"}}`, "iiiii"},
		{"an entry twice, the good one last", `{` + body + `,"cs":{"$A":"$s","$A":"$a","$S":"$s"}}`, "iiiii"},

		{"second list in front", `{"cs":{"$A":"$a","$S":"$s"},` + body + list, "iiiii"},
		{"second list before the last", `{` + evil + `,"cs":{"$A":"$a","$S":"$s"}` + list, "iiiii"},
		{"second list behind", `{` + body + `,"cs":{"$A":"$a","$S":"$s"},"cs":{"$A":"$a"}}`, "iiiii"},
		{"second list behind, empty", `{` + body + `,"cs":{"$A":"$a","$S":"$s"},"cs":{}}`, "iiiii"},
		{"a member behind", `{` + body + `,"cs":{"$A":"$a","$S":"$s"},"admin":true}`, "iuuuu"},
		{"an object behind", `{` + body + `,"cs":{"$A":"$a","$S":"$s"},"admin":{}}`, "iuuuu"},
		{"an object of entries behind", `{` + body + `,"cs":{"$A":"$a","$S":"$s"},"x":{"$B":"$a"}}`, "iuuuu"},
		{"a comma behind", `{` + body + `,"cs":{"$A":"$a","$S":"$s",}}`, "iiiii"},
		{"text behind", `{` + body + list + `x`, "iiiii"},
		{"a brace behind", `{` + body + list + `}`, "iiiii"},
		{"another payload behind", `{` + body + list + `{` + evil + list, "iiiii"},
		{"another payload in front", `{` + evil + list + `{` + body + list, "iiiii"},

		{"white space behind", `{` + body + list + ` `, "iuuuu"},
		{"newline behind", `{` + body + list + "\n", "iuuuu"},
		{"NUL behind", `{` + body + list + "\x00", "iiiii"},
		{"white space before the last brace", `{` + body + `,"cs":{"$A":"$a","$S":"$s"} }`, "iuuuu"},
		{"white space before the name", `{` + body + `, "cs":{"$A":"$a","$S":"$s"}}`, "iuuuu"},
		{"white space behind the name", `{` + body + `,"cs" :{"$A":"$a","$S":"$s"}}`, "iuuuu"},
		{"white space behind the colon", `{` + body + `,"cs": {"$A":"$a","$S":"$s"}}`, "iuuuu"},
		{"white space in the list", `{` + body + `,"cs":{ "$A":"$a","$S":"$s"}}`, "iuuuu"},
		{"white space between entries", `{` + body + `,"cs":{"$A":"$a", "$S":"$s"}}`, "iuuuu"},
		{"white space in an entry", `{` + body + `,"cs":{"$A": "$a","$S":"$s"}}`, "iuuuu"},
		{"white space in a co-signature", `{` + body + `,"cs":{"$A":" $a","$S":"$s"}}`, "iuuuu"},

		{"name escaped", `{` + body + `,"\u0063s":{"$A":"$a","$S":"$s"}}`, "iuuuu"},
		{"name in capitals", `{` + body + `,"CS":{"$A":"$a","$S":"$s"}}`, "iuuuu"},
		{"name with a long s", `{` + body + `,"cſ":{"$A":"$a","$S":"$s"}}`, "iuuuu"},
		{"fingerprint escaped", `{` + body + `,"cs":{"\u0041$A":"$a","$S":"$s"}}`, "iuuuu"},
		{"fingerprint with its tag", `{` + body + `,"cs":{"a.$A":"$a","$S":"$s"}}`, "iuuuu"},
		{"fingerprint empty", `{` + body + `,"cs":{"":"$a","$S":"$s"}}`, "iuuuu"},
		{"fingerprint too short", `{` + body + `,"cs":{"AAAAAAA":"$a","$S":"$s"}}`, "iuuuu"},
		{"fingerprint with a slash", `{` + body + `,"cs":{"AAAA/AAA":"$a","$S":"$s"}}`, "iuuuu"},
		{"fingerprint with a brace", `{` + body + `,"cs":{"AAAA}}AA":"$a","$S":"$s"}}`, "iuuuu"},

		{"co-signatures blank", `{` + body + `,"cs":{"$A":"","$S":""}}`, "iuuuu"},
		{"one co-signature blank", `{` + body + `,"cs":{"$A":"$a","$S":""}}`, "iuuuu"},
		{"a number for a co-signature", `{` + body + `,"cs":{"$A":1,"$S":"$s"}}`, "iuuuu"},
		{"an object for a co-signature", `{` + body + `,"cs":{"$A":{"x":"$a"},"$S":"$s"}}`, "iuuuu"},
		{"an array for a co-signature", `{` + body + `,"cs":{"$A":["$a"],"$S":"$s"}}`, "iuuuu"},
		{"co-signature escaped", `{` + body + `,"cs":{"$A":"\u0041$a","$S":"$s"}}`, "iuuuu"},
		{"co-signature with a line break", `{` + body + `,"cs":{"$A":"$a` + "\n" + `","$S":"$s"}}`, "iiiii"},
		{"co-signature with an escaped line break", `{` + body + `,"cs":{"$A":"$a\n","$S":"$s"}}`, "iuuuu"},
		{"co-signature padded", `{` + body + `,"cs":{"$A":"$a==","$S":"$s"}}`, "iuuuu"},
		{"co-signature too short", `{` + body + `,"cs":{"$A":"AAAAAAAAAAAAAAAAAAAAA","$S":"$s"}}`, "iuuuu"},
		{"co-signature as long as a signature", `{` + body + `,"cs":{"$A":"` + ordinary + `","$S":"$s"}}`, "iuuuu"},
		{"co-signature as long as one by Ed25519", `{` + body + `,"cs":{"$A":"$a` + strings.Repeat("A", 64) + `","$S":"$s"}}`, "iiyiu"},
		{"co-signatures all zero", `{` + body + `,"cs":{"$A":"AAAAAAAAAAAAAAAAAAAAAA","$S":"AAAAAAAAAAAAAAAAAAAAAA"}}`, "iiiiu"},
		{"ordinary signature for a co-signature", `{` + body + `,"cs":{"$A":"` + ordinary[:22] + `","$S":"$s"}}`, "iiyiu"},
		{"co-signature under another header", `{` + body + `,"cs":{"$A":"$a","$S":"` + byA + `"}}`, "iyiyu"},
		{"co-signature of another for one's own", `{` + body + `,"cs":{"$A":"$a","$S":"$a"}}`, "iyiyu"},

		{"list nested in an object", `{` + body + `,"x":{"y":1,"cs":{"$A":"$a","$S":"$s"}}}`, "iuuuu"},
		{"list nested in an array", `{` + body + `,"x":[{"y":1,"cs":{"$A":"$a","$S":"$s"}}]}`, "iuuuu"},
		{"list nested in a list", `{` + body + `,"cs":{"cs":{"$A":"$a","$S":"$s"}}}`, "iuuuu"},
		{"list in a string", `{` + body + `,"x":",\"cs\":{\"$A\":\"$a\",\"$S\":\"$s\"}}"}`, "iuuuu"},
		{"payload nested", `{"x":{` + body + `,"cs":{"$A":"$a","$S":"$s"}}}`, "iiiii"},
		{"array for the payload", `[` + body + list, "iiiii"},
		{"only the list", list, "iiiii"},
		{"only the end", `}}`, "iiiii"},
		{"only the beginning of a list", `{` + body + `,"cs":{`, "iiiii"},
		{"beginning and end of a list overlap", `{` + body + `,"cs":{}`, "iiiii"},
		{"cut off", `{` + body + `,"cs":{"$A":"$a","$S":"$s"`, "iiiii"},
		{"not JSON", `alice`, "iiiii"},
		{"not UTF-8", "{\"x\":\"\xff\"," + body + list, "iiiii"},
		{"no expiry", `{"sub":"alice"}`, "iiiii"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := apart(t, token)
			p.payload = fill.Replace(c.payload)
			for i, words := range []string{"n", "a", "+s", "a +s", "b"} {
				got := open(t, words, p.token(), verdicts[rune(c.want[i])])
				if got.Key != nil && string(got.Payload) != p.payload {
					t.Errorf("ring %q: got payload %s, want %s", words, got.Payload, p.payload)
				}
			}
		})
	}
}

// TestNoFallingBack: a live key that the header names decides alone, however good
// the co-signatures are.
func TestNoFallingBack(t *testing.T) {
	t.Parallel()
	token := issue(t, ringOf(t, "n a"), claims)
	p := apart(t, token)
	p.signature = b64(make([]byte, 32))
	for words, want := range map[string]error{
		"n a": ring.ErrInvalid, "a n": ring.ErrInvalid, ">n a": ring.ErrInvalid, "a +n": ring.ErrInvalid, "n": ring.ErrInvalid,
		"a": nil, "a !n": nil, "a -n": nil, "a ?n": nil, // here n decides nothing
	} {
		open(t, words, token, nil)
		open(t, words, p.token(), want)
	}
}

// TestFirstHeldEntryDecides: nor is there falling back among the co-signatures.
func TestFirstHeldEntryDecides(t *testing.T) {
	t.Parallel()
	p := apart(t, issue(t, ringOf(t, "n c b a"), claims))
	at := strings.Index(p.payload, fingerprint(pattern('c'))) + 8 + len(`":"`)
	p.payload = p.payload[:at] + strings.Repeat("A", 22) + p.payload[at+22:]
	for words, tag := range map[string]string{ // "": refused
		"a": "a", "b": "b", "a b": "b", "a !c": "a", "a b -c": "b", "c": "", "c a": "", "a b c": "",
	} {
		var want error
		if tag == "" {
			want = ring.ErrInvalid
		}
		if got := open(t, words, p.token(), want); got.Key != nil && got.Key.Tag != tag {
			t.Errorf("ring %q: got %s, want %s", words, got.Key.Tag, tag)
		}
	}
}

// TestOneKeyStolen: the attacker has the key a, revoked everywhere, and forges
// whatever it can make.
func TestOneKeyStolen(t *testing.T) {
	t.Parallel()
	a := pattern('a')
	kidA, kidN, kidX := "a."+fingerprint(a), "n."+fingerprint(pattern('n')), "x.AAAAAAAA"
	header := func(kid string) string { return `{"alg":"HS256","kid":"` + kid + `","typ":"at+jwt"}` }
	cosigned := func(kid string) string { return cosign(header(kid), claims, a) }
	honest := placeholders(t, issue(t, ringOf(t, "n a +s"), claims))
	for _, c := range []struct{ name, token, want string }{ // of the rings {a}, {!a}, {n, ?a}, {n, !a, +s} and {b}
		{"signs", sign(a, header(kidA), claims), "yrrru"},
		{"signs as n", sign(a, header(kidN), claims), "uuiiu"},
		{"signs as another key", sign(a, header(kidX), claims), "uuuuu"},
		{"co-signs under its own name", sign(a, header(kidA), cosigned(kidA)), "yrrru"},
		{"co-signs for n", sign(a, header(kidN), cosigned(kidN)), "yuiiu"},
		{"co-signs for another key", sign(a, header(kidX), cosigned(kidX)), "yuuuu"},
		{"co-signs as s", sign(a, header(kidX), strings.Replace(cosigned(kidX), fingerprint(a), fingerprint(pattern('s')), 1)), "uuuiu"},
		{"takes the co-signature of another token", sign(a, header(kidA), honest.Replace(`{`+evil+`,"cs":{"$S":"$s"}}`)), "yuuiu"},
		{"re-signs an honest payload", sign(a, header(kidA), honest.Replace(`{`+body+list)), "yuuiu"},
		{"by a bare tag", sign(a, header("a"), claims), "yrrru"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for i, words := range []string{"a", "!a", "n ?a", "n !a +s", "b"} {
				open(t, words, c.token, verdicts[rune(c.want[i])])
			}
		})
	}
}

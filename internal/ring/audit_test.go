package ring_test

import (
	"strings"
	"testing"

	"github.com/sessionring/sessionring/internal/ring"
)

// TestAudit: a refresh looks at every signature that a live key should have made.
// Each row is a token, and what Audit says of it in the rings {n, a, s}, {a, s},
// {s}, {n, !a, s} and {n}: "y" is fine, "m" is ErrMismatch.
func TestAudit(t *testing.T) {
	t.Parallel()
	p := apart(t, issue(t, ringOf(t, "n a +s"), claims))
	fill := placeholders(t, p.token())
	altered := func(payload string) string {
		q := p
		q.payload = fill.Replace(payload)
		return q.token()
	}
	byN := func(payload string) string { return sign(pattern('n'), p.header, fill.Replace(payload)) }
	byA := func(payload string) string { return sign(pattern('a'), p.header, fill.Replace(payload)) }
	const zero = `AAAAAAAAAAAAAAAAAAAAAA`
	for _, c := range []struct{ name, token, want string }{
		{"honest", p.token(), "yyyyy"},
		// The bearer altered it: whoever holds n would not even have opened it.
		{"ordinary signature altered", p.token()[:len(p.token())-4] + "AAAA", "myymm"},
		{"co-signature of a altered", altered(`{` + body + `,"cs":{"$A":"` + zero + `","$S":"$s"}}`), "mmymm"},
		{"co-signature of s altered", altered(`{` + body + `,"cs":{"$A":"$a","$S":"` + zero + `"}}`), "mmmmm"},
		// A thief has n, whose ordinary signature is good.
		{"co-signatures guessed", byN(`{` + body + `,"cs":{"$A":"` + zero + `","$S":"` + zero + `"}}`), "mmmmy"},
		{"co-signatures of another token", byN(`{` + evil + list), "mmmmy"},
		{"one taken out", byN(`{` + body + `,"cs":{"$S":"$s"}}`), "mmmmy"},
		{"one of nobody added", byN(`{` + body + `,"cs":{"$A":"$a","$S":"$s","xxxxxxxx":"` + zero + `"}}`), "mmmmy"},
		{"another payload without a list", byN(`{` + evil + `}`), "yyyyy"},
		{"a list in another form", byN(`{` + evil + `,"cs": {"$A":"` + zero + `"}}`), "yyyyy"},
		// A thief has a.
		{"signed by a in the name of n", byA(`{` + body + list), "myymm"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for i, words := range []string{"n a +s", "a +s", "+s", "n !a +s", "n"} {
				want := map[byte]error{'y': nil, 'm': ring.ErrMismatch}[c.want[i]]
				check(t, ringOf(t, words).Audit(c.token, now), want)
			}
		})
	}
}

// TestAuditIgnoresStrangers: the signatures of keys that are not held live are
// anybody's, and must not raise an alarm.
func TestAuditIgnoresStrangers(t *testing.T) {
	t.Parallel()
	p := apart(t, issue(t, ringOf(t, "n a +s"), claims))
	fill := placeholders(t, p.token())
	p.signature = b64(make([]byte, 32))
	p.payload = strings.Replace(p.payload, fill.Replace("$a"), strings.Repeat("A", 22), 1)
	for _, words := range []string{"+s", "s b", "!n +s", "-n -a +s", "?n ?a +s"} {
		open(t, words, p.token(), nil)
		check(t, ringOf(t, words).Audit(p.token(), now), nil)
	}
}

// TestAuditRefuses what has not passed Open.
func TestAuditRefuses(t *testing.T) {
	t.Parallel()
	p := apart(t, issue(t, ringOf(t, "n a"), claims))
	for _, token := range []string{"", "a.b", "a.b.c", strings.Repeat("A", 5000), b64([]byte(p.header)) + ".?." + p.signature} {
		check(t, ringOf(t, "a").Audit(token, now), ring.ErrInvalid)
	}
}

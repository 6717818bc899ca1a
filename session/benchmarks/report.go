package main

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/sessionring/sessionring/session/benchmarks/contender"
)

// markdown is RESULTS.md.
func (r *results) markdown() string {
	var b strings.Builder
	b.WriteString("# Measured\n\nWritten by `go run ./session/benchmarks`; do not edit.\n\n")
	b.WriteString(r.method())
	for _, part := range []struct{ title, text string }{
		{"Bounds", "What the project has set itself. x is a keyed HMAC-SHA-256, reset and used again, over the same bytes.\nMedians count; the quickest turns say what a busy machine has added to them.\n\n" + boundsTable(r.bounds())},
		{"Side by side", r.contenders()},
		{"What each does", doing()},
		{"Sessionring alone", r.alone()},
		{"Scale", r.scale()},
		{"Stores", r.stores()},
		{"Memory", r.memory()},
	} {
		fmt.Fprintf(&b, "\n## %s\n\n%s", part.title, part.text)
	}
	return b.String()
}

// method says how all of it was measured.
func (r *results) method() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s of turns of %v, in %v, on %s: %s, %s, %d cores. ", counted(r.Rounds, "round"), r.Turn, r.Took, cmp.Or(r.Machine.CPU, "?"), r.Machine.Go, r.Machine.OS, r.Machine.Cores)
	if r.Rounds < 20 {
		b.WriteString("**Fewer than 20 rounds: the numbers say little.** ")
	}
	fmt.Fprintf(&b, `In a round each row has one turn,
after a collection of garbage, half of it the reference, in ten pieces each that alternate,
so that both see the same machine. x is the median of the quotients of the rounds, and a time is that
times the median of the reference over the whole run. Allocations are counted, not sampled.
The work: a token of %d bytes (sessionring's; others differ by some), 256 distinct
ones, a ring of three keys, claims of an application, and the same checks for all. A test
(package contender) holds every one to accept what it must and to refuse what is forged,
expired, of another issuer, audience or kind.
`, r.Token)
	return b.String()
}

// contenders is the table of all of them.
func (r *results) contenders() string {
	var b strings.Builder
	b.WriteString("Microseconds, and in brackets allocations.\n\n| | token | x |")
	for _, op := range ops {
		b.WriteString(" " + op + " |")
	}
	b.WriteString("\n|---|--:|--:|" + strings.Repeat("--:|", len(ops)) + "\n")
	list := contender.All()
	slices.SortStableFunc(list, func(x, y contender.Contender) int {
		return cmp.Compare(r.find(beside, x.Name, opVerify).ratio(), r.find(beside, y.Name, opVerify).ratio())
	})
	for _, c := range list {
		v := r.find(beside, c.Name, opVerify)
		fmt.Fprintf(&b, "| %s | %d B | %.1f |", r.named(c), v.Size, v.ratio())
		for _, op := range ops {
			b.WriteString(" " + cell(r.find(beside, c.Name, op)) + " |")
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, `
x: a check in times of the reference (%.0f ns). *issue*: one token; sessionring makes two at
a sign-in, of which half is counted. *verify*: by the newest key. *previous key*: by the one
before, known by its kid. *no kid*: the oldest of three keys, tried in turn. *forged*: a
signature that nobody made. *garbage*: %d characters. *parallel*: on %d cores at once, per
check. *request*: from the cookie to the handler, sessionring's with a store in memory and
ended sessions refused. A dash: it cannot.
`, r.find(beside, own, opVerify).Reference, len(garbage()[0]), r.Machine.Cores)
	return b.String()
}

// named is a contender with the version that was measured.
func (r *results) named(c contender.Contender) string {
	if c.Module == "" {
		return "**" + c.Name + "**"
	}
	return c.Name + " (" + cmp.Or(r.Machine.Versions[c.Module], "?") + ")"
}

func cell(t *task) string {
	if t == nil {
		return "–"
	}
	return fmt.Sprintf("%s (%g)", micros(t.cost()), t.Allocs)
}

// micros is a time in microseconds, with as many digits as say something.
func micros(nanos float64) string {
	switch us := nanos / 1000; {
	case us < 1:
		return fmt.Sprintf("%.3f", us)
	case us < 10:
		return fmt.Sprintf("%.2f", us)
	default:
		return fmt.Sprintf("%.1f", us)
	}
}

// doing says what each contender does for what it costs.
func doing() string {
	var b strings.Builder
	b.WriteString("| | does | does not |\n|---|---|---|\n")
	for _, c := range contender.All() {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", c.Name, c.Does, c.Lacks)
	}
	return b.String()
}

// alone is every task of sessionring alone.
func (r *results) alone() string {
	var b strings.Builder
	b.WriteString("| | token | µs | x | allocations | bytes |\n|---|--:|--:|--:|--:|--:|\n")
	for _, t := range r.Tasks {
		if t.Group != own {
			continue
		}
		fmt.Fprintf(&b, "| %s | %d B | %s | %.2f | %g | %g |\n", t.Op, t.Size, micros(t.cost()), t.ratio(), t.Allocs, t.Bytes)
	}
	b.WriteString("\n*bare*: the standard library over as many bytes, nothing else. *seen before*: remembered by\nConfig.VerifiedCache. Issuing is without claims of an application: half a sign-in, and one\npurpose token.\n")
	return b.String()
}

// scale is how a check costs more, or does not.
func (r *results) scale() string {
	var b strings.Builder
	b.WriteString("Microseconds of a check, by the size of the ring:\n\n| keys | newest | oldest | oldest, no kid |\n|--:|--:|--:|--:|\n")
	at := func(format string, args ...any) *task { return r.find(scales, own, fmt.Sprintf(format, args...)) }
	for _, n := range ringSizes {
		fmt.Fprintf(&b, "| %d | %s | %s | %s |\n", n, cell(at("ring of %d, newest", n)), cell(at("ring of %d, oldest", n)), cell(at("ring of %d, no kid", n)))
	}
	b.WriteString("\nBy the size of the token:\n\n| bytes | µs | x |\n|--:|--:|--:|\n")
	for _, n := range tokenSizes {
		t := at("token of %d bytes", n)
		fmt.Fprintf(&b, "| %d | %s | %.2f |\n", t.Size, cell(t), t.ratio())
	}
	b.WriteString("\nBy claims of the application, left alone and decoded into a map:\n\n| claims | bytes | left | decoded |\n|--:|--:|--:|--:|\n")
	for _, n := range claimCounts {
		t := at("%d claims", n)
		fmt.Fprintf(&b, "| %d | %d | %s | %s |\n", n, t.Size, cell(t), cell(at("%d claims, decoded", n)))
	}
	b.WriteString("\nBy cores at work at once:\n\n| cores | checks a second | of one |\n|--:|--:|--:|\n")
	for _, n := range coreCounts() {
		t, one := at("%d cores", n), at("1 cores")
		fmt.Fprintf(&b, "| %d | %.0f | %.2f |\n", n, 1e9/t.cost(), one.ratio()/t.ratio())
	}
	fmt.Fprintf(&b, "\nThis machine has %d cores: what more of them bring was not measured. A check takes no lock.\n", r.Machine.Cores)
	return b.String()
}

// stores is how quick refreshes are in each store, and what a session takes there.
func (r *results) stores() string {
	var b strings.Builder
	b.WriteString("A refresh is a read and a write. One after the other, and by sixteen at once, on the\nsame machine as the server; PostgreSQL and Redis sync nothing to disk here.\n\n" + r.storeTable())
	for _, s := range r.Stores {
		if s.Missing != "" {
			fmt.Fprintf(&b, "| %s | not measured: %s | | |\n", s.Name, s.Missing)
		}
	}
	return b.String()
}

// storeTable is the stores that were measured.
func (r *results) storeTable() string {
	var b strings.Builder
	b.WriteString("| store | a refresh | refreshes a second, 16 at once | bytes of a session |\n|---|--:|--:|--:|\n")
	for _, s := range r.Stores {
		if s.Missing == "" {
			fmt.Fprintf(&b, "| %s | %s | %.0f | %.0f |\n", s.Name, time.Duration(median(s.Alone)).Round(time.Microsecond), median(s.Crowded), s.Size)
		}
	}
	return b.String()
}

func (r *results) memory() string {
	return fmt.Sprintf(`An instance keeps nothing of a session that lives in a store; what it takes there is
above. Of an ended session it keeps %.0f bytes, with Cached, until its last access token has
expired (measured with %d).
`, r.Memory.Revocation, r.Memory.Sessions)
}

// Lines around what the command writes in the README.
const (
	marker    = "<!-- measured -->"
	endMarker = "<!-- end -->"
)

// summary is the part of the README.
func (r *results) summary() string {
	var b strings.Builder
	b.WriteString("| | check | times the HMAC | allocations | issue | whole request |\n|---|--:|--:|--:|--:|--:|\n")
	for _, name := range []string{
		own, own + ", custom claims decoded", own + ", co-signed twice", "securecookie, JSON", "golang-jwt v5", "cristalhq/jwt v4", "kataras/jwt",
		"go-jose v4", "jwx v3, jwt.Parse", "jwx v2, jwt.Parse", "go-paseto v4.local", "scs, memory store",
	} {
		v, i, q := r.find(beside, name, opVerify), r.find(beside, name, opIssue), r.find(beside, name, opMiddleware)
		fmt.Fprintf(&b, "| %s | %s µs | %.1f | %g | %s µs | %s µs |\n", name, micros(v.cost()), v.ratio(), v.Allocs, micros(i.cost()), micros(q.cost()))
	}
	b.WriteString("\n| sessionring | time | times the HMAC | allocations |\n|---|--:|--:|--:|\n")
	for _, op := range []string{"verify, oldest key", "verify by co-signature", "forged signature", "garbage", "ring of 100, newest", "ring of 100, oldest", "verify, EdDSA", "verify, EdDSA, seen before", "bare ed25519.Verify"} {
		t := cmp.Or(r.find(own, own, op), r.find(scales, own, op))
		fmt.Fprintf(&b, "| %s | %s µs | %.2f | %g |\n", op, micros(t.cost()), t.ratio(), t.Allocs)
	}
	b.WriteString("\n" + r.storeTable())
	fmt.Fprintf(&b, `
An instance keeps %.0f bytes of a session that was ended, and nothing of one that lives in
a store. Measured on %d cores of %s, by %s, medians of %s.
`, r.Memory.Revocation, r.Machine.Cores, r.Machine.CPU, r.Machine.Go, counted(r.Rounds, "round"))
	return b.String()
}

// rewrite puts text between the markers of a file.
func rewrite(file, text string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	head, rest, begun := bytes.Cut(data, []byte(marker+"\n"))
	_, tail, ended := bytes.Cut(rest, []byte(endMarker+"\n"))
	if !begun || !ended {
		return fmt.Errorf("%s: no lines %q and %q to write between", file, marker, endMarker)
	}
	all := string(head) + marker + "\n" + text + endMarker + "\n" + string(tail)
	return os.WriteFile(file, []byte(all), 0o644)
}

package ring_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sessionring/sessionring/internal/race"
	"github.com/sessionring/sessionring/internal/ring"
)

var seed = flag.Uint64("seed", 0, "seed of the random rings; 0: another each time")

// random returns a source whose seed a failure tells.
func random(t *testing.T) *rand.Rand {
	s := *seed
	if s == 0 {
		s = rand.Uint64()
	}
	t.Logf("to repeat: -seed=%d", s)
	return rand.New(rand.NewPCG(s, 0))
}

// randomRing returns one to six keys of a pool of eight, in any order and state.
func randomRing(rng *rand.Rand) string {
	var ring []string
	for _, i := range rng.Perm(8)[:1+rng.IntN(6)] {
		word := string(rune('a' + i))
		if rng.IntN(4) == 0 {
			word = "+" + word
		}
		if rng.IntN(5) == 0 {
			word = ">" + word
		}
		switch rng.IntN(8) {
		case 0:
			word = "-" + word
		case 1:
			word = "!" + word
		case 2:
			word = "?" + word[len(word)-1:]
		}
		ring = append(ring, word)
	}
	return strings.Join(ring, " ")
}

// state returns the word for the key tag in ring, "" if it holds none.
func state(ring, tag string) string {
	for _, w := range strings.Fields(ring) {
		if w[len(w)-1:] == tag {
			return w
		}
	}
	return ""
}

func isLive(word string) bool    { return word != "" && !strings.ContainsAny(word, "-!?") }
func isRevoked(word string) bool { return strings.ContainsAny(word, "!?") }

var (
	kidIn   = regexp.MustCompile(`"kid":"(.)\.`)
	entryIn = regexp.MustCompile(`"([A-Za-z0-9_-]{8})":"[A-Za-z0-9_-]{22}"`)
)

// tagOf has the tags of the pool, by fingerprint.
var tagOf = func() map[string]string {
	m := map[string]string{}
	for tag := byte('a'); tag <= 'h'; tag++ {
		m[fingerprint(pattern(tag))] = string(tag)
	}
	return m
}()

// named returns the tags of the keys that token names, the one that signed first.
func named(t *testing.T, token string) []string {
	t.Helper()
	p := apart(t, token)
	list := []string{kidIn.FindStringSubmatch(p.header)[1]}
	for _, m := range entryIn.FindAllStringSubmatch(p.payload, -1) {
		list = append(list, tagOf[m[1]])
	}
	return list
}

// TestPromise is the promise, on random pairs of rings: a token is accepted
// exactly where at least one key that signed or co-signed it is held live.
func TestPromise(t *testing.T) {
	t.Parallel()
	rng, seen, n := random(t), map[string]int{}, 8000
	if race.Enabled { // which has nothing to find here
		n = 2000
	}
	for i := range n {
		issuer, verifier := randomRing(rng), randomRing(rng)
		signers := tags(ringOf(t, issuer), now)
		if signers == "" {
			seen["cannot sign"]++
			continue
		}
		payload := fmt.Sprintf(`{"sub":"user-%d","exp":%d}`, i, now.Unix()-120+rng.Int64N(240))
		token := issue(t, ringOf(t, issuer), payload)
		names := named(t, token)
		if got := strings.Join(names, " "); got != signers {
			t.Fatalf("issued by %q: got signatures of %q, want %q", issuer, got, signers)
		}
		want := expect(verifier, names, exp(payload))
		seen[want]++
		if got := verdict(t, verifier, token); got != want {
			t.Fatalf("issued by %q, opened by %q, exp %v: got %q, want %q", issuer, verifier, exp(payload), got, want)
		}
	}
	t.Log(seen)
	for _, w := range []string{"cannot sign", "accepted by a", "revoked", "expired", "unknown"} {
		if seen[w] < 20 {
			t.Errorf("only %d cases of %q: the rings are badly chosen", seen[w], w)
		}
	}
}

func exp(payload string) time.Time {
	var sec int64
	fmt.Sscanf(payload[strings.Index(payload, `"exp":`):], `"exp":%d`, &sec)
	return time.Unix(sec, 0)
}

// expect is the rule: the key in the header decides, else the first co-signer
// that is held live; if there is none, why not.
func expect(verifier string, names []string, exp time.Time) string {
	revoked := 0
	for _, n := range names {
		switch w := state(verifier, n); {
		case isLive(w):
			return "accepted by " + n
		case isRevoked(w):
			revoked++
		}
	}
	switch {
	case revoked == len(names):
		return "revoked"
	case !now.Add(-time.Minute).Before(exp):
		return "expired"
	}
	return "unknown"
}

// verdict is what verifier says to token; the payload must be the issued one.
func verdict(t *testing.T, verifier, token string) string {
	t.Helper()
	r := ringOf(t, verifier)
	got, err := r.Open(token, now, time.Minute)
	for i, k := range kinds {
		if err != nil && strings.HasPrefix(err.Error(), k.Error()) {
			check(t, err, k)
			return []string{"invalid", "expired", "revoked", "unknown"}[i]
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if want := apart(t, token).payload; string(got.Payload) != want {
		t.Fatalf("opened by %q: got payload %s, want %s", verifier, got.Payload, want)
	}
	if live := vouching(verifier, named(t, token)); got.Sole != (live == 1) {
		t.Fatalf("opened by %q: got Sole %t, want %t: %d live keys vouch", verifier, got.Sole, live == 1, live)
	}
	if err := r.Audit(token, now); err != nil {
		t.Fatalf("opened by %q: an honest token does not pass Audit: %v", verifier, err)
	}
	return "accepted by " + got.Key.Tag
}

// vouching counts the names that verifier holds live.
func vouching(verifier string, names []string) (n int) {
	for _, name := range names {
		if isLive(state(verifier, name)) {
			n++
		}
	}
	return n
}

// TestRevokedVouchesForNothing: whatever revoked keys make, by themselves or in
// the name of live ones, a ring that knows of them accepts none of it.
func TestRevokedVouchesForNothing(t *testing.T) {
	t.Parallel()
	rng, n := random(t), 3000
	if race.Enabled {
		n = 500
	}
	for range n {
		verifier := randomRing(rng)
		var stolen []string
		for _, w := range strings.Fields(verifier) {
			if isRevoked(w) {
				stolen = append(stolen, w[len(w)-1:])
			}
		}
		if len(stolen) == 0 {
			continue
		}
		token := issue(t, ringOf(t, strings.Join(stolen, " ")), claims)
		if got := verdict(t, verifier, token); got != "revoked" {
			t.Fatalf("by the stolen keys %q, opened by %q: got %q, want revoked", stolen, verifier, got)
		}
		for _, w := range strings.Fields(verifier) { // now in the name of another key
			token := forge(pattern(stolen[0][0]), w[len(w)-1:], strings.Contains(w, "+"))
			if got := verdict(t, verifier, token); strings.HasPrefix(got, "accepted") {
				t.Fatalf("by the stolen key %s in the name of %s, opened by %q: got %q", stolen[0], w, verifier, got)
			}
		}
	}
}

// forge makes a token with the header of the key tag, and perhaps an entry of
// it, all by the secret stolen.
func forge(stolen []byte, tag string, entry bool) string {
	header := `{"alg":"HS256","kid":"` + tag + "." + fingerprint(pattern(tag[0])) + `","typ":"at+jwt"}`
	payload := cosign(header, claims, stolen)
	if entry {
		payload = strings.Replace(payload, fingerprint(stolen), fingerprint(pattern(tag[0])), 1)
	}
	return sign(stolen, header, payload)
}

// TestRotationsInARow: ten instances take up twenty configurations at their own
// pace, at most two apart. Each configuration keeps the two keys before, so any
// two that meet share one, and nobody is refused (scenarios 6 and 8).
func TestRotationsInARow(t *testing.T) {
	t.Parallel()
	rng := random(t)
	configuration := func(i int) *ring.Ring {
		var keys []*ring.Key
		for n := i; n > i-3 && n >= 0; n-- {
			keys = append(keys, ring.NewHMAC(fmt.Sprintf("v%d", n), pattern(byte(5*n))))
		}
		return newRing(t, keys...)
	}
	oldest, at := 0, make([]int, 10)
	for oldest < 20 {
		i := rng.IntN(len(at))
		at[i] = min(oldest+2, max(0, at[i]+rng.IntN(3)-1, oldest)) // forward, or rolled back
		oldest = slices.Min(at)
		if rng.IntN(20) == 0 {
			oldest++ // the slowest are replaced
			for j := range at {
				at[j] = max(at[j], oldest)
			}
		}
		issuer, verifier := at[rng.IntN(len(at))], at[rng.IntN(len(at))]
		token := issue(t, configuration(issuer), claims)
		if _, err := configuration(verifier).Open(token, now, 0); err != nil {
			t.Fatalf("issued under %d, opened under %d: %v", issuer, verifier, err)
		}
	}
}

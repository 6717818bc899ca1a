package ring_test

import (
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/internal/ring"
)

// now is the moment at which the tests take place.
var now = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

// claims are those of a token that has not expired.
const claims = `{"sub":"alice","type":"access","exp":1900000000}`

// pattern returns 32 bytes that nobody takes for a secret: first, first+1, …
func pattern(first byte) []byte {
	b := make([]byte, 32)
	for i := range b {
		b[i] = first + byte(i)
	}
	return b
}

// keyOf returns the key that a word describes: the letter that is its tag, behind
// signs for its state.
//
//	a  live    +a  spare     >a  activation ahead
//	-a retired !a  revoked   ?a  revoked, and its secret is gone
func keyOf(t testing.TB, word string) *ring.Key {
	t.Helper()
	signs, tag := word[:len(word)-1], word[len(word)-1:]
	k := ring.NewHMAC(tag, pattern(tag[0]))
	for _, s := range signs {
		switch s {
		case '+':
			k.Spare = true
		case '>':
			k.Activates = now.Add(time.Hour)
		case '-':
			k.Retires = now
		case '!':
			k.Revoked = true
		case '?':
			k, _ = ring.Withdrawn(k.ID())
		default:
			t.Fatalf("no such sign in %q", word)
		}
	}
	return k
}

// newRing returns the ring of keys.
func newRing(t testing.TB, keys ...*ring.Key) *ring.Ring {
	t.Helper()
	r, err := ring.New(keys)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// made are the keys that rings have been made of, by word.
var made sync.Map

// ringOf returns the ring that words describe, newest first.
func ringOf(t testing.TB, words string) *ring.Ring {
	t.Helper()
	var keys []*ring.Key
	for _, w := range strings.Fields(words) {
		k, ok := made.Load(w)
		if !ok {
			k, _ = made.LoadOrStore(w, keyOf(t, w))
		}
		keys = append(keys, k.(*ring.Key))
	}
	return newRing(t, keys...)
}

// issue returns an access token by r over payload.
func issue(t testing.TB, r *ring.Ring, payload string) string {
	t.Helper()
	s := r.Signers(now)
	token, err := s.Sign(ring.Access, []byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// kinds are the refusals a caller can tell apart.
var kinds = []error{ring.ErrInvalid, ring.ErrExpired, ring.ErrRevoked, ring.ErrUnknownKey}

// check fails unless err is want, and no other kind of refusal beside it.
func check(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
	for _, k := range kinds {
		if errors.Is(err, k) && !errors.Is(want, k) {
			t.Fatalf("got %v, which is %v as well as %v", err, k, want)
		}
	}
}

// open opens token by the ring that words describe, and fails unless the refusal is want.
func open(t testing.TB, words, token string, want error) ring.Token {
	t.Helper()
	got, err := ringOf(t, words).Open(token, now, time.Minute)
	check(t, err, want)
	if err != nil && (got.Key != nil || got.Payload != nil) {
		t.Fatalf("got a token together with the error %v", err)
	}
	return got
}

func TestNewRefusesRepeats(t *testing.T) {
	t.Parallel()
	equivalent := func(secret []byte) *ring.Key { return ring.NewHMAC("z", secret) }
	long := append(pattern(0), pattern(100)...)
	long = append(long, 1)
	for name, c := range map[string]struct {
		keys []*ring.Key
		want string
	}{
		"the same twice":                   {[]*ring.Key{keyOf(t, "a"), keyOf(t, "a")}, "same key"},
		"the same under two tags":          {[]*ring.Key{keyOf(t, "a"), ring.NewHMAC("b", pattern('a'))}, "same key"},
		"a NUL appended":                   {[]*ring.Key{keyOf(t, "a"), equivalent(append(pattern('a'), 0))}, "equivalent"},
		"a long one and its hash":          {[]*ring.Key{equivalent(long), equivalent(sum(long))}, "equivalent"},
		"revoked, and its secret held yet": {[]*ring.Key{keyOf(t, "a"), keyOf(t, "?a")}, "keep one"},
		"revoked twice":                    {[]*ring.Key{keyOf(t, "?a"), keyOf(t, "?a")}, "keep one"},
		"the same fingerprint":             {[]*ring.Key{keyOf(t, "a"), sameFingerprint(t)}, "same fingerprint"},
	} {
		if _, err := ring.New(c.keys); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, c.want)
		}
	}
}

// sameFingerprint returns another key than a, with the fingerprint of a.
func sameFingerprint(t testing.TB) *ring.Key {
	k := keyOf(t, "b")
	k.Fingerprint = keyOf(t, "a").Fingerprint
	return k
}

func TestNewReportsAllFaults(t *testing.T) {
	t.Parallel()
	_, err := ring.New([]*ring.Key{keyOf(t, "a"), keyOf(t, "b"), keyOf(t, "a"), keyOf(t, "b")})
	if err == nil || strings.Count(err.Error(), "same key") != 2 {
		t.Errorf("got %v, want two faults", err)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	a, b := keyOf(t, "a"), keyOf(t, "b")
	second := ring.NewHMAC("b", pattern('c')) // the same tag: a rotation that forgot to raise it
	a.SetKID = "prod/2024:1"
	r := newRing(t, a, b, second)
	for name, c := range map[string]struct {
		kid  string
		want *ring.Key
	}{
		"tag and fingerprint":          {b.ID(), b},
		"another tag, its fingerprint": {"old." + b.Fingerprint, b},
		"whole kid of a JWK Set":       {"prod/2024:1", a},
		"bare tag of one key":          {"a", a},
		"bare tag of two keys":         {"b", nil},
		"unknown fingerprint":          {"b.AAAAAAAA", nil},
		"fingerprint alone":            {b.Fingerprint, nil},
		"tag with a bad character":     {"b b." + b.Fingerprint, nil},
		"no tag":                       {"." + b.Fingerprint, nil},
		"empty":                        {"", nil},
	} {
		if got := r.Find(c.kid); got != c.want {
			t.Errorf("%s: Find(%q): got %v, want %v", name, c.kid, got, c.want)
		}
	}
}

func TestFindAmongAmbiguousNames(t *testing.T) {
	t.Parallel()
	a, b, c := keyOf(t, "a"), keyOf(t, "b"), keyOf(t, "c")
	for _, k := range []*ring.Key{a, b, c} { // an entry of a file copied twice, and only its k replaced
		k.SetKID = a.ID()
	}
	r := newRing(t, b, c, a)
	if got := r.Find(a.ID()); got != a {
		t.Errorf("got %v, want a, by its fingerprint", got)
	}
}

func TestState(t *testing.T) {
	t.Parallel()
	r := ringOf(t, ">e d c +s -r !x ?y")
	want := []string{"spare", "current", "previous", "spare", "retired", "revoked", "revoked"}
	var got []string
	for _, k := range r.Keys() {
		got = append(got, r.State(k, now))
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("states (-want +got):\n%s", d)
	}
	if e := r.Keys()[0]; r.State(e, e.Activates) != "current" {
		t.Errorf("after its activation: got %s, want current", r.State(e, e.Activates))
	}
}

func TestKeysAreTheCallers(t *testing.T) {
	t.Parallel()
	r := ringOf(t, "b a")
	r.Keys()[0] = nil
	if got := r.Current(now); got == nil || got.Tag != "b" {
		t.Errorf("got current %v, want b", got)
	}
}

func TestFingerprint(t *testing.T) {
	t.Parallel()
	one := ringOf(t, "b a +s").Fingerprint()
	if got := ringOf(t, "b a +s").Fingerprint(); got != one {
		t.Errorf("equal rings: got %s and %s", one, got)
	}
	for _, words := range []string{"b a", "a b +s", "b a s", "b !a +s", "b -a +s", ">b a +s", ""} {
		if got := ringOf(t, words).Fingerprint(); got == one {
			t.Errorf("%q has the fingerprint of another ring", words)
		}
	}
}

func TestWithdrawn(t *testing.T) {
	t.Parallel()
	for _, kid := range []string{"", "a", "a.b", "a.AAAAAAA", "a.AAAAAAA/", ".AAAAAAAA", "a b.AAAAAAAA"} {
		if _, ok := ring.Withdrawn(kid); ok {
			t.Errorf("Withdrawn(%q): got a key, want none", kid)
		}
	}
	k := keyOf(t, "?a")
	if k.Live(now) || k.Signs() || k.Derive("x", 16) != nil {
		t.Error("a key without material does something")
	}
}

func TestDerive(t *testing.T) {
	t.Parallel()
	k := keyOf(t, "a")
	x, y := k.Derive("x", 32), k.Derive("y", 32)
	if len(x) != 32 || string(x) == string(y) || string(x) != string(keyOf(t, "a").Derive("x", 32)) {
		t.Errorf("got %x and %x, want two texts of 32 bytes, the same each time", x, y)
	}
}

func TestSecretIsCopied(t *testing.T) {
	t.Parallel()
	b := pattern('a')
	k := ring.NewHMAC("a", b)
	clear(b)
	runtime.GC()
	runtime.GC() // now no pool holds a state that was keyed before
	open(t, "a", issue(t, newRing(t, k), claims), nil)
}

func TestValidTag(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]bool{
		"v1": true, "A.b_c-9": true, strings.Repeat("x", 32): true,
		"": false, strings.Repeat("x", 33): false, "a b": false, "a/b": false, "é": false, "a\n": false, `a"`: false,
	} {
		if got := ring.ValidTag(tag); got != want {
			t.Errorf("ValidTag(%q): got %v, want %v", tag, got, want)
		}
	}
}

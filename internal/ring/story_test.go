package ring_test

import (
	"errors"
	"testing"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
)

// TestRotation is the life of two keys, told in order (scenarios 1 to 8 and 14).
func TestRotation(t *testing.T) {
	t.Parallel()
	underA := issue(t, ringOf(t, "a"), claims)

	// B joins. One instance has it, the other not yet.
	underB := issue(t, ringOf(t, "b a"), claims)
	vouches(t, "b a", underA, "a")
	vouches(t, "b a", underB, "b")
	vouches(t, "a", underB, "a") // by co-signature

	// The deployment is rolled back: A signs again, B is kept.
	vouches(t, "a b", underB, "b")
	vouches(t, "b a", issue(t, ringOf(t, "a b"), claims), "a")

	// A leaks and is revoked. What B vouches for lives on.
	open(t, "b !a", underA, ring.ErrRevoked)
	open(t, "b ?a", underA, ring.ErrRevoked)
	vouches(t, "b ?a", underB, "b")
	open(t, "c ?a", underB, ring.ErrUnknownKey) // B may come back

	// Or A is dropped in peace.
	open(t, "b", underA, ring.ErrUnknownKey)
	vouches(t, "b", underB, "b")
	vouches(t, "b a", underA, "a") // put back, it brings everyone back
}

// TestSpareInAnEmergency: the only signing key leaks and nobody is signed out.
func TestSpareInAnEmergency(t *testing.T) {
	t.Parallel()
	token := issue(t, ringOf(t, "a +s"), claims)
	vouches(t, "b !a +s", token, "s")
	vouches(t, "!a +s", token, "s")
	open(t, "b !a !s", token, ring.ErrRevoked)
}

func vouches(t *testing.T, words, token, tag string) {
	t.Helper()
	if got := open(t, words, token, nil); got.Key.Tag != tag || got.Type != ring.Access {
		t.Errorf("got an %s token by %s, want an access token by %s", got.Type, got.Key.Tag, tag)
	}
}

func TestExpired(t *testing.T) {
	t.Parallel()
	exp := time.Unix(1900000000, 0)
	for name, c := range map[string]struct {
		ring string
		at   time.Time
		want error
	}{
		"not yet":                    {"b", exp.Add(time.Minute - 1), ring.ErrUnknownKey},
		"after the leeway":           {"b", exp.Add(time.Minute), ring.ErrExpired},
		"revoked and expired":        {"!a", exp.Add(time.Hour), ring.ErrRevoked},
		"a held key leaves it to us": {"a", exp.Add(time.Hour), nil},
	} {
		_, err := ringOf(t, c.ring).Open(issue(t, ringOf(t, "a"), claims), c.at, time.Minute)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

// TestTypes: every type comes back from the header, whoever vouches.
func TestTypes(t *testing.T) {
	t.Parallel()
	for _, typ := range []ring.Type{ring.Access, ring.Refresh, ring.Purpose} {
		s := ringOf(t, "b a").Signers(now)
		token, err := s.Sign(typ, []byte(claims))
		if err != nil {
			t.Fatal(err)
		}
		for _, words := range []string{"b", "a"} {
			if got := open(t, words, token, nil); got.Type != typ {
				t.Errorf("ring %q: got type %q, want %q", words, got.Type, typ)
			}
		}
	}
}

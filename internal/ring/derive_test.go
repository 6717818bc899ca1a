package ring_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/internal/ring"
)

// TestDerivedRing (scenario 19): a token of one use is worth nothing in another,
// and within its use it is signed, co-signed, rotated and revoked like any other.
func TestDerivedRing(t *testing.T) {
	t.Parallel()
	openUse := func(words, use, token string) error {
		r := ringOf(t, words)
		if use != "" {
			r = r.Derive(use)
		}
		_, err := r.Open(token, now, 0)
		return err
	}
	uses := []string{"", "reset", "invite"}
	for _, use := range uses {
		r := ringOf(t, "b a +s")
		if use != "" {
			r = r.Derive(use)
		}
		token := issue(t, r, claims)
		check(t, r.Audit(token, now), nil)
		for _, other := range uses {
			want := ring.ErrInvalid // the key is held, and made something else
			if other == use {
				want = nil
			}
			for _, words := range []string{"b a +s", "a", "c b", "+s", "a !b"} {
				check(t, openUse(words, other, token), want)
			}
			check(t, openUse("c", other, token), ring.ErrUnknownKey)
			check(t, openUse("c !b !a ?s", other, token), ring.ErrRevoked)
		}
	}
}

// TestDerivedRingHasTheSameKeys, by name and state.
func TestDerivedRingHasTheSameKeys(t *testing.T) {
	t.Parallel()
	r := ringOf(t, ">e d c +s -r !x ?y")
	d := r.Derive("reset")
	if got, want := d.Fingerprint(), r.Fingerprint(); got != want {
		t.Errorf("got fingerprint %s, want %s", got, want)
	}
	if got, want := tags(d, now), tags(r, now); got != want {
		t.Errorf("got signers %s, want %s", got, want)
	}
	describe := func(r *ring.Ring) (list []string) {
		for _, k := range r.Keys() {
			list = append(list, k.ID()+" "+k.Source+" "+r.State(k, now)+" "+k.SetKID)
			if r.Find(k.ID()) != k {
				t.Errorf("%s is not found", k.ID())
			}
		}
		return list
	}
	if diff := cmp.Diff(describe(r), describe(d)); diff != "" {
		t.Errorf("keys (-ring +derived):\n%s", diff)
	}
}

package ring_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
)

// tags returns the tags of the keys that vouch for tokens of r, the one that signs first.
func tags(r *ring.Ring, at time.Time) string {
	s := r.Signers(at)
	var list []string
	for _, k := range s.Keys() {
		list = append(list, k.Tag)
	}
	return strings.Join(list, " ")
}

func TestSigners(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ ring, want string }{
		"one key":                                {"a", "a"},
		"the newest signs, the others co-sign":   {"c b a", "c b a"},
		"four at most, older ones only verify":   {"f e d c b a", "f e d c"},
		"activation ahead: it only co-signs":     {">c b a", "b c a"},
		"two activations ahead":                  {">d >c b a", "b d c a"},
		"all ahead: the oldest signs":            {">c >b >a", "a c b"},
		"all ahead, five keys":                   {">e >d >c >b >a", "a e d c"},
		"all ahead and a spare":                  {">b >a +s", "a b s"},
		"a spare never signs beside another key": {"+s a", "a s"},
		"a spare beside one that is yet to come": {"+s >a", "a s"},
		"a spare alone":                          {"+s", "s"},
		"a spare alone, its activation ahead":    {"+>s", "s"},
		"spares alone":                           {"+s +r", "s r"},
		"one place is kept for the spare":        {"e d c b a +s", "e d c s"},
		"one place, two spares":                  {"e d c b a +s +r", "e d c s"},
		"spares fill what is free":               {"b a +s +r", "b a s r"},
		"spares fill only what is free":          {"c b a +s +r", "c b a s"},
		"the spare is the newest":                {"+s e d c b", "e d c s"},
		"the spare stands between":               {"e d +s c b", "e d c s"},
		"a spare and activation ahead":           {"+>s >b a", "a b s"},
		"a retired key":                          {"-c b a", "b a"},
		"a retired key between":                  {"c -b a", "c a"},
		"a revoked key":                          {"!c b a", "b a"},
		"revoked, and its secret gone":           {"?c b a", "b a"},
		"revoked, the successor yet to come":     {">c !b a", "a c"},
		"only what is yet to come is left":       {">c !b !a", "c"},
		"only the spare is left":                 {"!b !a +s", "s"},
		"a retired spare keeps no place":         {"e d c b -+s", "e d c b"},
		"a revoked spare keeps no place":         {"e d c b !+s", "e d c b"},
		"a spare that signs keeps no place":      {"+s -e -d", "s"},
		"nothing live":                           {"-b !a ?c", ""},
		"no key":                                 {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tags(ringOf(t, c.ring), now); got != c.want {
				t.Errorf("%q: got %q, want %q", c.ring, got, c.want)
			}
		})
	}
}

func TestSignersFollowTheClock(t *testing.T) {
	t.Parallel()
	b := keyOf(t, "b")
	b.Activates, b.Retires = now.Add(time.Hour), now.Add(3*time.Hour)
	r := newRing(t, b, keyOf(t, "a"))
	for at, want := range map[time.Duration]string{
		0:               "a b",
		time.Hour - 1:   "a b",
		time.Hour:       "b a",
		3*time.Hour - 1: "b a",
		3 * time.Hour:   "a",
	} {
		if got := tags(r, now.Add(at)); got != want {
			t.Errorf("after %v: got %q, want %q", at, got, want)
		}
	}
}

func TestSignersTag(t *testing.T) {
	t.Parallel()
	s := ringOf(t, "!c b a").Signers(now)
	if s.Tag() != "b" {
		t.Errorf("got %q, want b", s.Tag())
	}
	r := ringOf(t, "!a")
	s = r.Signers(now)
	if s.Tag() != "" || r.Current(now) != nil {
		t.Errorf("got %q and %v from a ring that cannot sign", s.Tag(), r.Current(now))
	}
	if _, err := s.Sign(ring.Access, []byte(claims)); !errors.Is(err, ring.ErrCannotSign) {
		t.Errorf("got %v, want %v", err, ring.ErrCannotSign)
	}
}

func TestSignLeavesThePayloadAlone(t *testing.T) {
	t.Parallel()
	payload := append(make([]byte, 0, 1024), claims...)
	s := ringOf(t, "b a").Signers(now)
	if _, err := s.Sign(ring.Access, payload); err != nil {
		t.Fatal(err)
	}
	if rest := payload[:len(claims)+1]; string(payload) != claims || rest[len(claims)] != 0 {
		t.Errorf("got %q after signing, want it unchanged", rest)
	}
}

// TestTokenSize is scenario 18: a token does not grow by rotations.
func TestTokenSize(t *testing.T) {
	t.Parallel()
	var keys []*ring.Key
	size := 0
	for i := range 50 {
		keys = append([]*ring.Key{ring.NewHMAC(fmt.Sprintf("v%02d", i), pattern(byte(3*i)))}, keys...)
		got := len(issue(t, newRing(t, keys...), claims))
		if i >= 4 && got != size {
			t.Fatalf("after %d rotations: got %d bytes, want %d", i, got, size)
		}
		size = got
	}
}

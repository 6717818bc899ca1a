package session

import (
	"hash/maphash"
	"testing"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
)

// Two tokens of one hash are two tokens: what is remembered of the one says nothing of
// the other.
func TestVerifiedHasTheText(t *testing.T) {
	v, r, now := newVerified(8), new(ring.Ring), time.Now()
	known := func(sum uint64) *remembered {
		return &remembered{sum: sum, token: "good", ring: r, from: now, claims: new(Claims)}
	}
	for _, token := range []string{"good", "evil"} {
		sum := maphash.String(v.seed, token)
		for _, place := range v.places(sum) {
			place.Store(known(sum))
		}
		if got := v.get(token, "", r, now) != nil; got != (token == "good") {
			t.Errorf("%s: got known %v", token, got)
		}
	}
}

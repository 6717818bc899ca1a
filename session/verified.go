package session

import (
	"hash/maphash"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
)

// verified remembers access tokens that a key with a public half has vouched for, whose
// check costs some hundred times as much as a look here. A token gets in after it has
// passed every check, under all its text, so nothing that was forged does. What is
// remembered holds for the ring that was asked, and while no key of it changes its state
// by the clock; whether the token has expired or its session has ended is asked every
// time. Nil remembers nothing.
type verified struct {
	seed  maphash.Seed
	slots []atomic.Pointer[remembered] // a power of two of them
}

type remembered struct {
	sum         uint64
	token       string
	ring        *ring.Ring
	from, until time.Time // until is zero if no key changes
	claims      *Claims
}

// newVerified returns a memory for at least size tokens, nil if that is 0.
func newVerified(size int) *verified {
	if size == 0 {
		return nil
	}
	n := 2
	for n < size {
		n *= 2
	}
	return &verified{seed: maphash.MakeSeed(), slots: make([]atomic.Pointer[remembered], n)}
}

// places returns the two places that a token may be in, by the hash of its text.
func (v *verified) places(sum uint64) [2]*atomic.Pointer[remembered] {
	mask := uint64(len(v.slots) - 1)
	first, second := sum&mask, sum>>32&mask
	if first == second {
		second ^= 1
	}
	return [2]*atomic.Pointer[remembered]{&v.slots[first], &v.slots[second]}
}

// get returns the claims of token, as the ring r found them, nil if they are not known.
func (v *verified) get(token, transport string, r *ring.Ring, now time.Time) *Claims {
	sum := maphash.String(v.seed, token)
	for _, place := range v.places(sum) {
		// Texts are compared only if their hashes under a secret seed are equal, so the time
		// that it takes tells nothing of other tokens.
		if e := place.Load(); e != nil && e.sum == sum && e.holds(r, now) && e.claims.Transport == transport && e.token == token {
			return e.claims
		}
	}
	return nil
}

// put remembers the claims of token, where there is room or in place of what expires
// first.
func (v *verified) put(token string, r *ring.Ring, c *Claims, now time.Time) {
	sum := maphash.String(v.seed, token)
	places := v.places(sum)
	place := places[0]
	if places[1].Load().worth(r, now).Before(place.Load().worth(r, now)) {
		place = places[1]
	}
	own := strings.Clone(token) // which may be a small part of something larger
	place.Store(&remembered{sum, own, r, now, r.SteadyUntil(now), c})
}

// worth returns until when e is good for anything, zero if it no longer is.
func (e *remembered) worth(r *ring.Ring, now time.Time) time.Time {
	if e == nil || !e.holds(r, now) {
		return time.Time{}
	}
	return e.claims.ExpiresAt
}

// holds reports whether e still says what the ring r would.
func (e *remembered) holds(r *ring.Ring, now time.Time) bool {
	return e.ring == r && !now.Before(e.from) && (e.until.IsZero() || now.Before(e.until))
}

package session

import (
	"hash/maphash"
	"sync/atomic"
	"time"
)

// crowd counts different tokens of the last few minutes, as far as it matters whether
// they are few or many: each has one of 256 places, and some share one. It takes 2 KB
// whoever sends what.
type crowd struct {
	seed   maphash.Seed
	places [256]atomic.Int64 // when the last token was there, Unix seconds
}

// crowdFor is how long a token counts.
const crowdFor = 5 * time.Minute

// add notes a token.
func (c *crowd) add(token string, now time.Time) {
	c.places[maphash.String(c.seed, token)%uint64(len(c.places))].Store(now.Unix())
}

// size returns how many different tokens there were lately, at least.
func (c *crowd) size(now time.Time) (n int) {
	for i := range c.places {
		if c.places[i].Load() > now.Add(-crowdFor).Unix() {
			n++
		}
	}
	return n
}

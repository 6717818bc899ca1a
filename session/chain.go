package session

import "time"

// chain is where a session stands in the rotation of its refresh tokens. Every
// refresh token has a generation, counted from 1.
//
// The newest tokens that nobody has used yet are the candidates, lo to gen. The
// one whose use made them is chosen. A candidate that comes back becomes the
// chosen one, and the others are dead; the chosen one that comes back, because
// its answer was lost, gets one more candidate beside those it has, a sibling,
// and never the live token itself. So an answer that is lost loses nobody, and of
// two holders of one token the second to move on is found out.
type chain struct {
	Gen    int64 `json:"g"`            // newest generation issued
	Lo     int64 `json:"l"`            // oldest candidate
	Chosen int64 `json:"c"`            // newest that was itself used; 0: none yet
	Prev   int64 `json:"p,omitempty"`  // chosen and lo before the last choice
	PrevLo int64 `json:"pl,omitempty"` //
	Minted int64 `json:"m"`            // when the last one was made or handed over late, in ms; 0: at sign-in
	Choice int64 `json:"ca,omitempty"` // when the last choice was made, in ms
}

// newChain is the chain of a sign-in: one token, and its first use makes another.
func newChain() chain { return chain{Gen: 1, Lo: 1, PrevLo: 1} }

// adoptedChain is the chain of a session that began without a store. The token
// that it comes with counts as the first generation, and is being used.
func adoptedChain(now int64) chain { return newChain().choose(1, now) }

// sound reports whether c can have come from here.
func (c chain) sound() bool {
	return 0 <= c.Chosen && c.Chosen < c.Lo && c.Lo <= c.Gen && c.Gen < 1<<53
}

// move is what a decision does to the chain, and the name of its counter.
type move string

const (
	moveBegin   move = ""        // a sign-in
	moveSame    move = "same"    // the newest again; nothing is written
	moveExtend  move = "extend"  // the newest again, and the grace begins anew
	moveChoose  move = "choose"  // a candidate was used: one new candidate, the others are dead
	moveSibling move = "sibling" // the chosen one was used again: one more candidate
	moveAdopt   move = "adopt"   // the store lost writes: the chain goes on from this token
	moveReuse   move = "reuse"   // none of these: the token was used up long ago
	moveForged  move = "forged"  // well signed, but not by this session
)

// moves are those that a refresh can make, which are counted.
var moves = []move{moveSame, moveExtend, moveChoose, moveSibling, moveAdopt, moveReuse, moveForged}

// decide says what the refresh of genuine generation g does at the time now, by
// the store's clock. It is pure: stores only read, compare and swap.
func (c chain) decide(g int64, now time.Time, grace time.Duration) (chain, move) {
	ms := now.UnixMilli()
	switch {
	case g > c.Gen:
		return c.adopt(g, ms), moveAdopt
	case within(ms, c.Minted, grace) && c.current(g, ms, grace):
		if g < c.Gen && !within(ms, c.Minted, grace/2) {
			c.Minted = ms
			return c, moveExtend
		}
		return c, moveSame
	case g >= c.Lo && g <= c.Gen:
		return c.choose(g, ms), moveChoose
	case g == c.Chosen:
		c.Gen++
		c.Minted = ms
		return c, moveSibling
	}
	return c, moveReuse
}

// current reports whether g is one that racing requests may still carry: a
// candidate, the chosen one, or, shortly after a choice, one of those before it.
func (c chain) current(g, ms int64, grace time.Duration) bool {
	return g >= c.Lo && g <= c.Gen || g == c.Chosen ||
		within(ms, c.Choice, grace) && (g == c.Prev || g >= c.PrevLo && g < c.Lo)
}

// choose makes g the chosen one, with one new candidate.
func (c chain) choose(g, ms int64) chain {
	return chain{Gen: c.Gen + 1, Lo: c.Gen + 1, Chosen: g, Prev: c.Chosen, PrevLo: c.Lo, Minted: ms, Choice: ms}
}

// adopt goes on from g, which the store does not know of.
func (c chain) adopt(g, ms int64) chain {
	return chain{Gen: g + 1, Lo: g + 1, Chosen: g, Prev: c.Chosen, PrevLo: c.Lo, Minted: ms, Choice: ms}
}

// within reports whether at lies less than d from now, either way: a step of the
// clock beyond it counts as long ago.
func within(now, at int64, d time.Duration) bool {
	return max(now-at, at-now) < d.Milliseconds()
}

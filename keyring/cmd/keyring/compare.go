package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/sessionring/sessionring/keyring"
)

// comparison is what two configurations mean for the tokens of each other.
type comparison struct {
	Shares bool     `json:"shares_a_live_key"`    // each accepts what the other issues
	Both   []string `json:"live_in_both"`         // kids
	Here   []string `json:"live_here,omitempty"`  // in this one only
	There  []string `json:"live_there,omitempty"` // in the other one only
	Lost   []loss   `json:"lost,omitempty"`       // those without which tokens are lost here

	here, there string
	back        bool // the other accepts what this one issues
	forth       bool // and the reverse
}

// loss is a key of the other configuration for which no other of its keys stands in.
type loss struct {
	KID         string    `json:"kid"`
	Here        string    `json:"here"`                  // what became of it: not held, retired or revoked
	NeededUntil time.Time `json:"needed_until,omitzero"` // by the dates in its file, if it has some

	place int // among the keys of the other
}

// compare compares the keys of a configuration with those of another.
func compare(keys, other *keyring.Keyring, lifetime time.Duration) *comparison {
	now := time.Now()
	c := &comparison{forth: accepts(keys, other, now), back: accepts(other, keys, now), Both: []string{}}
	c.Shares = c.forth && c.back
	for _, k := range keys.Live().Ring().Keys() {
		switch {
		case !k.Live(now):
		case isLive(other, k.Identity, now):
			c.Both = append(c.Both, k.ID())
		default:
			c.Here = append(c.Here, k.ID())
		}
	}
	c.lose(keys, other, lifetime, now)
	return c
}

// reach is how many places behind the key that signs one surely co-signs: a token has
// four signatures, one of which may be that of a spare.
const reach = 2

// lose notes the keys that are live in the other configuration only, and which of
// them are a loss: those for which no key of both was there already and co-signed.
func (c *comparison) lose(keys, other *keyring.Keyring, lifetime time.Duration, now time.Time) {
	dates := dated(other.List(), lifetime, now)
	here := keys.Live().Ring()
	for i, k := range other.Live().Ring().Keys() {
		switch {
		case !k.Live(now):
		case !isLive(keys, k.Identity, now):
			c.There = append(c.There, k.ID())
			if dates[i].Droppable != "yes" {
				l := loss{KID: k.ID(), Here: "not held", NeededUntil: dates[i].DroppableFrom, place: i}
				if held := here.Find(k.ID()); held != nil {
					l.Here = here.State(held, now)
				}
				c.Lost = append(c.Lost, l)
			}
		case !k.Spare:
			c.Lost = slices.DeleteFunc(c.Lost, func(l loss) bool { return i-l.place <= reach })
		}
	}
}

// accepts reports whether keys accept what other issues: they hold, live, one of the
// keys that sign and co-sign there. Where none signs, as with public keys, nothing is
// issued.
func accepts(keys, other *keyring.Keyring, now time.Time) bool {
	signers := other.Live().Ring().Signers(now)
	for _, k := range signers.Keys() {
		if isLive(keys, k.Identity, now) {
			return true
		}
	}
	return len(signers.Keys()) == 0
}

// isLive reports whether keys hold, live, the key of that identity.
func isLive(keys *keyring.Keyring, identity string, now time.Time) bool {
	for _, k := range keys.Live().Ring().Keys() {
		if k.Identity == identity && k.Live(now) {
			return true
		}
	}
	return false
}

// lines says in words what c means.
func (c *comparison) lines() []string {
	lines := []string{fmt.Sprintf("Compared with %s:", c.there)}
	add := func(kids []string, where string) {
		for _, kid := range kids {
			lines = append(lines, fmt.Sprintf("  %s is live in %s", kid, where))
		}
	}
	add(c.Both, "both")
	add(c.Here, c.here+" only")
	add(c.There, c.there+" only")
	for _, l := range c.Lost {
		lines = append(lines, fmt.Sprintf("  %s refuses tokens for which %s vouches and no key of both: it is %s there%s", c.here, l.KID, l.Here, l.until()))
	}
	return append(lines, c.summary())
}

// until says when the loss will be none, if that is known.
func (l *loss) until() string {
	if l.NeededUntil.IsZero() {
		return ""
	}
	return "; such tokens may live until " + dateFrom(l.NeededUntil)
}

// summary says whether the one may follow the other.
func (c *comparison) summary() string {
	switch {
	case c.Shares && len(c.Lost) == 0:
		return "They share a live key: each accepts what the other issues, and no token is lost."
	case c.Shares:
		return "They share a live key: each accepts what the other issues from now on."
	case c.back || c.forth:
		from, by := c.here, c.there
		if c.back {
			from, by = by, from
		}
		return fmt.Sprintf("Too many keys: what %s issues is vouched for by none that %s holds. Remove keys until both sign with one that they share.", from, by)
	}
	return "They share no live key: neither accepts a token of the other, so everybody would have to sign in again. Keep a key of the one in the other."
}

package metrics

import (
	"context"
	"strings"
	"sync/atomic"

	"github.com/sessionring/sessionring/session"
)

// other is the label of all that is not of a closed list.
const other = "other"

// tally counts by the words of a closed list. The map never changes.
type tally map[string]*atomic.Int64

// newTally returns a tally of words, and of other.
func newTally(words ...string) tally {
	t := tally{other: new(atomic.Int64)}
	for _, w := range words {
		t[w] = new(atomic.Int64)
	}
	return t
}

func (t tally) add(word string) {
	n, ok := t[word]
	if !ok {
		n = t[other]
	}
	n.Add(1)
}

// write sends the counts, other only if there is one.
func (t tally) write(out sink, name string) {
	for word, n := range t {
		if v := n.Load(); word != other || v > 0 {
			out.counter(name, float64(v), word)
		}
	}
}

// counts is what was counted since New.
type counts struct {
	accepted tags
	signIns  atomic.Int64

	refused, refreshed, notRefreshed, reused, revoked, keys tally
}

func newCounts() *counts {
	reasons := []string{"no_token", "expired", "invalid", "unknown_key", "revoked", "reused", "cross_origin", "forbidden", "unavailable"}
	return &counts{
		refused:      newTally(reasons...),
		refreshed:    newTally("stateless", "same", "extend", "choose", "sibling", "adopt"),
		notRefreshed: newTally(reasons...),
		reused:       newTally("reused", "forged"),
		revoked:      newTally("sign-out", "revoked", "subject", "reuse", "application", "not_delivered"),
		keys:         newTally("keyring_reloaded", "keyring_reload_failed", "key_activated", "key_revoked", "key_dropped", "key_retired", "alert", "alert_over", "sole_key_token", "signer_mismatch", "refresh_token_forged"),
	}
}

// hooks returns what counts.
func (c *counts) hooks() session.Hooks {
	return session.Hooks{
		Checked:   c.checked,
		SignedIn:  func(context.Context, session.Event) { c.signIns.Add(1) },
		Refreshed: c.refresh,
		Revoked:   func(_ context.Context, e session.Event) { c.revoked.add(label(e.Cause)) },
		Reused:    func(context.Context, session.Event) { c.reused.add("reused") },
		Key:       c.key,
	}
}

// label returns words as a label has them.
func label(words string) string { return strings.ReplaceAll(words, " ", "_") }

// checked counts the check of an access token.
func (c *counts) checked(_ context.Context, e session.Event) {
	if e.Err != nil {
		c.refused.add(e.Reason)
		return
	}
	c.accepted.add(e.Tag, e.Previous)
}

// refresh counts a refresh; Refreshed tells of more than those.
func (c *counts) refresh(_ context.Context, e session.Event) {
	switch {
	case e.Name == "session refreshed" && e.Cause == "":
		c.refreshed.add("stateless")
	case e.Name == "session refreshed":
		c.refreshed.add(e.Cause)
	case e.Name == "refresh refused":
		c.notRefreshed.add(e.Reason)
	}
}

// key counts an event of the keys.
func (c *counts) key(_ context.Context, e session.Event) {
	if e.Name == "refresh token forged" {
		c.reused.add("forged")
	}
	c.keys.add(label(e.Name))
}

// write sends what was counted.
func (c *counts) write(out sink) {
	c.accepted.write(out)
	out.counter("sign_ins_total", float64(c.signIns.Load()))
	for name, t := range map[string]tally{
		"refusals_total": c.refused, "refreshes_total": c.refreshed, "refresh_refusals_total": c.notRefreshed,
		"token_reuses_total": c.reused, "revocations_total": c.revoked, "key_events_total": c.keys,
	} {
		t.write(out, name)
	}
}

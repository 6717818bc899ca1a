package dashboard

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/sessionring/sessionring/internal/table"
	"github.com/sessionring/sessionring/session"
)

// counters counts what happens here, until it is taken away. On the way of a check it
// neither locks nor allocates.
type counters struct {
	tags    table.Of[tagCount]       // as many as there were keys
	refused map[string]*atomic.Int64 // by reason; never changes
}

// tagCount is what happened under one tag.
type tagCount struct {
	verified atomic.Int64
	issued   atomic.Int64 // when a token was last issued, Unix seconds
}

// reasons are the words of session.Reason but ok.
var reasons = [...]string{"no_token", "expired", "invalid", "unknown_key", "revoked", "reused", "cross_origin", "forbidden", "unavailable"}

func newCounters() *counters {
	c := &counters{refused: map[string]*atomic.Int64{}}
	for _, word := range reasons {
		c.refused[word] = new(atomic.Int64)
	}
	return c
}

// of returns the counts of a tag.
func (c *counters) of(tag string) *tagCount {
	if n := c.tags.Get(tag); n != nil {
		return n
	}
	return c.tags.Add(tag)
}

// checked counts a check of an access token.
func (c *counters) checked(_ context.Context, e session.Event) {
	if e.Err == nil {
		c.of(e.Tag).verified.Add(1)
		return
	}
	c.refuse(e.Reason)
}

// issued notes that tokens were issued, or that a refresh was refused.
func (c *counters) issued(_ context.Context, e session.Event) {
	if e.Err != nil {
		c.refuse(e.Reason)
		return
	}
	c.of(e.Tag).issued.Store(time.Now().Unix())
}

func (c *counters) refuse(reason string) {
	if n := c.refused[reason]; n != nil {
		n.Add(1)
	}
}

// take moves the counts into t, and returns when tokens were last issued, by tag.
func (c *counters) take(t tally) (issued map[string]int64) {
	issued = map[string]int64{}
	for tag, n := range c.tags.All() {
		t.add(verified, tag, n.verified.Swap(0))
		if at := n.issued.Load(); at != 0 {
			issued[tag] = at
		}
	}
	for reason, n := range c.refused {
		t.add(refused, reason, n.Swap(0))
	}
	return issued
}

package ring

import (
	"fmt"
	"testing"
	"time"
)

// The memory of unknown kids is bounded, and those that are over make room.
func TestMemoryOfUnknownKIDsIsBounded(t *testing.T) {
	t.Parallel()
	var g guard
	now := time.Now()
	for i := range maxUnknown + 100 {
		g.note(fmt.Sprint(i), now)
	}
	if len(g.unknown) != maxUnknown || g.unknown["0"].IsZero() || !g.unknown[fmt.Sprint(maxUnknown)].IsZero() {
		t.Errorf("got %d kids, want the first %d", len(g.unknown), maxUnknown)
	}
	g.note("later", now.Add(unknownFor))
	if len(g.unknown) != 1 || g.unknown["later"].IsZero() {
		t.Errorf("got %d kids when the others are over, want the new one", len(g.unknown))
	}
}

package session

import (
	"fmt"
	"testing"
	"time"
)

// What was ended is remembered for two minutes, and what waits for the store until it
// is taken; ten thousand of either at most.
func TestToldBounds(t *testing.T) {
	t.Parallel()
	var told told
	now := time.Now()
	told.add(ending{sid: "old"}, now)
	told.add(ending{sid: "young"}, now.Add(time.Second))
	told.add(ending{sid: "last"}, now.Add(toldFor+time.Second))
	told.postpone(ending{sid: "waiting"})
	if got := told.take(false); len(got) != 1 || got[0].sid != "waiting" {
		t.Errorf("got %v, want what waits", got)
	}
	if got := told.take(true); len(got) != 2 || got[0].sid != "young" || got[1].sid != "last" {
		t.Errorf("got %v, want what was ended in the last two minutes", got)
	}
	if got := told.take(true); len(got) != 0 {
		t.Errorf("got %v, want each once", got)
	}
	for i := range maxEndings + 10 {
		told.add(ending{sid: fmt.Sprint("told ", i)}, now)
		told.postpone(ending{sid: fmt.Sprint("waiting ", i)})
	}
	got := told.take(true)
	if last := got[len(got)-1]; len(got) != 2*maxEndings || last.sid != fmt.Sprint("told ", maxEndings+9) {
		t.Errorf("got %d, the last %q, want twice %d and what came last among them", len(got), last.sid, maxEndings)
	}
}

package session

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// What was ended is remembered for two minutes, and what waits for the store until it
// is taken; ten thousand of either at most.
func TestToldBounds(t *testing.T) {
	t.Parallel()
	var told told
	now := time.Now()
	of := func(sid string) said { return said{ending: ending{sid: sid}, at: now} }
	at := func(after time.Duration, sid string) said {
		s := of(sid)
		s.at = now.Add(after)
		return s
	}
	told.add(of("old"))
	told.add(at(time.Second, "young"))
	told.add(at(toldFor+time.Second, "last"))
	told.postpone(of("waiting"))
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
		told.add(of(fmt.Sprint("told ", i)))
		told.postpone(of(fmt.Sprint("waiting ", i)))
	}
	got := told.take(true)
	if last := got[len(got)-1]; len(got) != 2*maxEndings || last.sid != fmt.Sprint("told ", maxEndings+9) {
		t.Errorf("got %d, the last %q, want twice %d and what came last among them", len(got), last.sid, maxEndings)
	}
}

// Looked for is what is new, and the one before it, however many of those in front are
// forgotten meanwhile; and nothing once it is old.
func TestToldUnsure(t *testing.T) {
	t.Parallel()
	var told told
	now := time.Now()
	step := func(at time.Duration, want string, add ...string) {
		t.Helper()
		for _, sid := range add {
			told.add(said{ending: ending{sid: sid}, at: now.Add(at)})
		}
		list, found := told.unsure(now.Add(at))
		var got []string
		for _, s := range list {
			got = append(got, s.sid)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("at %v: got %q, want %q", at, got, want)
		}
		told.sure(found)
	}
	step(0, "")
	step(0, "a b", "a", "b")
	step(time.Second, "b")
	step(time.Second, "b c", "c")
	step(toldFor+time.Second, "c d", "d") // a and b are forgotten
	step(2*toldFor, "d")
	step(2*toldFor+2*time.Second, "")
	step(3*toldFor, "e f", "e", "f")
	told.take(true)
	step(3*toldFor, "")
	step(3*toldFor, "g h", "g", "h")
	step(3*toldFor, "h")
}

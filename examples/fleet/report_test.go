package main

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessionring/sessionring/examples/internal/stage"
)

func TestPercentile(t *testing.T) {
	t.Parallel()
	var took []time.Duration
	for i := range 200 {
		took = append(took, time.Duration(i+1)*time.Millisecond)
	}
	for n, want := range map[int]float64{50: 100, 95: 190, 99: 198, 100: 200, 1: 2} {
		if got := percentile(took, n); got != want {
			t.Errorf("p%d: got %v, want %v", n, got, want)
		}
	}
	if got := percentile(nil, 99); got != 0 {
		t.Errorf("got %v of nothing, want 0", got)
	}
	if got := percentile(took[:1], 99); got != 1 {
		t.Errorf("got %v of one, want it", got)
	}
}

// A tally counts what went wrong, and of each person the first sign-out.
func TestTally(t *testing.T) {
	t.Parallel()
	var step atomic.Pointer[string]
	name := "a step"
	step.Store(&name)
	c := newTally(&step)
	c.answered(stage.Reply{Status: 200}, nil, time.Second)
	c.answered(stage.Reply{Status: 503}, nil, time.Second)
	c.answered(stage.Reply{}, errors.New("no answer"), time.Second)
	c.signedOut("alice", "", "server 1")
	c.signedOut("alice", "revoked", "server 2")
	if c.requests != 3 || c.faults != 1 || c.unanswered != 1 {
		t.Errorf("got %d requests, %d faults, %d unanswered, want 3, 1, 1", c.requests, c.faults, c.unanswered)
	}
	if want := (signOut{"alice", "a step", "none given", "server 1"}); c.count().lost != 1 || c.lost["alice"] != want {
		t.Errorf("got %v, want %v", c.lost, want)
	}
}

// The report is good if something was played and our servers signed nobody out,
// whatever the classic rule did.
func TestReport(t *testing.T) {
	t.Parallel()
	lost := []signOut{{"alice", "a step", "gone", "server 1"}, {"bob", "a step", "gone", "server 1"}, {"carol", "a step", "revoked", "server 2"}}
	fine := result{Title: "quiet", Store: "stateless", Users: 60, Classic: lost}
	bad := result{Title: "loud", Store: "stateless", Users: 60, SignedOut: lost}
	for _, c := range []struct {
		report report
		good   bool
		want   []string
	}{
		{report{Skipped: []string{"Redis: x"}}, false, []string{"Left out, Redis"}},
		{report{Plays: []result{fine}, Skipped: []string{"Redis: redis-server is not installed"}}, true, []string{"3 of 60", "  nobody", "  2  quiet, stateless: gone", "  1  quiet, stateless: revoked", "Left out, Redis"}},
		{report{Plays: []result{fine, bad}}, false, []string{"  2  loud, stateless: gone"}},
	} {
		var text strings.Builder
		c.report.writeText(&text)
		if c.report.good() != c.good {
			t.Errorf("got good %v, want %v, for\n%s", c.report.good(), c.good, &text)
		}
		for _, want := range c.want {
			if !strings.Contains(text.String(), want) {
				t.Errorf("got\n%s\nwant %q", &text, want)
			}
		}
	}
}

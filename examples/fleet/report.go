package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/sessionring/sessionring/examples/internal/stage"
)

// tally is what happened to the people of one service. It is safe for concurrent use.
type tally struct {
	step *atomic.Pointer[string] // that is being played

	mu         sync.Mutex // guards what follows
	requests   int
	faults     int // answers of 500 and above
	unanswered int
	took       []time.Duration
	lost       map[string]signOut // by user; the first of each
}

// signOut is the end of a session that nobody wanted to end.
type signOut struct {
	User     string `json:"user"`
	Step     string `json:"step"`   // that was being played
	Reason   string `json:"reason"` // as the server says
	Instance string `json:"instance"`
}

func newTally(step *atomic.Pointer[string]) *tally {
	return &tally{step: step, lost: map[string]signOut{}}
}

// answered notes one request.
func (t *tally) answered(r stage.Reply, err error, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.requests++
	t.took = append(t.took, took)
	if err != nil {
		t.unanswered++
	} else if r.Status >= 500 {
		t.faults++
	}
}

// signedOut notes that a refresh was refused.
func (t *tally) signedOut(user, reason, instance string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.lost[user]; !known {
		t.lost[user] = signOut{user, *t.step.Load(), cmp.Or(reason, "none given"), instance}
	}
}

// counts are two numbers of a tally.
type counts struct{ requests, lost int }

func (t *tally) count() counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	return counts{t.requests, len(t.lost)}
}

// report is what came of everything that was played.
type report struct {
	Plays   []result `json:"plays"`
	Skipped []string `json:"skipped,omitempty"` // what is not installed
}

// result is what came of one play.
type result struct {
	Scenario   string    `json:"scenario"`
	Title      string    `json:"title"`
	Store      string    `json:"store"`
	Servers    int       `json:"servers"`
	Users      int       `json:"users"`
	Requests   int       `json:"requests"`
	Faults     int       `json:"http_5xx"`
	Unanswered int       `json:"unanswered"`
	P50        float64   `json:"p50_ms"`
	P95        float64   `json:"p95_ms"`
	P99        float64   `json:"p99_ms"`
	SignedOut  []signOut `json:"signed_out"`
	// Classic are those whom the rule of current and previous secret signed out.
	Classic []signOut `json:"current_and_previous_signed_out"`
}

// result returns what came of the play.
func (p *play) result() result {
	t := p.crowd.ours
	t.mu.Lock()
	defer t.mu.Unlock()
	slices.Sort(t.took)
	return result{
		Scenario: p.name, Title: p.title, Store: p.store.name, Servers: p.o.replicas, Users: p.o.users,
		Requests: t.requests, Faults: t.faults, Unanswered: t.unanswered,
		P50: percentile(t.took, 50), P95: percentile(t.took, 95), P99: percentile(t.took, 99),
		SignedOut: sorted(t.lost), Classic: sorted(p.crowd.classic.lost),
	}
}

// percentile returns the time, in milliseconds, that n percent of the requests took at
// most.
func percentile(sorted []time.Duration, n int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	d := sorted[(len(sorted)*n+99)/100-1]
	return math.Round(d.Seconds()*1e4) / 10
}

// sorted returns sign-outs in the order of the steps and reasons.
func sorted(lost map[string]signOut) []signOut {
	list := slices.AppendSeq([]signOut{}, maps.Values(lost)) // in JSON, nobody is no null
	slices.SortFunc(list, func(a, b signOut) int {
		return cmp.Or(cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Step, b.Step), cmp.Compare(a.User, b.User))
	})
	return list
}

// good reports whether something was played, and nobody was signed out by our servers.
func (r report) good() bool {
	return len(r.Plays) > 0 && !slices.ContainsFunc(r.Plays, func(p result) bool { return len(p.SignedOut) > 0 })
}

// writeJSON writes r as JSON.
func (r report) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// writeText writes r for people.
func (r report) writeText(w io.Writer) {
	if len(r.Plays) > 0 {
		r.writeTable(w)
		r.writeReasons(w, "Signed out, and why", func(p result) []signOut { return p.SignedOut })
		r.writeReasons(w, `Whom "current and previous secret" would have signed out, and why`, func(p result) []signOut { return p.Classic })
	}
	for _, s := range r.Skipped {
		fmt.Fprintf(w, "\nLeft out, %s\n", s)
	}
}

// writeTable writes a line for each play.
func (r report) writeTable(w io.Writer) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "\nscenario\tstore\tusers\trequests\tsigned out\t5xx\t%7s\t%7s\t%7s\tcurrent and previous\n", "p50 ms", "p95 ms", "p99 ms")
	for _, p := range r.Plays {
		fmt.Fprintf(table, "%s\t%s\t%5d\t%8d\t%10d\t%3d\t%7.1f\t%7.1f\t%7.1f\t%3d of %d signed out\n", p.Title, p.Store, p.Users, p.Requests,
			len(p.SignedOut), p.Faults+p.Unanswered, p.P50, p.P95, p.P99, len(p.Classic), p.Users)
	}
	table.Flush()
}

// writeReasons writes how many were signed out for which reason.
func (r report) writeReasons(w io.Writer, title string, of func(result) []signOut) {
	fmt.Fprintf(w, "\n%s:\n", title)
	nobody := true
	for _, p := range r.Plays {
		for _, g := range groups(of(p)) {
			fmt.Fprintf(w, "  %3d  %s, %s: %s\n", g.n, p.Title, p.Store, g.reason)
			nobody = false
		}
	}
	if nobody {
		fmt.Fprintln(w, "  nobody")
	}
}

// group is how many were signed out for one reason.
type group struct {
	reason string
	n      int
}

// groups counts reasons, in the order of list.
func groups(list []signOut) (found []group) {
	for _, s := range list {
		if len(found) == 0 || found[len(found)-1].reason != s.Reason {
			found = append(found, group{reason: s.Reason})
		}
		found[len(found)-1].n++
	}
	return found
}

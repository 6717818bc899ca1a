package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sessionring/sessionring/session/benchmarks/contender"
)

// set is what is measured, set up once.
var set = sync.OnceValues(func() (*results, error) {
	r := &results{Rounds: 1, Machine: thisMachine()}
	return r, errors.Join(sideBySide(r), ownTasks(r), scaleTasks(r))
})

// made returns results in which every task took the same, in times of the reference.
func made(t *testing.T, ratio float64) *results {
	t.Helper()
	all, err := set()
	if err != nil {
		t.Fatal(err)
	}
	r := *all
	r.Tasks = nil
	for _, task := range all.Tasks {
		own := *task
		own.Nanos, own.Ratios = []float64{ratio * 10}, []float64{ratio}
		r.Tasks = append(r.Tasks, &own)
	}
	settle(r.Tasks)
	for _, d := range databases {
		r.Stores = append(r.Stores, storeResult{Name: d.name, Alone: []float64{1000}, Crowded: []float64{500}, Size: 300})
	}
	r.Stores[2].Missing = "is not installed"
	return &r
}

// The workload is what the tables say, and everything they look for is there.
func TestTables(t *testing.T) {
	t.Parallel()
	r := made(t, 2)
	if r.Token != 483 {
		t.Errorf("got a token of %d bytes, want 483: change the name of the user", r.Token)
	}
	text := r.markdown()
	for _, c := range contender.All() {
		if strings.Count(text, c.Name) < 2 {
			t.Errorf("%s is not in both tables", c.Name)
		}
	}
	for _, want := range []string{"| 100 | 0.020 (0) |", "not measured: is not installed", "0.020 (0) | – | – |"} {
		if !strings.Contains(text, want) {
			t.Errorf("got no %q in %s", want, text)
		}
	}
	if s := r.summary(); strings.Contains(s, "NaN") || strings.Contains(text, "NaN") || strings.Contains(s, "PostgreSQL") {
		t.Errorf("got %s", s)
	}
}

// Bounds that are not kept are named, and -check fails.
func TestBounds(t *testing.T) {
	t.Parallel()
	for ratio, want := range map[float64]int{1: 6, 5: 6 + 3 + 1 + 2} { // no faster than the others; checks, forged, issued
		r := made(t, ratio)
		if got := broken(r.bounds()); got != want {
			t.Errorf("x %g: got %d not kept, want %d:\n%s", ratio, got, want, boundsTable(r.bounds()))
		}
	}
	r := made(t, 1)
	r.find(own, own, "forged signature").Allocs = 1
	r.find(own, own, "verify, oldest key").Bytes = 401
	if got := broken(r.bounds()); got != 8 {
		t.Errorf("got %d not kept, want 8:\n%s", got, boundsTable(r.bounds()))
	}
	if added := r.more("", "issue, 1 key", "issue, 4 keys", 3, 2); !strings.HasPrefix(added.Got, "0.00 x more") {
		t.Errorf("got %q, want nothing added", added.Got)
	}
}

// The chart is XML with a name and a description, and a bar for each.
func TestChart(t *testing.T) {
	t.Parallel()
	chart := made(t, 3).chart()
	for d := xml.NewDecoder(strings.NewReader(chart)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if got, want := strings.Count(chart, "<rect"), len(contender.All())+2; got != want {
		t.Errorf("got %d rectangles, want %d", got, want)
	}
	for _, want := range []string{"<title id=", "<desc id=", `role="img"`, "prefers-color-scheme: dark"} {
		if !strings.Contains(chart, want) {
			t.Errorf("got no %q", want)
		}
	}
}

// A task takes its turns beside the reference, and one that goes wrong ends the run.
func TestTurns(t *testing.T) { // not in parallel: it counts allocations
	var kept [][]byte
	slow := &task{Name: "slow", input: make([]byte, 100), per: 2, do: func(int) error {
		kept = append(kept[:0], make([]byte, 64), make([]byte, 64))
		for began := time.Now(); time.Since(began) < 100*time.Microsecond; {
		}
		return nil
	}}
	if err := takeTurns(t.Context(), []*task{slow}, 3, time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if len(slow.Ratios) != 3 || slow.Allocs != 1 || slow.Bytes != 64 || slow.ratio() < 5 || slices.Min(slow.Nanos) < 50_000 {
		t.Errorf("got %+v, want 3 turns of 50 µs, an allocation and 64 bytes", slow)
	}
	for _, procs := range []int{0, 2} {
		bad := &task{Name: "bad", input: make([]byte, 100), procs: procs, do: func(i int) error {
			if i == 40 {
				return errLetIn
			}
			return nil
		}}
		if err := takeTurns(t.Context(), []*task{bad}, 1, time.Millisecond); !errors.Is(err, errLetIn) || !strings.Contains(err.Error(), "bad") {
			t.Errorf("got %v, want the error of the task", err)
		}
	}
}

// What an operation costs is told by the reference of all tasks with as much input, so that
// a turn in which the machine was busy does not count more for one than for another.
func TestCost(t *testing.T) {
	t.Parallel()
	busy := &task{input: make([]byte, 100), Nanos: []float64{100, 200, 300}, Ratios: []float64{10, 10, 10}}
	quiet := &task{input: make([]byte, 100), Nanos: []float64{40, 40, 42}, Ratios: []float64{2, 2, 2}}
	long := &task{input: make([]byte, 900), Nanos: []float64{90, 180}, Ratios: []float64{1, 2}}
	settle([]*task{busy, quiet, long})
	for _, c := range []struct {
		task        *task
		cost, least float64
	}{{busy, 200, 10}, {quiet, 40, 2}, {long, 135, 1}} {
		if c.task.cost() != c.cost || c.task.least() != c.least {
			t.Errorf("got %v ns and %v x in the quickest turns, want %v and %v", c.task.cost(), c.task.least(), c.cost, c.least)
		}
	}
}

// The numbers in a file are written between its marks, and nothing else is changed.
func TestRewrite(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "README.md")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("before\n" + marker + "\nold\n" + endMarker + "\nbehind\n")
	if err := rewrite(file, "new\n"); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(file); string(got) != "before\n"+marker+"\nnew\n"+endMarker+"\nbehind\n" {
		t.Errorf("got %q", got)
	}
	write("no marks")
	if err := rewrite(file, "new\n"); err == nil {
		t.Error("wrote into a file without marks")
	}
}

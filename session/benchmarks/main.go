// Command benchmarks measures sessionring beside other libraries that keep people signed
// in, and beside the least that the work can cost. In the root of the project:
//
//	go run ./session/benchmarks
//
// It takes about three minutes and writes RESULTS.md, speed.svg and the numbers in the
// README anew; the raw numbers are in raw.json. What is measured takes turns, so that
// all see the same machine, and what is quoted is the median of the rounds: figures of
// different runs say more about the machine than about the code. With -check it fails
// where a bound of the project is not kept.
//
// It is a module of its own, so that what it compares with is no requirement of the
// library, and it is not published: nothing imports it. What stores add to their
// databases has benchmarks in its tests:
//
//	go test -run='^$' -bench=. -benchtime=20x ./session/benchmarks
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

// options say how long to measure and what to write.
type options struct {
	rounds int
	turn   time.Duration
	short  bool
	check  bool
	out    string
	readme string
}

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 20, "how often each takes its turn; quote no fewer than 20")
	flag.DurationVar(&o.turn, "turn", 20*time.Millisecond, "how long a turn is, half of it for the reference")
	flag.BoolVar(&o.short, "short", false, "less of everything, to see that it works: the numbers say nothing")
	flag.BoolVar(&o.check, "check", false, "exit with 1 if a bound is not kept")
	flag.StringVar(&o.out, "out", "session/benchmarks", "folder for RESULTS.md, speed.svg and raw.json")
	flag.StringVar(&o.readme, "readme", "README.md", "file whose numbers are written anew; \"\": none")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run measures everything, writes the files, and prints the bounds.
func run(ctx context.Context, w io.Writer, o options) error {
	if o.rounds < 1 || o.turn <= 0 {
		return fmt.Errorf("-rounds and -turn must be positive")
	}
	if o.short {
		o.turn = min(o.turn, time.Millisecond)
	}
	began := time.Now()
	r, err := measureAll(ctx, w, o)
	if err != nil {
		return err
	}
	r.Took = time.Since(began).Round(time.Second)
	if err := r.write(o); err != nil {
		return err
	}
	bounds := r.bounds()
	fmt.Fprintf(w, "\n%s\n", boundsTable(bounds))
	if broken := broken(bounds); o.check && broken > 0 {
		return fmt.Errorf("%d bounds are not kept", broken)
	}
	return nil
}

// results are what was measured.
type results struct {
	Machine machine
	Rounds  int
	Turn    time.Duration
	Took    time.Duration
	Token   int // bytes of the token of the workload
	Tasks   []*task
	Stores  []storeResult
	Memory  memoryResult
}

// measureAll sets everything up, and then lets all of it take turns.
func measureAll(ctx context.Context, w io.Writer, o options) (*results, error) {
	r := &results{Machine: thisMachine(), Rounds: o.rounds, Turn: o.turn}
	for _, set := range []func(*results) error{sideBySide, ownTasks, scaleTasks} {
		if err := set(r); err != nil {
			return nil, err
		}
	}
	fmt.Fprintf(w, "%d tasks, %d rounds of %v each\n", len(r.Tasks), o.rounds, o.turn)
	if err := takeTurns(ctx, r.Tasks, o.rounds, o.turn); err != nil {
		return nil, err
	}
	var err error
	if r.Stores, err = measureStores(ctx, w, o); err != nil {
		return nil, err
	}
	r.Memory, err = measureMemory(ctx, o)
	return r, err
}

// write writes the files.
func (r *results) write(o options) error {
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return err
	}
	raw, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	for name, text := range map[string]string{"raw.json": string(raw) + "\n", "RESULTS.md": r.markdown(), "speed.svg": r.chart()} {
		if err := os.WriteFile(filepath.Join(o.out, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	if o.readme == "" {
		return nil
	}
	return rewrite(o.readme, r.summary())
}

package main

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// task is something that is measured, and what came of it.
type task struct {
	Group, Name, Op string  // where it stands in the tables
	Size            int     // bytes of its token, 0 if that says nothing
	Allocs, Bytes   float64 // of one operation
	Nanos           []float64
	Ratios          []float64 // to the reference, measured in the same turn
	Reference       float64   // the median of that, in nanoseconds, of all tasks with as much input

	do    func(i int) error // the i-th call
	per   int               // operations in one call, 0 for 1
	input []byte            // what the reference is over
	procs int               // calls run at once on so many processors; 0: one after the other
	calls int               // in one piece of a turn
	made  int               // calls until now
}

// takeTurns measures all tasks, in rounds in which each has one turn.
func takeTurns(ctx context.Context, tasks []*task, rounds int, turn time.Duration) error {
	for _, t := range tasks {
		if err := t.prepare(turn); err != nil {
			return err
		}
	}
	for range rounds {
		for _, t := range tasks {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := t.turn(turn); err != nil {
				return err
			}
		}
	}
	settle(tasks)
	return nil
}

// prepare runs a task until it is warm, counts its allocations, and finds out how many
// calls fill a piece of a turn.
func (t *task) prepare(turn time.Duration) error {
	t.per = max(t.per, 1)
	if err := t.run(32); err != nil {
		return err
	}
	if err := t.count(); err != nil {
		return err
	}
	for n := 16; ; n *= 2 {
		took, err := t.timed(n)
		if err != nil {
			return err
		}
		if took > turn/8 {
			t.calls = max(1, int(float64(n)*float64(turn)/float64(took)/pieces/2))
			return nil
		}
	}
}

// count takes the allocations of one operation, rounded down as testing.AllocsPerRun
// does. No collection empties a pool meanwhile.
func (t *task) count() error {
	const calls = 100
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	if err := t.do(0); err != nil { // the pools of the one processor fill
		return t.failed(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range calls {
		if err := t.do(i); err != nil {
			return t.failed(err)
		}
	}
	runtime.ReadMemStats(&after)
	t.Allocs = float64((after.Mallocs - before.Mallocs) / calls / uint64(t.per))
	t.Bytes = float64((after.TotalAlloc - before.TotalAlloc) / calls / uint64(t.per))
	return nil
}

func (t *task) failed(err error) error {
	return fmt.Errorf("%s, %s, %s: %w", t.Group, t.Name, t.Op, err)
}

// pieces is how many a turn has, of a task and of the reference each.
const pieces = 10

// turn has a task and the reference alternate in pieces of equal length: whatever
// interrupts the program then interrupts both alike. A reference that is measured in one
// short piece is seldom interrupted, and looks too quick on a busy machine.
func (t *task) turn(turn time.Duration) error {
	runtime.GC() // what others left is not for this one to clear away
	var took, bare time.Duration
	references := 0
	for range pieces {
		d, n := reference(t.input, turn/pieces/2)
		bare, references = bare+d, references+n
		d, err := t.timed(t.calls)
		if err != nil {
			return err
		}
		took += d
	}
	nanos := float64(took.Nanoseconds()) / float64(pieces*t.calls*t.per)
	t.Nanos = append(t.Nanos, nanos)
	t.Ratios = append(t.Ratios, nanos/(float64(bare.Nanoseconds())/float64(references)))
	return nil
}

func (t *task) timed(calls int) (time.Duration, error) {
	if t.procs > 0 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(t.procs))
	}
	began := time.Now()
	err := t.run(calls)
	return time.Since(began), err
}

// run makes so many calls, from where it left off.
func (t *task) run(calls int) error {
	from := t.made
	t.made += calls
	if t.procs > 0 {
		err := together(t.procs, calls, func(i int) error { return t.do(from + i) })
		if err != nil {
			return t.failed(err)
		}
		return nil
	}
	for i := range calls {
		if err := t.do(from + i); err != nil {
			return t.failed(err)
		}
	}
	return nil
}

// together calls do for 0 to n-1, shared among so many goroutines, each of which stops at
// an error. The first one is returned.
func together(goroutines, n int, do func(i int) error) error {
	var crew sync.WaitGroup
	var first atomic.Pointer[error]
	for g := range goroutines {
		crew.Go(func() {
			for i := g; i < n; i += goroutines {
				if err := do(i); err != nil {
					first.CompareAndSwap(nil, &err)
					return
				}
			}
		})
	}
	crew.Wait()
	if err := first.Load(); err != nil {
		return *err
	}
	return nil
}

// reference is the least that a check can cost: a keyed HMAC-SHA-256 over input that is
// reset and used again. It returns how long it went on, and how many it made.
func reference(input []byte, turn time.Duration) (took time.Duration, n int) {
	const some = 16
	secret := make([]byte, 32)
	rand.Read(secret)
	h, sum := hmac.New(sha256.New, secret), make([]byte, 0, sha256.Size)
	h.Write(input)
	h.Sum(sum)
	for began := time.Now(); took < turn; took = time.Since(began) {
		for range some {
			h.Reset()
			h.Write(input)
			h.Sum(sum)
		}
		n += some
	}
	return took, n
}

// median is the middle of some numbers, NaN of none.
func median(list []float64) float64 {
	s := slices.Sorted(slices.Values(list))
	if len(s) == 0 {
		return math.NaN()
	}
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// ratio is how many times as long as the reference the task takes.
func (t *task) ratio() float64 { return median(t.Ratios) }

// least is the ratio of the quickest turn to the quickest reference: what a machine that
// does nothing else would come near to.
func (t *task) least() float64 {
	quickest := math.Inf(1)
	for i := range t.Nanos {
		quickest = min(quickest, t.Nanos[i]/t.Ratios[i])
	}
	return slices.Min(t.Nanos) / quickest
}

// cost is the ratio in nanoseconds of an operation. The median of Nanos would be about the
// same, but is higher where the machine was busier during all turns of one task than
// during those of another.
func (t *task) cost() float64 { return t.ratio() * t.Reference }

// settle finds the reference of each task.
func settle(tasks []*task) {
	all := map[int][]float64{}
	for _, t := range tasks {
		for i := range t.Nanos {
			all[len(t.input)] = append(all[len(t.input)], t.Nanos[i]/t.Ratios[i])
		}
	}
	for _, t := range tasks {
		t.Reference = median(all[len(t.input)])
	}
}

// find returns a task by where it stands, or nil.
func (r *results) find(group, name, op string) *task {
	for _, t := range r.Tasks {
		if t.Group == group && t.Name == name && t.Op == op {
			return t
		}
	}
	return nil
}

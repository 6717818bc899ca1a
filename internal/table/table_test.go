package table_test

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/sessionring/sessionring/internal/table"
)

// A name has one value from when it was added, however many come after it.
func TestTable(t *testing.T) {
	t.Parallel()
	var names table.Of[int]
	if names.Get("") != nil || len(maps.Collect(names.All())) != 0 {
		t.Error("an empty table has names")
	}
	first := map[string]*int{}
	for n := range 12 {
		name := fmt.Sprint("v", n)
		first[name] = names.Add(name)
		if names.Add(name) != first[name] {
			t.Errorf("%s has got another value", name)
		}
		*first[name] = n
		for name, v := range first {
			if names.Get(name) != v {
				t.Errorf("%s has another value beside %d names", name, n)
			}
		}
	}
	if all := maps.Collect(names.All()); names.Get("v") != nil || names.Get("") != nil || !maps.Equal(all, first) {
		t.Errorf("got %v, want 12 names", all)
	}
	for n := range 12 {
		if got := *names.Get(fmt.Sprint("v", n)); got != n {
			t.Errorf("got %d at v%d: two names have one value", got, n)
		}
	}
}

// Whoever adds a name, or asks for it meanwhile, gets the same value.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	var names table.Of[int]
	got := make([][]*int, 8)
	var crew sync.WaitGroup
	for i := range got {
		crew.Go(func() {
			for n := range 50 {
				name := fmt.Sprint(n)
				v := names.Add(name)
				if names.Get(name) != v {
					t.Errorf("%s: got another value", name)
				}
				got[i] = append(got[i], v)
			}
		})
	}
	crew.Wait()
	for _, list := range got[1:] {
		if !slices.Equal(list, got[0]) {
			t.Error("one name has two values")
		}
	}
}

// Asking takes no memory.
func TestAllocations(t *testing.T) {
	var names table.Of[int]
	for n := range 10 {
		names.Add(fmt.Sprint(n))
	}
	if got := testing.AllocsPerRun(100, func() { names.Get("0"); names.Get("9"); names.Get("none") }); got != 0 {
		t.Errorf("got %v allocations, want none", got)
	}
}

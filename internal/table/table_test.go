package table_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/sessionring/sessionring/internal/table"
)

// value returns a function that makes a value, and fails if it is asked twice.
func value(t *testing.T, n int) func() *int {
	made := false
	return func() *int {
		if made {
			t.Errorf("%d is made twice", n)
		}
		made = true
		return &n
	}
}

// A name has one value from when it was added until it is forgotten, however many come
// after it.
func TestTable(t *testing.T) {
	t.Parallel()
	var names table.Of[int]
	if names.Get("") != nil || names.Len() != 0 || len(maps.Collect(names.All())) != 0 {
		t.Error("an empty table has names")
	}
	first := map[string]*int{}
	for n := range 12 {
		name := fmt.Sprint("v", n)
		make := value(t, n)
		first[name] = names.Add(name, math.MaxInt, make)
		if names.Add(name, math.MaxInt, make) != first[name] {
			t.Errorf("%s has got another value", name)
		}
		for name, v := range first {
			if names.Get(name) != v {
				t.Errorf("%s has another value beside %d names", name, n)
			}
		}
	}
	if names.Get("v") != nil || names.Get("") != nil || names.Len() != 12 || !maps.Equal(maps.Collect(names.All()), first) {
		t.Errorf("got %d names, want 12", names.Len())
	}
	names.Keep(func(name string) bool { return name == "v3" || name == "v11" })
	if names.Get("v3") != first["v3"] || names.Get("v11") != first["v11"] || names.Get("v10") != nil || names.Len() != 2 {
		t.Errorf("got %d names left, want v3 and v11", names.Len())
	}
	if again := names.Add("v10", 3, value(t, 0)); again == nil || again == first["v10"] || names.Get("v10") != again {
		t.Error("a forgotten name has no value of its own when it comes back")
	}
	if names.Add("v12", 3, value(t, 0)) != nil || names.Get("v12") != nil || names.Len() != 3 {
		t.Error("a name was added to as many as there may be")
	}
	if names.Add("v3", 3, value(t, 0)) != first["v3"] {
		t.Error("a name that is there is not found in a full table")
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
				v := names.Add(name, math.MaxInt, func() *int { return new(int) })
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
		names.Add(fmt.Sprint(n), math.MaxInt, func() *int { return new(int) })
	}
	if got := testing.AllocsPerRun(100, func() { names.Get("0"); names.Get("9"); names.Get("none") }); got != 0 {
		t.Errorf("got %v allocations, want none", got)
	}
}

package storetest_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
	"github.com/sessionring/sessionring/session/storetest"
)

// full is all that a store can be.
type full interface {
	session.Store
	session.Index
	session.Feed
}

// faulty is a store with faults: functions in the place of its methods.
type faulty struct {
	full
	get   func(s full, id string) ([]byte, time.Time, error)
	swap  func(ctx context.Context, s full, id string, old, data []byte, group, label string, expires time.Time) (bool, error)
	list  func(s full, group string) (map[string][]byte, error)
	count func(s full) (map[string]int, error)
	add   func(s full, id string, old, data []byte, entry []byte, entryExpires time.Time) (bool, error)
	after func(s full, cursor string) ([][]byte, string, error)
}

func (f faulty) Get(ctx context.Context, id string) ([]byte, time.Time, error) {
	if f.get != nil && ctx.Err() == nil {
		return f.get(f.full, id)
	}
	return f.full.Get(ctx, id)
}

func (f faulty) Swap(ctx context.Context, id string, old, data []byte, group, label string, expires time.Time) (bool, error) {
	if f.swap != nil {
		return f.swap(ctx, f.full, id, old, data, group, label, expires)
	}
	return f.full.Swap(ctx, id, old, data, group, label, expires)
}

func (f faulty) List(ctx context.Context, group string) (map[string][]byte, error) {
	if f.list != nil && ctx.Err() == nil {
		return f.list(f.full, group)
	}
	return f.full.List(ctx, group)
}

func (f faulty) Count(ctx context.Context) (map[string]int, error) {
	if f.count != nil && ctx.Err() == nil {
		return f.count(f.full)
	}
	return f.full.Count(ctx)
}

func (f faulty) SwapAppend(ctx context.Context, id string, old, data []byte, group, label string, expires time.Time, entry []byte, entryExpires time.Time) (bool, error) {
	if f.add != nil && ctx.Err() == nil {
		return f.add(f.full, id, old, data, entry, entryExpires)
	}
	return f.full.SwapAppend(ctx, id, old, data, group, label, expires, entry, entryExpires)
}

func (f faulty) After(ctx context.Context, cursor string) ([][]byte, string, error) {
	if f.after != nil && ctx.Err() == nil {
		return f.after(f.full, cursor)
	}
	return f.full.After(ctx, cursor)
}

var bg = context.Background()

// faults are mistakes that writers of stores make.
var faults = map[string]faulty{
	"absence is an error": {get: func(s full, id string) ([]byte, time.Time, error) {
		data, now, err := s.Get(bg, id)
		if data == nil {
			err = errors.New("not found")
		}
		return data, now, err
	}},
	"empty data is none": {get: func(s full, id string) ([]byte, time.Time, error) {
		data, now, err := s.Get(bg, id)
		if len(data) == 0 {
			data = nil
		}
		return data, now, err
	}},
	"data is a C string": {get: func(s full, id string) ([]byte, time.Time, error) {
		data, now, err := s.Get(bg, id)
		if data != nil {
			text, _, _ := strings.Cut(string(data), "\x00")
			data = []byte(text)
		}
		return data, now, err
	}},
	"ids fold case": {
		get: func(s full, id string) ([]byte, time.Time, error) { return s.Get(bg, strings.ToLower(id)) },
		swap: func(ctx context.Context, s full, id string, old, data []byte, group, label string, expires time.Time) (bool, error) {
			return s.Swap(ctx, strings.ToLower(id), old, data, group, label, expires)
		},
	},
	"read, then write": {swap: func(ctx context.Context, s full, id string, old, data []byte, group, label string, expires time.Time) (bool, error) {
		is, _, err := s.Get(ctx, id)
		if err != nil || string(is) != string(old) || (is == nil) != (old == nil) {
			return false, err
		}
		time.Sleep(time.Millisecond) // others write meanwhile
		for ok := false; !ok && err == nil; {
			is, _, _ = s.Get(ctx, id)
			ok, err = s.Swap(ctx, id, is, data, group, label, expires)
		}
		return true, err
	}},
	"nobody expires": {swap: func(ctx context.Context, s full, id string, old, data []byte, group, label string, expires time.Time) (bool, error) {
		return s.Swap(ctx, id, old, data, group, label, time.Time{})
	}},
	"seconds": {swap: func(ctx context.Context, s full, id string, old, data []byte, group, label string, expires time.Time) (bool, error) {
		return s.Swap(ctx, id, old, data, group, label, expires.Truncate(time.Second))
	}},
	"the same data is no change": {swap: func(ctx context.Context, s full, id string, old, data []byte, group, label string, expires time.Time) (bool, error) {
		if old != nil && data != nil && string(old) == string(data) {
			is, _, err := s.Get(ctx, id)
			return string(is) == string(old), err
		}
		return s.Swap(ctx, id, old, data, group, label, expires)
	}},
	"the context is ignored": {swap: func(_ context.Context, s full, id string, old, data []byte, group, label string, expires time.Time) (bool, error) {
		return s.Swap(bg, id, old, data, group, label, expires)
	}},
	"a label for all": {count: func(s full) (map[string]int, error) { c, err := s.Count(bg); c[""] = 1; return c, err }},
	"one is not counted": {count: func(s full) (map[string]int, error) {
		c, err := s.Count(bg)
		for label := range c {
			if c[label]--; c[label] == 0 {
				delete(c, label)
			}
		}
		return c, err
	}},
	"groups by prefix": {list: func(s full, group string) (map[string][]byte, error) {
		return s.List(bg, strings.TrimRight(group, "0123456789h"))
	}},
	"losers append": {add: func(s full, id string, old, data []byte, entry []byte, entryExpires time.Time) (bool, error) {
		ok, err := s.Swap(bg, id, old, data, "", "", time.Time{})
		s.SwapAppend(bg, "feed"+string(entry), nil, nil, "", "", time.Time{}, entry, entryExpires)
		return ok, err
	}},
	"entries stay": {add: func(s full, id string, old, data []byte, entry []byte, _ time.Time) (bool, error) {
		return s.SwapAppend(bg, id, old, data, "", "", time.Time{}, entry, time.Time{})
	}},
	"the cursor runs ahead": {after: func(s full, cursor string) ([][]byte, string, error) {
		entries, _, err := s.After(bg, cursor)
		time.Sleep(2 * time.Millisecond) // others write meanwhile
		_, next, _ := s.After(bg, "")
		return entries, next, err
	}},
	"a strange cursor is the end": {after: func(s full, cursor string) ([][]byte, string, error) {
		entries, next, err := s.After(bg, cursor)
		if strings.ContainsAny(cursor, "x';.") {
			entries = nil
		}
		return entries, next, err
	}},
}

// TestFaults runs the suite, in a process of its own, on each faulty store: it must
// fail, and say what the contract is.
func TestFaults(t *testing.T) {
	slots := make(chan struct{}, 4)
	var crew sync.WaitGroup
	for name := range faults {
		crew.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFaulty$", "-test.failfast")
			cmd.Env = append(os.Environ(), "STORETEST_FAULT="+name)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), "contract: ") {
				t.Errorf("the suite passes a store whose fault is %q: %v\n%s", name, err, out)
			}
		})
	}
	crew.Wait()
}

// TestFaulty is what TestFaults runs.
func TestFaulty(t *testing.T) {
	fault, ok := faults[os.Getenv("STORETEST_FAULT")]
	if !ok {
		t.Skip("run by TestFaults")
	}
	storetest.Run(t, func(*testing.T) session.Store {
		f := fault
		f.full = new(memstore.Store)
		return f
	})
}

// TestBare runs the suite on a store without Index and Feed.
func TestBare(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) session.Store { return struct{ session.Store }{new(memstore.Store)} })
}

package storetest

import (
	"context"
	"fmt"
	"time"

	"github.com/sessionring/sessionring/session"
)

var feedTests = []test{
	{"swap", testAppendSwaps},
	{"loser", testAppendLoses},
	{"again", testAppendAgain},
	{"cursor", testCursor},
	{"unknown", testUnknownCursor},
	{"expiry", testEntryExpiry},
	{"data", testEntryData},
	{"writers", testFeedWriters},
	{"canceled", testFeedCanceled},
}

// appendTo is SwapAppend without an error, group or label; entry stays an hour.
func (s suite) appendTo(id string, old, data []byte, entry string) bool {
	s.Helper()
	ok, err := s.store.(session.Feed).SwapAppend(s.Context(), id, old, data, "", "", time.Time{}, []byte(entry), s.now().Add(time.Hour))
	s.must("SwapAppend", err)
	return ok
}

// after is After without an error: how often it returned each entry.
func (s suite) after(cursor string) (seen map[string]int, next string) {
	s.Helper()
	entries, next, err := s.store.(session.Feed).After(s.Context(), cursor)
	s.must("After", err)
	seen = map[string]int{}
	for _, e := range entries {
		seen[string(e)]++
	}
	return seen, next
}

// expectSeen fails unless each of the entries was returned at least once.
func (s suite) expectSeen(what string, seen map[string]int, entries ...string) {
	s.Helper()
	s.expectSeenOf(behind, what, seen, entries...)
}

// expectSeenOf is expectSeen by another sentence of the contract.
func (s suite) expectSeenOf(sentence, what string, seen map[string]int, entries ...string) {
	s.Helper()
	for _, e := range entries {
		expect(s, sentence, what+" returns "+e, seen[e] > 0, true)
	}
}

// testAppendSwaps holds SwapAppend to what Swap does.
func testAppendSwaps(s suite) {
	id, a, b := s.id("a"), []byte("a"), []byte("b")
	for i, step := range []struct {
		what      string
		old, data []byte
		want      bool
		left      []byte
	}{
		{"nil for nil, record absent", nil, nil, true, nil},
		{"a for b, record absent", a, b, false, nil},
		{"nil for a", nil, a, true, a},
		{"nil for b, record live", nil, b, false, a},
		{"b for a, a is there", b, a, false, a},
		{"a for b", a, b, true, b},
		{"b for b", b, b, true, b},
		{"nil for nil, record live", nil, nil, false, b},
		{"a for nil, b is there", a, nil, false, b},
		{"b for nil", b, nil, true, nil},
		{"nil for empty", nil, []byte{}, true, []byte{}},
		{"empty for nil", []byte{}, nil, true, nil},
	} {
		entry := s.id(fmt.Sprint(i))
		expect(s, appending, "SwapAppend of "+step.what, s.appendTo(id, step.old, step.data, entry), step.want)
		data, _ := s.get(id)
		s.expectData(appending, "Get after SwapAppend of "+step.what, data, step.left)
		seen, _ := s.after("")
		expect(s, appending, "After returns the entry of SwapAppend of "+step.what, seen[entry] > 0, step.want)
	}
	if hasIndex(s) {
		s.testAppendIndex()
	}
}

// testAppendIndex looks for the record of SwapAppend in lists and counts.
func (s suite) testAppendIndex() {
	ok, err := s.store.(session.Feed).SwapAppend(s.Context(), s.id("i"), nil, []byte("x"), s.id("g"), s.id("l"), time.Time{}, []byte("e"), s.now())
	s.must("SwapAppend", err)
	expect(s, appending, "SwapAppend", ok, true)
	s.expectList("after SwapAppend", s.id("g"), s.id("i"), "x")
	expect(s, counting, "Count after SwapAppend", s.count(s.id("l")), 1)
}

// testAppendLoses lets 64 goroutines race: only the winner adds an entry.
func testAppendLoses(s suite) {
	id, expires := s.id("a"), s.now().Add(time.Hour)
	var won [crowd]bool
	s.together(func(i int) error {
		mine := []byte(s.id(fmt.Sprint(i)))
		ok, err := s.store.(session.Feed).SwapAppend(s.Context(), id, nil, mine, "", "", time.Time{}, mine, expires)
		won[i] = ok
		return err
	})
	seen, _ := s.after("")
	winners := 0
	for i, ok := range won {
		expect(s, appending, "After returns the entry of a winner, and of no loser", seen[s.id(fmt.Sprint(i))] > 0, ok)
		if ok {
			winners++
		}
	}
	expect(s, small, "winners of 64 goroutines", winners, 1)
}

func testAppendAgain(s suite) {
	id, data := s.id("a"), []byte("data")
	s.swap(id, nil, data)
	for range 2 {
		expect(s, again, "SwapAppend of the record for itself", s.appendTo(id, data, data, s.id("e")), true)
	}
	seen, _ := s.after("")
	s.expectSeen("After", seen, s.id("e"))
	left, _ := s.get(id)
	s.expectData(again, "Get afterwards", left, data)
}

// testFeedWriters polls while many write: what was written before a poll began is
// in it or in an earlier one, and in the end nothing is missing.
func testFeedWriters(s suite) {
	const each = 10
	_, cursor := s.after("")
	expires := s.now().Add(time.Hour)
	written := s.background(func(i int) error {
		for j := range each {
			name := s.id(fmt.Sprint(i, " ", j))
			ok, err := s.store.(session.Feed).SwapAppend(s.Context(), name, nil, []byte("x"), "", "", expires, []byte(name), expires)
			if !ok || err != nil {
				return fmt.Errorf("swapped %v, %w", ok, err)
			}
		}
		return nil
	})
	seen := map[string]int{}
	for last := false; !last; {
		last = isClosed(written)
		var found map[string]int
		found, cursor = s.after(cursor)
		for e := range found {
			seen[e]++
		}
	}
	for i := range crowd {
		for j := range each {
			s.expectSeen("a reader that polled all the time", seen, s.id(fmt.Sprint(i, " ", j)))
		}
	}
}

func testFeedCanceled(s suite) {
	id := s.id("a")
	s.swap(id, nil, []byte("data"))
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	feed := s.store.(session.Feed)
	_, _, err := feed.After(ctx, "")
	expect(s, canceled, "After is an error", err != nil, true)
	ok, err := feed.SwapAppend(ctx, id, []byte("data"), []byte("x"), "", "", time.Time{}, []byte(s.id("e")), time.Time{})
	expect(s, canceled, "SwapAppend is an error", err != nil, true)
	expect(s, canceled, "SwapAppend with an error", ok, false)
	data, _ := s.get(id)
	s.expectData(canceled, "Get afterwards", data, []byte("data"))
	seen, _ := s.after("")
	expect(s, canceled, "After returns the entry", seen[s.id("e")], 0)
}

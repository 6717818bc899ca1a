package storetest

import (
	"context"
	"fmt"
	"time"

	"github.com/sessionring/sessionring/session"
)

var indexTests = []test{
	{"list", testList},
	{"groups", testGroups},
	{"move", testMove},
	{"count", testCount},
	{"expired", testIndexExpired},
	{"newExpiry", testIndexNewExpiry},
	{"names", testIndexNames},
	{"many", testMany},
	{"crowd", testIndexCrowd},
	{"canceled", testIndexCanceled},
}

// put is Swap of a record with group and label, which must succeed.
func (s suite) put(id string, old, data []byte, group, label string, expires time.Time) {
	s.Helper()
	ok, err := s.store.Swap(s.Context(), id, old, data, group, label, expires)
	s.must("Swap", err)
	expect(s, equal, "Swap", ok, true)
}

// list is List without an error.
func (s suite) list(group string) map[string][]byte {
	s.Helper()
	records, err := s.store.(session.Index).List(s.Context(), group)
	s.must("List", err)
	return records
}

// counts is Count without an error.
func (s suite) counts() map[string]int {
	s.Helper()
	counts, err := s.store.(session.Index).Count(s.Context())
	s.must("Count", err)
	return counts
}

// count is counts of one label.
func (s suite) count(label string) int {
	s.Helper()
	return s.counts()[label]
}

// expectList fails unless the group has exactly these records, in pairs of id and data.
func (s suite) expectList(what, group string, want ...string) {
	s.Helper()
	got := s.list(group)
	for i := 0; i < len(want); i += 2 {
		s.expectData(listing, "List "+what+", record "+want[i], got[want[i]], []byte(want[i+1]))
	}
	expect(s, listing, "records of List "+what, len(got), len(want)/2)
}

func testList(s suite) {
	a, b, g := s.id("a"), s.id("b"), s.id("g")
	s.expectList("of an unknown group", g)
	s.put(a, nil, []byte("1"), g, "", time.Time{})
	s.put(b, nil, []byte("2"), g, "", time.Time{})
	s.expectList("of two", g, a, "1", b, "2")
	s.put(a, []byte("1"), []byte("3"), g, "", time.Time{})
	s.expectList("after a swap", g, a, "3", b, "2")
	s.list(g)[b][0] = 'X'
	s.expectList("after its data was changed", g, a, "3", b, "2")
	s.put(a, []byte("3"), nil, g, "", time.Time{})
	s.expectList("after a delete", g, b, "2")
	s.put(a, nil, []byte{}, g, "", time.Time{})
	s.expectList("with empty data", g, a, "", b, "2")
}

// testGroups keeps groups of the same label, and a record without a group, apart.
func testGroups(s suite) {
	s.put(s.id("1"), nil, []byte("1"), s.id("g"), s.id("l"), time.Time{})
	s.put(s.id("2"), nil, []byte("2"), s.id("h"), s.id("l"), time.Time{})
	s.put(s.id("3"), nil, []byte("3"), "", s.id("l"), time.Time{})
	s.expectList("of the first group", s.id("g"), s.id("1"), "1")
	s.expectList("of the second group", s.id("h"), s.id("2"), "2")
	expect(s, counting, "Count over groups", s.count(s.id("l")), 3)
}

// testMove changes group and label of records, alone and together.
func testMove(s suite) {
	id, g, h := s.id("a"), s.id("g"), s.id("h")
	l, m := s.oddEnd("l", ":0:0:"), s.oddEnd("m", "{}")
	for i, at := range []struct{ group, label string }{
		{g, l}, {g, m}, {h, m}, {g, l}, {"", l}, {h, ""}, {h, l}, {"", ""}, {g, m}, {h, l},
	} {
		old, data := fmt.Appendf(nil, "%d", i-1), fmt.Appendf(nil, "%d", i)
		if i == 0 {
			old = nil
		}
		s.put(id, old, data, at.group, at.label, time.Time{})
		for _, group := range []string{g, h} {
			want := []string{}
			if group == at.group {
				want = []string{id, string(data)}
			}
			s.expectList(fmt.Sprintf("of %q, record in %q", group, at.group), group, want...)
		}
		counts := s.counts()
		for _, label := range []string{l, m} {
			_, listed := counts[label]
			expect(s, counting, fmt.Sprintf("Count has %q, record has %q", label, at.label), listed, label == at.label)
		}
	}
	lost, err := s.store.Swap(s.Context(), id, []byte("not"), []byte("x"), g, m, time.Time{})
	s.must("Swap", err)
	expect(s, equal, "Swap of another", lost, false)
	s.expectList("after a swap to it that lost", g)
	expect(s, counting, "Count after a swap to it that lost", s.count(m), 0)
}

func testCount(s suite) {
	l := s.id("l")
	expect(s, counting, "Count of an unknown label", s.count(l), 0)
	for i := range 5 {
		s.put(s.id(fmt.Sprint(i)), nil, []byte("x"), "", l, time.Time{})
		expect(s, counting, "Count of what was put", s.count(l), i+1)
	}
	for i := range 5 {
		s.put(s.id(fmt.Sprint(i)), []byte("x"), nil, "", l, time.Time{})
		expect(s, counting, "Count of what was not deleted", s.count(l), 4-i)
	}
	s.put(s.id("0"), nil, []byte("x"), "", l, time.Time{})
	expect(s, counting, "Count of what was put again", s.count(l), 1)
	_, listed := s.counts()[""]
	expect(s, counting, `"" is counted`, listed, false)
}

func testIndexExpired(s suite) {
	a, b, g, l := s.id("a"), s.id("b"), s.id("g"), s.id("l")
	expires := s.now().Add(2 * time.Second) // several operations take place before
	s.put(a, nil, []byte("1"), g, l, expires)
	s.put(b, nil, []byte("2"), g, l, time.Time{})
	s.put(s.id("c"), nil, []byte("3"), g, l, expires.Add(-time.Hour))
	s.expectList("of one live, one live soon to expire, one expired", g, a, "1", b, "2")
	expect(s, counting, "Count of the same", s.count(l), 2)
	s.untilGone(a, []byte("1"), expires)
	s.expectList("after one expired", g, b, "2")
	expect(s, counting, "Count after one expired", s.count(l), 1)
	s.put(a, nil, []byte("4"), g, l, s.now().Add(time.Hour))
	s.expectList("after it was put again", g, a, "4", b, "2")
	expect(s, counting, "Count after it was put again", s.count(l), 2)
}

// testIndexNewExpiry moves the expiry of records and nothing else, as refreshes do:
// lists and counts go by the last one.
func testIndexNewExpiry(s suite) {
	longer, shorter, data, g, l := s.id("longer"), s.id("shorter"), []byte("x"), s.id("g"), s.id("l")
	soon := s.now().Add(2 * time.Second)
	late := soon.Add(time.Hour)
	s.put(longer, nil, data, g, l, soon)
	s.put(shorter, nil, data, g, l, late)
	s.put(longer, data, data, g, l, late)
	s.put(shorter, data, data, g, l, soon)
	s.expectList("before an expiry that was moved", g, longer, "x", shorter, "x")
	expect(s, counting, "Count before an expiry that was moved", s.count(l), 2)
	s.untilGone(shorter, data, soon)
	s.expectList("after an expiry that was moved", g, longer, "x")
	expect(s, counting, "Count after an expiry that was moved", s.count(l), 1)
}

func testIndexNames(s suite) {
	for _, name := range oddNames {
		s.put(s.odd(name+"#"), nil, []byte(name), s.oddEnd("group", name), s.oddEnd("label", name), time.Time{})
	}
	counts := s.counts()
	for _, name := range oddNames {
		s.expectList(fmt.Sprintf("of group %q", name), s.oddEnd("group", name), s.odd(name+"#"), name)
		expect(s, counting, fmt.Sprintf("Count of label %q", name), counts[s.oddEnd("label", name)], 1)
	}
}

// testMany puts thousands of records into one big group and many small ones.
func testMany(s suite) {
	const each = 2400 / crowd
	s.together(func(i int) error {
		for j := range each {
			group := s.id("big")
			if j%2 == 0 {
				group = s.id(fmt.Sprint("small", i))
			}
			id, label := s.id(fmt.Sprint(i, " ", j)), s.id(fmt.Sprint("l", j%3))
			if ok, err := s.store.Swap(s.Context(), id, nil, []byte("x"), group, label, time.Time{}); !ok || err != nil {
				return fmt.Errorf("Swap: %v, %w", ok, err)
			}
		}
		return nil
	})
	odd := each / 2
	expect(s, listing, "records of the big group", len(s.list(s.id("big"))), odd*crowd)
	expect(s, listing, "records of a small group", len(s.list(s.id("small7"))), each-odd)
	counts := s.counts()
	for l := range 3 {
		expect(s, counting, "Count of thousands", counts[s.id(fmt.Sprint("l", l))], (each-l+2)/3*crowd)
	}
}

// testIndexCrowd moves one record through groups and labels from many goroutines,
// while lists and counts are read. In the end it is in one group under one label.
func testIndexCrowd(s suite) {
	id := s.id("a")
	moved := s.background(func(i int) error {
		for range 3 {
			data, _, err := s.store.Get(s.Context(), id)
			if err != nil {
				return err
			}
			group, label := s.id(fmt.Sprint(i%4)), s.id(fmt.Sprint("l", i%4))
			if _, err := s.store.Swap(s.Context(), id, data, fmt.Append(nil, i%4), group, label, time.Time{}); err != nil {
				return err
			}
		}
		return nil
	})
	for !isClosed(moved) {
		s.list(s.id("0"))
		s.count(s.id("l0"))
	}
	data, _ := s.get(id)
	counts := s.counts()
	for i := range 4 {
		here := string(data) == fmt.Sprint(i)
		expect(s, listing, "record is in the group it was last put into", len(s.list(s.id(fmt.Sprint(i)))) == 1, here)
		expect(s, counting, "record has the label it was last given", counts[s.id(fmt.Sprint("l", i))] == 1, here)
	}
}

func testIndexCanceled(s suite) {
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	_, err := s.store.(session.Index).List(ctx, s.id("g"))
	expect(s, canceled, "List is an error", err != nil, true)
	_, err = s.store.(session.Index).Count(ctx)
	expect(s, canceled, "Count is an error", err != nil, true)
}

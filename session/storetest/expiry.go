package storetest

import (
	"time"
)

const (
	shortly = time.Second          // the life of a record that a test waits for
	fine    = 2 * time.Millisecond // how finely a store must tell expiries apart
	patient = 20 * time.Second     // how long a test waits for what must happen
)

// until calls f every few milliseconds until it reports true.
func (s suite) until(what string, f func() bool) {
	s.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patient); !f(); <-tick.C {
		if time.Now().After(end) {
			s.Fatalf("%s: not within %v", what, patient)
		}
	}
}

// untilGone waits until a record expires, and holds every answer on the way
// against the time that came with it.
func (s suite) untilGone(id string, data []byte, expires time.Time) {
	s.Helper()
	s.until("record expires", func() bool {
		got, now := s.get(id)
		switch {
		case now.Before(expires.Add(-fine)):
			s.expectData(clock, "Get before the expiry", got, data)
		case now.After(expires.Add(fine)):
			s.expectData(live, "Get after the expiry", got, nil)
		}
		return now.After(expires.Add(fine))
	})
}

func testExpiry(s suite) {
	id, data := s.id("a"), []byte("data")
	expires := s.now().Add(shortly)
	s.swapUntil(id, nil, data, expires)
	s.untilGone(id, data, expires)
}

func testExpiredSwap(s suite) {
	data, other := []byte("data"), []byte("other")
	expires := s.now().Add(shortly)
	for _, name := range []string{"replace", "delete", "create", "nothing"} {
		s.swapUntil(s.id(name), nil, data, expires)
	}
	s.untilGone(s.id("replace"), data, expires)
	expect(s, nilOld, "Swap of data for other, record expired", s.swap(s.id("replace"), data, other), false)
	expect(s, nilOld, "Swap of data for nil, record expired", s.swap(s.id("delete"), data, nil), false)
	expect(s, nilOld, "Swap of nil for nil, record expired", s.swap(s.id("nothing"), nil, nil), true)
	expect(s, nilOld, "Swap of nil for other, record expired", s.swap(s.id("create"), nil, other), true)
	left, _ := s.get(s.id("create"))
	s.expectData(nilOld, "Get after a Swap in the place of an expired record", left, other)
	left, _ = s.get(s.id("replace"))
	s.expectData(live, "Get of an expired record after a Swap that lost", left, nil)
}

// testNewExpiry replaces records: the expiry of the last swap alone counts.
func testNewExpiry(s suite) {
	longer, shorter, forever := s.id("longer"), s.id("shorter"), s.id("forever")
	first, second := []byte("first"), []byte("second")
	soon := s.now().Add(shortly)
	late := soon.Add(time.Hour)
	s.swapUntil(longer, nil, first, soon)
	s.swapUntil(longer, first, second, late)
	s.swapUntil(forever, nil, first, soon)
	s.swapUntil(forever, first, second, time.Time{})
	s.swapUntil(shorter, nil, first, late)
	s.swapUntil(shorter, first, second, soon)
	s.untilGone(shorter, second, soon)
	data, _ := s.get(longer)
	s.expectData(equal, "Get of a record whose expiry moved up", data, second)
	data, _ = s.get(forever)
	s.expectData(never, "Get of a record whose expiry was taken away", data, second)
}

// testPastExpiry swaps in what has expired already.
func testPastExpiry(s suite) {
	data, other := []byte("data"), []byte("other")
	for name, expires := range map[string]time.Time{
		"an hour ago":    s.now().Add(-time.Hour),
		"at this moment": s.now(),
		"in 1970":        time.Unix(0, 0),
		"before 1970":    time.Unix(-100, 0),
	} {
		id := s.id(name)
		expect(s, equal, "Swap of nil for data that expired "+name, s.swapUntil(id, nil, data, expires), true)
		left, _ := s.get(id)
		s.expectData(live, "Get of data that expired "+name, left, nil)
		expect(s, nilOld, "Swap of nil for other, record expired "+name, s.swap(id, nil, other), true)
		expect(s, equal, "Swap of other for data that expired "+name, s.swapUntil(id, other, data, expires), true)
		left, _ = s.get(id)
		s.expectData(live, "Get of data that replaced live data and expired "+name, left, nil)
	}
}

func testNever(s suite) {
	data := []byte("data")
	for name, expires := range map[string]time.Time{
		"never":                  {},
		"never, in another zone": time.Time{}.In(time.FixedZone("x", 3600)),
		"in 200 years":           s.now().AddDate(200, 0, 0),
	} {
		s.swapUntil(s.id(name), nil, data, expires)
		left, _ := s.get(s.id(name))
		s.expectData(never, "Get of a record that expires "+name, left, data)
	}
}

// testClock reads the time of the store often: it goes forward, about as fast as ours.
func testClock(s suite) {
	before := s.now()
	ours := time.Now()
	for range 50 {
		now := s.now()
		if now.Before(before.Add(-fine)) {
			s.Fatalf("time of Get went back from %v to %v\n\tcontract: %s", before, now, clock)
		}
		before = now
	}
	s.until("store's time goes on", func() bool { return s.now().After(before.Add(fine)) })
	if ahead := s.now().Sub(before) - time.Since(ours); ahead > time.Second {
		s.Fatalf("time of Get runs %v ahead of ours\n\tcontract: %s", ahead, clock)
	}
}

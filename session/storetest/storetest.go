// Package storetest is the contract of session.Store as a test. Whoever writes a
// store calls Run from a test of their own:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) session.Store { return newStore(t) })
//	}
//
// A failure quotes the sentence of the contract that it is about; where a method
// returned an error that none allows, it shows the error. RunSessions then checks what
// a session.Manager makes of the store.
package storetest

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/sessionring/sessionring/session"
)

// Run tests a store against the contract of session.Store, and of session.Index
// and session.Feed if it implements them; what it does not is reported as skipped.
//
// Open returns the store under test and is called once for each part. What it
// returns need not be empty, and may be the same store each time, because every
// part uses ids, groups and labels of its own; but nobody else may use the store
// meanwhile. Some 3,000 records are left behind, most of them for ever, and some 700
// entries of the feed, for an hour.
//
// Run waits for records to expire, so it takes some seconds of the store's time.
func Run(t *testing.T, open func(t *testing.T) session.Store) {
	for _, part := range parts {
		t.Run(part.name, func(t *testing.T) {
			s := suite{T: t, store: open(t), prefix: rand.Text()[:12]}
			if !part.fits(s) {
				t.Skipf("the store is no session.%s, which is optional", part.name)
			}
			for _, test := range part.tests {
				t.Run(test.name, func(t *testing.T) { test.run(suite{t, s.store, s.prefix + "/" + test.name}) })
			}
		})
	}
}

// part is what one interface of the contract asks for.
type part struct {
	name  string
	fits  func(suite) bool
	tests []test
}

type test struct {
	name string
	run  func(suite)
}

var parts = []part{
	{"Store", always, storeTests},
	{"Index", hasIndex, indexTests},
	{"Feed", hasFeed, feedTests},
}

func always(suite) bool     { return true }
func hasIndex(s suite) bool { _, ok := s.store.(session.Index); return ok }
func hasFeed(s suite) bool  { _, ok := s.store.(session.Feed); return ok }

// suite is one test of one store.
type suite struct {
	*testing.T
	store  session.Store
	prefix string // of all ids, groups and labels of this test
}

// id returns a name that only this test uses.
func (s suite) id(name string) string { return s.prefix + "/" + name }

// expect fails unless got is want, as the sentence of the contract says.
func expect[V comparable](s suite, sentence, what string, got, want V) {
	s.Helper()
	if got != want {
		s.Fatalf("%s: got %v, want %v\n\tcontract: %s", what, got, want, sentence)
	}
}

// expectData is expect for data, of which nil and empty are not the same.
func (s suite) expectData(sentence, what string, got, want []byte) {
	s.Helper()
	if !same(got, want) {
		s.Fatalf("%s: got %s, want %s\n\tcontract: %s", what, brief(got), brief(want), sentence)
	}
}

// must ends the test on an error where the contract allows none.
func (s suite) must(what string, err error) {
	s.Helper()
	if err != nil {
		s.Fatalf("%s: %v", what, err)
	}
}

func same(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

// brief describes data for a message.
func brief(data []byte) string {
	switch {
	case data == nil:
		return "nil"
	case len(data) > 64:
		return fmt.Sprintf("%q… (%d bytes)", data[:64], len(data))
	}
	return fmt.Sprintf("%q", data)
}

// get is Get without an error.
func (s suite) get(id string) ([]byte, time.Time) {
	s.Helper()
	data, now, err := s.store.Get(s.Context(), id)
	s.must("Get", err)
	return data, now
}

// swap is Swap without an error, group or label, of a record that stays.
func (s suite) swap(id string, old, data []byte) bool {
	s.Helper()
	return s.swapUntil(id, old, data, time.Time{})
}

// swapUntil is swap of a record that expires.
func (s suite) swapUntil(id string, old, data []byte, expires time.Time) bool {
	s.Helper()
	ok, err := s.store.Swap(s.Context(), id, old, data, "", "", expires)
	s.must("Swap", err)
	return ok
}

// now returns the time of the store.
func (s suite) now() time.Time {
	s.Helper()
	_, now := s.get(s.id("nothing"))
	return now
}

package session

import (
	"fmt"
	"hash/maphash"
	"testing"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
)

// Two tokens of one hash are two tokens: what is remembered of the one says nothing of
// the other.
func TestVerifiedHasTheText(t *testing.T) {
	v, r, now := newVerified(8), new(ring.Ring), time.Now()
	known := func(sum uint64) *remembered {
		return &remembered{sum: sum, token: "good", ring: r, from: now, claims: new(Claims)}
	}
	for _, token := range []string{"good", "evil"} {
		sum := maphash.String(v.seed, token)
		for _, place := range v.places(sum) {
			place.Store(known(sum))
		}
		if got := v.get(token, "", r, now) != nil; got != (token == "good") {
			t.Errorf("%s: got known %v", token, got)
		}
	}
}

// Where there is no room, what expires first goes.
func TestVerifiedKeepsTheLongest(t *testing.T) {
	r, now := new(ring.Ring), time.Now()
	for range 50 { // seeds
		v := newVerified(2)
		for token, minutes := range map[string]time.Duration{"a": 10, "b": 5} {
			v.put(token, r, &Claims{ExpiresAt: now.Add(minutes * time.Minute)}, now)
		}
		v.put("c", r, &Claims{ExpiresAt: now.Add(7 * time.Minute)}, now)
		for token, want := range map[string]bool{"a": true, "b": false, "c": true} {
			if got := v.get(token, "", r, now) != nil; got != want {
				t.Fatalf("%s: got known %v, want %v", token, got, want)
			}
		}
	}
}

// There is room for about as many tokens as were asked for.
func TestVerifiedHasRoom(t *testing.T) {
	r, now := new(ring.Ring), time.Now()
	v, known := newVerified(1000), 0
	for i := range 1000 {
		v.put(fmt.Sprint(i), r, &Claims{ExpiresAt: now.Add(time.Minute)}, now)
	}
	for i := range 1000 {
		if v.get(fmt.Sprint(i), "", r, now) != nil {
			known++
		}
	}
	if known < 700 {
		t.Errorf("got %d of 1000 tokens known, want most of them", known)
	}
}

// What was found is not told of a time before it was looked for: a key may not have been
// active then.
func TestVerifiedBefore(t *testing.T) {
	v, r, now := newVerified(8), new(ring.Ring), time.Now()
	v.put("a", r, &Claims{ExpiresAt: now.Add(time.Minute)}, now)
	if v.get("a", "", r, now) == nil || v.get("a", "", r, now.Add(-time.Nanosecond)) != nil {
		t.Error("want the token known from when it was looked for, and not before")
	}
}

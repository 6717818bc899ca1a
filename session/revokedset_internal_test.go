package session

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/internal/race"
)

// Scenario 39: an ended session takes at most 100 bytes of memory, and gives them
// back. Looking one up among a million allocates nothing.
func TestRevokedSetSize(t *testing.T) {
	if testing.Short() || race.Enabled {
		t.Skip("a million sessions, ended by one goroutine")
	}
	const n = 1_000_000
	inUse := func() int64 { // signed: what other tests left may go meanwhile
		runtime.GC()
		runtime.GC() // what a finalizer kept is gone after the second
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	s, now := new(revokedSet), time.Now()
	before := inUse()
	var last string
	for range n {
		last = newID()
		s.add(notice{Session: last, Until: now.Add(time.Hour).Unix()})
	}
	full := inUse() - before
	t.Logf("%d bytes for each ended session", full/n)
	if full/n > 100 {
		t.Errorf("got %d bytes for each ended session, want at most 100", full/n)
	}
	for sid, ended := range map[string]bool{newID(): false, last: true} {
		c, got := &Claims{SessionID: sid, AuthTime: now}, !ended
		if allocs := testing.AllocsPerRun(100, func() { got = s.has(c) }); allocs != 0 || got != ended {
			t.Errorf("got %v, with %v allocations, want %v and none", got, allocs, ended)
		}
	}
	s.sweep(now.Add(2 * time.Hour))
	if left := inUse() - before; left > full/20 {
		t.Errorf("got %d of %d bytes in use after the sweep, want at most a twentieth", left, full)
	}
	runtime.KeepAlive(s)
}

// Checks that run while sessions end see every one that ended before them, whatever is
// made anew meanwhile.
func TestRevokedSetWhileWritten(t *testing.T) {
	t.Parallel()
	s, now := new(revokedSet), time.Now()
	var known sync.Map // the number of ids that have ended, by writer
	id := func(writer, n int) string { return fmt.Sprintf("%d of %d", n, writer) }
	ended := func(writer, n int) bool { return s.has(&Claims{SessionID: id(writer, n), AuthTime: now}) }
	var crew sync.WaitGroup
	for writer := range 2 {
		crew.Go(func() {
			for n := range 5000 {
				s.add(notice{Session: id(writer, n), Until: now.Add(time.Hour).Unix()})
				known.Store(writer, n)
				if n%500 == 0 {
					s.sweep(now)
				}
			}
		})
		crew.Go(func() {
			for n := -1; n < 4999; {
				if last, ok := known.Load(writer); ok {
					n = last.(int)
					if !ended(writer, n) || !ended(writer, n/2) || ended(writer, 5000+n) {
						t.Errorf("got writer %d's session %d, %d or %d wrong", writer, n, n/2, 5000+n)
						return
					}
				}
			}
		})
	}
	crew.Wait()
}

// A session that has not ended is never found, even if another one takes the place in
// which it was looked for at that moment.
func TestRevokedSetFindsNoOther(t *testing.T) {
	t.Parallel()
	s, now := new(revokedSet), time.Now()
	id := func(n int) string { // all in one shard
		var raw sessionKey
		binary.BigEndian.PutUint64(raw[8:], uint64(n))
		return base64.RawURLEncoding.EncodeToString(raw[:])
	}
	done := make(chan bool)
	go func() {
		defer close(done)
		for n := range 60_000 {
			s.add(notice{Session: id(n + 1), Until: now.Unix() + 1})
			if n%5 == 4 { // before the table grows
				s.sweep(now.Add(time.Minute))
			}
		}
	}()
	good := &Claims{SessionID: id(0), AuthTime: now}
	for asked := 0; ; asked++ {
		if s.has(good) {
			t.Fatalf("got a session ended that is not, question %d", asked)
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

// Ids of any form have keys of their own; asking for one of ours allocates nothing.
func TestKeyOf(t *testing.T) {
	seen := map[sessionKey]string{}
	for _, sid := range []string{"", "x", newID(), newID(), strings.Repeat("A", 22), strings.Repeat("A", 21) + "B", strings.Repeat("A", 20) + "\r\n", strings.Repeat("x", 22), strings.Repeat("x", 23), strings.Repeat("!", 22), strings.Repeat("é", 11), strings.Repeat("x", 1<<12)} {
		if other, taken := seen[keyOf(sid)]; taken {
			t.Errorf("%.40q has the key of %.40q", sid, other)
		}
		seen[keyOf(sid)] = sid
	}
	s, c := new(revokedSet), &Claims{SessionID: newID(), AuthTime: time.Now()}
	s.add(notice{Session: newID(), Until: 1 << 40})
	if got := testing.AllocsPerRun(100, func() { s.has(c) }); got != 0 {
		t.Errorf("got %v allocations, want none", got)
	}
	var raw [16]byte
	rand.Read(raw[:])
	if got := keyOf(base64.RawURLEncoding.EncodeToString(raw[:])); got != raw {
		t.Errorf("got %x, want the bytes of the id %x", got, raw)
	}
}

// Of two notices about one session, or about all, the one for longer counts, in
// whatever order they are read.
func TestLaterNoticeCounts(t *testing.T) {
	now := time.Now()
	for _, order := range [][2]int64{{1, 2}, {2, 1}} {
		s, c := new(revokedSet), &Claims{SessionID: newID(), AuthTime: now.Add(90 * time.Minute)}
		for _, hours := range order {
			s.add(notice{Session: c.SessionID, Until: now.Unix() + hours*3600})
		}
		s.sweep(now.Add(90 * time.Minute))
		if !s.has(c) {
			t.Errorf("%v: got the session forgotten after 90 minutes, want it remembered for two hours", order)
		}
		if s.sweep(now.Add(2 * time.Hour)); s.has(c) {
			t.Errorf("%v: got the session remembered for longer than two hours", order)
		}
		for _, hours := range order {
			s.add(notice{Before: now.Unix() + hours*3600})
		}
		if !s.has(c) {
			t.Errorf("%v: got a session that began before two hours, want it ended", order)
		}
	}
}

// BenchmarkRevokedSet is what a check of Cached asks, from sets of several sizes.
func BenchmarkRevokedSet(b *testing.B) {
	for _, n := range []int{0, 1000, 1_000_000} {
		s, c := new(revokedSet), &Claims{SessionID: newID(), AuthTime: time.Now()}
		for range n {
			s.add(notice{Session: newID(), Until: 1 << 40})
		}
		b.Run(fmt.Sprintf("ended=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.has(c)
			}
		})
	}
}

// Where no feed is read, what was ended here is forgotten all the same, once its tokens
// have expired.
func TestForgottenWithoutFeed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := managerBy(t, Off)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { m.Run(ctx) })
		m.follow.set.add(notice{Session: "sid", Until: time.Now().Unix() + 70})
		for _, c := range []struct {
			wait time.Duration
			want bool
		}{{65 * time.Second, true}, {66 * time.Second, false}} {
			time.Sleep(c.wait)
			if got := m.follow.set.knows("sid"); got != c.want {
				t.Errorf("after %v more: got %v, want %v", c.wait, got, c.want)
			}
		}
		cancel()
		wg.Wait()
	})
}

package storetest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// crowd is how many goroutines meet on one record.
const crowd = 64

// together runs f in a crowd of goroutines and waits for all; errors fail the test.
func (s suite) together(f func(i int) error) {
	s.Helper()
	<-s.background(f)
}

// background runs f in a crowd of goroutines that start at once; the channel closes
// when all have ended. Errors fail the test.
func (s suite) background(f func(i int) error) <-chan struct{} {
	var crew sync.WaitGroup
	start := make(chan struct{})
	defer close(start)
	for i := range crowd {
		crew.Go(func() {
			<-start
			if err := f(i); err != nil {
				s.Errorf("%v\n\tcontract: %s", err, safe)
			}
		})
	}
	ended := make(chan struct{})
	go func() {
		crew.Wait()
		close(ended)
	}()
	return ended
}

// isClosed reports whether c is closed.
func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// testCounter adds one to a counter in each goroutine; none may get lost.
func testCounter(s suite) {
	id := s.id("a")
	s.together(func(int) error {
		for {
			data, _, err := s.store.Get(s.Context(), id)
			if err != nil {
				return err
			}
			n, _ := strconv.Atoi(string(data))
			next := strconv.AppendInt(nil, int64(n+1), 10)
			if ok, err := s.store.Swap(s.Context(), id, data, next, "", "", time.Time{}); ok || err != nil {
				return err
			}
		}
	})
	data, _ := s.get(id)
	expect(s, equal, "a counter after 64 goroutines each added one", string(data), strconv.Itoa(crowd))
}

// testWinner lets all swap the same old for something of their own, in rounds.
func testWinner(s suite) {
	id := s.id("a")
	var old []byte
	for round := range 8 {
		var won [crowd]bool
		mine := func(i int) []byte { return fmt.Appendf(nil, "round %d, goroutine %d", round, i) }
		s.together(func(i int) (err error) {
			won[i], err = s.store.Swap(s.Context(), id, old, mine(i), s.id("g"), s.id("l"), time.Time{})
			return err
		})
		winners, winner := 0, 0
		for i, ok := range won {
			if ok {
				winners, winner = winners+1, i
			}
		}
		expect(s, small, "winners of 64 goroutines", winners, 1)
		old, _ = s.get(id)
		s.expectData(equal, "Get after 64 goroutines swapped", old, mine(winner))
	}
}

func testCanceled(s suite) {
	id, data := s.id("a"), []byte("data")
	s.swap(id, nil, data)
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	began := time.Now()
	_, _, err := s.store.Get(ctx, id)
	expect(s, canceled, "Get is an error", err != nil, true)
	ok, err := s.store.Swap(ctx, id, data, []byte("other"), "", "", time.Time{})
	expect(s, canceled, "Swap is an error", err != nil, true)
	expect(s, canceled, "Swap with an error", ok, false)
	expect(s, canceled, "error is context.Canceled", errors.Is(err, context.Canceled), true)
	expect(s, canceled, "it takes seconds", time.Since(began) > 2*time.Second, false)
	left, _ := s.get(id)
	s.expectData(canceled, "Get afterwards", left, data)
}

// testInterrupted cancels swaps while they run: each either happened or did not.
func testInterrupted(s suite) {
	id := s.id("a")
	s.swap(id, nil, sealed(0))
	var sure, unsure atomic.Int64
	s.together(func(int) error {
		for range 4 {
			ctx, cancel := context.WithTimeout(s.Context(), rand.N(2*time.Millisecond))
			ok, err := addOne(ctx, s, id)
			cancel()
			if err != nil {
				unsure.Add(1)
			} else if ok {
				sure.Add(1)
			}
		}
		return nil
	})
	data, _ := s.get(id)
	n, whole := unseal(data)
	expect(s, canceled, "the record is whole: "+brief(data), whole, true)
	if n < sure.Load() || n > sure.Load()+unsure.Load() {
		s.Fatalf("a counter after %d swaps and %d errors: got %d\n\tcontract: %s", sure.Load(), unsure.Load(), n, canceled)
	}
}

// addOne adds one to a sealed counter, once.
func addOne(ctx context.Context, s suite, id string) (bool, error) {
	data, _, err := s.store.Get(ctx, id)
	if err != nil {
		return false, err
	}
	n, _ := unseal(data)
	return s.store.Swap(ctx, id, data, sealed(n+1), "", "", time.Time{})
}

// sealed returns 4 KiB that show n throughout, with a checksum.
func sealed(n int64) []byte {
	data := make([]byte, 4096)
	for i := 0; i < len(data)-4; i += 8 {
		binary.BigEndian.PutUint64(data[i:], uint64(n))
	}
	binary.BigEndian.PutUint32(data[4092:], crc32.ChecksumIEEE(data[:4092]))
	return data
}

// unseal returns what sealed data show, and whether they are whole.
func unseal(data []byte) (n int64, whole bool) {
	if len(data) != 4096 {
		return 0, false
	}
	n = int64(binary.BigEndian.Uint64(data))
	return n, binary.BigEndian.Uint32(data[4092:]) == crc32.ChecksumIEEE(data[:4092])
}

package drivers_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/storetest/drivers"
)

// feedStore is a store with a feed, as all of ours are.
type feedStore interface {
	session.Store
	session.Feed
}

// mustBeOurs skips a test that would stop a server from the environment.
func mustBeOurs(t *testing.T, server *drivers.Server) {
	t.Helper()
	if server == nil {
		t.Skip("the server comes from the environment, and this test must stop one")
	}
}

// count adds one to the counter in a record, n times, each with an entry.
func count(ctx context.Context, s feedStore, id string, n int) error {
	const unlucky = 10_000
	for lost := 0; n > 0 && lost < unlucky; lost++ {
		old, _, err := s.Get(ctx, id)
		if err != nil {
			return err
		}
		was, _ := strconv.Atoi(string(old))
		next := strconv.Itoa(was + 1)
		ok, err := s.SwapAppend(ctx, id, old, []byte(next), "g", "l", time.Time{}, []byte(next), time.Now().Add(time.Hour))
		if err != nil {
			return err
		}
		if ok {
			n, lost = n-1, 0
		}
	}
	if n > 0 {
		return fmt.Errorf("lost %d times in a row", unlucky)
	}
	return nil
}

// sweepAll writes until no expired row is left, and returns how many writes deleted
// some.
func sweepAll(t *testing.T, s feedStore, rows func() int) (sweeps int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // a disk may be slow
	defer cancel()
	began, slowest := time.Now(), time.Duration(0)
	for left := rows(); left > 0; {
		start := time.Now()
		if err := count(ctx, s, "new", 1); err != nil {
			t.Fatalf("%v; %d rows are left after %d sweeps", err, left, sweeps)
		}
		slowest = max(slowest, time.Since(start))
		now := rows()
		if left-now > 1000 {
			t.Fatalf("one write deleted %d rows, want at most 500 in each table", left-now)
		}
		if left > now {
			sweeps++
		}
		left = now
	}
	t.Logf("%d sweeps in %v, slowest write %v", sweeps, time.Since(began), slowest)
	return sweeps
}

package drivers_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sessionring/sessionring/session/redisstore"
	"github.com/sessionring/sessionring/session/storetest/drivers"
)

// TestRedisRepeats has a client that sends everything twice, as clients do that got
// no answer: who won is told so, unless somebody else swapped in between.
func TestRedisRepeats(t *testing.T) {
	t.Parallel()
	dsn, _ := drivers.StartRedis(t)
	_, do := drivers.OpenRedis(t, dsn)
	s := redisstore.New(func(ctx context.Context, args ...any) (any, error) {
		do(ctx, args...)
		return do(ctx, args...)
	})
	var crew sync.WaitGroup
	for i := range 16 {
		crew.Go(func() {
			id := fmt.Sprint(i)
			err := count(t.Context(), s, id, 10)
			if data, _, errGet := s.Get(t.Context(), id); string(data) != "10" || errors.Join(err, errGet) != nil {
				t.Errorf("got %s, %v, want 10", data, errors.Join(err, errGet))
			}
		})
	}
	crew.Wait()
}

// TestRedisPersistence stops a server that saves everything, under use.
func TestRedisPersistence(t *testing.T) {
	t.Parallel()
	dsn, server := drivers.StartRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	mustBeOurs(t, server)
	_, do := drivers.OpenRedis(t, dsn)
	s := redisstore.New(do)
	if err := count(t.Context(), s, "first", 1); err != nil {
		t.Fatal(err)
	}
	_, cursor, _ := s.After(t.Context(), "")
	outage(t, s, false, func(work func()) {
		work()
		server.Stop()
		_, _, err := s.Get(t.Context(), "first")
		if err == nil || !strings.HasPrefix(err.Error(), "redisstore: get: ") {
			t.Errorf("Get while the server was down: %v", err)
		}
		server.Start()
		work()
		server.Kill()
		server.Start()
	})
	all, _, err := s.After(t.Context(), "")
	again, _, errAgain := s.After(t.Context(), cursor)
	if len(all) == 0 || len(again) != len(all) || errors.Join(err, errAgain) != nil {
		t.Errorf("a cursor from before the restart: %d of %d entries, %v", len(again), len(all), errors.Join(err, errAgain))
	}
	expectCounts(t, s, map[string]int{"l": 9})
}

// TestRedisForgets restarts a server that saves nothing: all is gone, and whoever
// has an old cursor still gets what comes after.
func TestRedisForgets(t *testing.T) {
	t.Parallel()
	dsn, server := drivers.StartRedis(t)
	mustBeOurs(t, server)
	_, do := drivers.OpenRedis(t, dsn)
	s := redisstore.New(do)
	if err := count(t.Context(), s, "a", 3); err != nil {
		t.Fatal(err)
	}
	_, cursor, _ := s.After(t.Context(), "")
	server.Stop()
	server.Start()
	expectCounts(t, s, map[string]int{})
	if data, _, err := s.Get(t.Context(), "a"); data != nil || err != nil {
		t.Errorf("got %q, %v", data, err)
	}
	if err := count(t.Context(), s, "a", 2); err != nil {
		t.Fatal(err)
	}
	entries, _, err := s.After(t.Context(), cursor)
	if len(entries) != 2 || err != nil {
		t.Errorf("a cursor from before: %d entries, %v, want 2", len(entries), err)
	}
	expectCounts(t, s, map[string]int{"l": 1})
}

// TestRedisFull has a server without memory to spare: a clear error, nothing half
// written.
func TestRedisFull(t *testing.T) {
	t.Parallel()
	dsn, server := drivers.StartRedis(t, "--maxmemory", "4mb", "--maxmemory-policy", "noeviction")
	mustBeOurs(t, server)
	_, do := drivers.OpenRedis(t, dsn)
	s := redisstore.New(do)
	var err error
	ok, n := true, 0
	for ; err == nil && n < 10_000; n++ {
		ok, err = s.Swap(t.Context(), fmt.Sprint(n), nil, make([]byte, 10_000), "g", "l", time.Time{})
	}
	if ok || err == nil || !strings.HasPrefix(err.Error(), "redisstore: swap: ") || !strings.Contains(err.Error(), "OOM") {
		t.Fatalf("got %v, %v, want an error with OOM", ok, err)
	}
	if data, _, err := s.Get(t.Context(), fmt.Sprint(n-1)); data != nil || err != nil {
		t.Errorf("the record that did not fit: %d bytes, %v", len(data), err)
	}
	expectCounts(t, s, map[string]int{"l": n - 1})
}

// TestRedisScripts flushes the scripts that the server knows.
func TestRedisScripts(t *testing.T) {
	t.Parallel()
	dsn, _ := drivers.StartRedis(t)
	client, do := drivers.OpenRedis(t, dsn)
	s := redisstore.New(do)
	for range 3 {
		if err := count(t.Context(), s, "a", 1); err != nil {
			t.Fatal(err)
		}
		if err := client.ScriptFlush(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

package drivers_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sessionring/sessionring/session/redisstore"
	"github.com/sessionring/sessionring/session/storetest/drivers"
)

// put swaps a record in under a label, from absent.
func put(t *testing.T, s feedStore, id, label string, expires time.Time) {
	t.Helper()
	if ok, err := s.Swap(t.Context(), id, nil, []byte(label), "g", label, expires); !ok || err != nil {
		t.Fatal(ok, err)
	}
}

// relabel swaps the label of a record.
func relabel(t *testing.T, s feedStore, id, from, to string) {
	t.Helper()
	if ok, err := s.Swap(t.Context(), id, []byte(from), []byte(to), "g", to, time.Time{}); !ok || err != nil {
		t.Fatal(ok, err)
	}
}

func expectCounts(t *testing.T, s *redisstore.Store, want map[string]int) {
	t.Helper()
	counts, err := s.Count(t.Context())
	if err != nil || !maps.Equal(counts, want) {
		t.Errorf("Count: got %v, %v, want %v", counts, err, want)
	}
}

// indexed returns all that the indexes hold, by id.
func indexed(t *testing.T, client *redis.Client, pattern string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, key := range client.Keys(t.Context(), "sessionring:"+pattern).Val() {
		maps.Copy(all, client.HGetAll(t.Context(), key).Val())
	}
	return all
}

// age makes all marks a minute older, as if the time had passed.
func age(t *testing.T, client *redis.Client) {
	t.Helper()
	for _, key := range client.Keys(t.Context(), "sessionring:[ng]:*").Val() {
		for id, value := range client.HGetAll(t.Context(), key).Val() {
			head, made, marked := strings.Cut(value, ":?")
			if ms, err := strconv.Atoi(made); marked && err == nil {
				client.HSet(t.Context(), key, id, fmt.Sprint(head, ":?", ms-60_000))
			}
		}
	}
}

// TestRedisCount follows a count through marks and settled entries.
func TestRedisCount(t *testing.T) {
	t.Parallel()
	addr, _ := drivers.StartRedis(t)
	client, do := drivers.OpenRedis(t, addr)
	client.FlushAll(t.Context())
	s := redisstore.New(do)
	for i := range 20 {
		put(t, s, fmt.Sprint(i), "l", time.Time{})
	}
	soon := time.Now().Add(3 * time.Second)
	put(t, s, "soon", "l", soon)
	expectCounts(t, s, map[string]int{"l": 21})
	age(t, client)
	expectCounts(t, s, map[string]int{"l": 21})
	for id, value := range indexed(t, client, "n:*") {
		if !strings.HasSuffix(value, ":=l") {
			t.Errorf("%s is not settled: %q", id, value)
		}
	}
	expectCounts(t, s, map[string]int{"l": 21})
	relabel(t, s, "0", "l", "m")
	relabel(t, s, "1", "l", "")
	if ok, err := s.Swap(t.Context(), "2", []byte("l"), nil, "", "", time.Time{}); !ok || err != nil {
		t.Fatal(ok, err)
	}
	time.Sleep(time.Until(soon.Add(20 * time.Millisecond)))
	for range 2 {
		expectCounts(t, s, map[string]int{"l": 17, "m": 1})
		age(t, client)
		expectCounts(t, s, map[string]int{"l": 17, "m": 1})
	}
	if n := len(indexed(t, client, "n:*")); n != 18 {
		t.Errorf("%d entries are left, want 18", n)
	}
}

// broken fails every n-th command, after it was carried out if late.
func broken(do drivers.Do, n int, late bool) drivers.Do {
	var mu sync.Mutex
	commands := 0
	return func(ctx context.Context, args ...any) (any, error) {
		mu.Lock()
		commands++
		fail := commands%n == 0
		mu.Unlock()
		if fail && !late {
			return nil, errors.New("connection lost")
		}
		answer, err := do(ctx, args...)
		if fail {
			return nil, errors.New("connection lost")
		}
		return answer, err
	}
}

// TestRedisBroken loses the connection between any two commands of a swap. Counts
// and lists stay those of the records.
func TestRedisBroken(t *testing.T) {
	t.Parallel()
	addr, _ := drivers.StartRedis(t)
	client, do := drivers.OpenRedis(t, addr)
	for _, late := range []bool{false, true} {
		client.FlushAll(t.Context())
		s := redisstore.New(do)
		for i := range 200 {
			id := fmt.Sprint(i % 20)
			old, _, err := s.Get(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			label := fmt.Sprint("l", i%3)
			shaky := redisstore.New(broken(do, 1+i%7, late))
			shaky.Swap(t.Context(), id, old, []byte(label), label, label, time.Time{})
			if i%50 == 25 {
				age(t, client)
				s.Count(t.Context())
			}
		}
		for range 2 {
			expectRecords(t, s, client)
			age(t, client)
		}
	}
}

// expectRecords holds lists and counts against the records.
func expectRecords(t *testing.T, s *redisstore.Store, client *redis.Client) {
	t.Helper()
	want, listed := map[string]int{}, 0
	for _, key := range client.Keys(t.Context(), "sessionring:r:*").Val() {
		data, _, err := s.Get(t.Context(), strings.TrimPrefix(key, "sessionring:r:"))
		if err != nil {
			t.Fatal(err)
		}
		want[string(data)]++
	}
	for label, n := range want {
		list, err := s.List(t.Context(), label)
		if err != nil || len(list) != n {
			t.Errorf("List of %s: %d, %v, want %d", label, len(list), err, n)
		}
		listed += n
	}
	if listed == 0 {
		t.Error("no record at all")
	}
	expectCounts(t, s, want)
}

// TestRedisRepeats has a client that sends everything twice, as clients do that got
// no answer: who won is told so, unless somebody else swapped in between.
func TestRedisRepeats(t *testing.T) {
	t.Parallel()
	addr, _ := drivers.StartRedis(t)
	_, do := drivers.OpenRedis(t, addr)
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

// TestRedisIndexes lets records expire whose indexes nobody reads: they do not grow
// for ever, and end by themselves.
func TestRedisIndexes(t *testing.T) {
	t.Parallel()
	addr, _ := drivers.StartRedis(t)
	client, do := drivers.OpenRedis(t, addr)
	client.FlushAll(t.Context())
	s := redisstore.New(do)
	for i := range 4000 {
		expires := time.Now().Add(-time.Hour)
		if i%100 == 0 {
			expires = time.Now().Add(time.Hour)
		}
		put(t, s, fmt.Sprint(i), "l", expires)
	}
	if n := len(indexed(t, client, "g:*")); n > 1000 {
		t.Errorf("the group has %d ids, 40 of them live", n)
	}
	for _, key := range client.Keys(t.Context(), "sessionring:[ng]:*").Val() {
		if ttl := client.TTL(t.Context(), key).Val(); ttl <= 0 || ttl > 62*time.Minute {
			t.Errorf("%s ends in %v", key, ttl)
		}
	}
	list, err := s.List(t.Context(), "g")
	if len(list) != 40 || err != nil {
		t.Errorf("List: %d, %v, want 40", len(list), err)
	}
}

func TestRedisFeed(t *testing.T) {
	t.Parallel()
	addr, _ := drivers.StartRedis(t)
	client, do := drivers.OpenRedis(t, addr)
	client.Del(t.Context(), "sessionring:f")
	s := redisstore.New(do)
	unevenFeed(t, s, nil)
	for i := range 2 * feedWriters * feedEach / 10 {
		if ok, err := s.SwapAppend(t.Context(), fmt.Sprint(i), nil, nil, "", "", time.Time{}, []byte("x"), time.Now().Add(-time.Second)); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	if n := client.XLen(t.Context(), "sessionring:f").Val(); n < feedWriters*feedEach {
		t.Errorf("%d entries are left, some of them live, want %d", n, feedWriters*feedEach)
	}
}

// TestRedisTrim appends entries that expire soon: the stream stays short.
func TestRedisTrim(t *testing.T) {
	t.Parallel()
	addr, _ := drivers.StartRedis(t)
	client, do := drivers.OpenRedis(t, addr)
	client.Del(t.Context(), "sessionring:f")
	s := redisstore.New(do)
	for i := range 3000 {
		if ok, err := s.SwapAppend(t.Context(), fmt.Sprint(i), nil, nil, "", "", time.Time{}, []byte("x"), time.Now().Add(5*time.Millisecond)); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	if n := client.XLen(t.Context(), "sessionring:f").Val(); n > 1000 {
		t.Errorf("%d entries are left", n)
	}
	if ttl := client.TTL(t.Context(), "sessionring:f").Val(); ttl <= 0 || ttl > 2*time.Minute {
		t.Errorf("the stream ends in %v", ttl)
	}
}

// TestRedisPages reads more entries than one script returns.
func TestRedisPages(t *testing.T) {
	t.Parallel()
	addr, _ := drivers.StartRedis(t)
	client, do := drivers.OpenRedis(t, addr)
	client.Del(t.Context(), "sessionring:f")
	const n = 2_500
	pipe := client.Pipeline()
	for i := range n {
		pipe.XAdd(t.Context(), &redis.XAddArgs{Stream: "sessionring:f", Values: []any{"x", 0, "e", i}})
	}
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := redisstore.New(do)
	entries, next, err := s.After(t.Context(), "")
	more, _, errMore := s.After(t.Context(), next)
	if len(entries) != n || len(more) != 0 || errors.Join(err, errMore) != nil {
		t.Errorf("got %d, then %d, %v, want %d and none", len(entries), len(more), errors.Join(err, errMore), n)
	}
}

// TestRedisPersistence stops a server that saves everything, under use.
func TestRedisPersistence(t *testing.T) {
	t.Parallel()
	addr, server := drivers.StartRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	_, do := drivers.OpenRedis(t, addr)
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
	addr, server := drivers.StartRedis(t)
	_, do := drivers.OpenRedis(t, addr)
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
	addr, server := drivers.StartRedis(t, "--maxmemory", "4mb", "--maxmemory-policy", "noeviction")
	_ = server
	_, do := drivers.OpenRedis(t, addr)
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

// TestRedisWithoutInfo has an account that may not ask for the run id: the last
// minute is read again each time.
func TestRedisWithoutInfo(t *testing.T) {
	t.Parallel()
	addr, _ := drivers.StartRedis(t)
	client, _ := drivers.OpenRedis(t, addr)
	if err := client.Do(t.Context(), "ACL", "SETUSER", "app", "on", ">pass", "~sessionring:*", "+@all", "-info").Err(); err != nil {
		t.Fatal(err)
	}
	app := redis.NewClient(&redis.Options{Addr: addr, Username: "app", Password: "pass"})
	defer app.Close()
	s := redisstore.New(func(ctx context.Context, args ...any) (any, error) { return app.Do(ctx, args...).Result() })
	cursor := ""
	for i := range 3 {
		if err := count(t.Context(), s, "a", 1); err != nil {
			t.Fatal(err)
		}
		entries, next, err := s.After(t.Context(), cursor)
		if len(entries) < i+1 || err != nil {
			t.Errorf("got %d entries, %v, want at least %d", len(entries), err, i+1)
		}
		cursor = next
	}
}

// TestRedisScripts flushes the scripts that the server knows.
func TestRedisScripts(t *testing.T) {
	t.Parallel()
	addr, _ := drivers.StartRedis(t)
	client, do := drivers.OpenRedis(t, addr)
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

package drivers_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sessionring/sessionring/session/redisstore"
	"github.com/sessionring/sessionring/session/storetest/drivers"
)

// appendEntry adds an entry to the feed, and no record.
func appendEntry(t *testing.T, s feedStore, entry string, expires time.Time) {
	t.Helper()
	if ok, err := s.SwapAppend(t.Context(), entry, nil, nil, "", "", time.Time{}, []byte(entry), expires); !ok || err != nil {
		t.Fatal(ok, err)
	}
}

// entriesOf returns how many entries the stream has, live or not.
func entriesOf(t *testing.T, client *redis.Client) int64 {
	t.Helper()
	return client.XLen(t.Context(), "sessionring:f").Val()
}

func TestRedisFeed(t *testing.T) {
	t.Parallel()
	dsn, _ := drivers.StartRedis(t)
	client, do := drivers.OpenRedis(t, dsn)
	s := redisstore.New(do)
	unevenFeed(t, s, feedEach, nil)
	for i := range 2 * feedWriters * feedEach / 10 {
		appendEntry(t, s, fmt.Sprint(i), time.Now().Add(-time.Second))
	}
	if n := entriesOf(t, client); n < feedWriters*feedEach {
		t.Errorf("%d entries are left, some of them live, want %d", n, feedWriters*feedEach)
	}
}

// TestRedisTrim appends entries that expire soon: the stream stays short.
func TestRedisTrim(t *testing.T) {
	t.Parallel()
	dsn, _ := drivers.StartRedis(t)
	client, do := drivers.OpenRedis(t, dsn)
	s := redisstore.New(do)
	for i := range 3000 {
		appendEntry(t, s, fmt.Sprint(i), time.Now().Add(5*time.Millisecond))
	}
	if n := entriesOf(t, client); n > 1000 {
		t.Errorf("%d entries are left", n)
	}
	if ttl := client.TTL(t.Context(), "sessionring:f").Val(); ttl <= 0 || ttl > 2*time.Minute {
		t.Errorf("the stream ends in %v", ttl)
	}
}

// TestRedisFlood is scenario 39: a flood of entries expires; every write removes a few
// of them, and in the end their memory has been given back.
func TestRedisFlood(t *testing.T) {
	t.Parallel()
	const flood, batch = 20_000, 10
	dsn, _ := drivers.StartRedis(t)
	client, do := drivers.OpenRedis(t, dsn)
	s := redisstore.New(do)
	pipe := client.Pipeline()
	for i := range flood {
		pipe.XAdd(t.Context(), &redis.XAddArgs{Stream: "sessionring:f", Values: []any{"x", 1 + i, "e", i}})
	}
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	memory := func() int64 { return client.MemoryUsage(t.Context(), "sessionring:f").Val() }
	full := memory()
	writes := 0
	for left := entriesOf(t, client); left > batch; writes++ {
		appendEntry(t, s, fmt.Sprint(writes), time.Now().Add(-time.Second))
		now := entriesOf(t, client)
		if left-now > batch || writes > flood {
			t.Fatalf("write %d left %d of %d entries, want at most %d removed", writes, now, left, batch)
		}
		left = now
	}
	if left := memory(); left > full/20 {
		t.Errorf("%d of %d bytes are still in use after %d writes, want at most a twentieth", left, full, writes)
	}
}

// TestRedisTrimBehind appends entries behind some that live long, and for ever: they
// stay readable, and hold up nothing.
func TestRedisTrimBehind(t *testing.T) {
	t.Parallel()
	dsn, _ := drivers.StartRedis(t)
	client, do := drivers.OpenRedis(t, dsn)
	s := redisstore.New(do)
	appendEntry(t, s, "long", time.Now().Add(24*time.Hour))
	appendEntry(t, s, "for ever", time.Time{})
	for i := range 3000 {
		appendEntry(t, s, fmt.Sprint(i), time.Now().Add(5*time.Millisecond))
	}
	if n := entriesOf(t, client); n > 1000 {
		t.Errorf("%d entries are left", n)
	}
	entries, _, err := s.After(t.Context(), "")
	for _, want := range []string{"long", "for ever"} {
		if !slices.ContainsFunc(entries, func(e []byte) bool { return string(e) == want }) || err != nil {
			t.Errorf("the entry %q is gone, %v", want, err)
		}
	}
}

// TestRedisPages reads more entries than one script returns.
func TestRedisPages(t *testing.T) {
	t.Parallel()
	dsn, _ := drivers.StartRedis(t)
	client, do := drivers.OpenRedis(t, dsn)
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

// TestRedisWithoutInfo has an account that may not ask for the run id: the last
// minute is read again each time.
func TestRedisWithoutInfo(t *testing.T) {
	t.Parallel()
	dsn, _ := drivers.StartRedis(t)
	client, _ := drivers.OpenRedis(t, dsn)
	if err := client.Do(t.Context(), "ACL", "SETUSER", "app", "on", ">pass", "~sessionring:*", "+@all", "-info").Err(); err != nil {
		t.Fatal(err)
	}
	_, do := drivers.OpenRedis(t, strings.Replace(dsn, "redis://", "redis://app:pass@", 1))
	s := redisstore.New(do)
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

package drivers_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
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
	dsn, _ := drivers.StartRedis(t)
	client, do := drivers.OpenRedis(t, dsn)
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
	relabel(t, s, "1", "", ":0:0:") // as a header ends, of a record without a label
	expectCounts(t, s, map[string]int{"l": 17, "m": 1, ":0:0:": 1})
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

// TestRedisBroken makes random swaps and loses the connection between any two of
// their commands. Counts and lists stay those of the records.
func TestRedisBroken(t *testing.T) {
	t.Parallel()
	dsn, _ := drivers.StartRedis(t)
	client, do := drivers.OpenRedis(t, dsn)
	s := redisstore.New(do)
	for i := range 600 {
		id, group, label := fmt.Sprint(rand.N(20)), pick("", "g", "h"), pick("", "a", ":0:0:")
		old, _, err := s.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		data := []byte(group + "|" + label)
		if rand.N(8) == 0 {
			data = nil
		}
		shaky := redisstore.New(broken(do, 1+rand.N(6), rand.N(2) == 0))
		shaky.Swap(t.Context(), id, old, data, group, label, pick(time.Time{}, time.Now().Add(time.Hour), time.Now().Add(20*time.Millisecond)))
		if rand.N(8) == 0 {
			age(t, client)
		}
		if i%20 == 19 {
			expectRecords(t, s, client)
		}
	}
}

func pick[T any](of ...T) T { return of[rand.N(len(of))] }

// isSwap reports whether a command runs the script that swaps.
func isSwap(args []any) bool {
	return len(args) == 12 && strings.HasPrefix(args[3].(string), "sessionring:r:")
}

// TestRedisBetween lists and counts between mark and swap, whose record then is
// where neither found it.
func TestRedisBetween(t *testing.T) {
	t.Parallel()
	dsn, _ := drivers.StartRedis(t)
	client, do := drivers.OpenRedis(t, dsn)
	s := redisstore.New(do)
	put(t, s, "a", "l0", time.Time{})
	age(t, client)
	between := redisstore.New(func(ctx context.Context, args ...any) (any, error) {
		if isSwap(args) {
			s.Count(ctx)
			s.List(ctx, "g")
			s.List(ctx, "h")
		}
		return do(ctx, args...)
	})
	for i := range 6 {
		old, data, group := fmt.Append(nil, "l", i), fmt.Append(nil, "l", i+1), []string{"h", "g"}[i%2]
		if ok, err := between.Swap(t.Context(), "a", old, data, group, string(data), time.Time{}); !ok || err != nil {
			t.Fatal(ok, err)
		}
		expectCounts(t, s, map[string]int{string(data): 1})
		if list, err := s.List(t.Context(), group); len(list) != 1 || err != nil {
			t.Errorf("List: %v, %v, want the record", list, err)
		}
	}
}

// TestRedisLate has swaps that come so late that their mark is not good any more.
func TestRedisLate(t *testing.T) {
	t.Parallel()
	dsn, _ := drivers.StartRedis(t)
	_, do := drivers.OpenRedis(t, dsn)
	late, swaps := 2, 0
	s := redisstore.New(func(ctx context.Context, args ...any) (any, error) {
		if isSwap(args) && late > 0 {
			late--
			mark, _ := strconv.Atoi(args[11].(string))
			args[11] = strconv.Itoa(mark - 11_000)
		}
		answer, err := do(ctx, args...)
		if isSwap(args) && err == nil {
			swaps++
		}
		return answer, err
	})
	ok, err := s.Swap(t.Context(), "late", nil, []byte("x"), "g", "late", time.Time{})
	if !ok || err != nil || swaps < 2 {
		t.Errorf("got %v, %v after %d swaps, want a second one after a new mark", ok, err, swaps)
	}
}

// expectRecords holds lists and counts against the records, whose data says in which
// group they are, and under which label.
func expectRecords(t *testing.T, s *redisstore.Store, client *redis.Client) {
	t.Helper()
	time.Sleep(25 * time.Millisecond) // those that expire have expired
	counts, groups := map[string]int{}, map[string]int{}
	for _, key := range client.Keys(t.Context(), "sessionring:r:*").Val() {
		data, _, err := s.Get(t.Context(), strings.TrimPrefix(key, "sessionring:r:"))
		if err != nil {
			t.Fatal(err)
		}
		if group, label, live := strings.Cut(string(data), "|"); live {
			counts[label]++
			groups[group]++
		}
	}
	for _, group := range []string{"g", "h"} {
		list, err := s.List(t.Context(), group)
		if err != nil || len(list) != groups[group] {
			t.Errorf("List of %s: got %d, %v, want %d", group, len(list), err, groups[group])
		}
	}
	delete(counts, "")
	expectCounts(t, s, counts)
}

// TestRedisCountExpiry moves the expiry of settled records, as refreshes do within a
// day: the count follows the last one, and settles again.
func TestRedisCountExpiry(t *testing.T) {
	t.Parallel()
	dsn, _ := drivers.StartRedis(t)
	client, do := drivers.OpenRedis(t, dsn)
	s := redisstore.New(do)
	soon := time.Now().Add(3 * time.Second)
	late := soon.Add(time.Hour)
	move := func(id string, expires time.Time) {
		t.Helper()
		if ok, err := s.Swap(t.Context(), id, []byte(":?l"), []byte(":?l"), "g", ":?l", expires); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	for id, expires := range map[string]time.Time{"ends": soon, "longer": soon, "shorter": late, "for ever": soon, "no longer": {}} {
		put(t, s, id, ":?l", expires)
	}
	age(t, client)
	expectCounts(t, s, map[string]int{":?l": 5}) // and settles them
	move("longer", late)
	move("shorter", soon)
	move("for ever", time.Time{})
	move("no longer", soon)
	expectCounts(t, s, map[string]int{":?l": 5})
	time.Sleep(time.Until(soon.Add(20 * time.Millisecond)))
	for range 2 {
		expectCounts(t, s, map[string]int{":?l": 2})
		age(t, client)
		expectCounts(t, s, map[string]int{":?l": 2})
	}
	want := map[string]string{"longer": fmt.Sprintf("%d:=:?l", late.UnixMilli()), "for ever": "0:=:?l"}
	if got := indexed(t, client, "n:*"); !maps.Equal(got, want) {
		t.Errorf("got the index %v, want %v", got, want)
	}
}

// TestRedisIndexes lets records expire whose indexes nobody reads: they do not grow
// for ever, and end by themselves.
func TestRedisIndexes(t *testing.T) {
	t.Parallel()
	dsn, _ := drivers.StartRedis(t)
	client, do := drivers.OpenRedis(t, dsn)
	s := redisstore.New(do)
	for i := range 4000 {
		expires := time.Now().Add(-25 * time.Hour)
		if i%100 == 0 {
			expires = time.Now().Add(time.Hour)
		}
		put(t, s, fmt.Sprint(i), "l", expires)
	}
	if n := len(indexed(t, client, "g:*")); n > 1000 {
		t.Errorf("the group has %d ids, 40 of them live", n)
	}
	for _, key := range client.Keys(t.Context(), "sessionring:[ng]:*").Val() {
		least := time.Duration(0)
		if key == "sessionring:g:g" { // holds what lives for an hour, and may live for a day longer
			least = 25 * time.Hour
		}
		if ttl := client.TTL(t.Context(), key).Val(); ttl <= least || ttl > 25*time.Hour+2*time.Minute {
			t.Errorf("%s ends in %v", key, ttl)
		}
	}
	list, err := s.List(t.Context(), "g")
	if len(list) != 40 || err != nil {
		t.Errorf("List: %d, %v, want 40", len(list), err)
	}
}

// TestRedisUnmarked has a record whose expiry moved on within a day, so that the
// indexes still say the first: nobody takes it off them before the day is over.
func TestRedisUnmarked(t *testing.T) {
	t.Parallel()
	dsn, _ := drivers.StartRedis(t)
	client, do := drivers.OpenRedis(t, dsn)
	s := redisstore.New(do)
	put(t, s, "moved", "l", time.Now().Add(time.Hour))
	for _, key := range client.Keys(t.Context(), "sessionring:[ng]:*").Val() {
		before := time.Now().Add(-23 * time.Hour).UnixMilli()
		client.HSet(t.Context(), key, "moved", fmt.Sprint(before, ":?", before))
	}
	for i := range 100 { // each of which looks for what has expired
		put(t, s, fmt.Sprint(i), "m", time.Now().Add(time.Hour))
	}
	for range 2 {
		list, err := s.List(t.Context(), "g")
		if len(list) != 101 || err != nil {
			t.Errorf("List: %d, %v, want 101", len(list), err)
		}
		expectCounts(t, s, map[string]int{"l": 1, "m": 100})
	}
}

package drivers_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sessionring/sessionring/session/redisstore"
	"github.com/sessionring/sessionring/session/storetest/drivers"
)

// TestRedisCommands counts the commands that swaps cost, as the documentation of the
// package says.
func TestRedisCommands(t *testing.T) {
	t.Parallel()
	dsn, _ := drivers.StartRedis(t)
	_, do := drivers.OpenRedis(t, dsn)
	commands := 0
	s := redisstore.New(func(ctx context.Context, args ...any) (any, error) {
		if args[0] == "EVALSHA" { // EVAL follows where the server does not know the script yet
			commands++
		}
		return do(ctx, args...)
	})
	noon := time.Now().UTC().Truncate(24 * time.Hour).Add(60 * time.Hour)
	for i, c := range []struct {
		what    string
		was, is string        // data, group and label; "" is no record
		moved   time.Duration // the expiry
		want    int
	}{
		{"a refresh", "a g l", "b g l", 11 * time.Hour, 1},
		{"a refresh of what has no label", "a g ", "b g ", 11 * time.Hour, 1},
		{"a refresh of what has no group", "a  l", "b  l", 11 * time.Hour, 1},
		{"a refresh to the next day", "a g l", "b g l", 12 * time.Hour, 4},
		{"a refresh to the next day of what has no group", "a  l", "b  l", 12 * time.Hour, 3},
		{"an earlier expiry", "a g l", "b g l", -time.Second, 4},
		{"an earlier expiry of what is in no index", "a  ", "b  ", -24 * time.Hour, 1},
		{"a new record", "", "a  ", 0, 1},
		{"a new record with a label", "", "a  l", 0, 2},
		{"a new record with a group", "", "a g ", 0, 3},
		{"a new record with both", "", "a g l", 0, 3},
		{"another label", "a  l", "b  m", 0, 3},
		{"another label in a group", "a g l", "b g m", 0, 4},
		{"another group", "a g l", "b h l", 0, 4},
		{"a delete of what has no label", "a g ", "", 0, 1},
		{"a delete", "a  l", "", 0, 3},
	} {
		id := fmt.Sprint(i)
		swap := func(old, is string, expires time.Time) {
			data, names, _ := strings.Cut(is, " ")
			group, label, _ := strings.Cut(names, " ")
			was, _, _ := strings.Cut(old, " ")
			if ok, err := s.Swap(t.Context(), id, orNil(was), orNil(data), group, label, expires); !ok || err != nil {
				t.Fatal(c.what, ok, err)
			}
		}
		if c.was != "" {
			swap("", c.was, noon)
		}
		commands = 0
		swap(c.was, c.is, noon.Add(c.moved))
		if commands != c.want {
			t.Errorf("%s: %d commands, want %d", c.what, commands, c.want)
		}
	}
}

// orNil returns the bytes of text, nil if there are none.
func orNil(text string) []byte {
	if text == "" {
		return nil
	}
	return []byte(text)
}

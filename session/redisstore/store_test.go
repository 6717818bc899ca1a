package redisstore_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/redisstore"
)

// Run against Redis in storetest/drivers.
var (
	_ session.Store = (*redisstore.Store)(nil)
	_ session.Index = (*redisstore.Store)(nil)
	_ session.Feed  = (*redisstore.Store)(nil)
)

// calls runs every operation, and returns their errors by the word for each.
func calls(ctx context.Context, s *redisstore.Store) map[string]error {
	errs := map[string]error{}
	_, _, errs["get"] = s.Get(ctx, "a")
	_, errs["swap"] = s.Swap(ctx, "a", []byte("secret"), []byte("secret"), "g", "l", time.Time{})
	_, errs["list"] = s.List(ctx, "g")
	_, errs["count"] = s.Count(ctx)
	_, _, errs["feed"] = s.After(ctx, "")
	return errs
}

func TestErrors(t *testing.T) {
	t.Parallel()
	down := errors.New("connection refused")
	s := redisstore.New(func(context.Context, ...any) (any, error) { return nil, down })
	for what, err := range calls(t.Context(), s) {
		if !errors.Is(err, down) || !strings.HasPrefix(err.Error(), "redisstore: "+what+": ") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestCanceled sends nothing once the context has ended.
func TestCanceled(t *testing.T) {
	t.Parallel()
	s := redisstore.New(func(_ context.Context, args ...any) (any, error) {
		t.Errorf("sent %q", args)
		return nil, nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for what, err := range calls(ctx, s) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestStrangeAnswers has a client that answers something else: an error, no panic.
func TestStrangeAnswers(t *testing.T) {
	t.Parallel()
	for _, answer := range []any{
		nil, true, "", "x", []byte{}, int64(-1), 1.5, []any{}, []any{nil}, []any{nil, nil, nil}, []any{"1", "2", "x"},
		[]any{"1", "2", "0123456789:::"}, []any{"1", "2", "01234567890:9:9:short"}, []any{"1", "2", "01234567890:-1:1:x"},
		[]any{[]any{"l"}, []any{"id"}, int64(1)}, []any{map[any]any{}, "x", "y"}, []any{"a", "b", "c", []any{}},
	} {
		s := redisstore.New(func(context.Context, ...any) (any, error) { return answer, nil })
		for what, err := range calls(t.Context(), s) {
			if err == nil && what == "get" {
				t.Errorf("%s: no error for the answer %#v", what, answer)
			}
		}
	}
}

// TestArguments holds the commands to what New says: strings, one key, and the text
// of a script only if the server does not know its name.
func TestArguments(t *testing.T) {
	t.Parallel()
	var names, texts int
	s := redisstore.New(func(_ context.Context, args ...any) (any, error) {
		for _, a := range args {
			if _, ok := a.(string); !ok {
				t.Errorf("argument %#v is no string", a)
			}
		}
		if args[2] != "1" || !strings.HasPrefix(args[3].(string), "sessionring:") {
			t.Errorf("keys of %q: want one, ours", args)
		}
		if args[0] == "EVALSHA" {
			names++
			return nil, errors.New("NOSCRIPT No matching script. Please use EVAL.")
		}
		texts++
		return int64(0), nil
	})
	if ok, err := s.Swap(t.Context(), "a", []byte("x"), []byte("y"), "", "", time.Time{}); ok || err != nil || names != 1 || texts != 1 {
		t.Errorf("got %v, %v, after %d names and %d texts, want one each", ok, err, names, texts)
	}
}

// TestSlow has a server on which every mark is too old when the swap comes.
func TestSlow(t *testing.T) {
	t.Parallel()
	commands := 0
	s := redisstore.New(func(context.Context, ...any) (any, error) {
		commands++
		return int64(2), nil
	})
	ok, err := s.Swap(t.Context(), "a", nil, []byte("x"), "g", "l", time.Time{})
	if ok || err == nil || !strings.Contains(err.Error(), "too slow") || commands > 20 {
		t.Errorf("got %v, %v after %d commands", ok, err, commands)
	}
}

func TestNewPanics(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("New(nil) did not panic")
		}
	}()
	redisstore.New(nil)
}

package ring_test

import (
	"context"
	"errors"
	"testing"

	"github.com/sessionring/sessionring/internal/ring"
)

func TestReload(t *testing.T) {
	t.Parallel()
	var l ring.Live
	l.Swap(ringOf(t, "a"))
	if _, err := l.Reload(t.Context()); !errors.Is(err, ring.ErrNoSource) {
		t.Errorf("got %v, want %v", err, ring.ErrNoSource)
	}
	down := errors.New("source is down")
	for _, c := range []struct {
		words   string // "" is a failure
		changed bool
		current string
	}{
		{"a", false, "a"}, {"b a", true, "b"}, {"", false, "b"}, {"b a", false, "b"}, {"b !a", true, "b"}, {"c b", true, "c"},
	} {
		l.Load = func(context.Context) (*ring.Ring, error) {
			if c.words == "" {
				return nil, down
			}
			return ringOf(t, c.words), nil
		}
		changed, err := l.Reload(t.Context())
		if changed != c.changed || (c.words == "") != errors.Is(err, down) {
			t.Errorf("to %q: got changed %v, %v, want %v", c.words, changed, err, c.changed)
		}
		if got := l.Ring().Current(now); got.Tag != c.current {
			t.Errorf("to %q: got current %s, want %s", c.words, got.Tag, c.current)
		}
	}
}

// TestReloadTheFirstTime: there may be no ring before.
func TestReloadTheFirstTime(t *testing.T) {
	t.Parallel()
	l := ring.Live{Load: func(context.Context) (*ring.Ring, error) { return ringOf(t, "a"), nil }}
	if changed, err := l.Reload(t.Context()); !changed || err != nil {
		t.Errorf("got %v, %v, want a change", changed, err)
	}
}

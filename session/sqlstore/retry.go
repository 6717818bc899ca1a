package sqlstore

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"
)

const (
	patience = 10 * time.Second      // how long a lock is waited for, if ctx does not end before
	maxPause = 20 * time.Millisecond // between two attempts
)

// try runs f, again and again while it fails only because others were writing.
func (s *Store) try(ctx context.Context, what string, f func() error) error {
	if err := persist(ctx, f); err != nil {
		return failure(ctx, what, err)
	}
	return nil
}

// persist is try with the error as it came.
func persist(ctx context.Context, f func() error) error {
	end := time.Now().Add(patience)
	for pause := time.Millisecond; ; pause = min(2*pause, maxPause) {
		err := f()
		if err == nil || !passing(err) || ctx.Err() != nil || time.Now().After(end) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause/2 + rand.N(pause)):
		}
	}
}

// passing reports whether err says that others were in the way and nothing was
// done. SQLite drivers have no common type for that, so their text must do.
func passing(err error) bool {
	var coded interface{ SQLState() string }
	if errors.As(err, &coded) {
		state := coded.SQLState()
		return state == "40001" || state == "40P01" // serialization failure, deadlock
	}
	text := err.Error()
	return strings.Contains(text, "is locked") || strings.Contains(text, "SQLITE_BUSY") || strings.Contains(text, "locking protocol")
}

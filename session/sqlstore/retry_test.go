package sqlstore

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// coded is an error as drivers for PostgreSQL return it.
type coded string

func (c coded) Error() string    { return "database says " + string(c) }
func (c coded) SQLState() string { return string(c) }

func TestPassing(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err  error
		want bool
	}{
		{coded("40001"), true},
		{coded("40P01"), true},
		{coded("23505"), false},
		{errors.New("database is locked (5) (SQLITE_BUSY)"), true},
		{errors.New("database is locked"), true},
		{errors.New("database table is locked: sessionring_records"), true},
		{errors.New("locking protocol (15)"), true},
		{errors.New("attempt to write a readonly database (8)"), false},
		{context.Canceled, false},
	} {
		if got := passing(test.err); got != test.want {
			t.Errorf("passing(%v): got %v, want %v", test.err, got, test.want)
		}
	}
}

// TestPersist waits for a lock: until it is free, until the context ends, or ten
// seconds.
func TestPersist(t *testing.T) {
	locked := errors.New("database is locked")
	for name, test := range map[string]struct {
		free, limit time.Duration
		want        error
		took        time.Duration
	}{
		"free at last":     {3 * time.Second, time.Hour, nil, 3 * time.Second},
		"the context ends": {time.Hour, 2 * time.Second, locked, 2 * time.Second},
		"for ever":         {time.Hour, time.Hour, locked, patience},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), test.limit)
			defer cancel()
			began, tries := time.Now(), 0
			err := persist(ctx, func() error {
				if tries++; time.Since(began) < test.free {
					return locked
				}
				return nil
			})
			if took := time.Since(began); !errors.Is(err, test.want) || took < test.took || took > test.took+2*maxPause {
				t.Errorf("%s: got %v after %v, want %v after %v", name, err, took, test.want, test.took)
			}
			if most := int(test.took/maxPause)*2 + 10; tries > most {
				t.Errorf("%s: tried %d times, want at most %d", name, tries, most)
			}
		})
	}
}

// purger counts purges, each of which takes a second.
type purger struct {
	engine
	purges int
	rows   int64
}

func (p *purger) purge(context.Context, int) (int64, error) {
	time.Sleep(time.Second)
	p.purges++
	deleted := min(p.rows, sweepBatch)
	p.rows -= deleted
	return deleted, nil
}

// TestSweeper writes every tenth of a second: while much has expired, a fourth of the
// time goes into sweeping, and afterwards there is a look every ten seconds.
func TestSweeper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s sweeper
		db := &purger{rows: 10*sweepBatch - 1}
		write := func(long time.Duration) {
			for end := time.Now().Add(long); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
				s.sweep(t.Context(), db)
			}
		}
		write(36*time.Second + 50*time.Millisecond)
		if db.purges != 10 || db.rows != 0 {
			t.Errorf("%d batches were deleted, %d rows are left, want 10 and none", db.purges, db.rows)
		}
		write(100 * time.Second)
		if more := db.purges - 10; more < 9 || more > 11 {
			t.Errorf("looked %d times in 100 seconds, want 10", more)
		}
	})
}

package drivers_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sessionring/sessionring/session/sqlstore"
	"github.com/sessionring/sessionring/session/storetest/drivers"
)

// TestSQLiteLocked writes while somebody else holds the lock: a context ends the
// wait, and without one the write happens once the lock is free.
func TestSQLiteLocked(t *testing.T) {
	t.Parallel()
	file := newSQLite(t)
	s := open(t, drivers.OpenSQLite(t, file))
	other, err := drivers.OpenSQLite(t, file).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	endsWithContext(t, s)
	if data, _, err := s.Get(t.Context(), "a"); data != nil || err != nil {
		t.Errorf("Get while the database is locked: %q, %v", data, err)
	}
	counted := make(chan error)
	go func() { counted <- count(t.Context(), s, "a", 1) }()
	select {
	case err := <-counted:
		t.Fatalf("counted while the database was locked: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	if _, err := other.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if err := <-counted; err != nil {
		t.Error(err)
	}
}

// endsWithContext calls what must wait for a lock, with contexts that end.
func endsWithContext(t *testing.T, s feedStore) {
	t.Helper()
	for what, call := range map[string]func(context.Context) (bool, error){
		"Swap": func(ctx context.Context) (bool, error) {
			return s.Swap(ctx, "a", nil, []byte("x"), "", "", time.Time{})
		},
		"SwapAppend": func(ctx context.Context) (bool, error) {
			return s.SwapAppend(ctx, "a", nil, []byte("x"), "", "", time.Time{}, []byte("e"), time.Time{})
		},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		began := time.Now()
		ok, err := call(ctx)
		if ok || !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 2*time.Second {
			t.Errorf("%s while locked, after %v: %v, %v", what, time.Since(began), ok, err)
		}
		cancel()
	}
}

func TestSQLiteReadOnly(t *testing.T) {
	t.Parallel()
	file := newSQLite(t)
	if err := count(t.Context(), open(t, drivers.OpenSQLite(t, file)), "a", 1); err != nil {
		t.Fatal(err)
	}
	refused(t, open(t, drivers.OpenSQLite(t, "file:"+file+"?mode=ro")), "readonly")
	_, err := sqlstore.Open(t.Context(), drivers.OpenSQLite(t, "file:"+filepath.Join(t.TempDir(), "new.db")+"?mode=ro"))
	if err == nil || !strings.HasPrefix(err.Error(), "sqlstore: open: ") {
		t.Errorf("Open of a file that cannot be made: %v", err)
	}
}

// refused counts at a store that cannot write: a clear error, and nothing changed.
func refused(t *testing.T, s feedStore, want string) {
	t.Helper()
	old, _, err := s.Get(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	before, _, _ := s.After(t.Context(), "")
	ok, err := s.Swap(t.Context(), "a", old, []byte("secret"), "g", "l", time.Time{})
	expectRefusal(t, ok, err, want)
	ok, err = s.SwapAppend(t.Context(), "a", old, []byte("secret"), "g", "l", time.Time{}, []byte("secret"), time.Time{})
	expectRefusal(t, ok, err, want)
	data, _, err := s.Get(t.Context(), "a")
	after, _, errAfter := s.After(t.Context(), "")
	if string(data) != string(old) || len(after) != len(before) || errors.Join(err, errAfter) != nil {
		t.Errorf("got %q and %d entries, %v, want %q and %d", data, len(after), errors.Join(err, errAfter), old, len(before))
	}
}

func expectRefusal(t *testing.T, ok bool, err error, want string) {
	t.Helper()
	if ok || err == nil || !strings.HasPrefix(err.Error(), "sqlstore: swap: ") || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v, %v, want an error with %q and without data", ok, err, want)
	}
}

// TestSQLiteFull has a file that may not grow.
func TestSQLiteFull(t *testing.T) {
	t.Parallel()
	db := drivers.OpenSQLite(t, "file:"+newSQLite(t)+"?_pragma=max_page_count(40)")
	s := open(t, db)
	var err error
	ok, n := true, 0
	for ; err == nil && n < 1000; n++ {
		ok, err = s.SwapAppend(t.Context(), fmt.Sprint(n), nil, make([]byte, 2000), "g", "l", time.Time{}, make([]byte, 500), time.Now().Add(time.Hour))
	}
	expectRefusal(t, ok, err, "full")
	entries, _, err := s.After(t.Context(), "")
	list, errList := s.List(t.Context(), "g")
	if len(entries) != n-1 || len(list) != n-1 || errors.Join(err, errList) != nil {
		t.Errorf("got %d records and %d entries, %v, want %d", len(list), len(entries), errors.Join(err, errList), n-1)
	}
	if ok, err := s.Swap(t.Context(), "0", make([]byte, 2000), nil, "", "", time.Time{}); !ok || err != nil {
		t.Errorf("delete in a full database: %v, %v", ok, err)
	}
}

// TestSQLiteSweep is scenario 39: 50,000 records and as many entries have expired.
// Writes delete them, 500 at a time, without much ado for those who write.
func TestSQLiteSweep(t *testing.T) {
	t.Parallel()
	expired := 50_000
	if raced {
		expired = 5_000
	}
	db := drivers.OpenSQLite(t, newSQLite(t))
	s := open(t, db)
	for _, fill := range []string{
		"INSERT INTO sessionring_records SELECT 'old' || i, zeroblob(300), 'g' || i, 'l', i, 0 FROM n",
		"INSERT INTO sessionring_feed (entry, expires) SELECT zeroblob(16), i FROM n",
	} {
		if _, err := db.Exec("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "+fill, expired); err != nil {
			t.Fatal(err)
		}
	}
	if counts, err := s.Count(t.Context()); err != nil || counts["l"] != 0 {
		t.Errorf("Count of expired records: %v, %v", counts, err)
	}
	sweeps := sweepAll(t, s, func() (n int) {
		db.QueryRow("SELECT (SELECT count(*) FROM sessionring_records WHERE expires < 1000000) + (SELECT count(*) FROM sessionring_feed WHERE expires < 1000000)").Scan(&n)
		return n
	})
	if sweeps < expired/500 {
		t.Errorf("swept in %d batches, want at least %d", sweeps, expired/500)
	}
}

// TestSQLiteAtOnce has a feed that refuses entries: the record stays as it was.
func TestSQLiteAtOnce(t *testing.T) {
	t.Parallel()
	db := drivers.OpenSQLite(t, newSQLite(t))
	s := open(t, db)
	if err := count(t.Context(), s, "a", 1); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("CREATE TRIGGER no BEFORE INSERT ON sessionring_feed BEGIN SELECT RAISE(ABORT, 'no entries'); END"); err != nil {
		t.Fatal(err)
	}
	ok, err := s.SwapAppend(t.Context(), "a", []byte("1"), []byte("secret"), "", "", time.Time{}, []byte("secret"), time.Time{})
	expectRefusal(t, ok, err, "no entries")
	if data, _, err := s.Get(t.Context(), "a"); string(data) != "1" || err != nil {
		t.Errorf("the record was written without its entry: got %q, %v", data, err)
	}
	if _, err := db.Exec("DROP TRIGGER no"); err != nil {
		t.Fatal(err)
	}
	if err := count(t.Context(), s, "a", 1); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

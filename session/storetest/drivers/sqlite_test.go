package drivers_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sessionring/sessionring/session/sqlstore"
	"github.com/sessionring/sessionring/session/storetest/drivers"
)

// TestSQLiteHandles counts in one file through two handles of this process, from 16
// goroutines each, and from another process.
func TestSQLiteHandles(t *testing.T) {
	t.Parallel()
	file := newSQLite(t)
	stores := []feedStore{open(t, drivers.OpenSQLite(t, file)), open(t, drivers.OpenSQLite(t, file))}
	var crew sync.WaitGroup
	for i := range 32 {
		crew.Go(func() {
			if err := count(t.Context(), stores[i%2], "counter", 10); err != nil {
				t.Error(err)
			}
		})
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSQLiteChild$", "-test.v")
	child.Env = append(os.Environ(), "DRIVERS_CHILD_FILE="+file)
	out, err := child.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestSQLiteChild") {
		t.Errorf("other process: %v\n%s", err, out)
	}
	crew.Wait()
	data, _, err := stores[0].Get(t.Context(), "counter")
	entries, _, errAfter := stores[1].After(t.Context(), "")
	if string(data) != "420" || len(entries) != 420 || errors.Join(err, errAfter) != nil {
		t.Errorf("got %s and %d entries, %v, want 420", data, len(entries), errors.Join(err, errAfter))
	}
}

// TestSQLiteChild is the other process.
func TestSQLiteChild(t *testing.T) {
	file := os.Getenv("DRIVERS_CHILD_FILE")
	if file == "" {
		t.Skip("run by TestSQLiteHandles")
	}
	if err := count(t.Context(), open(t, drivers.OpenSQLite(t, file)), "counter", 100); err != nil {
		t.Fatal(err)
	}
}

// TestSQLiteOpens opens a file that does not exist from 50 handles at once.
func TestSQLiteOpens(t *testing.T) {
	t.Parallel()
	file := newSQLite(t)
	var crew sync.WaitGroup
	for range 50 {
		db := drivers.OpenSQLite(t, file)
		crew.Go(func() {
			s, err := sqlstore.Open(t.Context(), db)
			if err == nil {
				err = count(t.Context(), s, "counter", 1)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	crew.Wait()
	data, _, _ := open(t, drivers.OpenSQLite(t, file)).Get(t.Context(), "counter")
	if string(data) != "50" {
		t.Errorf("got %s, want 50", data)
	}
}

func TestSQLiteVersions(t *testing.T) {
	t.Parallel()
	db := drivers.OpenSQLite(t, newSQLite(t))
	versions(t, db)
}

func TestSQLiteInMemory(t *testing.T) {
	t.Parallel()
	_, err := sqlstore.Open(t.Context(), drivers.OpenSQLite(t, ":memory:"))
	if err == nil || !strings.Contains(err.Error(), "memstore") {
		t.Errorf("got %v, want an error that names memstore", err)
	}
}

// TestSQLiteSynchronous writes, and finds the connection as it was.
func TestSQLiteSynchronous(t *testing.T) {
	t.Parallel()
	db := drivers.OpenSQLite(t, "file:"+newSQLite(t)+"?_pragma=synchronous(3)")
	db.SetMaxOpenConns(1)
	if err := count(t.Context(), open(t, db), "a", 3); err != nil {
		t.Fatal(err)
	}
	var synchronous int
	if err := db.QueryRow("PRAGMA synchronous").Scan(&synchronous); err != nil || synchronous != 3 {
		t.Errorf("got synchronous=%d, %v, want 3", synchronous, err)
	}
}

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
	clear(t, ok, err, want)
	ok, err = s.SwapAppend(t.Context(), "a", old, []byte("secret"), "g", "l", time.Time{}, []byte("secret"), time.Time{})
	clear(t, ok, err, want)
	data, _, err := s.Get(t.Context(), "a")
	after, _, errAfter := s.After(t.Context(), "")
	if string(data) != string(old) || len(after) != len(before) || errors.Join(err, errAfter) != nil {
		t.Errorf("got %q and %d entries, %v, want %q and %d", data, len(after), errors.Join(err, errAfter), old, len(before))
	}
}

func clear(t *testing.T, ok bool, err error, want string) {
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
	clear(t, ok, err, "full")
	entries, _, err := s.After(t.Context(), "")
	list, errList := s.List(t.Context(), "g")
	if len(entries) != n-1 || len(list) != n-1 || errors.Join(err, errList) != nil {
		t.Errorf("got %d records and %d entries, %v, want %d", len(list), len(entries), errors.Join(err, errList), n-1)
	}
	if ok, err := s.Swap(t.Context(), "0", make([]byte, 2000), nil, "", "", time.Time{}); !ok || err != nil {
		t.Errorf("delete in a full database: %v, %v", ok, err)
	}
}

// TestSQLiteSweep has 50,000 records and as many entries that have expired. Writes
// delete them, 500 at a time, without much ado for those who write.
func TestSQLiteSweep(t *testing.T) {
	t.Parallel()
	expired := 50_000
	if raced {
		expired = 5_000
	}
	db := drivers.OpenSQLite(t, newSQLite(t))
	s := open(t, db)
	for _, fill := range []string{
		"INSERT INTO sessionring_records SELECT 'old' || i, zeroblob(300), 'g' || i, 'l', i FROM n",
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
	clear(t, ok, err, "no entries")
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

func TestSQLiteFeed(t *testing.T) {
	t.Parallel()
	file := newSQLite(t)
	unevenFeed(t, open(t, drivers.OpenSQLite(t, file)), nil)
}

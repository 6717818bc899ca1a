package drivers_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
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

// TestSQLiteIndexes refreshes records whose expiry moves on within a day: that writes
// one page each, which is that of the record, and no index.
func TestSQLiteIndexes(t *testing.T) {
	t.Parallel()
	onceRaced(t)
	const records, refreshes = 5000, 200
	file := newSQLite(t)
	s := open(t, drivers.OpenSQLite(t, "file:"+file+"?_pragma=synchronous(1)&_pragma=wal_autocheckpoint(0)"))
	expires := time.Now().Truncate(24 * time.Hour).Add(48 * time.Hour)
	for i := range records {
		put(t, s, fmt.Sprint(i), "l", expires)
	}
	before := sizeOf(t, file+"-wal")
	for i := range refreshes {
		expires = expires.Add(time.Minute)
		if ok, err := s.Swap(t.Context(), fmt.Sprint(i*(records/refreshes)), []byte("l"), []byte("m"), "g", "l", expires); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	const page = 4096 + 24 // with its header in the log
	if pages := (sizeOf(t, file+"-wal") - before) / page; pages > refreshes {
		t.Errorf("%d refreshes wrote %d pages, want one each", refreshes, pages)
	}
}

func sizeOf(t *testing.T, file string) int64 {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func TestSQLiteVersions(t *testing.T) {
	t.Parallel()
	versions(t, drivers.OpenSQLite(t, newSQLite(t)), 2)
}

func TestSQLiteInMemory(t *testing.T) {
	t.Parallel()
	for _, name := range []string{":memory:", "", "file:shared?mode=memory&cache=shared"} {
		_, err := sqlstore.Open(t.Context(), drivers.OpenSQLite(t, name))
		if err == nil || !strings.Contains(err.Error(), "memstore") {
			t.Errorf("%q: got %v, want an error that names memstore", name, err)
		}
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

func TestSQLiteFeed(t *testing.T) {
	t.Parallel()
	file := newSQLite(t)
	each := feedEach
	if raced {
		each /= 8
	}
	unevenFeed(t, open(t, drivers.OpenSQLite(t, file)), each, nil)
}

// A cursor of another file is unknown, however far this one has counted.
func TestSQLiteCursorOfAnotherFile(t *testing.T) {
	t.Parallel()
	before, now := open(t, drivers.OpenSQLite(t, newSQLite(t))), open(t, drivers.OpenSQLite(t, newSQLite(t)))
	for s, n := range map[feedStore]int{before: 3, now: 5} {
		if err := count(t.Context(), s, "counter", n); err != nil {
			t.Fatal(err)
		}
	}
	_, cursor, err := before.After(t.Context(), "")
	entries, _, errAfter := now.After(t.Context(), cursor)
	if len(entries) != 5 || errors.Join(err, errAfter) != nil {
		t.Errorf("got %d entries, %v, want all 5", len(entries), errors.Join(err, errAfter))
	}
}

package drivers_test

import (
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/sqlstore"
	"github.com/sessionring/sessionring/session/storetest"
	"github.com/sessionring/sessionring/session/storetest/drivers"
)

// TestPostgres uses one server for all, because making one takes long.
func TestPostgres(t *testing.T) {
	t.Parallel()
	dsn, server := drivers.StartPostgres(t)
	t.Run("opens", func(t *testing.T) { testPostgresOpens(t, dsn) })
	t.Run("versions", func(t *testing.T) { versions(t, drivers.OpenPostgres(t, dsn)) })
	t.Run("contract", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) session.Store { return open(t, drivers.OpenPostgres(t, dsn)) })
	})
	t.Run("hot", func(t *testing.T) { testPostgresHOT(t, dsn) })
	t.Run("isolation", func(t *testing.T) { testPostgresIsolation(t, dsn) })
	t.Run("locked", func(t *testing.T) { testPostgresLocked(t, dsn) })
	t.Run("revoked", func(t *testing.T) { testPostgresRevoked(t, dsn) })
	t.Run("feed", func(t *testing.T) { testPostgresFeed(t, dsn) })
	t.Run("sweep", func(t *testing.T) { testPostgresSweep(t, dsn) })
	t.Run("stop", func(t *testing.T) { testPostgresStop(t, dsn, server) })
}

// with adds a parameter to an address.
func with(dsn, name, value string) string {
	u, _ := url.Parse(dsn)
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20")
	return u.String()
}

// testPostgresOpens makes the tables from 50 handles at once.
func testPostgresOpens(t *testing.T, dsn string) {
	var crew sync.WaitGroup
	for range 50 {
		db := drivers.OpenPostgres(t, dsn)
		db.SetMaxOpenConns(1)
		crew.Go(func() {
			s, err := sqlstore.Open(t.Context(), db)
			if err == nil {
				err = count(t.Context(), s, "opens", 1)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	crew.Wait()
	data, _, _ := open(t, drivers.OpenPostgres(t, dsn)).Get(t.Context(), "opens")
	if string(data) != "50" {
		t.Errorf("got %s, want 50", data)
	}
}

// versions opens tables of a later release, which it refuses, and then tables of
// before the first, which it migrates.
func versions(t *testing.T, db *sql.DB) {
	t.Helper()
	open(t, db)
	set := func(statements ...string) {
		for _, s := range statements {
			if _, err := db.Exec(s); err != nil {
				t.Fatal(err)
			}
		}
	}
	set("UPDATE sessionring_schema SET version = version + 1")
	_, err := sqlstore.Open(t.Context(), db)
	if err == nil || !strings.Contains(err.Error(), "later release") {
		t.Errorf("Open of later tables: %v", err)
	}
	set("UPDATE sessionring_schema SET version = 0")
	_, err = sqlstore.Open(t.Context(), db)
	if err == nil || !strings.Contains(err.Error(), "already exists") {
		t.Errorf("Open of tables that are of another version than they say: %v", err)
	}
	set("DROP TABLE sessionring_records", "DROP TABLE sessionring_feed")
	if err := count(t.Context(), open(t, db), "versions", 1); err != nil {
		t.Error(err)
	}
	var version int
	if err := db.QueryRow("SELECT version FROM sessionring_schema").Scan(&version); err != nil || version != 1 {
		t.Errorf("got version %d, %v, want 1", version, err)
	}
}

// testPostgresHOT refreshes records, expiry and all: hardly an update may touch an
// index.
func testPostgresHOT(t *testing.T, dsn string) {
	db := drivers.OpenPostgres(t, dsn)
	s := open(t, db)
	stats := func() (updates, hot int64) {
		if err := db.QueryRow("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'sessionring_records'").Scan(&updates, &hot); err != nil {
			t.Fatal(err)
		}
		return updates, hot
	}
	updates, hot := stats()
	const records, swaps = 100, 3000
	writer := drivers.OpenPostgres(t, dsn) // counts arrive when it closes
	w := open(t, writer)
	held := make([][]byte, records)
	for n := range swaps {
		data := make([]byte, 300+rand.N(100))
		i := n % records
		ok, err := w.Swap(t.Context(), fmt.Sprint("hot", i), held[i], data, fmt.Sprint("g", i), "label", time.Now().Add(time.Hour+time.Duration(n)*time.Second))
		if n >= records && i == 0 && n/records%10 == 0 {
			_, err = w.List(t.Context(), "g0") // readers prune pages, too
		}
		if !ok || err != nil {
			t.Fatal(ok, err)
		}
		held[i] = data
	}
	writer.Close()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		u, h := stats()
		if n := u - updates; n >= swaps-records {
			ratio := float64(h-hot) / float64(n)
			t.Logf("%d updates, %.1f %% of them HOT", n, 100*ratio)
			if ratio < 0.95 {
				t.Errorf("want 95 %%")
			}
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the server counted %d updates, want %d", u-updates, swaps-records)
		}
	}
	_ = s
}

// testPostgresIsolation counts on connections whose transactions are stricter than
// the default, and fail when others were first.
func testPostgresIsolation(t *testing.T, dsn string) {
	s := open(t, drivers.OpenPostgres(t, with(dsn, "default_transaction_isolation", "serializable")))
	var crew sync.WaitGroup
	for range 16 {
		crew.Go(func() {
			if err := count(t.Context(), s, "isolation", 5); err != nil {
				t.Error(err)
			}
		})
	}
	crew.Wait()
	if data, _, err := s.Get(t.Context(), "isolation"); string(data) != "80" || err != nil {
		t.Errorf("got %s, %v, want 80", data, err)
	}
}

func testPostgresLocked(t *testing.T, dsn string) {
	db := drivers.OpenPostgres(t, dsn)
	s := open(t, db)
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.Exec("INSERT INTO sessionring_records (id, data, grp, label, expires) VALUES ('a', 'x', '', '', 0)"); err != nil {
		t.Fatal(err)
	}
	endsWithContext(t, s)
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	// A statement that the server did not hear the end of in time may still happen.
	if data, _, err := s.Get(t.Context(), "a"); err != nil || data != nil && string(data) != "x" {
		t.Errorf("got %q, %v", data, err)
	}
}

// testPostgresRevoked takes rights away from a user under which a store runs.
func testPostgresRevoked(t *testing.T, dsn string) {
	db := drivers.OpenPostgres(t, dsn)
	s := open(t, db)
	if _, err := db.Exec("DELETE FROM sessionring_records"); err != nil {
		t.Fatal(err)
	}
	if err := count(t.Context(), s, "a", 1); err != nil {
		t.Fatal(err)
	}
	for _, grant := range []string{
		"DROP ROLE IF EXISTS sessionring_reader",
		"CREATE ROLE sessionring_reader",
		"GRANT SELECT ON sessionring_records, sessionring_feed, sessionring_schema TO sessionring_reader",
		"GRANT UPDATE ON sessionring_records TO sessionring_reader",
	} {
		if _, err := db.Exec(grant); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { db.Exec("DROP OWNED BY sessionring_reader"); db.Exec("DROP ROLE sessionring_reader") })
	reader := open(t, drivers.OpenPostgres(t, with(dsn, "role", "sessionring_reader")))
	ok, err := reader.SwapAppend(t.Context(), "a", []byte("1"), []byte("secret"), "g", "l", time.Time{}, []byte("secret"), time.Time{})
	clear(t, ok, err, "permission denied for table sessionring_feed")
	if data, _, err := s.Get(t.Context(), "a"); string(data) != "1" || err != nil {
		t.Errorf("the record was written without its entry: got %q, %v", data, err)
	}
	if _, err := db.Exec("REVOKE UPDATE ON sessionring_records FROM sessionring_reader"); err != nil {
		t.Fatal(err)
	}
	refused(t, reader, "permission denied")
}

func testPostgresFeed(t *testing.T, dsn string) {
	db := drivers.OpenPostgres(t, dsn)
	s := open(t, db)
	if _, err := db.Exec("DELETE FROM sessionring_feed"); err != nil {
		t.Fatal(err)
	}
	others := drivers.OpenPostgres(t, dsn)
	others.SetMaxOpenConns(feedWriters + 10)
	longTransactions(t, others)
	unevenFeed(t, s, holdRows(t, others, s))
}

// testPostgresSweep has records and entries that expired days ago, some of which
// somebody has locked: those stay until later.
func testPostgresSweep(t *testing.T, dsn string) {
	db := drivers.OpenPostgres(t, dsn)
	for _, fill := range []string{
		"DELETE FROM sessionring_feed", "DELETE FROM sessionring_records",
		"INSERT INTO sessionring_records (id, data, grp, label, expires) SELECT 'old' || i, 'x', 'g', 'l', i FROM generate_series(1, 5000) i",
		"INSERT INTO sessionring_feed (entry, expires) SELECT 'x', i FROM generate_series(1, 5000) i",
	} {
		if _, err := db.Exec(fill); err != nil {
			t.Fatal(err)
		}
	}
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.Exec("SELECT 1 FROM sessionring_records WHERE expires IN (1, 2) FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	rows := func() (n int) {
		db.QueryRow("SELECT (SELECT count(*) FROM sessionring_records WHERE expires BETWEEN 3 AND 5000) + (SELECT count(*) FROM sessionring_feed WHERE expires <= 5000)").Scan(&n)
		return n
	}
	if sweeps := sweepAll(t, open(t, db), rows); sweeps < 10 {
		t.Errorf("swept in %d batches, want at least 10", sweeps)
	}
	var locked int
	if err := db.QueryRow("SELECT count(*) FROM sessionring_records WHERE expires IN (1, 2)").Scan(&locked); err != nil || locked != 2 {
		t.Errorf("%d locked records are left, %v, want 2", locked, err)
	}
}

// testPostgresStop stops the server under use, twice, the second time without
// warning. A cursor from before reads everything again.
func testPostgresStop(t *testing.T, dsn string, server *drivers.Server) {
	db := drivers.OpenPostgres(t, dsn)
	s := open(t, db)
	if _, err := db.Exec("DELETE FROM sessionring_feed"); err != nil {
		t.Fatal(err)
	}
	if err := count(t.Context(), s, "first", 1); err != nil {
		t.Fatal(err)
	}
	_, cursor, err := s.After(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	outage(t, s, true, func(work func()) {
		work()
		server.Stop()
		_, _, err = s.Get(t.Context(), "first")
		server.Start()
		work()
		server.Kill()
		server.Start()
	})
	if err == nil || !strings.HasPrefix(err.Error(), "sqlstore: get: ") {
		t.Errorf("Get while the server was down: %v", err)
	}
	all, _, err := s.After(t.Context(), "")
	again, _, errAgain := s.After(t.Context(), cursor)
	if len(all) == 0 || len(again) != len(all) || errors.Join(err, errAgain) != nil {
		t.Errorf("a cursor from before the restart: %d of %d entries, %v", len(again), len(all), errors.Join(err, errAgain))
	}
}

package drivers_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sessionring/sessionring/session/storetest/drivers"
)

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
	var schema string
	if err := db.QueryRow("SELECT current_schema()").Scan(&schema); err != nil {
		t.Fatal(err)
	}
	for _, grant := range []string{
		"DROP ROLE IF EXISTS sessionring_reader",
		"CREATE ROLE sessionring_reader",
		"GRANT USAGE ON SCHEMA " + schema + " TO sessionring_reader",
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
	expectRefusal(t, ok, err, "permission denied for table sessionring_feed")
	if data, _, err := s.Get(t.Context(), "a"); string(data) != "1" || err != nil {
		t.Errorf("the record was written without its entry: got %q, %v", data, err)
	}
	if _, err := db.Exec("REVOKE UPDATE ON sessionring_records FROM sessionring_reader"); err != nil {
		t.Fatal(err)
	}
	refused(t, reader, "permission denied")
}

// testPostgresSweep is scenario 39: records and entries expired days ago, and writes
// delete them, 500 at a time. Those that somebody has locked stay until later.
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
	mustBeOurs(t, server)
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

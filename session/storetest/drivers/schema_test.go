package drivers_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sessionring/sessionring/session/sqlstore"
	"github.com/sessionring/sessionring/session/storetest/drivers"
)

// versions opens tables of a later release, which it refuses, and then tables of
// before the first, which it brings to the newest.
func versions(t *testing.T, db *sql.DB, newest int) {
	t.Helper()
	open(t, db)
	set := func(statements ...string) { execute(t, db, statements...) }
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
	if err := db.QueryRow("SELECT version FROM sessionring_schema").Scan(&version); err != nil || version != newest {
		t.Errorf("got version %d, %v, want %d", version, err, newest)
	}
}

// execute executes statements, which must succeed.
func execute(t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%v: %s", err, s)
		}
	}
}

// The tables of version 1.
var (
	sqliteVersion1 = []string{
		`CREATE TABLE sessionring_schema (version integer NOT NULL)`,
		`INSERT INTO sessionring_schema (version) VALUES (1)`,
		`CREATE TABLE sessionring_records (
			id TEXT NOT NULL PRIMARY KEY,
			data BLOB NOT NULL,
			grp TEXT NOT NULL,
			label TEXT NOT NULL,
			expires INTEGER NOT NULL
		)`,
		`CREATE INDEX sessionring_records_grp ON sessionring_records (grp) WHERE grp <> ''`,
		`CREATE INDEX sessionring_records_expires ON sessionring_records (expires)`,
		`CREATE TABLE sessionring_feed (
			id INTEGER PRIMARY KEY AUTOINCREMENT,
			entry BLOB NOT NULL,
			expires INTEGER NOT NULL
		)`,
		`CREATE INDEX sessionring_feed_expires ON sessionring_feed (expires)`,
	}
	postgresVersion1 = []string{
		`CREATE TABLE sessionring_schema (version integer NOT NULL)`,
		`INSERT INTO sessionring_schema (version) VALUES (1)`,
		`CREATE TABLE sessionring_records (
			id text COLLATE "C" PRIMARY KEY,
			data bytea NOT NULL,
			grp text COLLATE "C" NOT NULL,
			label text COLLATE "C" NOT NULL,
			expires bigint NOT NULL,
			expires_day bigint NOT NULL GENERATED ALWAYS AS (expires / 86400000000) STORED
		) WITH (fillfactor = 85)`,
		`CREATE INDEX sessionring_records_grp ON sessionring_records (grp) WHERE grp <> ''`,
		`CREATE INDEX sessionring_records_expires_day ON sessionring_records (expires_day)`,
		`CREATE TABLE sessionring_feed (
			xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
			entry bytea NOT NULL,
			expires bigint NOT NULL
		)`,
		`CREATE INDEX sessionring_feed_xid ON sessionring_feed (xid)`,
		`CREATE INDEX sessionring_feed_expires ON sessionring_feed (expires)`,
	}
)

func TestSQLiteMigrates(t *testing.T) {
	t.Parallel()
	migrates(t, drivers.OpenSQLite(t, newSQLite(t)), sqliteVersion1, "CAST('x' AS blob)")
}

func testPostgresMigrates(t *testing.T, dsn string) {
	migrates(t, drivers.OpenPostgres(t, drivers.NewSchema(t, dsn)), postgresVersion1, "'x'")
}

// migrates opens tables of version 1 with records in them, and more that a process of
// that version writes meanwhile. Data is x.
func migrates(t *testing.T, db *sql.DB, tables []string, data string) {
	t.Helper()
	insert := func(id string, expires time.Time) string {
		return fmt.Sprintf("INSERT INTO sessionring_records (id, data, grp, label, expires) VALUES ('%s', %s, 'g', 'l', %d)", id, data, expires.UnixMicro())
	}
	now := time.Now()
	before, soon, late := now.Add(-72*time.Hour), now.Add(2*time.Second), now.Add(72*time.Hour)
	execute(t, db, tables...)
	execute(t, db, insert("gone", before), insert("ends", soon), insert("moves", soon), insert("lives", late))
	s := open(t, db)
	execute(t, db, insert("gone too", before), insert("lives too", late))
	if ok, err := s.Swap(t.Context(), "moves", []byte("x"), []byte("y"), "g", "l", late); !ok || err != nil {
		t.Fatal(ok, err)
	}
	var left int
	if err := db.QueryRow("SELECT count(*) FROM sessionring_records").Scan(&left); err != nil || left != 4 {
		t.Errorf("got %d records after a sweep, %v, want 4", left, err)
	}
	time.Sleep(time.Until(soon.Add(20 * time.Millisecond)))
	list, err := s.List(t.Context(), "g")
	if err != nil || len(list) != 3 || string(list["moves"]) != "y" {
		t.Errorf("got %q, %v, want the three that live", list, err)
	}
	if counts, err := s.Count(t.Context()); err != nil || counts["l"] != 3 {
		t.Errorf("got %v, %v, want 3", counts, err)
	}
}

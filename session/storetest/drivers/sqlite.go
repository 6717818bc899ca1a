package drivers

import (
	"database/sql"
	"testing"

	_ "modernc.org/sqlite"
)

// OpenSQLite opens a SQLite database for one test: a path, or what else the driver
// takes as a name.
func OpenSQLite(tb testing.TB, path string) *sql.DB {
	tb.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { db.Close() })
	return db
}

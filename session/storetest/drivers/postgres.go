package drivers

import (
	"context"
	"crypto/rand"
	"database/sql"
	"net/url"
	"os"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/sessionring/sessionring/session/storetest/drivers/dbserver"
)

// StartPostgres starts a PostgreSQL server with an empty database and returns its
// address. Settings are name=value; without others, nothing is synced to disk.
//
// With SESSIONRING_TEST_POSTGRES it makes a schema of its own there instead, drops it
// when the test ends, and returns a nil server.
func StartPostgres(tb testing.TB, settings ...string) (dsn string, server *Server) {
	tb.Helper()
	if dsn := os.Getenv("SESSIONRING_TEST_POSTGRES"); dsn != "" {
		return NewSchema(tb, dsn), nil
	}
	db, err := dbserver.StartPostgres(settings...)
	server = started(tb, db, err)
	return server.Address, server
}

// OpenPostgres opens a database for one test, with a pool of 20 connections.
func OpenPostgres(tb testing.TB, dsn string) *sql.DB {
	tb.Helper()
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		tb.Fatal(err)
	}
	db.SetMaxOpenConns(20)
	db.SetMaxIdleConns(20)
	tb.Cleanup(func() { db.Close() })
	return db
}

// NewSchema makes a schema at the server of dsn and returns the address of it: a
// database of its own for one test, where StartPostgres takes seconds. It is dropped
// when the test ends.
func NewSchema(tb testing.TB, dsn string) string {
	tb.Helper()
	name := "sessionring_test_" + strings.ToLower(rand.Text()[:12])
	db := OpenPostgres(tb, dsn)
	if _, err := db.ExecContext(tb.Context(), "CREATE SCHEMA "+name); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { db.ExecContext(context.Background(), "DROP SCHEMA "+name+" CASCADE") })
	address, err := url.Parse(dsn)
	if err != nil {
		tb.Fatal(err)
	}
	query := address.Query()
	query.Set("search_path", name)
	address.RawQuery = query.Encode()
	return address.String()
}

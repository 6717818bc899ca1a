package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// Open finds out whether db is SQLite or PostgreSQL, makes or migrates the tables,
// and returns the store in it. Any number of instances may do so at once.
//
// It refuses other databases, PostgreSQL before version 13, tables made by a later
// release of this package, and a SQLite database in memory unless db is limited to
// one connection: each connection would see another database or, with a shared cache,
// one in which readers and writers lock each other out.
func Open(ctx context.Context, db *sql.DB) (*Store, error) {
	var s *Store
	err := persist(ctx, func() (err error) {
		s, err = open(ctx, db)
		return err
	})
	if err != nil {
		return nil, failure(ctx, "open", err)
	}
	return s, nil
}

func open(ctx context.Context, db *sql.DB) (*Store, error) {
	if err := db.PingContext(ctx); err != nil {
		return nil, err
	}
	var version string
	err := db.QueryRowContext(ctx, "SELECT version()").Scan(&version)
	switch {
	case err == nil && strings.HasPrefix(version, "PostgreSQL "):
		return openPostgres(ctx, db)
	case err == nil:
		return nil, fmt.Errorf("need SQLite or PostgreSQL, not %q", version)
	case strings.Contains(err.Error(), "no such function"):
		return openSQLite(ctx, db)
	}
	return nil, err
}

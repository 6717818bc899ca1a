package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
)

// conn is a connection or a transaction.
type conn interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// schema is the history of the tables of one database: the n-th element makes
// version n+1 out of version n. What was released is never changed.
type schema struct {
	versions [][]string
	exists   string // a query: is there a table sessionring_schema?
}

// version returns the version of the tables, 0 if there are none.
func (s schema) version(ctx context.Context, c conn) (version int, err error) {
	var exists bool
	if err := c.QueryRowContext(ctx, s.exists).Scan(&exists); err != nil || !exists {
		return 0, err
	}
	if err := c.QueryRowContext(ctx, "SELECT coalesce(max(version), 0) FROM sessionring_schema").Scan(&version); err != nil {
		return 0, err
	}
	if version > len(s.versions) {
		return 0, fmt.Errorf("the tables have version %d, made by a later release; this one knows version %d", version, len(s.versions))
	}
	return version, nil
}

// current reports whether there is nothing to migrate.
func (s schema) current(ctx context.Context, c conn) (bool, error) {
	version, err := s.version(ctx, c)
	return version == len(s.versions), err
}

// migrate brings the tables up to date. The caller has a transaction, in which
// nobody else can be.
func (s schema) migrate(ctx context.Context, c conn) error {
	version, err := s.version(ctx, c)
	if err != nil {
		return err
	}
	statements := []string{"CREATE TABLE IF NOT EXISTS sessionring_schema (version integer NOT NULL)"}
	for _, v := range s.versions[version:] {
		statements = append(statements, v...)
	}
	statements = append(statements,
		"DELETE FROM sessionring_schema",
		fmt.Sprintf("INSERT INTO sessionring_schema (version) VALUES (%d)", len(s.versions)))
	for _, statement := range statements {
		if _, err := c.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

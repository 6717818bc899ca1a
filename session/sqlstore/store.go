// Package sqlstore keeps sessions in SQLite or PostgreSQL, through database/sql and
// any driver.
//
//	db, err := sql.Open("sqlite", "sessions.db") // modernc.org/sqlite; or "pgx" and a postgres:// address
//	store, err := sqlstore.Open(ctx, db)
//
// # What it makes
//
// Open makes three tables: sessionring_records, sessionring_feed, and
// sessionring_schema with their version; a later release migrates them. Nothing
// else in the database is touched. Where the program itself may not make tables,
// call Open once with an account that may.
//
// # SQLite
//
// Open turns on write-ahead logging, which the file remembers. Writes of one Store
// queue up in the program rather than in the database; a lock that somebody else
// holds is waited for up to ten seconds, or as long as the context lasts. So no
// setting is needed. They commit with synchronous=NORMAL: a power loss may undo
// the last of them, and the connection gets its own setting back. With a _pragma
// for synchronous in the data source name they cost a little less.
// The time of the store is that of the process.
//
// # PostgreSQL
//
// Version 13 or later; it is tested with 15. Each operation is one statement in the default isolation
// level, so a pooler in transaction mode may stand between. The time of the store
// is clock_timestamp. Deleting in batches keeps the tables small without a cron job.
//
// # Connections
//
// The pool is the caller's. Under load, raise its SetMaxIdleConns: database/sql keeps
// two connections, and opens and closes all others for each operation.
//
// # What it costs
//
// Get and Swap cost one statement each, on SQLite a few more within the process.
// List reads an index. Count reads the whole table of records: call it once a
// minute, not once a request. Expired records and entries are gone at once, and
// deleted later by writes and by After, at most 500 rows at a time; a record on the
// day after.
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"
)

// Store keeps records and the feed in a database. It satisfies session.Store,
// session.Index and session.Feed, and keyring.Store.
//
// Ids, groups and labels are UTF-8 text without NUL; data is any bytes. Errors
// name the operation and what the database said, never data; after an error of Swap,
// only reading the record tells whether it was swapped. There is nothing to close but
// the database, which stays the caller's.
//
// A Store is safe for concurrent use, and so are any number of them on one database.
type Store struct {
	db engine
	sweeper
}

// engine is what SQLite and PostgreSQL do differently.
type engine interface {
	get(ctx context.Context, id string) ([]byte, time.Time, error)
	swap(ctx context.Context, c *change) (bool, error)
	list(ctx context.Context, group string) (*sql.Rows, error)
	count(ctx context.Context) (*sql.Rows, error)
	after(ctx context.Context, cursor string) (*sql.Rows, error) // one with the next cursor; the others with "" and an entry
	purge(ctx context.Context, limit int) (deleted int64, err error)
}

// change is one Swap.
type change struct {
	id, group, label string
	old, data        []byte
	expires          int64
	entry            *entry // nil: none
}

// entry is a line of the feed.
type entry struct {
	data    []byte
	expires int64
}

// Get returns a live record and the store's time; an absent or expired record is
// nil data and no error.
func (s *Store) Get(ctx context.Context, id string) (data []byte, now time.Time, err error) {
	err = s.try(ctx, "get", func() error {
		data, now, err = s.db.get(ctx, id)
		return err
	})
	return data, now, err
}

// Swap replaces the record by data if it still equals old, and reports whether it
// did. A nil old means absent or expired, a nil data deletes.
func (s *Store) Swap(ctx context.Context, id string, old, data []byte, group, label string, expires time.Time) (bool, error) {
	return s.swap(ctx, &change{id: id, old: old, data: data, group: group, label: label, expires: micros(expires)})
}

// SwapAppend is Swap, and adds entry to the feed if it swapped, in one transaction:
// it never reports true and an error.
func (s *Store) SwapAppend(ctx context.Context, id string, old, data []byte, group, label string, expires time.Time, line []byte, lineExpires time.Time) (bool, error) {
	e := &entry{data: line, expires: micros(lineExpires)}
	if e.data == nil {
		e.data = []byte{}
	}
	return s.swap(ctx, &change{id: id, old: old, data: data, group: group, label: label, expires: micros(expires), entry: e})
}

func (s *Store) swap(ctx context.Context, c *change) (swapped bool, err error) {
	err = s.try(ctx, "swap", func() error {
		swapped, err = s.db.swap(ctx, c)
		return err
	})
	if swapped {
		s.sweep(ctx, s.db)
	}
	return swapped, err
}

// List returns the live records of a group, by id. The group "" is no group.
func (s *Store) List(ctx context.Context, group string) (map[string][]byte, error) {
	records := map[string][]byte{}
	err := s.rows(ctx, "list", func() (*sql.Rows, error) { return s.db.list(ctx, group) }, func(rows *sql.Rows) error {
		var id string
		var data []byte
		err := rows.Scan(&id, &data)
		records[id] = present(data)
		return err
	})
	if err != nil {
		return nil, err
	}
	return records, nil
}

// Count returns how many live records have each label; "" is left out. It reads
// all records.
func (s *Store) Count(ctx context.Context) (map[string]int, error) {
	counts := map[string]int{}
	err := s.rows(ctx, "count", func() (*sql.Rows, error) { return s.db.count(ctx) }, func(rows *sql.Rows) error {
		var label string
		var n int
		err := rows.Scan(&label, &n)
		counts[label] = n
		return err
	})
	if err != nil {
		return nil, err
	}
	return counts, nil
}

// After returns the live entries behind a cursor, each at least once, and the next
// cursor; "" is the start. A cursor that this database does not know reads from the
// start again, and so does any cursor after PostgreSQL was restarted or failed over.
func (s *Store) After(ctx context.Context, cursor string) (entries [][]byte, next string, err error) {
	err = s.rows(ctx, "feed", func() (*sql.Rows, error) { return s.db.after(ctx, cursor) }, func(rows *sql.Rows) error {
		var cursor string
		var data []byte
		err := rows.Scan(&cursor, &data)
		if cursor != "" {
			next = cursor
		} else {
			entries = append(entries, present(data))
		}
		return err
	})
	if err != nil {
		return nil, "", err
	}
	s.sweep(ctx, s.db)
	return entries, next, nil
}

// rows runs a query and hands every row of it to scan. What scan gathered before
// an error is worthless.
func (s *Store) rows(ctx context.Context, what string, query func() (*sql.Rows, error), scan func(*sql.Rows) error) error {
	return s.try(ctx, what, func() error {
		rows, err := query()
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := scan(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

// present returns data, which some drivers scan as nil if it is empty.
func present(data []byte) []byte {
	if data == nil {
		return []byte{}
	}
	return data
}

// micros returns t as the tables have it: microseconds since 1970, and for never
// a time that does not come.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return math.MaxInt64
	}
	return t.UnixMicro()
}

// failure describes err as what the package returns: an error of ctx is one of
// them, whatever the driver made of it.
func failure(ctx context.Context, what string, err error) error {
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("sqlstore: %s: %w: %w", what, cause, err)
	}
	return fmt.Errorf("sqlstore: %s: %w", what, err)
}

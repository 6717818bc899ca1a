package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// sqlite does every swap in one statement or, with an entry, in one immediate
// transaction. A deferred one that reads before it writes would fail as busy,
// whatever the timeout.
type sqlite struct {
	db   *sql.DB
	gate chan struct{} // held by the writer: they wait here in turn, not in SQLite
	full string        // the connections' own setting of synchronous, if it is one to relax
}

// A refresh moves the expiry of its record, and no index has that column: for
// sweeping, the day of expiry will do, which sqliteKeep leaves alone. It is no
// generated column, because SQLite writes the index of such a one even where the day
// is the same.
var sqliteSchema = schema{
	exists: `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'sessionring_schema'`,
	versions: [][]string{{
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
		// From a random number on: a cursor of another file is unknown in this one.
		`INSERT INTO sqlite_sequence (name, seq) VALUES ('sessionring_feed', 1 + (random() & 4611686018427387903))`,
	}, {
		`ALTER TABLE sessionring_records ADD COLUMN expires_day INTEGER NOT NULL DEFAULT 0`,
		`UPDATE sessionring_records SET expires_day = expires / 86400000000`,
		`DROP INDEX sessionring_records_expires`,
		`CREATE INDEX sessionring_records_expires_day ON sessionring_records (expires_day)`,
	}},
}

// day is that of a time in microseconds.
func day(micros int64) int64 { return micros / 86_400_000_000 }

func openSQLite(ctx context.Context, db *sql.DB) (*Store, error) {
	s := &sqlite{db: db, gate: make(chan struct{}, 1)}
	if err := s.settings(ctx); err != nil {
		return nil, err
	}
	done, err := sqliteSchema.current(ctx, db)
	if !done && err == nil {
		err = s.write(ctx, func(c conn) error {
			return immediate(ctx, c, func() error { return sqliteSchema.migrate(ctx, c) })
		})
	}
	return &Store{db: s}, err
}

// settings turns on write-ahead logging, so that readers never wait for a writer.
func (s *sqlite) settings(ctx context.Context) error {
	var name, file, mode string
	var number, synchronous int
	if err := s.db.QueryRowContext(ctx, "PRAGMA database_list").Scan(&number, &name, &file); err != nil {
		return err
	}
	if file == "" && s.db.Stats().MaxOpenConnections != 1 {
		return errors.New("a SQLite database in memory is no use to several connections: use memstore, a file, or SetMaxOpenConns(1)")
	}
	if err := s.db.QueryRowContext(ctx, "PRAGMA synchronous").Scan(&synchronous); err != nil {
		return err
	}
	if synchronous > 1 {
		s.full = fmt.Sprintf("PRAGMA synchronous = %d", synchronous)
	}
	if err := s.db.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil || mode == "wal" {
		return err
	}
	return s.db.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode)
}

func (s *sqlite) get(ctx context.Context, id string) (data []byte, now time.Time, err error) {
	now = time.Now()
	err = s.db.QueryRowContext(ctx, `SELECT data FROM sessionring_records WHERE id = ? AND expires > ?`,
		id, now.UnixMicro()).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, now, nil
	}
	return present(data), now, err
}

// The kinds of swap. Keep is the usual refresh, whose group and day of expiry stay:
// it touches no index.
const (
	sqliteNothing = `SELECT NOT EXISTS (SELECT 1 FROM sessionring_records WHERE id = ? AND expires > ?)`
	sqliteCreate  = `INSERT INTO sessionring_records (id, data, grp, label, expires, expires_day) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET data = excluded.data, grp = excluded.grp, label = excluded.label,
			expires = excluded.expires, expires_day = excluded.expires_day
		WHERE sessionring_records.expires <= ?`
	sqliteKeep = `UPDATE sessionring_records SET data = ?, label = ?, expires = ?
		WHERE id = ? AND data = ? AND expires > ? AND grp = ? AND expires_day = ?`
	sqliteUpdate = `UPDATE sessionring_records SET data = ?, label = ?, grp = ?, expires = ?, expires_day = ?
		WHERE id = ? AND data = ? AND expires > ?`
	sqliteDelete = `DELETE FROM sessionring_records WHERE id = ? AND data = ? AND expires > ?`
	sqliteAppend = `INSERT INTO sessionring_feed (entry, expires) VALUES (?, ?)`
)

func (s *sqlite) swap(ctx context.Context, c *change) (swapped bool, err error) {
	err = s.write(ctx, func(db conn) error {
		if c.entry == nil {
			swapped, err = c.sqlite(ctx, db)
			return err
		}
		return immediate(ctx, db, func() error {
			if swapped, err = c.sqlite(ctx, db); !swapped || err != nil {
				return err
			}
			_, err = db.ExecContext(ctx, sqliteAppend, c.entry.data, c.entry.expires)
			return err
		})
	})
	return swapped && err == nil, err
}

func (c *change) sqlite(ctx context.Context, db conn) (swapped bool, err error) {
	now := time.Now().UnixMicro()
	switch {
	case c.old == nil && c.data == nil:
		err = db.QueryRowContext(ctx, sqliteNothing, c.id, now).Scan(&swapped)
		return swapped, err
	case c.old == nil:
		return changed(ctx, db, sqliteCreate, c.id, c.data, c.group, c.label, c.expires, day(c.expires), now)
	case c.data == nil:
		return changed(ctx, db, sqliteDelete, c.id, c.old, now)
	}
	swapped, err = changed(ctx, db, sqliteKeep, c.data, c.label, c.expires, c.id, c.old, now, c.group, day(c.expires))
	if swapped || err != nil {
		return swapped, err
	}
	return changed(ctx, db, sqliteUpdate, c.data, c.label, c.group, c.expires, day(c.expires), c.id, c.old, now)
}

// changed executes a statement and reports whether it changed a row.
func changed(ctx context.Context, db conn, query string, args ...any) (bool, error) {
	result, err := db.ExecContext(ctx, query, args...)
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n == 1, err
}

func (s *sqlite) list(ctx context.Context, group string) (*sql.Rows, error) {
	return s.db.QueryContext(ctx, `SELECT id, data FROM sessionring_records WHERE grp = ? AND grp <> '' AND expires > ?`,
		group, time.Now().UnixMicro())
}

func (s *sqlite) count(ctx context.Context) (*sql.Rows, error) {
	return s.db.QueryContext(ctx, `SELECT label, count(*) FROM sessionring_records WHERE label <> '' AND expires > ? GROUP BY label`,
		time.Now().UnixMicro())
}

// after reads by number, of which none is given out twice. That is right because
// SQLite has one writer at a time: what has a lower number was committed before. A
// cursor above the last number, or from below the first, comes from another file.
func (s *sqlite) after(ctx context.Context, cursor string) (*sql.Rows, error) {
	seen, err := strconv.ParseInt(cursor, 10, 64)
	if err != nil || seen < 0 {
		seen = 0
	}
	return s.db.QueryContext(ctx, `
		WITH o AS (SELECT coalesce(max(seq), 0) AS last FROM sqlite_sequence WHERE name = 'sessionring_feed')
		SELECT o.last, NULL FROM o
		UNION ALL SELECT '', f.entry FROM o, sessionring_feed f
			WHERE f.expires > ? AND f.id > CASE WHEN ? > o.last THEN 0 ELSE ? END`,
		time.Now().UnixMicro(), seen, seen)
}

func (s *sqlite) purge(ctx context.Context, limit int) (most int64, err error) {
	now := time.Now().UnixMicro()
	for _, query := range []string{
		`DELETE FROM sessionring_feed WHERE id IN (SELECT id FROM sessionring_feed WHERE expires <= ?1 LIMIT ?2)`,
		`DELETE FROM sessionring_records WHERE id IN (
			SELECT id FROM sessionring_records WHERE expires_day < ?1 / 86400000000 AND expires <= ?1 LIMIT ?2)`,
	} {
		err = s.write(ctx, func(db conn) error {
			result, err := db.ExecContext(ctx, query, now, limit)
			if err != nil {
				return err
			}
			n, err := result.RowsAffected()
			most = max(most, n)
			return err
		})
		if err != nil {
			return 0, err
		}
	}
	return most, nil
}

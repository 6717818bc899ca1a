package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// postgres does every operation in one statement, so that it is atomic without a
// transaction of its own and costs one round trip. In READ COMMITTED a statement
// that waited for a row looks at its WHERE again, which makes the swap right.
type postgres struct{ db *sql.DB }

// The time in microseconds: for statements that may wait, and for index conditions,
// which need a time that stands still.
const (
	pgClock = `(extract(epoch FROM clock_timestamp()) * 1000000)::bigint`
	pgStart = `(extract(epoch FROM statement_timestamp()) * 1000000)::bigint`
)

// No index has a column that a refresh writes, and fillfactor leaves room in the
// page: so updates are HOT, that is, touch no index. For sweeping, the day of expiry
// will do, which changes once a day at most.
var pgSchema = schema{
	// to_regclass would answer from a cache that does not see what others made in
	// the meantime.
	exists: `SELECT EXISTS (SELECT FROM pg_class WHERE relname = 'sessionring_schema' AND pg_table_is_visible(oid))`,
	versions: [][]string{{
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
	}},
}

// openPostgres holds an advisory lock while it makes the tables. Instances that
// find them made need neither the lock nor the right to make any.
func openPostgres(ctx context.Context, db *sql.DB) (*Store, error) {
	var release int
	if err := db.QueryRowContext(ctx, "SELECT current_setting('server_version_num')::int").Scan(&release); err != nil {
		return nil, err
	}
	if release < 130000 {
		return nil, fmt.Errorf("need PostgreSQL 13 or later, not %d", release/10000)
	}
	s := &Store{db: postgres{db}}
	if done, err := pgSchema.current(ctx, db); done || err != nil {
		return s, err
	}
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(hashtext('sessionring_schema'))"); err != nil {
		return nil, err
	}
	if err := pgSchema.migrate(ctx, tx); err != nil {
		return nil, err
	}
	return s, tx.Commit()
}

func (p postgres) get(ctx context.Context, id string) (data []byte, now time.Time, err error) {
	var clock int64
	var is bool
	err = p.db.QueryRowContext(ctx, `
		SELECT t.now, r.id IS NOT NULL, r.data FROM (SELECT `+pgClock+` AS now) t
		LEFT JOIN sessionring_records r ON r.id = $1 AND r.expires > t.now`, id).Scan(&clock, &is, &data)
	if is {
		data = present(data)
	}
	return data, time.UnixMicro(clock), err
}

// The four kinds of swap. A conflict on the id is waited out, and the place of an
// expired record is free.
const (
	pgNothing = `SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM sessionring_records WHERE id = $1 AND expires > ` + pgClock + `)`
	pgCreate  = `INSERT INTO sessionring_records AS r (id, data, grp, label, expires) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (id) DO UPDATE SET data = EXCLUDED.data, grp = EXCLUDED.grp, label = EXCLUDED.label, expires = EXCLUDED.expires
		WHERE r.expires <= ` + pgClock + ` RETURNING 1`
	pgUpdate = `UPDATE sessionring_records SET data = $2, grp = $3, label = $4, expires = $5
		WHERE id = $1 AND data = $6 AND expires > ` + pgClock + ` RETURNING 1`
	pgDelete = `DELETE FROM sessionring_records WHERE id = $1 AND data = $2 AND expires > ` + pgClock + ` RETURNING 1`
)

func (p postgres) swap(ctx context.Context, c *change) (bool, error) {
	query, args := c.postgres()
	if c.entry != nil {
		n := len(args)
		query = fmt.Sprintf(`WITH swapped AS (%s) INSERT INTO sessionring_feed (entry, expires)
			SELECT $%d::bytea, $%d::bigint FROM swapped`, query, n+1, n+2)
		args = append(args, c.entry.data, c.entry.expires)
	}
	result, err := p.db.ExecContext(ctx, query, args...)
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n == 1, err
}

func (c *change) postgres() (query string, args []any) {
	switch {
	case c.old == nil && c.data == nil:
		return pgNothing, []any{c.id}
	case c.old == nil:
		return pgCreate, []any{c.id, c.data, c.group, c.label, c.expires}
	case c.data == nil:
		return pgDelete, []any{c.id, c.old}
	}
	return pgUpdate, []any{c.id, c.data, c.group, c.label, c.expires, c.old}
}

func (p postgres) list(ctx context.Context, group string) (*sql.Rows, error) {
	return p.db.QueryContext(ctx, `SELECT id, data FROM sessionring_records
		WHERE grp = $1 AND grp <> '' AND expires > `+pgStart, group)
}

func (p postgres) count(ctx context.Context) (*sql.Rows, error) {
	return p.db.QueryContext(ctx, `SELECT label, count(*) FROM sessionring_records
		WHERE label <> '' AND expires > `+pgStart+` GROUP BY label`)
}

// after reads by transaction, not by number: numbers are given out before the
// commit, so a later one may be seen first, and a cursor of numbers misses rows.
// The cursor is the oldest transaction that was still open; what such transactions
// write is read next time, and what was read already with it, once more.
//
// Transactions are counted per server. The cursor therefore names the start of the
// server, too: after a restart or a failover, which may lose the latest of them and
// count them again, all is read.
func (p postgres) after(ctx context.Context, cursor string) (*sql.Rows, error) {
	start, xid, _ := strings.Cut(cursor, ".")
	if !isNumber(start) || !isNumber(xid) {
		start, xid = "", "0"
	}
	return p.db.QueryContext(ctx, `
		WITH o AS MATERIALIZED (
			SELECT pg_snapshot_xmin(pg_current_snapshot()) AS xmin,
				(extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint::text AS start)
		SELECT o.start || '.' || o.xmin::text, NULL::bytea FROM o
		UNION ALL SELECT '', f.entry FROM o, sessionring_feed f WHERE f.expires > `+pgStart+` AND f.xid >=
			CASE WHEN o.start = $1 AND o.xmin >= $2::text::xid8 THEN $2::text::xid8 ELSE '0'::xid8 END`, start, xid)
}

func isNumber(s string) bool {
	_, err := strconv.ParseUint(s, 10, 64)
	return err == nil
}

// purge passes over rows that somebody has locked.
func (p postgres) purge(ctx context.Context, limit int) (most int64, err error) {
	for _, query := range []string{
		`DELETE FROM sessionring_feed WHERE ctid = ANY (ARRAY(
			SELECT ctid FROM sessionring_feed WHERE expires <= ` + pgStart + `
			ORDER BY expires LIMIT $1 FOR UPDATE SKIP LOCKED))`,
		`DELETE FROM sessionring_records WHERE id IN (
			SELECT id FROM sessionring_records WHERE expires_day < ` + pgStart + ` / 86400000000
			ORDER BY expires_day LIMIT $1 FOR UPDATE SKIP LOCKED)`,
	} {
		result, err := p.db.ExecContext(ctx, query, limit)
		if err != nil {
			return 0, err
		}
		n, err := result.RowsAffected()
		if err != nil {
			return 0, err
		}
		most = max(most, n)
	}
	return most, nil
}

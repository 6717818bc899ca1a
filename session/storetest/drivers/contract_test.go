package drivers_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/redisstore"
	"github.com/sessionring/sessionring/session/sqlstore"
	"github.com/sessionring/sessionring/session/storetest"
	"github.com/sessionring/sessionring/session/storetest/drivers"
)

// open opens the store in db, which must succeed.
func open(t testing.TB, db *sql.DB) *sqlstore.Store {
	t.Helper()
	s, err := sqlstore.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// newSQLite returns the name of a file that does not exist yet.
func newSQLite(t testing.TB) string { return filepath.Join(t.TempDir(), "sessions.db") }

// TestSQLite opens the file as a newcomer does, with nothing but its name.
func TestSQLite(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) session.Store {
		return open(t, drivers.OpenSQLite(t, newSQLite(t)))
	})
}

// onceRaced skips what is only more of the same code under the race detector.
func onceRaced(t *testing.T) {
	if raced {
		t.Skip("SQLite is slow under the race detector, which sees this code in TestSQLite")
	}
}

func TestSQLiteSettings(t *testing.T) {
	t.Parallel()
	onceRaced(t)
	const settings = "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(1)&_txlock=immediate"
	storetest.Run(t, func(t *testing.T) session.Store {
		return open(t, drivers.OpenSQLite(t, "file:"+newSQLite(t)+settings))
	})
}

func TestSQLiteMemory(t *testing.T) {
	t.Parallel()
	onceRaced(t)
	storetest.Run(t, func(t *testing.T) session.Store {
		db := drivers.OpenSQLite(t, ":memory:")
		db.SetMaxOpenConns(1)
		return open(t, db)
	})
}

func TestRedis(t *testing.T) {
	t.Parallel()
	dsn, _ := drivers.StartRedis(t)
	storetest.Run(t, func(t *testing.T) session.Store {
		_, do := drivers.OpenRedis(t, dsn)
		return redisstore.New(neverNil(t, do))
	})
}

// neverNil reports answers that are nil, which clients show in different ways.
func neverNil(t *testing.T, do drivers.Do) drivers.Do {
	return func(ctx context.Context, args ...any) (any, error) {
		answer, err := do(ctx, args...)
		if errors.Is(err, redis.Nil) || err == nil && hasNil(answer) {
			t.Errorf("a nil in the answer to %q", args)
		}
		return answer, err
	}
}

func hasNil(answer any) bool {
	list, _ := answer.([]any)
	for _, v := range list {
		if hasNil(v) {
			return true
		}
	}
	return answer == nil
}

// TestRedisBytes has a client that answers in the types of redigo.
func TestRedisBytes(t *testing.T) {
	t.Parallel()
	dsn, _ := drivers.StartRedis(t)
	storetest.Run(t, func(t *testing.T) session.Store {
		_, do := drivers.OpenRedis(t, dsn)
		return redisstore.New(drivers.AsBytes(do))
	})
}

// TestRedisCluster spreads the keys over three servers, none of which runs a script
// on keys of two slots.
func TestRedisCluster(t *testing.T) {
	t.Parallel()
	addrs := drivers.StartRedisCluster(t)
	storetest.Run(t, func(t *testing.T) session.Store {
		client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs})
		t.Cleanup(func() { client.Close() })
		return redisstore.New(func(ctx context.Context, args ...any) (any, error) { return client.Do(ctx, args...).Result() })
	})
}

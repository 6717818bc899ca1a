package drivers_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/redisstore"
	"github.com/sessionring/sessionring/session/storetest"
	"github.com/sessionring/sessionring/session/storetest/drivers"
)

// The parts of RunSessions end sessions by their age, so each has a store of its own:
// a file, a schema, a numbered database.

func TestSQLiteSessions(t *testing.T) {
	t.Parallel()
	storetest.RunSessions(t, func(t *testing.T) session.Store {
		return open(t, drivers.OpenSQLite(t, newSQLite(t)))
	})
}

func TestPostgresSessions(t *testing.T) {
	t.Parallel()
	dsn, _ := drivers.StartPostgres(t)
	storetest.RunSessions(t, func(t *testing.T) session.Store {
		return open(t, drivers.OpenPostgres(t, drivers.NewSchema(t, dsn)))
	})
}

func TestRedisSessions(t *testing.T) {
	t.Parallel()
	addr, _ := drivers.StartRedis(t, "--databases", "64")
	var databases atomic.Int64
	storetest.RunSessions(t, func(t *testing.T) session.Store {
		client := redis.NewClient(&redis.Options{Addr: addr, DB: int(databases.Add(1))})
		t.Cleanup(func() { client.Close() })
		return redisstore.New(func(ctx context.Context, args ...any) (any, error) { return client.Do(ctx, args...).Result() })
	})
}

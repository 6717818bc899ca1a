package drivers_test

import (
	"testing"

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
	dsn, _ := drivers.StartRedis(t)
	storetest.RunSessions(t, func(t *testing.T) session.Store {
		_, do := drivers.OpenRedis(t, drivers.NewDatabase(t, dsn))
		return redisstore.New(do)
	})
}

package main_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/redisstore"
	"github.com/sessionring/sessionring/session/sqlstore"
	"github.com/sessionring/sessionring/session/storetest/drivers"
)

// A refresh is a Get and a Swap. Each benchmark of a store stands beside one of the
// least that its database can do: read a row, and write it where it is unchanged.
const (
	benchRecords = 1000
	benchSize    = 300
)

// refresher reads the n-th record and swaps what it read for data.
type refresher func(ctx context.Context, n int, data []byte) (bool, error)

const (
	benchRounds     = 1600 // refreshes in one turn
	benchGoroutines = 16
)

// compare lets the two take turns, because other work on the machine would spoil
// figures taken one after the other. The ratio is that of the medians: 1 means that
// the store adds nothing.
func compare(b *testing.B, plain, store refresher) {
	b.Helper()
	var plainTook, storeTook []time.Duration
	for b.Loop() {
		plainTook = append(plainTook, plain.turn(b))
		storeTook = append(storeTook, store.turn(b))
	}
	p, s := median(plainTook), median(storeTook)
	b.ReportMetric(benchRounds/p.Seconds(), "plain/s")
	b.ReportMetric(benchRounds/s.Seconds(), "store/s")
	b.ReportMetric(p.Seconds()/s.Seconds(), "ratio")
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// turn gives every goroutine records of its own, so that none loses.
func (r refresher) turn(b *testing.B) time.Duration {
	b.Helper()
	began := time.Now()
	var crew sync.WaitGroup
	for g := range benchGoroutines {
		crew.Go(func() {
			for n := range benchRounds / benchGoroutines {
				data := fmt.Appendf(nil, "%d %d %s", began.UnixNano(), n, bytes.Repeat([]byte{'x'}, benchSize-30))
				ok, err := r(b.Context(), g*(benchRecords/benchGoroutines)+n%(benchRecords/benchGoroutines), data)
				if !ok || err != nil {
					b.Errorf("swapped %v, %v", ok, err)
					return
				}
			}
		})
	}
	crew.Wait()
	return time.Since(began)
}

func benchID(n int) string { return fmt.Sprintf("%022d", n) }

// stored is a refresh in a store, which moves the expiry of the record.
func stored(b *testing.B, s session.Store) refresher {
	expires := func() time.Time { return time.Now().Add(7 * 24 * time.Hour) }
	for n := range benchRecords {
		if _, err := s.Swap(b.Context(), benchID(n), nil, bytes.Repeat([]byte("a"), benchSize), fmt.Sprint("g", n/2), "label", expires()); err != nil {
			b.Fatal(err)
		}
	}
	return func(ctx context.Context, n int, data []byte) (bool, error) {
		old, _, err := s.Get(ctx, benchID(n))
		if err != nil {
			return false, err
		}
		return s.Swap(ctx, benchID(n), old, data, fmt.Sprint("g", n/2), "label", expires())
	}
}

// plain is a refresh by two plain statements.
func plain(b *testing.B, db *sql.DB, blob, one, two, three string) refresher {
	if _, err := db.ExecContext(b.Context(), "CREATE TABLE plain (id varchar(40) PRIMARY KEY, data "+blob+" NOT NULL, expires bigint NOT NULL)"); err != nil {
		b.Fatal(err)
	}
	for n := range benchRecords {
		if _, err := db.ExecContext(b.Context(), "INSERT INTO plain VALUES ("+one+", "+two+", 0)", benchID(n), bytes.Repeat([]byte("a"), benchSize)); err != nil {
			b.Fatal(err)
		}
	}
	read := "SELECT data, expires FROM plain WHERE id = " + one
	write := "UPDATE plain SET data = " + one + " WHERE id = " + two + " AND data = " + three
	return func(ctx context.Context, n int, data []byte) (bool, error) {
		var old []byte
		var expires int64
		if err := db.QueryRowContext(ctx, read, benchID(n)).Scan(&old, &expires); err != nil {
			return false, err
		}
		result, err := db.ExecContext(ctx, write, data, benchID(n), old)
		if err != nil {
			return false, err
		}
		changed, err := result.RowsAffected()
		return changed == 1, err
	}
}

func BenchmarkSQLite(b *testing.B) {
	const settings = "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(1)"
	for name, of := range map[string]string{"settings": settings, "newcomer": ""} {
		b.Run(name, func(b *testing.B) {
			p := plain(b, drivers.OpenSQLite(b, "file:"+newSQLite(b)+settings), "blob", "?", "?", "?")
			compare(b, p, stored(b, open(b, drivers.OpenSQLite(b, "file:"+newSQLite(b)+of))))
		})
	}
}

func BenchmarkPostgres(b *testing.B) {
	dsn, _ := drivers.StartPostgres(b)
	db := drivers.OpenPostgres(b, dsn)
	compare(b, plain(b, db, "bytea", "$1", "$2", "$3"), stored(b, open(b, db)))
}

// BenchmarkRedis has one script that reads and one that swaps as its least.
func BenchmarkRedis(b *testing.B) {
	dsn, _ := drivers.StartRedis(b)
	client, do := drivers.OpenRedis(b, dsn)
	compare(b, plainRedis(b, client), stored(b, redisstore.New(do)))
}

func plainRedis(b *testing.B, client *redis.Client) refresher {
	read := redis.NewScript("return {redis.call('TIME'), redis.call('GET', KEYS[1])}")
	write := redis.NewScript(`if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
		redis.call('SET', KEYS[1], ARGV[2], 'PXAT', ARGV[3]) return 1`)
	until := time.Now().Add(time.Hour).UnixMilli()
	for n := range benchRecords {
		client.Set(b.Context(), benchID(n), bytes.Repeat([]byte("a"), benchSize), time.Hour)
	}
	return func(ctx context.Context, n int, data []byte) (bool, error) {
		was, err := read.Run(ctx, client, []string{benchID(n)}).Slice()
		if err != nil {
			return false, err
		}
		n, err = write.Run(ctx, client, []string{benchID(n)}, was[1], data, until).Int()
		return n == 1, err
	}
}

// newSQLite returns the path of a database that does not exist yet.
func newSQLite(b *testing.B) string { return filepath.Join(b.TempDir(), "sessions.db") }

// open opens the store in a database.
func open(b *testing.B, db *sql.DB) session.Store {
	b.Helper()
	s, err := sqlstore.Open(b.Context(), db)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

package drivers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sessionring/sessionring/session/storetest/drivers/dbserver"
)

// Do sends one command, as redisstore.New wants it.
type Do = func(ctx context.Context, args ...any) (any, error)

// StartRedis starts a Redis server without data and returns its address. Options are
// those of redis-server, such as "--appendonly", "yes"; without, nothing is saved.
//
// With SESSIONRING_TEST_REDIS it returns the address of a NewDatabase there instead,
// and a nil server.
func StartRedis(tb testing.TB, options ...string) (dsn string, server *Server) {
	tb.Helper()
	if given := os.Getenv("SESSIONRING_TEST_REDIS"); given != "" {
		return NewDatabase(tb, "redis://"+given+"/0"), nil
	}
	return startRedis(tb, options...)
}

func startRedis(tb testing.TB, options ...string) (dsn string, server *Server) {
	tb.Helper()
	db, err := dbserver.StartRedis(options...)
	server = started(tb, db, err)
	return "redis://" + server.Address + "/0", server
}

// lease is how long a claim on a database lasts without being renewed: a test process
// may be killed.
const lease = 10 * time.Second

// claimScript claims a numbered database and removes what an earlier test left in it.
// It returns the number, or 0 if none is free.
var claimScript = redis.NewScript(`
local n = 1
while not redis.pcall('SELECT', n).err do
	redis.call('SELECT', 0)
	if redis.call('SET', 'sessionring-test:' .. n, '', 'NX', 'PX', ARGV[1]) then
		redis.call('SELECT', n)
		for _, key in ipairs(redis.call('KEYS', 'sessionring:*')) do
			redis.call('DEL', key)
		end
		return n
	end
	n = n + 1
end
return 0
`)

// NewDatabase claims a numbered database at the server of dsn, one without keys of
// ours, and returns its address. No other test has it until this one ends, also none
// of another process, such as that of a package tested at the same time. It waits
// until a database is free: a server should have some more than tests run in parallel.
func NewDatabase(tb testing.TB, dsn string) string {
	tb.Helper()
	client, _ := OpenRedis(tb, onDatabase(tb, dsn, 0))
	n := 0
	for end := time.Now().Add(5 * time.Minute); n == 0; {
		var err error
		if n, err = claimScript.Run(tb.Context(), client, nil, lease.Milliseconds()).Int(); err != nil {
			tb.Fatal(err)
		}
		if n == 0 && time.Now().After(end) {
			tb.Fatalf("drivers: no database of %s is free", dsn)
		}
		if n == 0 {
			time.Sleep(100 * time.Millisecond)
		}
	}
	keep(tb, client, fmt.Sprint("sessionring-test:", n))
	return onDatabase(tb, dsn, n)
}

// keep renews a claim until the test ends, and then gives it up.
func keep(tb testing.TB, client *redis.Client, claim string) {
	ctx, stop := context.WithCancel(context.Background())
	var renewal sync.WaitGroup
	renewal.Go(func() {
		for ctx.Err() == nil {
			client.PExpire(ctx, claim, lease)
			select {
			case <-ctx.Done():
			case <-time.After(lease / 10):
			}
		}
	})
	tb.Cleanup(func() {
		stop()
		renewal.Wait()
		client.Del(context.Background(), claim)
	})
}

// onDatabase returns the address of another database at the server of dsn.
func onDatabase(tb testing.TB, dsn string, n int) string {
	tb.Helper()
	address, err := url.Parse(dsn)
	if err != nil {
		tb.Fatal(err)
	}
	address.Path = fmt.Sprint("/", n)
	return address.String()
}

// StartRedisCluster starts three servers that share the keys, and returns their hosts
// and ports.
func StartRedisCluster(tb testing.TB) (addrs []string) {
	tb.Helper()
	const slots = 16384
	var clients []*redis.Client
	for i := range 3 {
		dsn, _ := startRedis(tb, "--cluster-enabled", "yes", "--cluster-node-timeout", "5000")
		client, _ := OpenRedis(tb, dsn)
		clients, addrs = append(clients, client), append(addrs, client.Options().Addr)
		host, port, _ := net.SplitHostPort(addrs[0])
		added := client.ClusterAddSlotsRange(tb.Context(), i*slots/3, (i+1)*slots/3-1).Err()
		met := client.ClusterMeet(tb.Context(), host, port).Err()
		if err := errors.Join(added, met); err != nil {
			tb.Fatal(err)
		}
	}
	for _, client := range clients {
		for end := time.Now().Add(startup); !knowsAll(client); time.Sleep(50 * time.Millisecond) {
			if time.Now().After(end) {
				tb.Fatal("drivers: the Redis cluster does not come together")
			}
		}
	}
	return addrs
}

// knowsAll reports whether a server sees the whole cluster.
func knowsAll(client *redis.Client) bool {
	info, err := client.ClusterInfo(context.Background()).Result()
	return err == nil && strings.Contains(info, "cluster_state:ok") &&
		strings.Contains(info, "cluster_slots_ok:16384") && strings.Contains(info, "cluster_known_nodes:3")
}

// OpenRedis returns a client for one test, and the function that a store needs.
func OpenRedis(tb testing.TB, dsn string) (*redis.Client, Do) {
	tb.Helper()
	options, err := redis.ParseURL(dsn)
	if err != nil {
		tb.Fatal(err)
	}
	client := redis.NewClient(options)
	tb.Cleanup(func() { client.Close() })
	return client, func(ctx context.Context, args ...any) (any, error) { return client.Do(ctx, args...).Result() }
}

// AsBytes makes do answer in the types of redigo: []byte where go-redis has string.
func AsBytes(do Do) Do {
	return func(ctx context.Context, args ...any) (any, error) {
		answer, err := do(ctx, args...)
		return asBytes(answer), err
	}
}

func asBytes(answer any) any {
	switch v := answer.(type) {
	case string:
		return []byte(v)
	case []any:
		for i := range v {
			v[i] = asBytes(v[i])
		}
	}
	return answer
}

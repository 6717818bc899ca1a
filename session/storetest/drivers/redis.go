package drivers

import (
	"context"
	"errors"
	"net"
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
// With SESSIONRING_TEST_REDIS it returns the address there, and a nil server. It
// removes what other tests have left, and no two tests use that server at a time.
func StartRedis(tb testing.TB, options ...string) (addr string, server *Server) {
	tb.Helper()
	addr = os.Getenv("SESSIONRING_TEST_REDIS")
	if addr == "" {
		return startRedis(tb, options...)
	}
	givenRedis.Lock()
	tb.Cleanup(givenRedis.Unlock)
	client, _ := OpenRedis(tb, addr)
	keys, err := client.Keys(tb.Context(), "sessionring:*").Result()
	if err == nil && len(keys) > 0 {
		err = client.Del(tb.Context(), keys...).Err()
	}
	if err != nil {
		tb.Fatal(err)
	}
	return addr, nil
}

// givenRedis is held by the test that uses the server from the environment.
var givenRedis sync.Mutex

func startRedis(tb testing.TB, options ...string) (addr string, server *Server) {
	tb.Helper()
	db, err := dbserver.StartRedis(options...)
	server = started(tb, db, err)
	return server.Address, server
}

// StartRedisCluster starts three servers that share the keys, and returns their
// addresses.
func StartRedisCluster(tb testing.TB) (addrs []string) {
	tb.Helper()
	const slots = 16384
	for i := range 3 {
		addr, _ := startRedis(tb, "--cluster-enabled", "yes", "--cluster-node-timeout", "5000")
		addrs = append(addrs, addr)
		client, _ := OpenRedis(tb, addr)
		host, port, _ := net.SplitHostPort(addrs[0])
		added := client.ClusterAddSlotsRange(tb.Context(), i*slots/3, (i+1)*slots/3-1).Err()
		met := client.ClusterMeet(tb.Context(), host, port).Err()
		if err := errors.Join(added, met); err != nil {
			tb.Fatal(err)
		}
	}
	for _, addr := range addrs {
		client, _ := OpenRedis(tb, addr)
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
func OpenRedis(tb testing.TB, addr string) (*redis.Client, Do) {
	tb.Helper()
	client := redis.NewClient(&redis.Options{Addr: addr})
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

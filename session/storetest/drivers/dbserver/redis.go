package dbserver

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// StartRedis starts a Redis server without data. Options are those of redis-server,
// such as "--appendonly", "yes"; without, nothing is saved. The error wraps ErrMissing
// if there is no server to start.
func StartRedis(options ...string) (*Server, error) {
	path, err := find("redis-server")
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	dir, err := newDir(nil)
	if err != nil {
		return nil, err
	}
	s := &Server{Address: fmt.Sprintf("127.0.0.1:%d", port), path: path, dir: dir, polite: syscall.SIGTERM}
	s.args = append([]string{"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", dir, "--save", ""}, options...)
	s.answers = func() error { return pingRedis(s.Address) }
	return started(s)
}

// pingRedis is an error until the server has loaded its data, too. It looks for the
// port first, because the client logs every failure to connect.
func pingRedis(addr string) error {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return err
	}
	c.Close()
	client := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1})
	defer client.Close()
	return client.Ping(context.Background()).Err()
}

package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/redis/go-redis/v9"
	_ "modernc.org/sqlite"

	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/benchmarks/contender"
	"github.com/sessionring/sessionring/session/memstore"
	"github.com/sessionring/sessionring/session/redisstore"
	"github.com/sessionring/sessionring/session/sqlstore"
	"github.com/sessionring/sessionring/session/storetest/drivers/dbserver"
)

// atOnce is how many goroutines use a store at the same time.
const atOnce = 16

// storeResult is how quick the refreshes of sessions in a store are.
type storeResult struct {
	Name    string
	Missing string    // why it was not measured
	Alone   []float64 // nanoseconds of a refresh, one after the other
	Crowded []float64 // refreshes in a second, 16 at a time
	Size    float64   // bytes of a session in the store
}

// database is a store with what belongs to it.
type database struct {
	session.Store
	size  func(context.Context) (int64, error) // bytes that it takes
	close func() error
}

// databases are the stores, and how to open an empty one.
var databases = []struct {
	name string
	open func(ctx context.Context, dir string) (*database, error)
}{
	{"memory", openMemory}, {"SQLite, on disk", openSQLite}, {"PostgreSQL", openPostgres}, {"Redis", openRedis},
}

// measureStores measures each store that is there, and names the others.
func measureStores(ctx context.Context, w io.Writer, o options) (list []storeResult, err error) {
	dir, err := os.MkdirTemp("", "benchmarks")
	if err != nil {
		return nil, err
	}
	var crowds []*crowd
	defer func() {
		for _, c := range crowds {
			err = errors.Join(err, c.close())
		}
		err = errors.Join(err, os.RemoveAll(dir))
	}()
	for _, d := range databases {
		r := storeResult{Name: d.name}
		db, err := d.open(ctx, dir)
		switch {
		case errors.Is(err, dbserver.ErrMissing):
			fmt.Fprintf(w, "%s: skipped: %v\n", d.name, err)
			r.Missing = err.Error()
		case err != nil:
			return nil, fmt.Errorf("%s: %w", d.name, err)
		default:
			crowds = append(crowds, &crowd{database: db, result: len(list)})
		}
		list = append(list, r)
	}
	for _, c := range crowds {
		if err := c.begin(ctx, &list[c.result], o); err != nil {
			return nil, fmt.Errorf("%s: %w", list[c.result].Name, err)
		}
	}
	for range o.rounds {
		for _, c := range crowds {
			if err := c.turn(ctx, &list[c.result]); err != nil {
				return nil, fmt.Errorf("%s: %w", list[c.result].Name, err)
			}
		}
	}
	return list, nil
}

// crowd are the users of one store.
type crowd struct {
	*database
	m                          *session.Manager
	alone, crowded, population int // sessions of one turn; those that are weighed
	result                     int // where it stands in the list
}

// begin makes the sessions that are weighed.
func (c *crowd) begin(ctx context.Context, r *storeResult, o options) error {
	keys, err := contender.NewKeys(3)
	if err != nil {
		return err
	}
	if c.m, err = contender.Manager(keys, func(cfg *session.Config) { cfg.Store = c.Store }); err != nil {
		return err
	}
	c.alone, c.crowded, c.population = 50, 20*atOnce, 5000
	if o.short {
		c.alone, c.crowded, c.population = 2, atOnce, 4*atOnce
	}
	r.Size, err = c.weigh(ctx)
	return err
}

// signIn starts so many sessions, and returns their refresh tokens.
func (c *crowd) signIn(ctx context.Context, n int) ([]string, error) {
	list := make([]string, n)
	return list, together(atOnce, n, func(i int) error {
		t, err := c.m.Issue(ctx, session.Grant{Subject: fmt.Sprintf("user-%010d", i), Claims: &user.Custom, Label: "Firefox on Linux"})
		list[i] = t.RefreshToken
		return err
	})
}

// weigh returns how many bytes a session takes in the store.
func (c *crowd) weigh(ctx context.Context) (float64, error) {
	if _, err := c.signIn(ctx, 2*atOnce); err != nil { // tables and indexes have their first pages
		return 0, err
	}
	before, err := c.size(ctx)
	if err != nil {
		return 0, err
	}
	if _, err := c.signIn(ctx, c.population); err != nil {
		return 0, err
	}
	after, err := c.size(ctx)
	return float64(after-before) / float64(c.population), err
}

// turn refreshes sessions once each: a read and a write, as a refresh is that moves on.
func (c *crowd) turn(ctx context.Context, r *storeResult) error {
	list, err := c.signIn(ctx, c.alone+c.crowded)
	if err != nil {
		return err
	}
	refresh := func(i int) error { _, err := c.m.Refresh(ctx, list[i]); return err }
	began := time.Now()
	for i := range c.alone {
		if err := refresh(i); err != nil {
			return err
		}
	}
	r.Alone = append(r.Alone, float64(time.Since(began).Nanoseconds())/float64(c.alone))
	began = time.Now()
	err = together(atOnce, c.crowded, func(i int) error { return refresh(c.alone + i) })
	r.Crowded = append(r.Crowded, float64(c.crowded)/time.Since(began).Seconds())
	return err
}

func openMemory(context.Context, string) (*database, error) {
	return &database{new(memstore.Store), func(context.Context) (int64, error) { return heap(), nil }, func() error { return nil }}, nil
}

func openSQLite(ctx context.Context, dir string) (*database, error) {
	file := filepath.Join(dir, "sessions.db")
	size := func(ctx context.Context, db *sql.DB) (int64, error) {
		var pages, size int64
		if err := db.QueryRowContext(ctx, "PRAGMA page_count").Scan(&pages); err != nil {
			return 0, err
		}
		err := db.QueryRowContext(ctx, "PRAGMA page_size").Scan(&size)
		return pages * size, err
	}
	return openSQL(ctx, "sqlite", file, size, func() error { return nil })
}

func openPostgres(ctx context.Context, _ string) (*database, error) {
	server, err := dbserver.StartPostgres()
	if err != nil {
		return nil, err
	}
	size := func(ctx context.Context, db *sql.DB) (n int64, err error) {
		err = db.QueryRowContext(ctx, "SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class WHERE relkind = 'r' AND relname LIKE 'sessionring%'").Scan(&n)
		return n, err
	}
	return openSQL(ctx, "pgx", server.Address, size, server.Close)
}

func openSQL(ctx context.Context, driver, address string, size func(context.Context, *sql.DB) (int64, error), end func() error) (*database, error) {
	db, err := sql.Open(driver, address)
	if err != nil {
		return nil, errors.Join(err, end())
	}
	db.SetMaxOpenConns(20)
	db.SetMaxIdleConns(20)
	s, err := sqlstore.Open(ctx, db)
	if err != nil {
		return nil, errors.Join(err, db.Close(), end())
	}
	return &database{s, func(ctx context.Context) (int64, error) { return size(ctx, db) }, func() error { return errors.Join(db.Close(), end()) }}, nil
}

func openRedis(ctx context.Context, _ string) (*database, error) {
	server, err := dbserver.StartRedis()
	if err != nil {
		return nil, err
	}
	client := redis.NewClient(&redis.Options{Addr: server.Address, PoolSize: 20})
	s := redisstore.New(func(ctx context.Context, args ...any) (any, error) { return client.Do(ctx, args...).Result() })
	used := regexp.MustCompile(`(?m)^used_memory:(\d+)`)
	size := func(ctx context.Context) (int64, error) {
		info, err := client.Info(ctx, "memory").Result()
		if m := used.FindStringSubmatch(info); err == nil && m != nil {
			return strconv.ParseInt(m[1], 10, 64)
		}
		return 0, errors.Join(errors.New("no used_memory in INFO"), err)
	}
	return &database{s, size, func() error { return errors.Join(client.Close(), server.Close()) }}, nil
}

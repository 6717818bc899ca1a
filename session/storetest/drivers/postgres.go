package drivers

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
)

// StartPostgres starts a PostgreSQL server with an empty database and returns its
// address. Settings are name=value; without others, nothing is synced to disk.
//
// With SESSIONRING_TEST_POSTGRES it makes a schema of its own there instead, drops it
// when the test ends, and returns a nil server.
func StartPostgres(tb testing.TB, settings ...string) (dsn string, server *Server) {
	tb.Helper()
	if dsn := os.Getenv("SESSIONRING_TEST_POSTGRES"); dsn != "" {
		return newSchema(tb, dsn), nil
	}
	bin := postgresBin(tb)
	who := unprivileged(tb)
	dir, port := tempDir(tb, who), freePort(tb)
	data := filepath.Join(dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	initdb.Dir = dir
	initdb.SysProcAttr = &syscall.SysProcAttr{Credential: who}
	if out, err := initdb.CombinedOutput(); err != nil {
		tb.Fatalf("drivers: initdb: %v\n%s", err, out)
	}
	args := []string{"-D", data, "-p", strconv.Itoa(port), "-k", dir}
	for _, s := range append([]string{"listen_addresses=127.0.0.1", "fsync=off", "max_connections=200"}, settings...) {
		args = append(args, "-c", s)
	}
	dsn = fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", port)
	server = &Server{tb: tb, path: filepath.Join(bin, "postgres"), args: args, dir: dir, user: who, polite: syscall.SIGINT}
	server.answers = func() error { return ping(dsn) }
	tb.Cleanup(func() { server.end(os.Interrupt) })
	server.Start()
	return dsn, server
}

// OpenPostgres opens a database for one test, with a pool of 20 connections.
func OpenPostgres(tb testing.TB, dsn string) *sql.DB {
	tb.Helper()
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		tb.Fatal(err)
	}
	db.SetMaxOpenConns(20)
	db.SetMaxIdleConns(20)
	tb.Cleanup(func() { db.Close() })
	return db
}

func ping(dsn string) error {
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	return db.PingContext(context.Background())
}

// postgresBin returns the folder of the newest server that is installed.
func postgresBin(tb testing.TB) string {
	tb.Helper()
	folders, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.SortFunc(folders, func(a, b string) int { return release(b) - release(a) })
	bin := filepath.Dir(find(tb, "initdb", folders...))
	find(tb, "postgres", bin)
	return bin
}

// release returns the number in /usr/lib/postgresql/15/bin.
func release(folder string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(folder)))
	return n
}

// unprivileged returns another user than root, as whom PostgreSQL refuses to run,
// or nil if the test is not run by root.
func unprivileged(tb testing.TB) *syscall.Credential {
	tb.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, _ := strconv.ParseUint(u.Uid, 10, 32)
			gid, _ := strconv.ParseUint(u.Gid, 10, 32)
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		}
	}
	missing(tb, "a user postgres or nobody")
	return nil
}

// newSchema makes a schema at a server and returns the address of it.
func newSchema(tb testing.TB, dsn string) string {
	tb.Helper()
	name := "sessionring_test_" + strings.ToLower(rand.Text()[:12])
	db := OpenPostgres(tb, dsn)
	if _, err := db.ExecContext(tb.Context(), "CREATE SCHEMA "+name); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { db.ExecContext(context.Background(), "DROP SCHEMA "+name+" CASCADE") })
	address, err := url.Parse(dsn)
	if err != nil {
		tb.Fatal(err)
	}
	query := address.Query()
	query.Set("search_path", name)
	address.RawQuery = query.Encode()
	return address.String()
}

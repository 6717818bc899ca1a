package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	_ "modernc.org/sqlite"

	"github.com/sessionring/sessionring/examples/internal/server"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
	"github.com/sessionring/sessionring/session/redisstore"
	"github.com/sessionring/sessionring/session/sqlstore"
)

const (
	startTime   = 10 * time.Second // in which a store must answer when the server starts
	connections = 20               // of one instance to its database
)

// storeAddress is what SESSION_STORE says. It may hold a password: neither it nor
// the error of a driver that may quote it is shown.
type storeAddress struct {
	kind string // "none", "memory", "sqlite", "postgres" or "redis"
	at   string // a path or an address
}

// readStore reads SESSION_STORE. Without it, there is an SQLite file.
func readStore(e *server.Env) storeAddress {
	value := e.Text("SESSION_STORE", "sqlite:"+filepath.Join(e.DataDir(), "sessions.db"))
	kind, rest, _ := strings.Cut(value, ":")
	_, errURL := url.Parse(value) // whose text has the password
	switch isURL := slices.Contains([]string{"postgres", "postgresql", "redis", "rediss"}, kind); {
	case value == "none" || value == "memory:":
		return storeAddress{kind: kind}
	case kind == "sqlite" && rest != "":
		return storeAddress{kind, rest}
	case isURL && errURL != nil:
		e.Fault("SESSION_STORE is no URL that can be read: what the password has of / ? # @ : %% and spaces must be percent-encoded, and the port be a number")
		return storeAddress{}
	case kind == "postgres" || kind == "postgresql":
		return storeAddress{"postgres", value}
	case isURL:
		return storeAddress{"redis", value}
	}
	e.Fault("SESSION_STORE is none of the known kinds: use sqlite:PATH, postgres://…, redis://…, memory: or none")
	return storeAddress{}
}

// about is a word about the store for people.
func (a storeAddress) about() string {
	return map[string]string{
		"none":     "none, all that makes a session is in its tokens",
		"memory":   "memory: sessions end when the server stops",
		"sqlite":   "SQLite in " + a.file(),
		"postgres": "PostgreSQL",
		"redis":    "Redis",
	}[a.kind]
}

// open opens the store, and returns it with what closes it. One that cannot be
// written to is a fault: nobody could sign in.
func (a storeAddress) open(e *server.Env) (store session.Store, db io.Closer) {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	var err error
	switch a.kind {
	case "none":
		return nil, nothing{}
	case "memory":
		return new(memstore.Store), nothing{}
	case "sqlite":
		store, db, err = openSQLite(ctx, a.file(), a.at)
	case "postgres":
		store, db, err = openSQL(ctx, "pgx", a.at)
	case "redis":
		store, db, err = openRedis(a.at)
	}
	if err == nil {
		err = writable(ctx, store)
	}
	if err != nil {
		e.Fault("SESSION_STORE cannot be opened: %s", a.hide(err))
	}
	return store, db
}

// nothing is what closes a store that is not open to anything.
type nothing struct{}

func (nothing) Close() error { return nil }

// file returns the path of an SQLite file, of which the address may be a URI.
func (a storeAddress) file() string {
	path, _, _ := strings.Cut(strings.TrimPrefix(a.at, "file:"), "?")
	return path
}

// openSQLite opens an SQLite file, in a folder that is made if need be.
func openSQLite(ctx context.Context, file, source string) (session.Store, io.Closer, error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, nil, err
	}
	return openSQL(ctx, "sqlite", source)
}

// openSQL opens a store over database/sql.
func openSQL(ctx context.Context, driver, source string) (session.Store, io.Closer, error) {
	db, err := sql.Open(driver, source)
	if err != nil {
		return nil, nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections) // the default of 2 would make new ones all the time
	store, err := sqlstore.Open(ctx, db)
	return store, db, err
}

// openRedis opens a store in Redis or Valkey.
func openRedis(address string) (session.Store, io.Closer, error) {
	options, err := redis.ParseURL(address)
	if err != nil {
		return nil, nil, err
	}
	logging.Disable() // what it would log comes as an error as well
	db := redis.NewClient(options)
	do := func(ctx context.Context, args ...any) (any, error) { return db.Do(ctx, args...).Result() }
	return redisstore.New(do), db, nil
}

// writable writes a record that soon expires.
func writable(ctx context.Context, store session.Store) error {
	old, now, err := store.Get(ctx, "ready")
	if err != nil {
		return err
	}
	_, err = store.Swap(ctx, "ready", old, []byte(rand.Text()), "", "", now.Add(time.Minute))
	return err // another instance may have been faster; that is no error
}

// hide returns the text of err in one line, without the address and its passwords.
func (a storeAddress) hide(err error) string {
	text := strings.ReplaceAll(strings.Join(strings.Fields(err.Error()), " "), a.at, "…")
	u, err := url.Parse(a.at)
	if err != nil || a.kind == "sqlite" {
		return text
	}
	secrets := append(u.Query()["password"], u.Query()["sslpassword"]...)
	if password, set := u.User.Password(); set {
		secrets = append(secrets, password, url.QueryEscape(password), url.PathEscape(password))
	}
	for _, s := range secrets {
		if s != "" {
			text = strings.ReplaceAll(text, s, "…")
		}
	}
	return text
}

// ready answers 200 while the store does and the ended sessions are known, and 503
// else: whoever balances the load may then send requests elsewhere. It says nothing
// of why.
func (a *app) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), time.Second)
	defer cancel()
	if err := a.sessions.Ready(ctx); err != nil {
		server.Fail(w, err)
		return
	}
	server.OK(w, r)
}

package sqlstore_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/sqlstore"
)

// Run against SQLite and PostgreSQL in storetest/drivers.
var (
	_ session.Store = (*sqlstore.Store)(nil)
	_ session.Index = (*sqlstore.Store)(nil)
	_ session.Feed  = (*sqlstore.Store)(nil)
)

// fake is a database that has one answer for each query. It is its own connector,
// connection and rows.
type fake map[string]any

func (f fake) Connect(context.Context) (driver.Conn, error) {
	err, _ := f["connect"].(error)
	return f, err
}
func (f fake) Driver() driver.Driver               { return nil }
func (f fake) Prepare(string) (driver.Stmt, error) { return nil, errors.New("not prepared") }
func (f fake) Close() error                        { return nil }
func (f fake) Begin() (driver.Tx, error)           { return nil, errors.New("no transactions") }

func (f fake) QueryContext(_ context.Context, query string, _ []driver.NamedValue) (driver.Rows, error) {
	for part, answer := range f {
		if strings.Contains(query, part) {
			err, failed := answer.(error)
			if failed {
				return nil, err
			}
			return &row{answer, false}, nil
		}
	}
	return nil, errors.New("unexpected query: " + query)
}

// row is one row with one column.
type row struct {
	value driver.Value
	read  bool
}

func (r *row) Columns() []string { return []string{"x"} }
func (r *row) Close() error      { return nil }
func (r *row) Next(to []driver.Value) error {
	if r.read {
		return io.EOF
	}
	to[0], r.read = r.value, true
	return nil
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		db   fake
		want string
	}{
		"another database":   {fake{"version()": "8.0.36-MySQL"}, `need SQLite or PostgreSQL, not "8.0.36-MySQL"`},
		"its relative":       {fake{"version()": "CockroachDB CCL v24.1"}, "need SQLite or PostgreSQL"},
		"an old PostgreSQL":  {fake{"version()": "PostgreSQL 12.4 on x86", "server_version_num": int64(120004)}, "need PostgreSQL 13 or later, not 12"},
		"a later release":    {fake{"version()": "PostgreSQL 16.1", "server_version_num": int64(160001), "pg_class": true, "max(version)": int64(99)}, "later release"},
		"no version":         {fake{"version()": errors.New("permission denied")}, "permission denied"},
		"nobody there":       {fake{"connect": errors.New("connection refused")}, "connection refused"},
		"what is no SQLite?": {fake{"version()": errors.New("no such function: version"), "database_list": errors.New("what?")}, "what?"},
	} {
		s, err := sqlstore.Open(t.Context(), sql.OpenDB(test.db))
		if s != nil || err == nil || !strings.HasPrefix(err.Error(), "sqlstore: open: ") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("Open of %s: got %v, %v, want %q", name, s, err, test.want)
		}
	}
}

// newFake returns a store whose tables are there, at a database that answers as f.
func newFake(t *testing.T, f fake) *sqlstore.Store {
	t.Helper()
	for query, answer := range map[string]any{"version()": "PostgreSQL 16.1", "server_version_num": int64(160001), "pg_class": true, "max(version)": int64(1)} {
		f[query] = answer
	}
	s, err := sqlstore.Open(t.Context(), sql.OpenDB(f))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestErrors looks at what errors say.
func TestErrors(t *testing.T) {
	t.Parallel()
	down := errors.New("server is down")
	s := newFake(t, fake{"LEFT JOIN": down, "SELECT id": down, "count(*)": down, "UNION": down, "UPDATE": down})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for what, call := range map[string]func(context.Context) error{
		"get":   func(ctx context.Context) error { _, _, err := s.Get(ctx, "a"); return err },
		"list":  func(ctx context.Context) error { _, err := s.List(ctx, "g"); return err },
		"count": func(ctx context.Context) error { _, err := s.Count(ctx); return err },
		"feed":  func(ctx context.Context) error { _, _, err := s.After(ctx, ""); return err },
		"swap": func(ctx context.Context) error {
			_, err := s.Swap(ctx, "a", []byte("secret"), []byte("secret"), "g", "l", time.Time{})
			return err
		},
	} {
		err := call(t.Context())
		if err == nil || !strings.HasPrefix(err.Error(), "sqlstore: "+what+": ") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", what, err)
		}
		if err := call(ended); !errors.Is(err, context.Canceled) {
			t.Errorf("%s with a context that has ended: %v", what, err)
		}
	}
}

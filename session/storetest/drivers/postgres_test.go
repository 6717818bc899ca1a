package drivers_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/sqlstore"
	"github.com/sessionring/sessionring/session/storetest"
	"github.com/sessionring/sessionring/session/storetest/drivers"
)

// TestPostgres uses one server for all, because making one takes long.
func TestPostgres(t *testing.T) {
	t.Parallel()
	dsn, server := drivers.StartPostgres(t)
	t.Run("opens", func(t *testing.T) { testPostgresOpens(t, dsn) })
	t.Run("versions", func(t *testing.T) { versions(t, drivers.OpenPostgres(t, dsn), 1) })
	t.Run("migrates", func(t *testing.T) { testPostgresMigrates(t, dsn) })
	t.Run("contract", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) session.Store { return open(t, drivers.OpenPostgres(t, dsn)) })
	})
	t.Run("hot", func(t *testing.T) { testPostgresHOT(t, dsn) })
	t.Run("pooler", func(t *testing.T) { testPostgresPooler(t, dsn) })
	t.Run("isolation", func(t *testing.T) { testPostgresIsolation(t, dsn) })
	t.Run("locked", func(t *testing.T) { testPostgresLocked(t, dsn) })
	t.Run("revoked", func(t *testing.T) { testPostgresRevoked(t, dsn) })
	t.Run("feed", func(t *testing.T) { testPostgresFeed(t, dsn) })
	t.Run("sweep", func(t *testing.T) { testPostgresSweep(t, dsn) })
	t.Run("stop", func(t *testing.T) { testPostgresStop(t, dsn, server) })
}

// with adds a parameter to an address.
func with(dsn, name, value string) string {
	u, _ := url.Parse(dsn)
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20")
	return u.String()
}

// testPostgresOpens makes the tables from 50 handles at once.
func testPostgresOpens(t *testing.T, dsn string) {
	var crew sync.WaitGroup
	for range 50 {
		db := drivers.OpenPostgres(t, dsn)
		db.SetMaxOpenConns(1)
		crew.Go(func() {
			s, err := sqlstore.Open(t.Context(), db)
			if err == nil {
				err = count(t.Context(), s, "opens", 1)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	crew.Wait()
	data, _, _ := open(t, drivers.OpenPostgres(t, dsn)).Get(t.Context(), "opens")
	if string(data) != "50" {
		t.Errorf("got %s, want 50", data)
	}
}

// testPostgresHOT refreshes records, expiry and all: hardly an update may touch an
// index.
func testPostgresHOT(t *testing.T, dsn string) {
	const records, rounds = 100, 30
	before := updatesOf(t, dsn)
	db := drivers.OpenPostgres(t, dsn)
	s := open(t, db)
	held := make([][]byte, records)
	for round := range rounds {
		for i := range records {
			data := make([]byte, 300+rand.N(100))
			expires := time.Now().Add(time.Hour + time.Duration(round)*15*time.Minute)
			if ok, err := s.Swap(t.Context(), fmt.Sprint("hot", i), held[i], data, fmt.Sprint("g", i), "label", expires); !ok || err != nil {
				t.Fatal(ok, err)
			}
			held[i] = data
		}
	}
	db.Close() // which makes the server count
	var all, hot int64
	for end := time.Now().Add(20 * time.Second); all < records*(rounds-1); time.Sleep(50 * time.Millisecond) {
		now := updatesOf(t, dsn)
		all, hot = now.all-before.all, now.hot-before.hot
		if time.Now().After(end) {
			t.Fatalf("the server counted %d updates, want %d", all, records*(rounds-1))
		}
	}
	t.Logf("%d updates, %d of them HOT", all, hot)
	if hot*100 < all*95 {
		t.Errorf("%d of %d updates were HOT, want 95 %%", hot, all)
	}
}

// updates counts those of records.
type updates struct{ all, hot int64 }

func updatesOf(t *testing.T, dsn string) (u updates) {
	t.Helper()
	err := drivers.OpenPostgres(t, dsn).QueryRow("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'sessionring_records'").Scan(&u.all, &u.hot)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// testPostgresPooler prepares nothing, as behind a pooler in transaction mode.
func testPostgresPooler(t *testing.T, dsn string) {
	s := open(t, drivers.OpenPostgres(t, with(dsn, "default_query_exec_mode", "simple_protocol")))
	_, cursor, err := s.After(t.Context(), "")
	if err := errors.Join(err, count(t.Context(), s, "pooler", 5)); err != nil {
		t.Fatal(err)
	}
	entries, _, err := s.After(t.Context(), cursor)
	list, errList := s.List(t.Context(), "g")
	counts, errCount := s.Count(t.Context())
	if err := errors.Join(err, errList, errCount); err != nil || len(entries) < 5 || string(list["pooler"]) != "5" || counts["l"] == 0 {
		t.Errorf("got %d entries, %q, %d, %v", len(entries), list["pooler"], counts["l"], err)
	}
}

// testPostgresIsolation counts on connections whose transactions are stricter than
// the default, and fail when others were first.
func testPostgresIsolation(t *testing.T, dsn string) {
	s := open(t, drivers.OpenPostgres(t, with(dsn, "default_transaction_isolation", "serializable")))
	var crew sync.WaitGroup
	for range 16 {
		crew.Go(func() {
			if err := count(t.Context(), s, "isolation", 5); err != nil {
				t.Error(err)
			}
		})
	}
	crew.Wait()
	if data, _, err := s.Get(t.Context(), "isolation"); string(data) != "80" || err != nil {
		t.Errorf("got %s, %v, want 80", data, err)
	}
}

func testPostgresFeed(t *testing.T, dsn string) {
	db := drivers.OpenPostgres(t, dsn)
	s := open(t, db)
	if _, err := db.Exec("DELETE FROM sessionring_feed"); err != nil {
		t.Fatal(err)
	}
	others := drivers.OpenPostgres(t, dsn)
	others.SetMaxOpenConns(feedWriters + 10)
	longTransactions(t, others)
	unevenFeed(t, s, feedEach, holdRows(t, others, s))
}

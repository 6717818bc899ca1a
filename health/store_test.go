package health_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/health"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// countingStore notes how often all of its records are counted.
type countingStore struct {
	memstore.Store
	counted atomic.Int64
}

func (s *countingStore) Count(ctx context.Context) (map[string]int, error) {
	s.counted.Add(1)
	return s.Store.Count(ctx)
}

// absent is a store that can go away.
type absent struct {
	memstore.Store
	gone atomic.Bool
}

var errGone = errors.New("the store has gone")

func (s *absent) Get(ctx context.Context, id string) ([]byte, time.Time, error) {
	if s.gone.Load() {
		return nil, time.Time{}, errGone
	}
	return s.Store.Get(ctx, id)
}

func (s *absent) After(ctx context.Context, cursor string) ([][]byte, string, error) {
	if s.gone.Load() {
		return nil, "", errGone
	}
	return s.Store.After(ctx, cursor)
}

// With a store: a session that has ended is revoked, one that was refreshed elsewhere
// is as good as before, and while the store is away nobody is told to sign in.
func TestVerdictWithStore(t *testing.T) {
	t.Parallel()
	for _, way := range []session.Revocation{session.Cached, session.Strict} {
		synctest.Test(t, func(t *testing.T) {
			store := new(absent)
			m := managerOf(t, "v2", func(cfg *session.Config) { cfg.Store, cfg.Revocation = store, way })
			h := health.New(m)
			tokens, err := m.Issue(t.Context(), session.Grant{Subject: "alice"})
			if err != nil {
				t.Fatal(err)
			}
			want := func(when, status, action string) {
				t.Helper()
				for _, access := range []string{tokens.AccessToken, ""} {
					res := serve(h, request("GET", "", access, tokens.RefreshToken))
					v := verdictOf(t, res)
					if access == "" && status == "ok" {
						status, action = "expired", "refresh"
					}
					if access == "" && status == "revoked" {
						status = "no_token"
					}
					if v["status"] != status || v["action"] != action || (res.StatusCode == 503) != (action == "retry") {
						t.Errorf("%d, %s, access %t: got %d, %v, want %s and %s", way, when, access != "", res.StatusCode, v, status, action)
					}
				}
			}
			want("signed in", "ok", "none")
			if _, err := m.Refresh(t.Context(), tokens.RefreshToken); err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Minute) // longer than the grace: a generation of before says nothing here
			want("refreshed elsewhere", "ok", "none")
			store.gone.Store(true)
			time.Sleep(10 * time.Second)
			want("the store is away", "unavailable", "retry")
			store.gone.Store(false)
			time.Sleep(time.Second)
			want("the store is back", "ok", "none")
			if err := m.RevokeSubject(t.Context(), "alice"); err != nil {
				t.Fatal(err)
			}
			want("ended", "revoked", "login")
		})
	}
}

// A verdict is asked for by every open page every few minutes: it must not read
// every record of the store to name the version of the server.
func TestVerdictCountsNoRecords(t *testing.T) {
	t.Parallel()
	store := new(countingStore)
	h := health.New(managerOf(t, "v2 v1", func(cfg *session.Config) { cfg.Store = store }))
	v := h.Verdict(httptest.NewRequest("GET", "/", nil))
	if v.ServerVersion != "v2" || store.counted.Load() != 0 {
		t.Errorf("got version %q and %d counts, want v2 and 0", v.ServerVersion, store.counted.Load())
	}
}

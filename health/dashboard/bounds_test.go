package dashboard_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/health/dashboard"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// slow is a store that takes its time to count, and may hang.
type slow struct {
	memstore.Store
	takes  time.Duration
	hangs  atomic.Bool
	counts atomic.Int64
}

func (s *slow) Count(ctx context.Context) (map[string]int, error) {
	s.counts.Add(1)
	time.Sleep(s.takes)
	return s.Store.Count(ctx)
}

func (s *slow) Get(ctx context.Context, id string) ([]byte, time.Time, error) {
	if s.hangs.Load() {
		<-ctx.Done()
		return nil, time.Time{}, ctx.Err()
	}
	return s.Store.Get(ctx, id)
}

// List hangs as Get does.
func (s *slow) List(ctx context.Context, group string) (map[string][]byte, error) {
	if s.hangs.Load() {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return s.Store.List(ctx, group)
}

// However many ask and however often, the records of a large store are read a twentieth
// of the time.
func TestCountsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slow{takes: time.Second}
		s := serve(t, func(cfg *session.Config) { cfg.Store, cfg.Revocation = store, session.Off }).withBoard(t, func(cfg *dashboard.Config) { cfg.Store = store })
		b := s.browse(t)
		var askers sync.WaitGroup
		for _, path := range []string{"", "api/status", "confirm?do=rotate"} {
			for range 5 {
				askers.Go(func() {
					for range 60 {
						if res := b.get(path); res.StatusCode != 200 {
							t.Errorf("%s: got %d", path, res.StatusCode)
						}
						time.Sleep(2 * time.Second)
					}
				})
			}
		}
		askers.Wait()
		if n := store.counts.Load(); n < 5 || n > 8 {
			t.Errorf("got %d counts in two minutes, want one in twenty seconds", n)
		}
	})
}

// However long a count takes, keys that were changed elsewhere are shown at once.
func TestCountsAreOfTheseKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slow{takes: time.Second}
		s := serve(t, func(cfg *session.Config) { cfg.Store, cfg.Revocation = store, session.Off }).withBoard(t, func(cfg *dashboard.Config) { cfg.Store = store })
		b := s.browse(t)
		b.text(t, "")
		if _, err := s.keys.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if page := b.text(t, ""); !strings.Contains(page, "<bdi>v2</bdi>") {
			t.Errorf("got %s, want the new key on the page", page)
		}
	})
}

// However long a count takes, sessions that were ended on the page are gone from it at once.
func TestCountsAfterAnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slow{takes: time.Second}
		s := serve(t, func(cfg *session.Config) { cfg.Store, cfg.Revocation = store, session.Off }).withBoard(t, func(cfg *dashboard.Config) { cfg.Store = store })
		b := s.browse(t)
		for range 3 {
			if _, err := s.m.Issue(t.Context(), session.Grant{Subject: "alice"}); err != nil {
				t.Fatal(err)
			}
		}
		for _, want := range []string{`"sessions":{"v1":4}`, `"sessions":{"v1":1}`} { // the administrator's own is among them
			if got := body(b.get("api/status")); !strings.Contains(got, want) {
				t.Errorf("got %s, want %s in it", got, want)
			}
			b.post("same-origin", url.Values{"do": {"end-all"}, "subject": {"alice"}})
		}
	})
}

// A store that hangs holds up a page for a quarter of a minute at most, and no longer
// for many who ask.
func TestStoreHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(slow)
		s := serve(t, func(cfg *session.Config) { cfg.Store, cfg.Revocation = store, session.Off }).withBoard(t, func(cfg *dashboard.Config) { cfg.Store = store })
		b := s.browse(t)
		store.hangs.Store(true)
		began := time.Now()
		var askers sync.WaitGroup
		for range 10 {
			askers.Go(func() {
				page := b.text(t, "?subject=alice")
				for _, want := range []string{"Some of this page is missing", "The history is incomplete", "v1"} {
					if !strings.Contains(page, want) {
						t.Errorf("got a page without %q", want)
					}
				}
			})
		}
		askers.Wait()
		if took := time.Since(began); took > 16*time.Second {
			t.Errorf("got ten pages in %v", took)
		}
	})
}

// Of a user with very many sessions the newest are listed.
func TestManySessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t)
		for n := range 1000 {
			if _, err := s.m.Issue(t.Context(), session.Grant{Subject: "robot", Label: fmt.Sprintf("device %d.", n)}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		page := s.browse(t).text(t, "?subject=robot")
		if n := strings.Count(page, "confirm?do=end&amp;"); n != 100 || !strings.Contains(page, "And 900 older ones.") {
			t.Errorf("got %d sessions, want 100 and word of 900", n)
		}
		if !strings.Contains(page, "device 999.") || len(page) > 100_000 {
			t.Errorf("got a page of %d bytes, want the newest session in it", len(page))
		}
	})
}

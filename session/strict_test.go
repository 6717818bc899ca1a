package session_test

import (
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

func strictly(cfg *session.Config)     { cfg.Revocation = session.Strict }
func notAtAll(cfg *session.Config)     { cfg.Revocation = session.Off }
func adoptDay(cfg *session.Config)     { cfg.AdoptUntil = time.Now().Add(day) }
func noStore(*session.Config)          {}
func failOpenHour(cfg *session.Config) { cfg.FailOpenFor = time.Hour }

// A session whose record is missing: it may be late, for half a minute; then the
// session is over, unless it may be from before there was a store.
func TestMissingRecord(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name            string
		edit            func(*session.Config)
		stored          bool // the token is of another store, and has a generation
		age             time.Duration
		access, refresh string
	}{
		{"strict, just born", strictly, true, 29 * time.Second, "unavailable", "unavailable"},
		{"strict, later", strictly, true, 30 * time.Second, "revoked", "revoked"},
		{"cached, just born", noStore, true, 29 * time.Second, "ok", "unavailable"},
		{"cached, later", noStore, true, 30 * time.Second, "ok", "revoked"},
		{"off, later", notAtAll, true, 30 * time.Second, "ok", "revoked"},
		{"adopting, lost by a store", adoptDay, true, time.Minute, "ok", "revoked"},
		{"stateless", strictly, false, time.Minute, "revoked", "revoked"},
		{"stateless, just born", strictly, false, time.Second, "unavailable", "unavailable"},
		{"stateless, adopted", func(cfg *session.Config) { strictly(cfg); adoptDay(cfg) }, false, time.Minute, "ok", "ok"},
		{"stateless, adopted, cached", adoptDay, false, time.Minute, "ok", "ok"},
		{"stateless, cached", noStore, false, time.Minute, "ok", "revoked"},
		{"stateless, the date has passed", func(cfg *session.Config) { cfg.AdoptUntil = time.Now().Add(-1) }, false, time.Minute, "ok", "revoked"},
	} {
		synctest.Test(t, func(t *testing.T) {
			from := managerOf(t, "v1")
			if c.stored {
				from = managerOn(t, new(memstore.Store))
			}
			tokens := issue(t, from, alice)
			m := managerOn(t, new(memstore.Store), c.edit)
			time.Sleep(c.age)
			if got := reason(t, m, tokens.AccessToken); got != c.access {
				t.Errorf("%s: access: got %q, want %q", c.name, got, c.access)
			}
			if _, err := m.Refresh(t.Context(), tokens.RefreshToken); session.Reason(err) != c.refresh {
				t.Errorf("%s: refresh: got %v, want %q", c.name, err, c.refresh)
			}
		})
	}
}

// Strict asks the store on each check, and says 503 while that is down; Off does
// not ask it at all for access tokens.
func TestStrictAndOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := new(unsteady)
		strict, off := managerOn(t, s, strictly, failOpenHour), managerOn(t, s, notAtAll)
		tokens := issue(t, strict, alice)
		s.down.Store(true)
		refused(t, strict, tokens.AccessToken, session.ErrUnavailable)
		verify(t, off, tokens.AccessToken)
		notRefreshed(t, off, tokens, session.ErrUnavailable)
		notRefreshed(t, strict, tokens, session.ErrUnavailable)
		s.down.Store(false)
		verify(t, strict, tokens.AccessToken)
		reads, polls := s.reads.Load(), s.polls.Load()
		verify(t, off, tokens.AccessToken)
		if s.reads.Load() != reads || polls != 0 {
			t.Errorf("got %d reads and %d polls, want none", s.reads.Load()-reads, polls)
		}
		revoke(t, off, sidOf(t, off, tokens))
		refused(t, strict, tokens.AccessToken, session.ErrRevoked)
		verify(t, off, tokens.AccessToken)
		notRefreshed(t, off, tokens, session.ErrRevoked)
	})
}

// RevokeBefore ends what began before, in all three ways: at once, within the lag,
// or at the next refresh; what begins later lives. An earlier time changes nothing,
// and a store that is down leaves all as it is, here too.
func TestRevokeBefore(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		edit   func(*session.Config)
		access string
	}{{"cached", noStore, "revoked"}, {"strict", strictly, "revoked"}, {"off", notAtAll, "ok"}} {
		synctest.Test(t, func(t *testing.T) {
			s := new(unsteady)
			here, there := managerOn(t, s, c.edit), managerOn(t, s, c.edit)
			old := issue(t, here, alice)
			time.Sleep(2 * time.Second)
			young := issue(t, here, alice)
			s.down.Store(true)
			wantErr(t, here.RevokeBefore(t.Context(), time.Now()), session.ErrUnavailable)
			s.down.Store(false)
			time.Sleep(time.Second)
			verify(t, here, old.AccessToken)
			for _, before := range []time.Duration{2 * time.Second, time.Hour} {
				if err := here.RevokeBefore(t.Context(), time.Now().Add(-before)); err != nil {
					t.Fatal(err)
				}
			}
			if got := reason(t, here, old.AccessToken); got != c.access {
				t.Errorf("%s: got %q at once, want %q", c.name, got, c.access)
			}
			time.Sleep(time.Second + 1)
			for _, m := range []*session.Manager{here, there, managerOn(t, s, c.edit)} {
				if got := reason(t, m, old.AccessToken); got != c.access {
					t.Errorf("%s: got %q, want %q", c.name, got, c.access)
				}
				notRefreshed(t, m, old, session.ErrRevoked)
				verify(t, m, young.AccessToken)
				if list, err := m.Sessions(t.Context(), "alice"); err != nil || len(list) != 1 || list[0].ID != sidOf(t, m, young) {
					t.Errorf("%s: got the list %+v, %v, want the young session alone", c.name, list, err)
				}
			}
			refresh(t, there, young)
			time.Sleep(6 * day) // as long as there may be such a session
			notRefreshed(t, managerOn(t, s, c.edit), old, session.ErrRevoked)
			cut, _, err := s.Get(t.Context(), "cut") // lost by a failover, and known here
			if ok, swapErr := s.Swap(t.Context(), "cut", cut, nil, "", "", time.Time{}); !ok || err != nil || swapErr != nil {
				t.Fatal(ok, err, swapErr)
			}
			notRefreshed(t, here, old, session.ErrRevoked)
			refresh(t, here, young)
		})
	}
}

// A refused refresh, whatever the reason, sets and clears no cookie.
func TestRefusedRefreshSetsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := new(unsteady)
		m := managerOn(t, s, withCookies)
		old := issue(t, m, alice)
		next := refresh(t, m, old)
		time.Sleep(2 * time.Minute)
		next = refresh(t, m, next)
		time.Sleep(2 * time.Minute)
		for _, c := range []struct {
			token  string
			down   bool
			status int
			reason string
		}{{next.RefreshToken, true, 503, "unavailable"}, {old.RefreshToken, false, 401, "reused"}, {next.RefreshToken, false, 401, "revoked"}} {
			s.down.Store(c.down)
			time.Sleep(time.Second)
			w := httptest.NewRecorder()
			m.HandleRefresh(w, request("POST /refresh", cookieLine(refreshCookie, c.token)))
			got := refreshed(t, w.Result())
			if got.Status != c.status || got.Error != c.reason || got.Cookies || got.Body {
				t.Errorf("got %+v, want %d %s and no cookie", got, c.status, c.reason)
			}
		}
	})
}

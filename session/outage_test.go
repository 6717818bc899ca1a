package session_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/cookie"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// Ready is nil while checks can be answered: with the store there and the feed read.
func TestReady(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*session.Config){"cached": noStore, "strict": strictly, "off": notAtAll} {
		synctest.Test(t, func(t *testing.T) {
			s := new(unsteady)
			m := managerOn(t, s, edit)
			s.down.Store(true)
			if err := m.Ready(t.Context()); !errors.Is(err, session.ErrUnavailable) {
				t.Errorf("%s, down: got %v, want ErrUnavailable", name, err)
			}
			s.down.Store(false)
			time.Sleep(time.Second)
			if err := m.Ready(t.Context()); err != nil {
				t.Errorf("%s, up: got %v, want nil", name, err)
			}
		})
	}
	if err := managerOf(t, "v1").Ready(t.Context()); err != nil {
		t.Errorf("without a store: got %v, want nil", err)
	}
	m := managerOn(t, new(mute))
	if err := m.Ready(t.Context()); !errors.Is(err, session.ErrUnavailable) {
		t.Errorf("feed that cannot be read: got %v, want ErrUnavailable", err)
	}
}

// mute is a store of which the feed cannot be read.
type mute struct{ memstore.Store }

func (*mute) After(context.Context, string) ([][]byte, string, error) {
	return nil, "", errors.New("no feed today")
}

// Scenarios 35 and 38: a sign-out while the store is down clears the cookies and
// says 503; the session ends when the store is back, whatever the request carried,
// for however long the store has been down, and in every way of revocation.
func TestSignOutWhileDown(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		edit    func(*session.Config)
		down    time.Duration
		request func(session.Tokens) *http.Request
	}{
		{"both cookies", noStore, 0, func(k session.Tokens) *http.Request {
			return request("POST /logout", cookieLine(accessCookie, k.AccessToken, refreshCookie, k.RefreshToken))
		}},
		{"refresh cookie", noStore, 0, func(k session.Tokens) *http.Request {
			return request("POST /logout", cookieLine(refreshCookie, k.RefreshToken))
		}},
		{"refresh cookie, for long", noStore, time.Minute, func(k session.Tokens) *http.Request {
			return request("POST /logout", cookieLine(refreshCookie, k.RefreshToken))
		}},
		{"refresh cookie, strict", strictly, 0, func(k session.Tokens) *http.Request {
			return request("POST /logout", cookieLine(refreshCookie, k.RefreshToken))
		}},
		{"refresh cookie, off", notAtAll, 0, func(k session.Tokens) *http.Request {
			return request("POST /logout", cookieLine(refreshCookie, k.RefreshToken))
		}},
		{"body, for long", noStore, time.Minute, func(k session.Tokens) *http.Request {
			return withBody("POST /logout", `{"refresh_token":"`+k.RefreshToken+`"}`)
		}},
		{"header, strict", strictly, 0, func(k session.Tokens) *http.Request {
			return request("POST /logout", "Authorization: Bearer "+k.AccessToken)
		}},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := new(unsteady)
			m := managerOn(t, s, withCookies, c.edit)
			defer running(t, m)()
			tokens := issue(t, m, alice)
			other := issue(t, m, alice)
			verify(t, m, tokens.AccessToken)
			s.down.Store(true)
			time.Sleep(c.down)
			w := httptest.NewRecorder()
			m.HandleSignOut(w, c.request(tokens))
			cleared := 0
			for _, k := range w.Result().Cookies() {
				if k.MaxAge < 0 {
					cleared++
				}
			}
			if w.Code != 503 || cleared < 2 || w.Header().Get("Retry-After") == "" {
				t.Errorf("%s: got %d and %d cookies cleared, want 503 and both", c.name, w.Code, cleared)
			}
			heard := observe(m)
			time.Sleep(10 * time.Second)
			s.down.Store(false)
			time.Sleep(3 * time.Second)
			if diff := cmp.Diff([]string{"revoked: session revoked ok alice"}, butAlerts(heard.words())); diff != "" {
				t.Errorf("%s: events (-want +got):\n%s", c.name, diff)
			}
			notRefreshed(t, m, tokens, session.ErrRevoked)
			refresh(t, m, other)
		})
	}
}

// halved is a store that writes records alone at first, and says that the entry is missing.
type halved struct {
	memstore.Store
	times atomic.Int64 // that it still does
}

func (s *halved) SwapAppend(ctx context.Context, id string, old, data []byte, group, label string, expires time.Time, entry []byte, entryExpires time.Time) (bool, error) {
	if s.times.Add(-1) < 0 {
		return s.Store.SwapAppend(ctx, id, old, data, group, label, expires, entry, entryExpires)
	}
	ok, _ := s.Store.Swap(ctx, id, old, data, group, label, expires)
	return ok, errStore
}

// An end of which the other instances were not told is told again: by Run after a
// sign-out, by the caller otherwise.
func TestEntryMissing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := new(halved)
		here, there := managerOn(t, s, withCookies), managerOn(t, s)
		defer running(t, here)()
		out, revoked, early := issue(t, here, alice), issue(t, here, alice), issue(t, here, session.Grant{Subject: "bob"})
		time.Sleep(2 * time.Second)
		verify(t, there, out.AccessToken)
		s.times.Store(1)
		wantErr(t, here.SignOut(httptest.NewRecorder(), request("POST /logout", cookieLine(refreshCookie, out.RefreshToken))), session.ErrUnavailable)
		time.Sleep(3 * time.Second)
		refused(t, there, out.AccessToken, session.ErrRevoked)
		for _, end := range []struct {
			call  func() error
			token string
		}{
			{func() error { return here.Revoke(t.Context(), "alice", sidOf(t, there, revoked)) }, revoked.AccessToken},
			{func() error { return here.RevokeBefore(t.Context(), time.Now()) }, early.AccessToken},
		} {
			s.times.Store(1)
			wantErr(t, end.call(), session.ErrUnavailable)
			verify(t, there, end.token)
			if err := end.call(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Second)
			refused(t, there, end.token, session.ErrRevoked)
		}
	})
}

// Whoever signs out of one session again and again while the store is down does not
// crowd out the sign-outs of others.
func TestManySignOutsWhileDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := new(unsteady)
		m := managerOn(t, s, withCookies)
		one, other := issue(t, m, alice), issue(t, m, alice)
		signOut := func(tokens session.Tokens) {
			wantErr(t, m.SignOut(httptest.NewRecorder(), request("POST /logout", cookieLine(refreshCookie, tokens.RefreshToken))), session.ErrUnavailable)
		}
		s.down.Store(true)
		for range 10_001 {
			signOut(one)
		}
		signOut(other)
		s.down.Store(false)
		defer running(t, m)()
		time.Sleep(3 * time.Second)
		notRefreshed(t, m, one, session.ErrRevoked)
		notRefreshed(t, m, other, session.ErrRevoked)
	})
}

// What was ended shortly before a failover that lost the writes is written again,
// whoever notices first that the store is back, Run or a request; also after a failover
// that took less time than counts as an outage, or that was slept through.
func TestToldAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		busy bool
		down time.Duration
		late bool // Run runs only when the store is back
	}{
		{busy: false, down: 20 * time.Second}, {busy: false, down: 2 * time.Second}, {busy: false, down: 20 * time.Second, late: true},
		{busy: true, down: 20 * time.Second}, {busy: true, down: 20 * time.Second}, {busy: true, down: 20 * time.Second}, // who is first is chance
		{busy: true, down: 2 * time.Second}, {busy: true, down: 2 * time.Second}, {busy: true, down: 2 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := new(unsteady)
			m := managerOn(t, s)
			if !c.late {
				defer running(t, m)()
			}
			tokens := issue(t, m, alice)
			sid := sidOf(t, m, tokens)
			before, _, err := s.Store.Get(t.Context(), "session:"+sid)
			if err != nil {
				t.Fatal(err)
			}
			revoke(t, m, sid)
			s.down.Store(true)
			time.Sleep(c.down)
			now, _, _ := s.Store.Get(t.Context(), "session:"+sid)
			if ok, err := s.Store.Swap(t.Context(), "session:"+sid, now, before, "subject:alice", "", time.Time{}); !ok || err != nil {
				t.Fatal(ok, err)
			}
			s.down.Store(false)
			if c.late {
				defer running(t, m)()
			}
			for range 300 {
				if c.busy {
					reason(t, m, tokens.AccessToken)
				}
				time.Sleep(10 * time.Millisecond)
			}
			fresh := managerOn(t, s, strictly)
			refused(t, fresh, tokens.AccessToken, session.ErrRevoked)
			notRefreshed(t, fresh, tokens, session.ErrRevoked)
		})
	}
}

// B9: a sign-in ends the session that the request carried, in the store too.
func TestSignInEndsTheOther(t *testing.T) {
	t.Parallel()
	m := managerOn(t, new(memstore.Store), withCookies)
	old := issue(t, m, alice)
	w := httptest.NewRecorder()
	r := request("POST /login", cookieLine(refreshCookie, old.RefreshToken), "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	if err := m.SignIn(w, r, session.Grant{Subject: "bob"}); err != nil {
		t.Fatal(err)
	}
	refused(t, m, old.AccessToken, session.ErrRevoked)
	notRefreshed(t, m, old, session.ErrRevoked)
	list, err := m.Sessions(t.Context(), "bob")
	if err != nil || len(list) != 1 || list[0].Label != "Firefox on Linux" || list[0].Tag != "v1" {
		t.Errorf("got %+v, %v, want one session by Firefox on Linux", list, err)
	}
}

// stingy is a policy whose cookies cannot be set.
type stingy struct{ *cookie.Policy }

var errTooLarge = errors.New("too large")

func (stingy) Set(http.ResponseWriter, *http.Request, string, string, time.Time, time.Time) error {
	return errTooLarge
}

// A sign-in that delivers no tokens leaves no live session behind: not when the
// cookies cannot be set, not when its write is reported as failed and, once the store
// is back, not when that goes away in the middle of the sign-in.
func TestSignInLeavesNothing(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(s *unsteady){
		"cookies": func(*unsteady) {},
		"late":    func(s *unsteady) { s.late.Store(true) },
		"away": func(s *unsteady) {
			reads := 0
			gone := func(id string) []byte {
				if id == "cut:alice" {
					reads++
					s.down.Store(reads == 2) // with the record written
				}
				return nil
			}
			s.garble.Store(&gone)
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := new(unsteady)
			m := managerOn(t, s, func(cfg *session.Config) { cfg.Cookies = stingy{cookie.SameSite()} })
			defer running(t, m)()
			old := issue(t, managerOn(t, s, withCookies), alice)
			heard := observe(m)
			fail(s)
			err := m.SignIn(httptest.NewRecorder(), request("POST /login", cookieLine(refreshCookie, old.RefreshToken)), alice)
			if err == nil || name == "cookies" && !errors.Is(err, errTooLarge) || name != "cookies" && !errors.Is(err, session.ErrUnavailable) {
				t.Errorf("%s: got %v, want %v or the fault of the store", name, err, errTooLarge)
			}
			s.garble.Store(nil)
			s.late.Store(false)
			s.down.Store(false)
			time.Sleep(5 * time.Second)
			list, err := m.Sessions(t.Context(), "alice")
			if err != nil || len(list) != 1 || list[0].ID != sidOf(t, m, old) {
				t.Errorf("%s: got %+v, %v, want the session from before and no other", name, list, err)
			}
			for _, e := range heard.take() {
				if e.Hook == "signed in" || e.SessionID == sidOf(t, m, old) && e.Hook == "revoked" {
					t.Errorf("%s: got %+v, want no sign-in, and the old session as it was", name, e)
				}
			}
			refresh(t, managerOn(t, s), old)
		})
	}
}

package session_test

import (
	"context"
	"errors"
	"math/bits"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// B7, B8, scenario 36: all sessions of a user end but those named; others live.
func TestRevokeSubject(t *testing.T) {
	t.Parallel()
	m := managerOn(t, new(memstore.Store))
	var all []session.Tokens
	var ids []string
	for range 5 {
		all = append(all, issue(t, m, alice))
		ids = append(ids, sidOf(t, m, all[len(all)-1]))
	}
	bob := issue(t, m, session.Grant{Subject: "bob"})
	heard := observe(m)
	if err := m.RevokeSubject(t.Context(), "alice", ids[1], ids[3], "no such session"); err != nil {
		t.Fatal(err)
	}
	for i, tokens := range all {
		want := "revoked"
		if i == 1 || i == 3 {
			want = "ok"
		}
		if got := reason(t, m, tokens.AccessToken); got != want {
			t.Errorf("session %d: got %q, want %q", i, got, want)
		}
	}
	verify(t, m, bob.AccessToken)
	events := heard.take()
	causes := slices.DeleteFunc(events, func(e happened) bool {
		return e.Name != "session revoked" || e.Cause != "subject" || e.Subject != "alice"
	})
	if len(causes) != 3 {
		t.Errorf("got %d sessions of alice ended by subject, want 3", len(causes))
	}
	if err := m.RevokeSubject(t.Context(), "nobody"); err != nil {
		t.Errorf("nobody: got %v, want nil", err)
	}
}

// Sessions from before there was a store end with the others of their user, but for
// those that are spared: at the next refresh, and with Strict at once.
func TestRevokeSubjectWithoutRecords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		edit   func(*session.Config)
		access string
	}{{"cached", noStore, "ok"}, {"strict", strictly, "revoked"}, {"off", notAtAll, "ok"}} {
		synctest.Test(t, func(t *testing.T) {
			from := managerOf(t, "v1")
			gone, spared, bob := issue(t, from, alice), issue(t, from, alice), issue(t, from, session.Grant{Subject: "bob"})
			time.Sleep(time.Minute)
			m := managerOn(t, new(memstore.Store), c.edit, func(cfg *session.Config) { cfg.AdoptUntil = time.Now().Add(60 * day) })
			if err := m.RevokeSubject(t.Context(), "alice", "another", sidOf(t, from, spared)); err != nil {
				t.Fatal(err)
			}
			if got := reason(t, m, gone.AccessToken); got != c.access {
				t.Errorf("%s: got %q, want %q", c.name, got, c.access)
			}
			verify(t, m, spared.AccessToken)
			time.Sleep(6 * day) // longer than a cut is kept for sign-ins
			notRefreshed(t, m, gone, session.ErrRevoked)
			refresh(t, m, spared)
			refresh(t, m, bob)
		})
	}
}

// A session from before there was a store that is signed out before it has a record is
// over for good: its access token for as long as it would live, here and at an instance
// that starts later, and its refresh token even if an instance without the store has
// prolonged it meanwhile.
func TestSignOutWithoutRecord(t *testing.T) {
	t.Parallel()
	for _, edit := range []func(*session.Config){noStore, strictly} {
		synctest.Test(t, func(t *testing.T) {
			s := new(memstore.Store)
			from := managerOf(t, "v1", func(cfg *session.Config) { cfg.AccessTTL = day })
			tokens := issue(t, from, alice)
			m := managerOn(t, s, withCookies, edit, func(cfg *session.Config) { cfg.AdoptUntil = time.Now().Add(60 * day) })
			if err := m.SignOut(httptest.NewRecorder(), request("POST /logout", cookieLine(accessCookie, tokens.AccessToken))); err != nil {
				t.Fatal(err)
			}
			for range 24 {
				refused(t, m, tokens.AccessToken, session.ErrRevoked)
				refused(t, managerOn(t, s, edit, adoptDay), tokens.AccessToken, session.ErrRevoked)
				time.Sleep(time.Hour)
			}
			for range 20 {
				tokens = refresh(t, from, tokens)
				notRefreshed(t, m, tokens, session.ErrRevoked)
				time.Sleep(2 * day)
			}
		})
	}
}

// timetable is a store whose calls take place when the context of the caller says.
type timetable struct{ memstore.Store }

// calls is the context key of a *[]time.Time: when the next calls take place.
type calls struct{}

func (*timetable) wait(ctx context.Context) {
	if at, _ := ctx.Value(calls{}).(*[]time.Time); at != nil && len(*at) > 0 {
		time.Sleep(time.Until((*at)[0]))
		*at = (*at)[1:]
	}
}

func (s *timetable) Get(ctx context.Context, id string) ([]byte, time.Time, error) {
	s.wait(ctx)
	return s.Store.Get(ctx, id)
}

func (s *timetable) Swap(ctx context.Context, id string, old, data []byte, group, label string, expires time.Time) (bool, error) {
	s.wait(ctx)
	return s.Store.Swap(ctx, id, old, data, group, label, expires)
}

func (s *timetable) List(ctx context.Context, group string) (map[string][]byte, error) {
	s.wait(ctx)
	return s.Store.List(ctx, group)
}

// A sign-in that is under way while the sessions of its user are ended gives up, or
// is ended too, in whatever order their calls of the store take place: Get, Swap, Get
// of the one, Get, Swap, List of the other.
func TestSignInDuringRevokeSubject(t *testing.T) {
	t.Parallel()
	for order := range uint(1 << 6) {
		if bits.OnesCount(order) != 3 {
			continue
		}
		synctest.Test(t, func(t *testing.T) {
			var at [2][]time.Time // of the sign-in, and of the other
			for i := range 6 {
				who := order >> i & 1
				at[who] = append(at[who], time.Now().Add(time.Duration(i+1)*time.Second))
			}
			later := at[1][1].Before(at[0][0]) // the sign-in began when the end was written
			m := managerOn(t, new(timetable))
			var ended sync.WaitGroup
			ended.Go(func() {
				if err := m.RevokeSubject(context.WithValue(t.Context(), calls{}, &at[1]), "alice"); err != nil {
					t.Error(err)
				}
			})
			tokens, err := m.Issue(context.WithValue(t.Context(), calls{}, &at[0]), alice)
			ended.Wait()
			if err == nil && !later && reason(t, m, tokens.AccessToken) == "ok" {
				t.Errorf("order %06b: got a session that outlives its end", order)
			}
			if err != nil && (later || !errors.Is(err, session.ErrUnavailable)) {
				t.Errorf("order %06b: got %v, want the sign-in to go well after the end, and to be tried again during it", order, err)
			}
			list, err := m.Sessions(t.Context(), "alice")
			if err != nil || len(list) > 1 || len(list) == 1 && !later {
				t.Errorf("order %06b: got %+v, %v, want what gave up to be gone", order, list, err)
			}
		})
	}
}

// An end of long ago that is forgotten during a sign-in does not stop it.
func TestSignInWhileCutExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := managerOn(t, new(timetable))
		if err := m.RevokeSubject(t.Context(), "alice"); err != nil {
			t.Fatal(err)
		}
		gone := time.Now().Add(10 * time.Minute)
		time.Sleep(10*time.Minute - 5*time.Second)
		at := []time.Time{gone.Add(-time.Second), gone, gone.Add(time.Second)}
		tokens, err := m.Issue(context.WithValue(t.Context(), calls{}, &at), alice)
		if err != nil {
			t.Fatal(err)
		}
		verify(t, m, tokens.AccessToken)
	})
}

// picky is a store of UTF-8 without NUL, as PostgreSQL is.
type picky struct{ memstore.Store }

func (s *picky) Get(ctx context.Context, id string) ([]byte, time.Time, error) {
	if !utf8.ValidString(id) || strings.Contains(id, "\x00") {
		return nil, time.Time{}, errStore
	}
	return s.Store.Get(ctx, id)
}

// An id may come from a URL: of somebody else, of nothing, or of a session that is
// over; nothing happens, no record is left, and no error tells which.
func TestRevokeByURL(t *testing.T) {
	t.Parallel()
	s := new(picky)
	m := managerOn(t, s)
	tokens := issue(t, m, alice)
	sid := sidOf(t, m, tokens)
	record := func(sid string) string {
		data, _, err := s.Store.Get(t.Context(), "session:"+sid)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	heard := observe(m)
	for _, c := range []struct{ subject, sid string }{{"bob", sid}, {"", sid}, {"alice", ""}, {"alice", "x"}, {"alice", sid + "A"}, {"alice", strings.Repeat("x", 1<<16)}, {"alice", "\xff"}, {"alice", sid + "\x00"}} {
		if err := m.Revoke(t.Context(), c.subject, c.sid); err != nil {
			t.Errorf("%q %.20q: got %v, want nil", c.subject, c.sid, err)
		}
		if c.sid != sid && record(c.sid) != "" {
			t.Errorf("%q %.20q: got a record, want none", c.subject, c.sid)
		}
		if got := heard.words(); len(got) != 0 {
			t.Errorf("%q %.20q: got %q, want no event", c.subject, c.sid, got)
		}
		verify(t, m, tokens.AccessToken)
		heard.take()
	}
	revoke(t, m, sid)
	ended := record(sid)
	if err := m.RevokeSubject(t.Context(), "alice"); err != nil || record(sid) != ended {
		t.Errorf("got %v and the record %s, want it as it was when the session ended, %s", err, record(sid), ended)
	}
	if got := heard.words(); len(got) != 1 {
		t.Errorf("got %q, want one event", got)
	}
}

// Sessions are listed newest first, live ones only.
func TestSessions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := managerOn(t, new(memstore.Store))
		start := time.Now()
		want := []session.Info{}
		for _, label := range []string{"phone", "laptop", "", "tablet"} {
			tokens := issue(t, m, session.Grant{Subject: "alice", Label: label})
			want = append(want, session.Info{
				ID: sidOf(t, m, tokens), Subject: "alice", Label: label, Tag: "v1",
				AuthTime: time.Now().UTC(), Refreshed: time.Now().UTC(), ExpiresAt: time.Now().Add(7 * day).UTC(),
			})
			time.Sleep(time.Hour)
		}
		slices.Reverse(want)
		for range 2 { // as many in the list as are live
			got, err := m.Sessions(t.Context(), "alice")
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Fatalf("%v; sessions (-want +got):\n%s", err, diff)
			}
			time.Sleep(time.Until(start.Add(7*day + time.Minute))) // the leeway
			want = want[:3]
		}
		if got, err := m.Sessions(t.Context(), "nobody"); err != nil || got == nil || len(got) != 0 {
			t.Errorf("got %#v, %v, want an empty list that is not nil", got, err)
		}
	})
}

// The number of sessions and their list are exact: a session is in both as long as it
// can be refreshed, the leeway included, and not a moment longer.
func TestCountedUntil(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		leeway time.Duration
		grant  session.Grant
		want   time.Duration
	}{
		{"a minute of leeway", 0, alice, time.Hour + time.Minute},
		{"a little", 1500 * time.Millisecond, alice, time.Hour + 1500*time.Millisecond},
		{"none", -1, alice, time.Hour},
		{"the absolute end", 0, session.Grant{Subject: "alice", MaxAge: 30 * time.Minute}, 30 * time.Minute},
	} {
		for _, d := range []time.Duration{-time.Second, -1, 0, 1, time.Second, time.Hour} {
			synctest.Test(t, func(t *testing.T) {
				m := managerOn(t, new(memstore.Store), func(cfg *session.Config) { cfg.RefreshTTL, cfg.Leeway = time.Hour, c.leeway })
				tokens := issue(t, m, c.grant)
				time.Sleep(c.want + d)
				stats, err := m.Stats(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				list, err := m.Sessions(t.Context(), "alice")
				if err != nil {
					t.Fatal(err)
				}
				_, err = m.Refresh(t.Context(), tokens.RefreshToken)
				if lives := d < 0; stats.Sessions["v1"] == 1 != lives || len(list) == 1 != lives || err == nil != lives {
					t.Errorf("%s, %v: got %d counted, %d listed, refresh %v; want it to live: %v", c.name, d, stats.Sessions["v1"], len(list), err, lives)
				}
			})
		}
	}
}

// Live sessions are counted by the newest key that vouches for them here; those of
// keys that this ring does not hold are under "".
func TestStatsByTag(t *testing.T) {
	t.Parallel()
	s := new(memstore.Store)
	at := func(words string) *session.Manager {
		return managerOf(t, words, func(cfg *session.Config) { cfg.Store = s })
	}
	a, b := issue(t, at("v1"), alice), issue(t, at("v1"), alice)
	issue(t, at("v9"), alice)
	gone := issue(t, at("v1"), alice)
	revoke(t, at("v1"), sidOf(t, at("v1"), gone))
	for _, c := range []struct {
		ring string
		then func()
		want map[string]int
	}{
		{"v1", func() {}, map[string]int{"v1": 2, "": 1}},
		{"v2 v1", func() {}, map[string]int{"v1": 2, "": 1}},
		{"v2 v1", func() { refresh(t, at("v2 v1"), a) }, map[string]int{"v2": 1, "v1": 1, "": 1}},
		{"v1", func() {}, map[string]int{"v1": 2, "": 1}}, // v1 co-signed the refreshed one
		{"v2", func() {}, map[string]int{"v2": 1, "": 2}},
		{"v3 v2 v1", func() { refresh(t, at("v3 v2 v1"), b) }, map[string]int{"v3": 1, "v2": 1, "": 1}},
	} {
		c.then()
		stats, err := at(c.ring).Stats(t.Context())
		if diff := cmp.Diff(c.want, stats.Sessions); diff != "" || err != nil {
			t.Errorf("%s: %v; sessions by tag (-want +got):\n%s", c.ring, err, diff)
		}
	}
}

// A label says browser and system, and nothing that tells people apart; one that the
// application gives is kept, but short and in characters that show.
func TestLabels(t *testing.T) {
	t.Parallel()
	const mozilla = "Mozilla/5.0 "
	for _, c := range []struct{ agent, label, want string }{
		{mozilla + "(X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "", "Firefox on Linux"},
		{mozilla + "(Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36", "", "Chrome on Windows"},
		{mozilla + "(Windows NT 10.0) AppleWebKit/537.36 Chrome/138.0 Safari/537.36 Edg/138.0", "", "Edge on Windows"},
		{mozilla + "(iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Mobile/15E148 Safari/604.1", "", "Safari on iPhone"},
		{mozilla + "(Linux; Android 10; K) AppleWebKit/537.36 Chrome/138.0.0.0 Mobile Safari/537.36", "", "Chrome on Android"},
		{mozilla + "(Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.5 Safari/605.1.15", "", "Safari on macOS"},
		{mozilla + "(X11; CrOS x86_64 14541) Chrome/138.0 Safari/537.36", "", "Chrome on ChromeOS"},
		{"curl/8.5.0", "", "curl"}, {"", "", ""},
		{"SecretAgent/1.0 (device 0123456789abcdef; alice@example.com)", "", ""},
		{"curl/8.5.0", "Alice's laptop", "Alice's laptop"},
		{"", "a\x00b\nc\u202ed\u200be\x85f", "abcdef"}, {"", "\xffx", "x"}, {"", strings.Repeat("é", 100), strings.Repeat("é", 64)},
		{"", "x" + strings.Repeat("é", 100), "x" + strings.Repeat("é", 63)},
		{"", mozilla + "(X11; Linux x86_64) Firefox/140.0", "Firefox on Linux"},
	} {
		m := managerOn(t, new(memstore.Store), withCookies)
		if err := m.SignIn(httptest.NewRecorder(), request("POST /login", "User-Agent: "+c.agent), session.Grant{Subject: "alice", Label: c.label}); err != nil {
			t.Fatal(err)
		}
		list, err := m.Sessions(t.Context(), "alice")
		if err != nil || len(list) != 1 || list[0].Label != c.want {
			t.Errorf("%q %q: got %+v, %v, want the label %q", c.agent, c.label, list, err, c.want)
		}
	}
}

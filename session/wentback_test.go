package session_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// fickle is a store that can go back to what it was, without ever failing.
type fickle struct {
	*memstore.Store
	mu     sync.Mutex
	writes []func(*memstore.Store) (bool, error)
	ids    []string // of what was written
	mute   bool     // its feed is away
	bare   bool     // entries of the feed are lost
}

func (f *fickle) Get(ctx context.Context, id string) ([]byte, time.Time, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.Store.Get(ctx, id)
}

func (f *fickle) After(ctx context.Context, cursor string) ([][]byte, string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mute {
		return nil, "", errStore
	}
	return f.Store.After(ctx, cursor)
}

func (f *fickle) List(ctx context.Context, group string) (map[string][]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.Store.List(ctx, group)
}

func (f *fickle) write(id string, do func(*memstore.Store) (bool, error)) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.writes, f.ids = append(f.writes, do), append(f.ids, id)
	return do(f.Store)
}

func (f *fickle) Swap(_ context.Context, id string, old, data []byte, group, label string, expires time.Time) (bool, error) {
	return f.write(id, func(s *memstore.Store) (bool, error) {
		return s.Swap(context.Background(), id, old, data, group, label, expires)
	})
}

func (f *fickle) SwapAppend(_ context.Context, id string, old, data []byte, group, label string, expires time.Time, entry []byte, entryExpires time.Time) (bool, error) {
	return f.write(id, func(s *memstore.Store) (bool, error) {
		if f.bare {
			return s.Swap(context.Background(), id, old, data, group, label, expires)
		}
		return s.SwapAppend(context.Background(), id, old, data, group, label, expires, entry, entryExpires)
	})
}

// written returns the ids of the records in the order in which they were written.
func (f *fickle) written() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.ids)
}

// loseFeed forgets the entries of the feed, and none of the records.
func (f *fickle) loseFeed() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bare = true
	f.replay(len(f.writes))
	f.bare = false
}

// goBack undoes all writes but the first n.
func (f *fickle) goBack(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.replay(n)
}

func (f *fickle) replay(n int) {
	f.Store, f.writes, f.ids = new(memstore.Store), f.writes[:n], f.ids[:n]
	for _, do := range f.writes {
		do(f.Store)
	}
}

// B6, scenario 35: what was ended is ended again if the store goes back to what it was
// before, within the lag and a moment, however little of that was to be noticed; and is
// reported once. Those who were not meant stay signed in.
func TestStoreWentBack(t *testing.T) {
	t.Parallel()
	ends := map[string]func(ctx context.Context, m *session.Manager, sid string) error{
		"one":     func(ctx context.Context, m *session.Manager, sid string) error { return m.Revoke(ctx, "alice", sid) },
		"subject": func(ctx context.Context, m *session.Manager, _ string) error { return m.RevokeSubject(ctx, "alice") },
		"all":     func(ctx context.Context, m *session.Manager, _ string) error { return m.RevokeBefore(ctx, time.Now()) },
	}
	for kind, end := range ends {
		for _, c := range []struct {
			after time.Duration // the end until the store goes back
			whole bool          // it forgets that there was such a session
			more  bool          // another is ended before anybody can have noticed
		}{{}, {whole: true}, {more: true}, {whole: true, more: true}, {after: 3 * time.Second}, {after: 3 * time.Second, more: true}, {after: 90 * time.Second, whole: true, more: true}} {
			name := fmt.Sprintf("%s %+v", kind, c)
			synctest.Test(t, func(t *testing.T) {
				s := &fickle{Store: new(memstore.Store)}
				log := new(logBook)
				m, other := managerOn(t, s, func(cfg *session.Config) { cfg.Logger = log.logger() }), managerOn(t, s)
				defer running(t, m)()
				defer running(t, other)()
				bob, carol := issue(t, m, session.Grant{Subject: "bob"}), issue(t, m, session.Grant{Subject: "carol"})
				time.Sleep(5 * time.Second)
				was := len(s.written())
				alices := issue(t, m, alice)
				if !c.whole {
					was = len(s.written())
				}
				sid, bobs := sidOf(t, m, alices), sidOf(t, m, bob)
				time.Sleep(1500 * time.Millisecond) // RevokeBefore counts in seconds
				heard := observe(m)
				if err := end(t.Context(), m, sid); err != nil {
					t.Fatal(err)
				}
				time.Sleep(c.after)
				s.goBack(was)
				if c.more {
					if err := m.Revoke(t.Context(), "bob", bobs); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(2 * time.Second)
				for _, at := range []*session.Manager{m, other, managerOn(t, s)} {
					if got := reason(t, at, alices.AccessToken); got != "revoked" {
						t.Errorf("%s: got %q, want the session to stay ended", name, got)
					}
					notRefreshed(t, at, alices, session.ErrRevoked)
				}
				if n := len(log.records(t, "store went back: sessions that were ended are ended again")); n != 1 {
					t.Errorf("%s: got %d records of it, want one", name, n)
				}
				want := []string{}
				if kind != "all" {
					want = append(want, "revoked: session revoked ok alice")
					refresh(t, other, carol)
				}
				if c.more {
					want = append(want, "revoked: session revoked ok bob")
					notRefreshed(t, other, bob, session.ErrRevoked)
				}
				got := slices.DeleteFunc(butAlerts(heard.words()), func(w string) bool { return !strings.HasPrefix(w, "revoked: ") })
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: events (-want +got):\n%s", name, diff)
				}
			})
		}
	}
}

// An outage that lost the entry alone: it is written again.
func TestFeedLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &fickle{Store: new(memstore.Store)}
		m := managerOn(t, s)
		defer running(t, m)()
		tokens := issue(t, m, alice)
		revoke(t, m, sidOf(t, m, tokens))
		for _, away := range []bool{true, false} {
			s.mu.Lock()
			s.mute = away
			s.mu.Unlock()
			time.Sleep(3 * time.Second)
			if away {
				s.loseFeed()
				verify(t, managerOn(t, &fickle{Store: s.Store}), tokens.AccessToken)
			}
		}
		refused(t, managerOn(t, s), tokens.AccessToken, session.ErrRevoked)
	})
}

// What is there is not written again, not even of a session that is over.
func TestNothingWrittenAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &fickle{Store: new(memstore.Store)}
		m := managerOn(t, s, func(cfg *session.Config) { cfg.SessionTTL = time.Minute })
		defer running(t, m)()
		time.Sleep(time.Second + 1234*time.Microsecond)
		sid := sidOf(t, m, issue(t, m, alice))
		revoke(t, m, sid)
		if err := errors.Join(m.RevokeSubject(t.Context(), "bob"), m.RevokeBefore(t.Context(), time.Now().Add(-time.Second))); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		written := slices.DeleteFunc(s.written(), func(id string) bool { return strings.HasPrefix(id, "instance:") || strings.HasPrefix(id, "keys:") })
		of := "session:" + sid
		if diff := cmp.Diff([]string{of, of, "cut:bob", "cut"}, written); diff != "" {
			t.Errorf("written (-want +got):\n%s", diff)
		}
	})
}

// Who signs out of one session again and again does not fill the feed.
func TestSignedOutAgain(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*session.Config){"cached": noStore, "strict": strictly, "off": notAtAll} {
		synctest.Test(t, func(t *testing.T) {
			s := &fickle{Store: new(memstore.Store)}
			m, other := managerOn(t, s, withCookies, edit), managerOn(t, s, withCookies, edit)
			defer running(t, m)()
			defer running(t, other)()
			tokens := issue(t, m, alice)
			id, began := "session:"+sidOf(t, m, tokens), len(s.written())
			for range 5 {
				for range 3 {
					for _, at := range []*session.Manager{m, other} {
						w := httptest.NewRecorder()
						at.HandleSignOut(w, request("POST /logout", cookieLine(refreshCookie, tokens.RefreshToken)))
						if w.Code != 204 {
							t.Errorf("%s: got %d, want 204", name, w.Code)
						}
					}
				}
				time.Sleep(7 * time.Minute)
			}
			written := slices.DeleteFunc(s.written()[began:], func(w string) bool { return w != id })
			if len(written) != 2 {
				t.Errorf("%s: got %d writes, want one for each instance that had not heard of the end", name, len(written))
			}
		})
	}
}

// All sessions that will begin are not to be ended by a slip of the hand.
func TestRevokeBeforeAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := managerOn(t, new(memstore.Store))
		for _, at := range []time.Time{time.Now().Add(5*time.Minute + 1), time.Unix(time.Now().UnixMilli(), 0)} {
			if err := m.RevokeBefore(t.Context(), at); err == nil || !strings.Contains(err.Error(), "ahead") {
				t.Errorf("%v: got %v, want that it is ahead", at, err)
			}
		}
		refresh(t, m, issue(t, m, alice))
		if err := m.RevokeBefore(t.Context(), time.Now().Add(5*time.Minute)); err != nil {
			t.Error(err)
		}
	})
}

// A cut that was lost is written again as it was: who signed in after it stays.
func TestCutWrittenAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &fickle{Store: new(memstore.Store)}
		m := managerOn(t, s, func(cfg *session.Config) { cfg.AdoptUntil = time.Now().Add(day) })
		defer running(t, m)()
		without := managerOf(t, "v1")
		old, kept := issue(t, without, alice), issue(t, without, alice)
		time.Sleep(2 * time.Second)
		was := len(s.written())
		if err := m.RevokeSubject(t.Context(), "alice", sidOf(t, without, kept)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		young := issue(t, without, alice)
		time.Sleep(2 * time.Second)
		s.goBack(was)
		time.Sleep(2 * time.Second)
		fresh := managerOn(t, s, func(cfg *session.Config) { cfg.AdoptUntil = time.Now().Add(day) })
		notRefreshed(t, fresh, old, session.ErrRevoked)
		refresh(t, fresh, kept)
		refresh(t, fresh, young)
	})
}

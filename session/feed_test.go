package session_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

const feedURL = "https://id.example.com/revocations"

// feedSecret returns a new secret for a feed.
func feedSecret() string {
	b := make([]byte, 32)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// wire is a transport that has a handler answer, which may be changed at any time.
type wire struct {
	handler atomic.Pointer[http.HandlerFunc] // nil: nobody answers
	asked   atomic.Int64
	bytes   atomic.Int64 // of the bodies
	same    atomic.Int64 // answers that nothing is new
}

func (x *wire) to(h http.HandlerFunc) { x.handler.Store(&h) }
func (x *wire) cut()                  { x.handler.Store(nil) }

func (x *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	x.asked.Add(1)
	h := x.handler.Load()
	if h == nil {
		return nil, errors.New("nobody answers")
	}
	w, done := httptest.NewRecorder(), make(chan struct{})
	go func() {
		defer close(done)
		(*h)(w, r)
	}()
	select {
	case <-done:
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if w.Code == http.StatusNotModified {
		x.same.Add(1)
	}
	x.bytes.Add(int64(w.Body.Len()))
	res := w.Result()
	res.Request = r
	return res, nil
}

// issuerOf returns a Manager that signs with a new key, on a store, and serves the feed.
func issuerOf(t testing.TB, s session.Store, secret string) (*session.Manager, *keyring.Keyring) {
	t.Helper()
	_, keys := signerManager(t, newSigner(t, "EdDSA"))
	return sisterOf(t, keys, s, secret), keys
}

// sisterOf returns one more instance of an issuer.
func sisterOf(t testing.TB, keys *keyring.Keyring, s session.Store, secret string) *session.Manager {
	t.Helper()
	return managerOf(t, "v1", withCookies, func(cfg *session.Config) {
		cfg.Keys, cfg.Store, cfg.Revocations = keys, s, session.RevocationFeed{Secret: secret}
	})
}

// readerOf returns a Manager with the public keys alone that reads the feed by x.
func readerOf(t testing.TB, keys *keyring.Keyring, secret string, x *wire, edits ...func(*session.Config)) *session.Manager {
	t.Helper()
	feed := func(cfg *session.Config) { cfg.Revocations = session.RevocationFeed{URL: feedURL, Secret: secret} }
	m := verifierOf(t, keys, append([]func(*session.Config){feed}, edits...)...)
	session.ReadFeedBy(m, x)
	return m
}

// Every way in which a session ends reaches a service without the store within two
// seconds, and one that starts at that moment at once; other sessions are left alone.
func TestFeedReaches(t *testing.T) {
	t.Parallel()
	for _, runs := range []bool{true, false} {
		for name, end := range map[string]func(*testing.T, *session.Manager, session.Tokens){
			"sign-out": func(t *testing.T, m *session.Manager, k session.Tokens) {
				if w := serve(http.HandlerFunc(m.HandleSignOut), request("POST /logout", "Authorization: Bearer "+k.AccessToken)); w.StatusCode != 204 {
					t.Errorf("sign-out: got %d", w.StatusCode)
				}
			},
			"one": func(t *testing.T, m *session.Manager, k session.Tokens) { revoke(t, m, sidOf(t, m, k)) },
			"user": func(t *testing.T, m *session.Manager, k session.Tokens) {
				if err := m.RevokeSubject(t.Context(), "alice"); err != nil {
					t.Error(err)
				}
			},
			"all before": func(t *testing.T, m *session.Manager, k session.Tokens) {
				if err := m.RevokeBefore(t.Context(), time.Now()); err != nil {
					t.Error(err)
				}
			},
		} {
			synctest.Test(t, func(t *testing.T) {
				secret, x := feedSecret(), new(wire)
				m, keys := issuerOf(t, new(memstore.Store), secret)
				x.to(m.ServeRevocations)
				there := readerOf(t, keys, secret, x)
				if runs {
					defer running(t, there)()
				}
				tokens := issue(t, m, alice)
				time.Sleep(2 * time.Second)
				other := issue(t, m, session.Grant{Subject: "bob"})
				for range 30 {
					verify(t, there, tokens.AccessToken)
					time.Sleep(100 * time.Millisecond)
				}
				end(t, m, tokens)
				refused(t, readerOf(t, keys, secret, x), tokens.AccessToken, session.ErrRevoked)
				time.Sleep(2*time.Second + time.Nanosecond)
				refused(t, there, tokens.AccessToken, session.ErrRevoked)
				if name != "all before" {
					verify(t, there, other.AccessToken)
				}
				verify(t, there, issue(t, m, alice).AccessToken)
				if n := x.asked.Load(); n > 12 {
					t.Errorf("asked %d times in seven seconds, want about once a second", n)
				}
			})
		}
	}
}

// moving is a store of which the cursor moves on though nothing is new, as that of a
// database does.
type moving struct {
	memstore.Store
	reads atomic.Int64
}

func (s *moving) After(ctx context.Context, cursor string) ([][]byte, string, error) {
	cursor, _, _ = strings.Cut(cursor, "/")
	entries, next, err := s.Store.After(ctx, cursor)
	return entries, fmt.Sprint(next, "/", s.reads.Add(1)), err
}

// While nothing ends the answer is 304, whatever else happens in the store.
func TestFeedUnchanged(t *testing.T) {
	t.Parallel()
	for _, s := range []session.Store{new(memstore.Store), new(moving)} {
		synctest.Test(t, func(t *testing.T) {
			secret, x := feedSecret(), new(wire)
			m, keys := issuerOf(t, s, secret)
			x.to(m.ServeRevocations)
			there := readerOf(t, keys, secret, x)
			defer running(t, there)()
			for range 5 {
				tokens := issue(t, m, alice)
				revoke(t, m, sidOf(t, m, tokens))
				for range 20 {
					time.Sleep(time.Second)
					issue(t, m, alice)
				}
			}
			if asked, same := x.asked.Load(), x.same.Load(); same < asked-12 || asked < 95 || asked > 135 || x.bytes.Load() > 2000 {
				t.Errorf("%T: got %d answers, %d of them that nothing is new, %d bytes; want all but two for each end", s, asked, same, x.bytes.Load())
			}
		})
	}
}

// While the issuer does not answer, a service goes on until its view is ten seconds old,
// and as much longer as FailOpenFor says. Then it is 503, until the issuer is back; what
// had ended stays so throughout, and nobody is signed out.
func TestFeedOutage(t *testing.T) {
	t.Parallel()
	for _, open := range []time.Duration{0, 30 * time.Second, math.MaxInt64} {
		synctest.Test(t, func(t *testing.T) {
			secret, x, log := feedSecret(), new(wire), new(logBook)
			m, keys := issuerOf(t, new(memstore.Store), secret)
			x.to(m.ServeRevocations)
			there := readerOf(t, keys, secret, x, func(cfg *session.Config) { cfg.FailOpenFor, cfg.Logger = open, log.logger() })
			defer running(t, there)()
			tokens, gone, late := issue(t, m, alice), issue(t, m, alice), issue(t, m, alice)
			revoke(t, m, sidOf(t, m, gone))
			refused(t, there, gone.AccessToken, session.ErrRevoked)
			begun := time.Now()
			x.cut()
			revoke(t, m, sidOf(t, m, late))
			last := 10*time.Second + min(open, time.Hour)
			for ; time.Since(begun) < time.Minute; time.Sleep(333 * time.Millisecond) {
				want := "ok"
				if time.Since(begun) > last {
					want = "unavailable"
				}
				if got := reason(t, there, tokens.AccessToken); got != want && (time.Since(begun) < last-time.Second || want != "ok") {
					t.Fatalf("open for %v, after %v: got %q, want %q", open, time.Since(begun), got, want)
				}
				if got := reason(t, there, gone.AccessToken); got != "revoked" {
					t.Fatalf("open for %v, after %v: got %q, want revoked", open, time.Since(begun), got)
				}
			}
			alerts := stats(t, there).Alerts
			if len(alerts) != 1 || alerts[0].Name != "store_down" || !strings.Contains(alerts[0].Text, "revocation feed") {
				t.Errorf("got the alerts %v, want that the feed is down", alerts)
			}
			if err := there.Ready(t.Context()); open == 0 && !errors.Is(err, session.ErrUnavailable) {
				t.Errorf("Ready: got %v", err)
			}
			x.to(m.ServeRevocations)
			time.Sleep(time.Second)
			verify(t, there, tokens.AccessToken)
			refused(t, there, late.AccessToken, session.ErrRevoked)
			verify(t, there, refresh(t, m, tokens).AccessToken)
			if failed, back := log.records(t, "revocation feed failed"), log.records(t, "revocation feed is back"); len(failed) != 1 || len(back) != 1 ||
				failed[0]["error"] != "session: revocation feed: "+feedURL+" cannot be fetched: nobody answers" {
				t.Errorf("logged %v, %v, want each once", failed, back)
			}
		})
	}
}

// stats are those of m.
func stats(t testing.TB, m *session.Manager) session.Stats {
	t.Helper()
	s, err := m.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A service that has never read the feed lets nobody in, however long it may fail open.
func TestFeedNeverRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		secret, x := feedSecret(), new(wire)
		m, keys := issuerOf(t, new(memstore.Store), secret)
		there := readerOf(t, keys, secret, x, func(cfg *session.Config) { cfg.FailOpenFor = math.MaxInt64 })
		tokens := issue(t, m, alice)
		refused(t, there, tokens.AccessToken, session.ErrUnavailable)
		if err := there.Ready(t.Context()); !errors.Is(err, session.ErrUnavailable) {
			t.Errorf("Ready: got %v", err)
		}
		x.to(m.ServeRevocations)
		time.Sleep(time.Second + time.Nanosecond)
		if err := there.Ready(t.Context()); err != nil {
			t.Errorf("Ready: got %v", err)
		}
		verify(t, there, tokens.AccessToken)
	})
}

// once is a store of which the feed takes its time, until it has been read.
type once struct {
	memstore.Store
	takes atomic.Int64
}

func (s *once) After(ctx context.Context, cursor string) ([][]byte, string, error) {
	select {
	case <-time.After(time.Duration(s.takes.Load())):
		s.takes.Store(0)
		return s.Store.After(ctx, cursor)
	case <-ctx.Done():
		return nil, "", ctx.Err()
	}
}

// An issuer that has much to read gets the time for it when it is asked again, at the
// start and later, and what it has begun to read for one is not lost when that leaves.
func TestFeedSlow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		first, later time.Duration
		n            int
	}{{7 * time.Second, 0, 0}, {18 * time.Second, 0, 1_000}, {0, 12 * time.Second, 0}} {
		synctest.Test(t, func(t *testing.T) {
			s, secret, x := new(once), feedSecret(), new(wire)
			m, keys := issuerOf(t, s, secret)
			session.ServePages(m, 20_000)
			crowdOf(t, &s.Store, "m", c.n)
			s.takes.Store(int64(c.first))
			x.to(m.ServeRevocations)
			there := readerOf(t, keys, secret, x)
			defer running(t, there)()
			tokens := issue(t, managerOf(t, "v1", func(cfg *session.Config) { cfg.Keys = keys }), alice)
			for _, takes := range []time.Duration{0, c.later} {
				s.takes.CompareAndSwap(0, int64(takes))
				time.Sleep(25 * time.Second)
				verify(t, there, tokens.AccessToken)
				time.Sleep(3 * time.Second)
			}
		})
	}
}

// A service goes on at any instance on one store where it left off at another, and
// from the start where the store is another one: after a restart, say, of an issuer
// that keeps its sessions in memory. It misses no end.
func TestFeedInstances(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		secret, x := feedSecret(), new(wire)
		s := new(memstore.Store)
		a, keys := issuerOf(t, s, secret)
		b := sisterOf(t, keys, s, secret)
		var turn atomic.Int64
		inTurn := func(of ...*session.Manager) {
			x.to(func(w http.ResponseWriter, r *http.Request) {
				of[turn.Add(1)%int64(len(of))].ServeRevocations(w, r)
			})
		}
		inTurn(a, b)
		there := readerOf(t, keys, secret, x)
		defer running(t, there)()
		var gone []session.Tokens
		end := func(m *session.Manager) {
			tokens := issue(t, m, alice)
			verify(t, there, tokens.AccessToken)
			revoke(t, m, sidOf(t, m, tokens))
			gone = append(gone, tokens)
			time.Sleep(2 * time.Second)
			for i, k := range gone {
				if got := reason(t, there, k.AccessToken); got != "revoked" {
					t.Fatalf("session %d of %d: got %q", i, len(gone), got)
				}
			}
		}
		for range 10 {
			end(a)
			end(b)
		}
		if x.bytes.Load() > 20_000 {
			t.Errorf("got %d bytes, want each end once, not everything at each turn", x.bytes.Load())
		}
		for range 3 {
			a = sisterOf(t, keys, new(memstore.Store), secret)
			inTurn(a)
			for range 25 {
				tokens := issue(t, a, alice)
				revoke(t, a, sidOf(t, a, tokens))
				gone = append(gone, tokens)
			}
			end(a)
		}
	})
}

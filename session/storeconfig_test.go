package session_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// least is a store that can do no more than it must.
type least struct{ session.Store }

// What goes with a store is checked at the start, all faults at once.
func TestStoreFaults(t *testing.T) {
	t.Parallel()
	full := new(memstore.Store)
	poor := least{full}
	for _, c := range []struct {
		name string
		cfg  session.Config
		want []string
	}{
		{"cached", session.Config{Store: full}, nil},
		{"cached without a feed", session.Config{Store: poor}, []string{"Config.Store has no feed, which Cached revocation needs: use Strict or Off"}},
		{"strict without a feed", session.Config{Store: poor, Revocation: session.Strict}, nil},
		{"off without a feed", session.Config{Store: poor, Revocation: session.Off}, nil},
		{"strict without a store", session.Config{Revocation: session.Strict}, []string{"Config.Revocation is Strict, which needs Config.Store"}},
		{"off without a store", session.Config{Revocation: session.Off}, nil},
		{"no such revocation", session.Config{Revocation: 3}, []string{"Config.Revocation is none of Cached, Strict and Off"}},
		{"no such revocation, below", session.Config{Revocation: -1}, []string{"Config.Revocation is none of"}},
		{"negative grace", session.Config{Store: full, RefreshGrace: -1}, []string{"Config.RefreshGrace is negative"}},
		{"negative lag", session.Config{Store: full, RevocationLag: -1}, []string{"Config.RevocationLag is negative"}},
		{"negative fail open", session.Config{Store: full, FailOpenFor: -1}, []string{"Config.FailOpenFor is negative"}},
		{"grace as long as access", session.Config{Store: full, AccessTTL: time.Minute, RefreshGrace: time.Minute}, []string{"Config.RefreshGrace (1m0s) must be shorter than Config.AccessTTL (1m0s)"}},
		{"grace as long as access by default", session.Config{Store: full, RefreshGrace: 15 * time.Minute}, []string{"RefreshGrace (15m0s) must be shorter than Config.AccessTTL (15m0s)"}},
		{"grace a little shorter", session.Config{Store: full, RefreshGrace: 15*time.Minute - 1}, nil},
		{"all at once", session.Config{Store: poor, RefreshGrace: -1, RevocationLag: -1, FailOpenFor: -1}, []string{"no feed", "RefreshGrace", "RevocationLag", "FailOpenFor"}},
	} {
		c.cfg.Keys = ringOf(t, "v1")
		wantFaults(t, c.name, c.cfg, c.want)
	}
}

// The grace is 60 seconds, or a quarter of the access token if that is shorter.
func TestDefaultGrace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ access, grace, want time.Duration }{
		{0, 0, time.Minute}, {time.Hour, 0, time.Minute}, {4 * time.Minute, 0, time.Minute}, {2 * time.Minute, 0, 30 * time.Second},
		{time.Second, 0, 250 * time.Millisecond}, {0, 10 * time.Second, 10 * time.Second}, {0, 10 * time.Minute, 10 * time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			m := managerOn(t, new(memstore.Store), func(cfg *session.Config) { cfg.AccessTTL, cfg.RefreshGrace = c.access, c.grace })
			tokens := refresh(t, m, issue(t, m, alice))
			heard := observe(m)
			for _, step := range []struct {
				wait  time.Duration
				cause string
			}{{c.want - time.Millisecond, "same"}, {time.Millisecond, "choose"}} {
				time.Sleep(step.wait)
				refresh(t, m, tokens)
				if got := heard.take(); len(got) != 1 || got[0].Cause != step.cause {
					t.Errorf("access %v, grace %v: got %+v, want %s", c.access, c.grace, got, step.cause)
				}
			}
		})
	}
}

// What needs a store, or an index, says so, and that nobody can tell.
func TestNeedsStore(t *testing.T) {
	t.Parallel()
	lacks := func(err error, what string) {
		t.Helper()
		wantErr(t, err, session.ErrUnavailable)
		if want := "session: cannot tell now: unsupported operation: this needs " + what; !errors.Is(err, errors.ErrUnsupported) || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	off := func(cfg *session.Config) { cfg.Revocation = session.Off }
	for _, m := range []*session.Manager{managerOf(t, "v1"), managerOn(t, least{new(memstore.Store)}, off)} {
		_, err := m.Sessions(t.Context(), "alice")
		lacks(err, "a Config.Store that is also an Index")
		lacks(m.RevokeSubject(t.Context(), "alice"), "a Config.Store that is also an Index")
		if stats, err := m.Stats(t.Context()); err != nil || stats.Sessions != nil || len(stats.Keys) != 1 {
			t.Errorf("Stats: got %+v, %v, want the keys alone", stats, err)
		}
	}
	m := managerOf(t, "v1")
	lacks(m.Revoke(t.Context(), "alice", "sid"), "Config.Store")
	lacks(m.RevokeBefore(t.Context(), time.Now()), "Config.Store")
	_, err := m.Purpose("reset", time.Hour).Redeem(t.Context(), "x.y.z")
	lacks(err, "Config.Store")
}

// Not every store can have NUL in an id, so no subject of a record has it.
func TestSubjectWithNUL(t *testing.T) {
	t.Parallel()
	_, err := managerOn(t, new(memstore.Store)).Issue(t.Context(), session.Grant{Subject: "a\x00b"})
	if err == nil || !strings.Contains(err.Error(), "Grant.Subject has NUL") {
		t.Errorf("got %v, want to hear of NUL", err)
	}
}

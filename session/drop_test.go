package session_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/internal/race"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// crowd is users of a service whose keys change, some of them away for long.
type crowd struct {
	t       *testing.T
	rng     *rand.Rand
	keys    *source
	reload  func(context.Context) error
	m       *session.Manager // the service
	with    *session.Manager // another of its instances, with the keys v2 and v1
	without *session.Manager // and one without v1
	users   []session.Tokens
	needed  time.Time    // when a token was last issued or verified that only v1 vouches for
	alone   map[int]bool // the users whose tokens need v1
}

// newCrowd returns n users who have signed in under v1, some for a short session,
// some not remembered, some signed out since.
func newCrowd(t *testing.T, n int) *crowd {
	store := new(memstore.Store)
	lives := func(cfg *session.Config) {
		withCookies(cfg)
		cfg.Store, cfg.Revocation = store, session.Strict
		cfg.AccessTTL, cfg.RefreshTTL, cfg.Leeway = time.Hour, 5*day, -1
	}
	s, keys := follow(t, "v1")
	c := &crowd{t: t, rng: rand.New(rand.NewPCG(rand.Uint64(), 0)), keys: s, reload: keys.Reload, alone: map[int]bool{}}
	c.m = managerOf(t, "v1", lives, func(cfg *session.Config) { cfg.Keys = keys })
	c.with, c.without = managerOf(t, "v2 v1", lives), managerOf(t, "v2", lives)
	for i := range n {
		g := session.Grant{Subject: fmt.Sprint("user-", i), Forget: i%5 == 1}
		if i%4 == 2 {
			g.MaxAge = time.Duration(1+c.rng.IntN(400)) * time.Hour
		}
		c.users = append(c.users, issue(t, c.m, g))
		if i%10 == 3 {
			if err := c.m.RevokeSubject(t.Context(), g.Subject); err != nil {
				t.Fatal(err)
			}
		}
	}
	return c
}

// passTime lets d pass, in which about a share of the users come by.
func (c *crowd) passTime(d time.Duration, share float64) {
	time.Sleep(d)
	for i := range c.users {
		if c.rng.Float64() >= share {
			continue
		}
		next, err := c.m.Refresh(c.t.Context(), c.users[i].RefreshToken)
		switch {
		case err == nil:
			c.users[i] = next
			if c.alone[i] {
				c.needed = time.Now()
			}
			delete(c.alone, i)
		case !errors.Is(err, session.ErrExpired) && !errors.Is(err, session.ErrRevoked):
			c.t.Fatal(err)
		}
	}
}

// lost returns how many users are signed in, and would not be without v1. Whose tokens
// v2 has co-signed is asked only if all are.
func (c *crowd) lost(all bool) (n int) {
	for i, u := range c.users {
		if !all && !c.alone[i] {
			continue
		}
		r := request("/", cookieLine(refreshCookie, u.RefreshToken))
		if _, err := c.with.CheckRefresh(r); err != nil {
			continue
		}
		if _, err := c.without.CheckRefresh(r); err != nil {
			n++
		}
	}
	return n
}

// rotate gives the service the key v2.
func (c *crowd) rotate() {
	c.keys.set(keysOf(c.t, "v2 v1"))
	time.Sleep(2 * time.Minute) // Run would see it
	if err := c.reload(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
	c.needed = time.Now()
	for i := range c.users {
		c.alone[i] = true
	}
}

// The promise of SafeToDrop: as long as it says no, the number it states is exactly
// the number of sessions that would fail; once it says yes, dropping the key loses
// nobody; and it says yes a day after the last token has expired that needs the key.
func TestSafeToDrop(t *testing.T) {
	t.Parallel()
	n := 10_000
	if race.Enabled || testing.Short() {
		n = 500
	}
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, n)
		c.passTime(10*time.Hour, 0.2)
		c.rotate()
		most := 0
		for {
			from, sessions, err := c.m.SafeToDrop(t.Context(), "v1")
			if err != nil {
				t.Fatal(err)
			}
			if want := c.lost(most == 0); sessions != want {
				t.Fatalf("%v after the last use: got %d sessions that would be lost, want %d", time.Since(c.needed), sessions, want)
			}
			most = max(most, sessions)
			const lives = 5*day + day
			if late := from.Sub(c.needed.Add(lives)); late > time.Minute || late < -2*time.Minute {
				t.Fatalf("got yes from %v, want it %v after the last use %v", from, lives, c.needed)
			}
			if !time.Now().Before(from) {
				break
			}
			c.passTime(time.Duration(7+c.rng.IntN(10))*time.Hour, 0.2)
		}
		if left := c.lost(true); most < n/2 || left != 0 {
			t.Errorf("got %d sessions that would be lost at most, and %d at last, want more than %d, and none", most, left, n/2)
		}
	})
}

// Tokens that outlive those which are issued now, because the lifetime was cut, are
// waited for: by their expiry if they were seen, and by their sessions in any case.
func TestLifetimeCut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := new(memstore.Store)
		on := func(words string, lives time.Duration) *session.Manager {
			return managerOf(t, words, withCookies, func(cfg *session.Config) {
				cfg.Store, cfg.AccessTTL, cfg.RefreshTTL = store, time.Minute, lives
			})
		}
		safe := func(m *session.Manager) (time.Time, int) {
			from, sessions, err := m.SafeToDrop(t.Context(), "v1")
			if err != nil {
				t.Fatal(err)
			}
			return from, sessions
		}
		tokens := issue(t, on("v1", 10*day), alice) // by an instance that never reported
		m := on("v2 v1", time.Hour)
		safe(m)
		time.Sleep(26 * time.Hour)
		if from, sessions := safe(m); sessions != 1 || !from.Equal(time.Now().Add(25*time.Hour)) {
			t.Errorf("got yes from %v, %d sessions, want 25h from now while there is one", from, sessions)
		}
		if _, err := m.CheckRefresh(request("/", cookieLine(refreshCookie, tokens.RefreshToken))); err != nil {
			t.Fatal(err)
		}
		if from, _ := safe(m); !from.Equal(tokens.RefreshUntil.Add(day)) {
			t.Errorf("got yes from %v, want a day after the token was seen to expire, %v", from, tokens.RefreshUntil)
		}
		other := on("v2 v1", time.Hour) // which knows it from the ledger
		if from, _ := safe(other); !from.Equal(tokens.RefreshUntil.Add(day)) {
			t.Errorf("got yes from %v elsewhere, want %v", from, tokens.RefreshUntil.Add(day))
		}
	})
}

// A key is needed as long as it is all that an instance has in common with another,
// whatever else that one holds, and whether or not it issues anything.
func TestNeededByAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := new(memstore.Store)
		on := func(words string) *session.Manager {
			return managerOf(t, words, func(cfg *session.Config) {
				cfg.Store, cfg.AccessTTL, cfg.RefreshTTL, cfg.RevocationLag = store, time.Minute, time.Hour, time.Hour
			})
		}
		a, b := on("v2 v1"), on("v1 v9")
		stopA, stopB := running(t, a), running(t, b)
		time.Sleep(30 * time.Minute)
		stopB()
		left := time.Now()
		time.Sleep(20 * time.Minute)
		from, _, err := a.SafeToDrop(t.Context(), "v1")
		if late := from.Sub(left.Add(25 * time.Hour)); err != nil || late < -time.Minute || late > 0 {
			t.Errorf("got yes from %v, %v, want it 25h after the other was gone, %v", from, err, left)
		}
		if _, _, err := a.SafeToDrop(t.Context(), "v9"); err == nil || !strings.Contains(err.Error(), kidOf("v1")) {
			t.Errorf("got %v for a key that is not held, want an error that lists those that are", err)
		}
		stopA()
	})
}

// Without a store nobody can tell, and of a key that is revoked everybody can.
func TestSafeToDropKnows(t *testing.T) {
	t.Parallel()
	if _, _, err := managerOf(t, "v2 v1").SafeToDrop(t.Context(), "v1"); !errors.Is(err, session.ErrUnavailable) {
		t.Errorf("got %v without a store, want ErrUnavailable", err)
	}
	s := new(unsteady)
	m := managerOf(t, "v2 !v1", func(cfg *session.Config) { cfg.Store = s })
	if from, sessions, err := m.SafeToDrop(t.Context(), "v1"); err != nil || sessions != 0 || from.After(time.Now()) {
		t.Errorf("got %v, %d, %v for a revoked key, want yes", from, sessions, err)
	}
	s.down.Store(true)
	if _, _, err := m.SafeToDrop(t.Context(), kidOf("v2")); !errors.Is(err, session.ErrUnavailable) {
		t.Errorf("got %v while the store is down, want ErrUnavailable", err)
	}
}

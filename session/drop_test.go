package session_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"testing"
	"testing/synctest"
	"time"

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
	if raceDetector() || testing.Short() {
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

// raceDetector reports whether the test was built with -race.
func raceDetector() bool {
	info, _ := debug.ReadBuildInfo()
	return slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

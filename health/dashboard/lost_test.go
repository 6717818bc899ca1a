package dashboard_test

import (
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/cookie"
	"github.com/sessionring/sessionring/health/dashboard"
	"github.com/sessionring/sessionring/internal/race"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// vault makes keys with random secrets, the same for the same tag.
type vault struct {
	t    testing.TB
	keys map[string]keyring.Key
}

// ring returns a keyring of the keys with these tags, the newest first.
func (v *vault) ring(tags string) *keyring.Keyring {
	v.t.Helper()
	var list []keyring.Key
	for _, tag := range strings.Fields(tags) {
		if _, made := v.keys[tag]; !made {
			secret := make([]byte, 32)
			rand.Read(secret)
			key, err := keyring.NewKey(tag, secret)
			if err != nil {
				v.t.Fatal(err)
			}
			v.keys[tag] = key
		}
		list = append(list, v.keys[tag])
	}
	k, err := keyring.New(list...)
	if err != nil {
		v.t.Fatal(err)
	}
	return k
}

// on returns an instance with these keys on a store, and its dashboard.
func (v *vault) on(store *memstore.Store, tags string) *service {
	v.t.Helper()
	cfg := session.Config{
		Keys: v.ring(tags), Store: store, Cookies: cookie.SameSite(), Revocation: session.Strict,
		AccessTTL: time.Hour, RefreshTTL: 5 * 24 * time.Hour, Leeway: -1,
	}
	m, err := session.New(cfg)
	if err != nil {
		v.t.Fatal(err)
	}
	return (&service{m: m, keys: cfg.Keys}).withBoard(v.t, func(c *dashboard.Config) { c.Store = store })
}

// accepts reports whether an instance would refresh a session.
func (s *service) accepts(tokens session.Tokens) bool {
	r := httptest.NewRequest("GET", "https://example.com/", nil)
	r.Header.Set("Cookie", "__Host-refresh="+tokens.RefreshToken)
	_, err := s.m.CheckRefresh(r)
	return err == nil
}

// How many sessions would be lost now, as the page says, is how many fail at an
// instance without the key, at any time of a rotation.
func TestLostNow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, store := &vault{t, map[string]keyring.Key{}}, new(memstore.Store)
		before, after, without := v.on(store, "v1"), v.on(store, "v2 v1"), v.on(store, "v2")
		rng := mathrand.New(mathrand.NewPCG(mathrand.Uint64(), 0))
		var users []session.Tokens
		n := 1000
		if race.Enabled { // which has nothing to find here
			n = 200
		}
		for i := range n {
			tokens, err := before.m.Issue(t.Context(), session.Grant{Subject: fmt.Sprint("user-", i), MaxAge: time.Duration(1+rng.IntN(400)) * time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			users = append(users, tokens)
		}
		time.Sleep(time.Hour)
		seen := map[int]bool{}
		for range 20 {
			time.Sleep(time.Duration(1 + rng.IntN(int(9*time.Hour))))
			for i := range users {
				if rng.Float64() < 0.1 {
					if next, err := after.m.Refresh(t.Context(), users[i].RefreshToken); err == nil {
						users[i] = next
					}
				}
			}
			lost := 0
			for _, u := range users {
				if after.accepts(u) && !without.accepts(u) {
					lost++
				}
			}
			page := after.browse(t).text(t, "")
			kid := v.keys["v1"].String()
			if got := cell(t, page, kid, "Only it vouches for"); got != strconv.Itoa(lost) {
				t.Fatalf("got %s sessions that would be lost, want %d", got, lost)
			}
			if got, want := cell(t, page, kid, "Safe to drop"), fmt.Sprint("; sessions that would be lost now: ", lost); !strings.HasSuffix(got, want) {
				t.Fatalf("got %q, want it to end in %q", got, want)
			}
			seen[lost] = true
		}
		if len(seen) < 10 {
			t.Errorf("got %d different numbers in a rotation, want it to move on", len(seen))
		}
	})
}

package session_test

import (
	"encoding/hex"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/internal/race"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// sharedOn returns the keyring in s, replaced as often as every says.
func sharedOn(t testing.TB, s session.Store, every time.Duration) *keyring.Keyring {
	t.Helper()
	keys, err := keyring.FromStore(t.Context(), keyring.Shared{Store: s, KEK: hex.EncodeToString(secretOf("kek")), RotateEvery: every})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// states returns the keys in force as "tag state", newest first.
func states(keys *keyring.Keyring) string {
	var list []string
	for _, k := range keys.List() {
		list = append(list, k.Tag+" "+k.State)
	}
	return strings.Join(list, ", ")
}

// A shared keyring needs no hands: keys are made when they are due and retire when no
// token needs them any more, each once, whichever of the instances sees it first; and
// nobody who comes by often enough is signed out. The instances are replaced every
// hour, so what they know of the keys must outlive them.
func TestKeysRetire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := new(memstore.Store)
		var tokens session.Tokens
		made, retired := map[string]bool{}, map[string]int{}
		for hour := range 72 {
			for range 2 {
				keys := sharedOn(t, store, 20*time.Hour)
				m := managerOf(t, "v1", func(cfg *session.Config) {
					cfg.Keys, cfg.Store, cfg.AccessTTL, cfg.RefreshTTL = keys, store, 15*time.Minute, 2*time.Hour
				})
				heard := observe(m)
				if err := m.Ready(t.Context()); err != nil {
					t.Fatal(err)
				}
				for _, e := range heard.take() {
					if e.Name == "key retired" {
						retired[e.Tag] = max(retired[e.Tag], hour)
					}
				}
				if hour == 0 {
					tokens = issue(t, m, alice)
				}
				tokens = refresh(t, m, tokens)
				made[verify(t, m, tokens.AccessToken).Tag] = true
			}
			time.Sleep(time.Hour)
		}
		if got, want := states(sharedOn(t, store, -1)), "v4 current, v3 previous, v2 retired, v1 retired"; got != want {
			t.Errorf("got the keys %s, want %s", got, want)
		}
		if len(made) != 4 || len(retired) != 2 || retired["v1"] != 19+2+24 {
			t.Errorf("got the keys %v, and retired after hours %v, want v1 to v4, and v1 26 hours after an instance had it alone", made, retired)
		}
	})
}

// A keyring in another store serves others, of whom this store knows nothing, and so
// may a file: their keys do not retire by themselves.
func TestOthersKeysStay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mine := new(memstore.Store)
		for store, want := range map[session.Store]string{mine: "v2 current, v1 retired", new(memstore.Store): "v2 current, v1 previous"} {
			keys := sharedOn(t, store, -1)
			if _, err := keys.Rotate(t.Context()); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the first begins the ledger
				m := managerOn(t, mine, func(cfg *session.Config) {
					cfg.Keys, cfg.AccessTTL, cfg.RefreshTTL = keys, 15*time.Minute, time.Hour
				})
				if err := m.Ready(t.Context()); err != nil {
					t.Fatal(err)
				}
				time.Sleep(26 * time.Hour)
				if from, _, err := m.SafeToDrop(t.Context(), "v1"); err != nil || from.After(time.Now()) {
					t.Errorf("got %v, %v: the test should have let enough time pass", from, err)
				}
			}
			if got := states(keys); got != want {
				t.Errorf("got the keys %s, want %s", got, want)
			}
		}
	})
}

// A key does not retire while live sessions need it, whatever the dates say, and what
// is kept of a key that nobody holds any more is forgotten.
func TestKeyWithSessionsStays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := new(memstore.Store)
		keys := sharedOn(t, store, -1)
		on := func(lives time.Duration) *session.Manager {
			return managerOn(t, store, func(cfg *session.Config) {
				cfg.Keys, cfg.AccessTTL, cfg.RefreshTTL = keys, time.Minute, lives
			})
		}
		issue(t, on(3*day), alice) // by an instance that never reports
		if _, err := keys.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		ledger := func() string {
			data, _, err := store.Get(t.Context(), "keys:ledger")
			if err != nil {
				t.Fatal(err)
			}
			return string(data)
		}
		v1 := keys.List()[1].ID
		for _, c := range []struct {
			wait time.Duration
			want string
		}{{0, "v2 current, v1 previous"}, {26 * time.Hour, "v2 current, v1 previous"}, {3 * day, "v2 current, v1 retired"}} {
			time.Sleep(c.wait)
			if err := on(time.Hour).Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := states(keys); got != c.want {
				t.Errorf("after %v more: got the keys %s, want %s", c.wait, got, c.want)
			}
		}
		if !strings.Contains(ledger(), v1) {
			t.Errorf("got %s, want it to know %s still", ledger(), v1)
		}
		time.Sleep(3 * day)
		if err := on(time.Hour).Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := ledger(); strings.Contains(got, v1) {
			t.Errorf("got %s, want it to have forgotten %s", got, v1)
		}
	})
}

// A token that only an old key vouches for, issued a day after its successor joined,
// is an event: an instance was forgotten, or somebody has the key.
func TestSoleKeyToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := new(logBook)
		m := managerOf(t, "v2 v1 +s", func(cfg *session.Config) { cfg.Logger = log.logger() })
		heard := observe(m)
		told := func(token string) (n int) {
			verify(t, m, token)
			for _, e := range heard.take() {
				if e.Hook == "key" && e.Name == "sole key token" && e.Tag == "v1" && e.Subject == "alice" {
					n++
				}
			}
			return n
		}
		forgotten := managerOf(t, "v1")
		early := issue(t, forgotten, alice).AccessToken
		time.Sleep(23 * time.Hour)
		for name, c := range map[string]struct {
			token string
			want  int
		}{
			"within a day":                {issue(t, forgotten, alice).AccessToken, 0},
			"co-signed by the newer":      {issue(t, managerOf(t, "v1 v2"), alice).AccessToken, 0},
			"by the newer alone":          {issue(t, managerOf(t, "v2"), alice).AccessToken, 0},
			"by the newer and a stranger": {issue(t, managerOf(t, "v2 v9"), alice).AccessToken, 0},
		} {
			if got := told(c.token); got != c.want {
				t.Errorf("%s: got %d events, want %d", name, got, c.want)
			}
		}
		time.Sleep(2 * time.Hour)
		late := issue(t, forgotten, alice).AccessToken
		if got := told(late); got != 1 {
			t.Errorf("after a day: got %d events, want 1", got)
		}
		if got := told(late); got != 0 {
			t.Errorf("again at once: got %d events, want none: one a second is enough", got)
		}
		if n := len(log.records(t, "sole key token")); n != 1 {
			t.Errorf("got %d records, want 1", n)
		}
		if _, err := m.Verify(t.Context(), early); err == nil {
			t.Error("got a token of a day ago accepted")
		}
	})
}

// The successor may join while the service runs; a spare is none.
func TestSoleKeyTokenLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cases := map[string]int{"v2 v1": 1, "+s v1": 0}
		if race.Enabled { // to which three days are long
			delete(cases, "+s v1")
		}
		for words, want := range cases {
			s, keys := follow(t, "v1")
			m := managerOf(t, "v1", func(cfg *session.Config) { cfg.Keys = keys })
			stop := running(t, m)
			time.Sleep(48 * time.Hour)
			s.set(keysOf(t, words))
			time.Sleep(2 * time.Minute)
			heard := observe(m)
			verify(t, m, issue(t, managerOf(t, "v1"), alice).AccessToken)
			time.Sleep(25 * time.Hour)
			verify(t, m, issue(t, managerOf(t, "v1"), alice).AccessToken)
			got := 0
			for _, e := range heard.take() {
				if e.Name == "sole key token" {
					got++
				}
			}
			if got != want {
				t.Errorf("%s: got %d events, want %d", words, got, want)
			}
			stop()
		}
	})
}

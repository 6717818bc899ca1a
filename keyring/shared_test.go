package keyring_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session/memstore"
)

// shelf is a store that can fail, and be looked into.
type shelf struct {
	memstore.Store
	down  atomic.Bool
	swaps atomic.Int64
}

var errShelf = errors.New("store is down")

func (s *shelf) Get(ctx context.Context, id string) ([]byte, time.Time, error) {
	if s.down.Load() {
		return nil, time.Time{}, errShelf
	}
	return s.Store.Get(ctx, id)
}

func (s *shelf) Swap(ctx context.Context, id string, old, data []byte, group, label string, expires time.Time) (bool, error) {
	if s.down.Load() {
		return false, errShelf
	}
	ok, err := s.Store.Swap(ctx, id, old, data, group, label, expires)
	if ok {
		s.swaps.Add(1)
	}
	return ok, err
}

// sealed returns what the store holds.
func (s *shelf) sealed(t testing.TB) []byte {
	t.Helper()
	data, _, err := s.Store.Get(t.Context(), "keyring")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// put puts data in the place of what the store holds; nil removes it.
func (s *shelf) put(t testing.TB, data []byte) {
	t.Helper()
	if ok, err := s.Store.Swap(t.Context(), "keyring", s.sealed(t), data, "", "", time.Time{}); !ok || err != nil {
		t.Fatal(ok, err)
	}
}

// shared returns a keyring in a store.
func shared(t testing.TB, s keyring.Store, kek string) *keyring.Keyring {
	t.Helper()
	return must(keyring.FromStore(t.Context(), keyring.Shared{Store: s, KEK: kek}))(t)
}

// Of 50 instances that start at once one makes the key, and all have it.
func TestSharedIsMadeOnce(t *testing.T) {
	t.Parallel()
	s, kek := new(shelf), newSecret()
	var wg sync.WaitGroup
	all := make([]*keyring.Keyring, 50)
	for i := range all {
		wg.Go(func() { all[i], _ = keyring.FromStore(t.Context(), keyring.Shared{Store: s, KEK: kek}) })
	}
	wg.Wait()
	token := issue(t, all[0])
	for _, k := range all {
		wantStates(t, k, "v1 current")
		if _, err := verify(k, token); err != nil {
			t.Error(err)
		}
	}
	if s.swaps.Load() != 1 {
		t.Errorf("got %d writes, want 1", s.swaps.Load())
	}
}

// A store that cannot be read is no store without a keyring: no key is made, and
// the keys in force stay. One that has lost the keyring gets it back.
func TestSharedStoreFails(t *testing.T) {
	t.Parallel()
	s, kek := new(shelf), newSecret()
	s.down.Store(true)
	_, err := keyring.FromStore(t.Context(), keyring.Shared{Store: s, KEK: kek})
	refused(t, err, []string{kek}, "cannot be read", errShelf.Error())
	s.down.Store(false)
	if s.sealed(t) != nil {
		t.Fatal("a key was made, want none")
	}
	k := shared(t, s, kek)
	token := issue(t, k)
	for name, spoil := range map[string]func(){
		"down":    func() { s.down.Store(true) },
		"garbage": func() { s.put(t, []byte("x")) },
		"empty":   func() { s.put(t, []byte{}) },
	} {
		good := s.sealed(t)
		spoil()
		refused(t, k.Reload(t.Context()), []string{kek}, "keyring: ")
		if _, err := k.Rotate(t.Context()); err == nil {
			t.Errorf("%s: rotated, want an error", name)
		}
		if _, err := verify(k, token); err != nil {
			t.Errorf("%s: got %v, want the keys in force to stay", name, err)
		}
		s.down.Store(false)
		s.put(t, good)
	}
	s.put(t, nil)
	if tag, err := k.Rotate(t.Context()); err != nil || tag != "v2" {
		t.Errorf("got %q, %v from a rotation after a loss, want v2", tag, err)
	}
	s.put(t, nil)
	if err := k.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantStates(t, shared(t, s, kek), "v2 current, v1 previous")
	if _, err := verify(shared(t, s, kek), token); err != nil {
		t.Errorf("got %v after the store lost the keyring, want the session to live", err)
	}
}

// However many rotate at once, each gets a tag of its own and none is lost.
func TestSharedRotatedByMany(t *testing.T) {
	t.Parallel()
	s, kek := new(shelf), newSecret()
	var wg sync.WaitGroup
	var mu sync.Mutex
	tags := map[string]bool{}
	for range 8 {
		k := shared(t, s, kek)
		wg.Go(func() {
			tag, err := k.Rotate(t.Context())
			mu.Lock()
			defer mu.Unlock()
			if err != nil || tags[tag] {
				t.Errorf("got the tag %q, %v, want one of its own", tag, err)
			}
			tags[tag] = true
		})
	}
	wg.Wait()
	k := shared(t, s, kek)
	if got := k.List(); len(got) != 9 || got[0].Tag != "v9" || len(tags) != 8 {
		t.Errorf("got %s and the tags %v, want v1 to v9", states(k), tags)
	}
}

// A year of three instances that reload at the same time: one rotation each
// period, whoever finds it due, and what is issued anywhere is good everywhere.
func TestSharedRotatesByItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, kek := new(shelf), newSecret()
		var all []*keyring.Keyring
		for range 3 {
			all = append(all, must(keyring.FromStore(t.Context(), keyring.Shared{Store: s, KEK: kek, RotateEvery: 30 * 24 * time.Hour}))(t))
		}
		start, tokens := time.Now(), []string{}
		for round := 0; time.Since(start) < 365*24*time.Hour; round++ {
			k := all[round%3]
			tokens = append(tokens[max(0, len(tokens)-3):], issue(t, k))
			for _, k := range all {
				for _, token := range tokens[max(0, len(tokens)-1):] {
					if _, err := verify(k, token); err != nil {
						t.Fatalf("after %v: got %v, want the token good everywhere", time.Since(start), err)
					}
				}
			}
			time.Sleep(20 * time.Hour)
			var wg sync.WaitGroup
			for _, k := range all {
				wg.Go(func() {
					if err := k.Reload(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		}
		if list := all[0].List(); len(list) != 13 || list[0].Tag != "v13" || s.swaps.Load() != 13 {
			t.Errorf("got %d keys and %d writes, want 13 of both after 12 periods", len(list), s.swaps.Load())
		}
	})
}

// Revoke and Drop reach every instance at its next reload.
func TestSharedRevokeAndDrop(t *testing.T) {
	t.Parallel()
	s, kek := new(shelf), newSecret()
	here, there := shared(t, s, kek), shared(t, s, kek)
	token := issue(t, here)
	for _, step := range []struct {
		do   func() error
		want string
	}{
		{func() error { _, err := here.Rotate(t.Context()); return err }, "v2 current, v1 previous"},
		{func() error { return here.Revoke(t.Context(), "v1") }, "v2 current, v1 revoked"},
		{func() error { return here.Drop(t.Context(), "v1") }, "v2 current, v1 revoked"},
		{func() error { return here.Revoke(t.Context(), "v2") }, "v3 current, v2 revoked, v1 revoked"},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if err := there.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantStates(t, here, step.want)
		wantStates(t, there, step.want)
	}
	if _, err := verify(there, token); !errors.Is(err, ring.ErrRevoked) {
		t.Errorf("got %v, want ErrRevoked", err)
	}
	if err := here.Drop(t.Context(), "v3"); !errors.Is(err, keyring.ErrInUse) {
		t.Errorf("got %v, want ErrInUse", err)
	}
}

// All faults of a Shared at once, and none of them quotes the KEK.
func TestSharedFaults(t *testing.T) {
	t.Parallel()
	good, s := newSecret(), new(shelf)
	for _, c := range []struct {
		name string
		cfg  keyring.Shared
		want []string
	}{
		{"nothing", keyring.Shared{}, []string{"Shared.Store is required", "Shared.KEK is required"}},
		{"short", keyring.Shared{Store: s, KEK: "k7Zr0b5e8246"}, []string{"Shared.KEK, value 1, "}},
		{"a placeholder", keyring.Shared{Store: s, KEK: "changeme-changeme-changeme-changeme"}, []string{"Shared.KEK, value 1, "}},
		{"an empty second", keyring.Shared{Store: s, KEK: good + ","}, []string{"Shared.KEK, value 2, "}},
		{"a space", keyring.Shared{Store: s, KEK: good + ", " + newSecret()}, []string{"Shared.KEK, value 2, "}},
		{"too often", keyring.Shared{Store: s, KEK: good, RotateEvery: time.Minute}, []string{"Shared.RotateEvery is 1m0s: use at least 1h0m0s"}},
		{"another algorithm", keyring.Shared{Store: s, KEK: good, Algorithm: "RS256"}, []string{`Shared.Algorithm is "RS256": use "HS256", "EdDSA" or "ES256"`}},
		{"all at once", keyring.Shared{KEK: "x7Zr,y8", RotateEvery: 1, Algorithm: "none"}, []string{"value 1", "value 2", "Store", "RotateEvery", "Algorithm"}},
	} {
		k, err := keyring.FromStore(t.Context(), c.cfg)
		if k != nil {
			t.Errorf("%s: got a keyring, want none", c.name)
		}
		refused(t, err, strings.FieldsFunc(c.cfg.KEK, func(r rune) bool { return r == ',' || r == ' ' }), c.want...)
	}
	if s.sealed(t) != nil {
		t.Error("a keyring was made in spite of the faults")
	}
	for _, cfg := range []keyring.Shared{{KEK: good, RotateEvery: -1}, {KEK: good, Algorithm: "HS256"}, {KEK: "hex:" + newSecret()}} {
		cfg.Store = new(shelf)
		must(keyring.FromStore(t.Context(), cfg))(t)
	}
}

// A key that retired is kept for a month, in case that it is missed, and goes with a
// rotation after that; a revoked one stays for good.
func TestSharedForgetsRetired(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const every, day = 20 * 24 * time.Hour, 24 * time.Hour
		keys, err := keyring.FromStore(t.Context(), keyring.Shared{Store: new(shelf), KEK: newSecret(), RotateEvery: every})
		if err != nil {
			t.Fatal(err)
		}
		pass := func(d time.Duration) {
			t.Helper()
			time.Sleep(d)
			if err := keys.Reload(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		pass(every)
		if err := errors.Join(keys.Revoke(t.Context(), "v2"), keys.Retire(t.Context(), "v1")); err != nil {
			t.Fatal(err)
		}
		pass(29 * day) // v4
		if got := keys.String(); got != "keyring(v4 v3 v2 v1)" {
			t.Errorf("got %s after a month, want all keys", got)
		}
		pass(10 * day) // nothing is due
		pass(10 * day) // v5
		if got := keys.String(); got != "keyring(v5 v4 v3 v2)" {
			t.Errorf("got %s, want v1 to be gone and v2 to be remembered", got)
		}
	})
}

package keyring_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
	"github.com/sessionring/sessionring/keyring"
)

// step does to k what the words say: "rotate", "revoke v1", "retire v1", "drop v1", or
// nothing but let a time pass, "wait 25h".
func step(t testing.TB, k *keyring.Keyring, words string) {
	t.Helper()
	time.Sleep(time.Second)
	verb, arg, _ := strings.Cut(words, " ")
	var err error
	switch verb {
	case "rotate":
		_, err = k.Rotate(t.Context())
	case "revoke":
		err = k.Revoke(t.Context(), arg)
	case "retire":
		err = k.Retire(t.Context(), arg)
	case "drop":
		err = k.Drop(t.Context(), arg)
	default:
		var d time.Duration
		d, err = time.ParseDuration(arg)
		time.Sleep(d)
	}
	if err != nil {
		t.Fatalf("%s: %v", words, err)
	}
}

// agree lets all read until none has anything to add, and fails if they end apart.
func agree(t testing.TB, s *shelf, all ...*keyring.Keyring) {
	t.Helper()
	for range 3 {
		for _, k := range all {
			do(t, k.Reload(t.Context()))
		}
	}
	before := s.swaps.Load()
	for _, k := range all {
		do(t, k.Reload(t.Context()))
		if got, want := k.Live().Ring().Fingerprint(), all[0].Live().Ring().Fingerprint(); got != want {
			t.Errorf("got the rings %s and %s, want one", states(k), states(all[0]))
		}
	}
	if got := s.swaps.Load() - before; got != 0 {
		t.Errorf("got %d writes when all agree, want none", got)
	}
}

// The store goes back to what it held before one instance changed the keyring, and
// another, which knows nothing of that, goes on from there before the first one looks
// again. Which of them changed more makes no difference.
func TestSharedForks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before, here, there, want string
		algorithm                 string
	}{
		"revoked":              {"rotate", "revoke v1", "rotate, rotate", "v4 current, v3 previous, v2 previous, v1 revoked", ""},
		"revoked, longer here": {"rotate", "revoke v1, rotate, rotate", "rotate", "v3 current, v4 previous, v3 previous, v2 previous, v1 revoked", ""},
		"current one revoked":  {"", "revoke v1", "rotate, rotate", "v3 current, v2 previous, v2 previous, v1 revoked", ""},
		"revoked and dropped":  {"rotate", "revoke v1, drop v1", "rotate, rotate, rotate", "v5 current, v4 previous, v3 previous, v2 previous, v1 revoked", ""},
		"made here, revoked":   {"", "rotate, rotate, revoke v2", "rotate, rotate, rotate, rotate", "v5 current, v4 previous, v3 previous, v2 previous, v3 previous, v2 revoked, v1 previous", ""},
		"rotated":              {"", "rotate", "rotate, rotate", "v3 current, v2 previous, v2 previous, v1 previous", ""},
		"retired":              {"rotate", "retire v1", "rotate, rotate", "v4 current, v3 previous, v2 previous, v1 retired", ""},
		"dropped":              {"rotate", "retire v1, drop v1", "rotate, rotate, rotate", "v5 current, v4 previous, v3 previous, v2 previous", ""},
		"dropped there":        {"rotate", "rotate", "rotate, retire v1, drop v1", "v3 current, v3 previous, v2 previous", ""},
		"made and dropped":     {"", "rotate, rotate, retire v2, drop v2", "rotate, rotate, rotate, rotate, rotate", "v6 current, v5 previous, v4 previous, v3 previous, v2 previous, v3 previous, v1 previous", ""},
		"revoked and dropped there, retired here": {"rotate", "retire v1", "revoke v1, drop v1", "v2 current, v1 revoked", ""},
		"revoked here, dropped there":             {"rotate", "revoke v1", "retire v1, drop v1, rotate", "v3 current, v2 previous, v1 revoked", ""},
		"each revokes the other's current key":    {"rotate", "revoke v2", "wait 25h, revoke v1", "v3 current, v2 revoked, v1 revoked", "EdDSA"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, kek := new(shelf), newSecret()
				cfg := keyring.Shared{Store: s, KEK: kek, Algorithm: c.algorithm}
				here := must(keyring.FromStore(t.Context(), cfg))(t)
				steps := func(k *keyring.Keyring, list string) {
					for words := range strings.SplitSeq(list, ", ") {
						if words != "" {
							step(t, k, words)
						}
					}
				}
				steps(here, c.before)
				there, old := must(keyring.FromStore(t.Context(), cfg))(t), s.sealed(t)
				steps(here, c.here)
				s.put(t, old)
				steps(there, c.there)
				agree(t, s, here, there, must(keyring.FromStore(t.Context(), cfg))(t))
				wantStates(t, there, c.want)
			})
		})
	}
}

// Whatever three instances do to a store that goes back time and again: what one has
// revoked is revoked for all, what one has dropped is gone for all, no other key is
// lost, and in the end all agree.
func TestSharedForksAtRandom(t *testing.T) {
	t.Parallel()
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { forkAtRandom(t, rand.New(rand.NewPCG(seed, 0))) })
		})
	}
}

func forkAtRandom(t *testing.T, r *rand.Rand) {
	const retired, gone, revoked = 1, 2, 3
	words := []string{"live", "retired", "gone", "revoked"}
	s, kek := new(shelf), newSecret()
	all := []*keyring.Keyring{shared(t, s, kek), shared(t, s, kek), shared(t, s, kek)}
	ends, old := map[string]int{}, [][]byte{s.sealed(t)}
	for range 25 {
		time.Sleep(time.Second)
		k := all[r.IntN(3)]
		list := k.List()
		id := list[r.IntN(len(list))].ID
		changed := func(err error, end int) {
			switch {
			case err == nil:
				ends[id] = max(ends[id], end)
			case !errors.Is(err, keyring.ErrInUse) && ends[id] != gone:
				t.Fatal(err)
			}
		}
		switch r.IntN(8) {
		case 0, 1:
			_, err := k.Rotate(t.Context())
			do(t, err)
		case 2:
			changed(k.Revoke(t.Context(), id), revoked)
		case 3, 4:
			changed(k.Retire(t.Context(), id), retired)
		case 5:
			changed(k.Drop(t.Context(), id), gone)
		case 6:
			s.put(t, old[r.IntN(len(old))])
		case 7:
			do(t, k.Reload(t.Context()))
		}
		old = append(old, s.sealed(t))
		for _, i := range k.List() {
			ends[i.ID] += 0
		}
	}
	agree(t, s, all...)
	list := all[0].List()
	for id, end := range ends {
		got := "gone"
		if i := slices.IndexFunc(list, func(i keyring.KeyInfo) bool { return i.ID == id }); i >= 0 {
			got = list[i].State
		}
		if got == "current" || got == "previous" {
			got = "live"
		}
		if got != words[end] {
			t.Errorf("%s is %s, want it %s", id, got, words[end])
		}
	}
}

// A token that only the revoked key vouches for is refused by both, and one that only
// the other history's key vouches for is good at both.
func TestSharedForkTokens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, kek := new(shelf), newSecret()
		here, there := shared(t, s, kek), shared(t, s, kek)
		stolen, old := issue(t, here), s.sealed(t)
		step(t, here, "revoke v1")
		good := issue(t, here)
		s.put(t, old)
		step(t, there, "rotate")
		step(t, there, "rotate")
		agree(t, s, here, there)
		for _, k := range []*keyring.Keyring{here, there, shared(t, s, kek)} {
			if _, err := verify(k, stolen); !errors.Is(err, ring.ErrRevoked) {
				t.Errorf("a token of the revoked key: got %v, want %v", err, ring.ErrRevoked)
			}
			wantVerify(t, k, good, "v2")
		}
	})
}

// What is removed is noted once, and of very many removals the last ones.
func TestSharedRemembersRemovals(t *testing.T) {
	t.Parallel()
	s, kek := new(shelf), newSecret()
	var gone []string
	for i := range 1024 {
		gone = append(gone, fmt.Sprintf(`"%08d"`, i))
	}
	s.put(t, seal(kek, `{"serial":5000,"dropped":[`+strings.Join(gone, ",")+`],`+jwks(jwk("v1", newSecret(), `"iat":1`))[1:]))
	k := must(keyring.FromStore(t.Context(), keyring.Shared{Store: s, KEK: kek, RotateEvery: -1}))(t)
	rotate(t, k, "v2")
	id := k.List()[1].ID
	do(t, k.Retire(t.Context(), "v1"))
	do(t, k.Drop(t.Context(), "v1"))
	text, err := keyring.Unseal(kek, s.sealed(t))
	do(t, err)
	if print := id[strings.LastIndex(id, ".")+1:]; strings.Count(text, print) != 1 || strings.Contains(text, "00000000") || !strings.Contains(text, "00000001") {
		t.Errorf("want the last 1024 of the removed keys, %s among them, got %s", print, text)
	}
}

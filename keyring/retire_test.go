package keyring_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/internal/ring"
	"github.com/sessionring/sessionring/keyring"
)

// What a retired key alone vouches for is of an unknown key, which ends no session;
// the rest lives on. So it is for a file and for a store.
func TestRetireStory(t *testing.T) {
	t.Parallel()
	s, kek := new(shelf), newSecret()
	path, _ := initFile(t)
	for name, open := range map[string]func() (*keyring.Keyring, error){
		"file": func() (*keyring.Keyring, error) { return keyring.FromFile(path) },
		"store": func() (*keyring.Keyring, error) {
			return keyring.FromStore(t.Context(), keyring.Shared{Store: s, KEK: kek})
		},
	} {
		t.Run(name, func(t *testing.T) {
			here, there := must(open())(t), must(open())(t)
			alone := issue(t, here)
			refused(t, here.Retire(t.Context(), "v1"), nil, "is still in use: v1.", "rotate first")
			rotate(t, here, "v2")
			both := issue(t, here)
			do(t, here.Retire(t.Context(), "v1"))
			do(t, there.Reload(t.Context()))
			for _, k := range []*keyring.Keyring{here, there, must(open())(t)} {
				wantStates(t, k, "v2 current, v1 retired")
				wantVerify(t, k, both, "v2")
				if _, err := verify(k, alone); !errors.Is(err, ring.ErrUnknownKey) {
					t.Errorf("a token of the retired key alone: got %v, want %v", err, ring.ErrUnknownKey)
				}
				if s := k.Live().Ring().Signers(time.Now()); len(s.Keys()) != 1 {
					t.Errorf("got %d keys that sign, want v2 alone", len(s.Keys()))
				}
			}
			do(t, there.Drop(t.Context(), "v1"))
			wantStates(t, there, "v2 current")
			rotate(t, there, "v3")
			wantStates(t, there, "v3 current, v2 previous")
		})
	}
}

func TestRetire(t *testing.T) {
	t.Parallel()
	const inUse = "is the current key, or the last live one beside spares: rotate first, then retire it"
	for name, c := range map[string]struct {
		keys []string
		name string
		want string // the states then, or what the refusal says
	}{
		"previous":                      {[]string{"v2", "v1"}, "v1", "v2 current, v1 retired"},
		"previous, with an end ahead":   {[]string{"v2", "v1:ends"}, "v1", "v2 current, v1 retired"},
		"spare":                         {[]string{"v1", "s:spare"}, "s", "v1 current, s retired"},
		"one to come":                   {[]string{"v2:nbf", "v1"}, "v2", "v2 retired, v1 current"},
		"retired already":               {[]string{"v2", "v1:exp"}, "v1", "v2 current, v1 retired"},
		"revoked":                       {[]string{"v2", "v1:revoked"}, "v1", "v2 current, v1 revoked"},
		"whole kid of the file":         {[]string{"prod/2", "prod/1"}, "prod/1", "prod-2 current, prod-1 retired"},
		"the only one":                  {[]string{"v1"}, "v1", inUse},
		"current":                       {[]string{"v2", "v1"}, "v2", inUse},
		"current with a spare":          {[]string{"v1", "s:spare"}, "v1", inUse},
		"current beside one to come":    {[]string{"v2:nbf", "v1"}, "v1", inUse},
		"spare, which signs":            {[]string{"v1:exp", "s:spare"}, "s", inUse},
		"second spare, the first signs": {[]string{"s:spare", "r:spare"}, "r", inUse},
		"none":                          {[]string{"v1"}, "v9", "no key has that kid or tag; there are v1."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			more := map[string]string{"": `"x":0`, "spare": `"spare":true`, "exp": `"exp":1`, "ends": `"exp":4e9`, "nbf": `"nbf":4e9`, "revoked": `"revoked":1`}
			var keys []string
			for _, w := range c.keys {
				kid, state, _ := strings.Cut(w, ":")
				keys = append(keys, jwk(kid, newSecret(), more[state]))
			}
			path := file(t, jwks(keys...))
			k, before := must(keyring.FromFile(path))(t), readFile(t, path)
			was, err := states(k), k.Retire(t.Context(), c.name)
			if strings.Contains(c.want, ":") || strings.HasPrefix(c.want, "no key") {
				refused(t, err, nil, c.want)
				if inUse := c.name != "v9"; errors.Is(err, keyring.ErrInUse) != inUse {
					t.Errorf("got %v, want ErrInUse: %v", err, inUse)
				}
				wantStates(t, k, was)
			} else {
				do(t, err)
				wantStates(t, k, c.want)
			}
			if same := readFile(t, path) == before; same != (was == states(k)) {
				t.Errorf("the file is the same: %v, the states: %s", same, states(k))
			}
		})
	}
}

// Only the end is written: now, in whole seconds, over one that was ahead.
func TestRetireWritesTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path := file(t, jwks(jwk("v2", newSecret()), jwk("v1", newSecret(), `"exp":4e9,"note":"x"`)))
		k := must(keyring.FromFile(path))(t)
		time.Sleep(1500 * time.Millisecond)
		want := readSet(t, path)
		do(t, k.Retire(t.Context(), "v1"))
		want[1]["exp"] = float64(time.Now().Unix())
		if d := cmp.Diff(want, readSet(t, path)); d != "" {
			t.Errorf("the file (-want +got):\n%s", d)
		}
		again := readFile(t, path)
		time.Sleep(time.Minute)
		do(t, k.Retire(t.Context(), "v1"))
		if readFile(t, path) != again {
			t.Error("retired again: the file was changed")
		}
	})
}

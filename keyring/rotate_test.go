package keyring_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/internal/ring"
	"github.com/sessionring/sessionring/keyring"
)

// initFile returns a new keyring file and its keyring.
func initFile(t testing.TB) (string, *keyring.Keyring) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys.json")
	if err := keyring.InitFile(path); err != nil {
		t.Fatal(err)
	}
	return path, must(keyring.FromFile(path))(t)
}

// rotate rotates k and fails unless the new tag is want.
func rotate(t testing.TB, k *keyring.Keyring, want string) {
	t.Helper()
	if tag, err := k.Rotate(t.Context()); tag != want || err != nil {
		t.Fatalf("Rotate: got %q, %v, want %q", tag, err, want)
	}
}

// do fails on an error of a change.
func do(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Rotation as a story: the promise 3 of the design, and scenarios 1, 4, 8, 14.
func TestFileRotationStory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path, k := initFile(t)
		old := issue(t, k)
		other := must(keyring.FromFile(path))(t) // another instance, which has not looked yet

		time.Sleep(time.Hour)
		rotate(t, k, "v2")
		wantStates(t, k, "v2 current, v1 previous")
		wantVerify(t, k, old, "v1")
		fresh := issue(t, k)
		wantVerify(t, other, fresh, "v1") // by co-signature

		restarted := must(keyring.FromFile(path))(t)
		wantStates(t, restarted, "v2 current, v1 previous")
		do(t, other.Reload(t.Context()))
		wantVerify(t, other, fresh, "v2")

		time.Sleep(time.Hour)
		if err := k.Drop(t.Context(), "v1"); !errors.Is(err, keyring.ErrInUse) {
			t.Fatalf("Drop of a live key: got %v, want %v", err, keyring.ErrInUse)
		}
		do(t, k.Revoke(t.Context(), "v1"))
		wantStates(t, k, "v2 current, v1 revoked")
		if _, err := verify(k, old); !errors.Is(err, ring.ErrRevoked) {
			t.Fatalf("a token of the revoked key: got %v, want %v", err, ring.ErrRevoked)
		}
		wantVerify(t, k, fresh, "v2")

		do(t, k.Drop(t.Context(), "v1"))
		wantStates(t, k, "v2 current, v1 revoked")
		if _, err := verify(k, old); !errors.Is(err, ring.ErrRevoked) {
			t.Fatalf("its secret gone: got %v, want %v", err, ring.ErrRevoked)
		}
		rotate(t, k, "v3")
		wantStates(t, k, "v3 current, v2 previous, v1 revoked")
	})
}

// wantVerify fails unless the key tagged want vouches for token.
func wantVerify(t testing.TB, k *keyring.Keyring, token, want string) {
	t.Helper()
	if got, err := verify(k, token); got != want || err != nil {
		t.Fatalf("got %q, %v, want %q", got, err, want)
	}
}

// Scenario 14, with the current key: a successor takes over in the same step.
func TestRevokeCurrentKey(t *testing.T) {
	t.Parallel()
	_, k := initFile(t)
	stolen := issue(t, k)
	rotate(t, k, "v2")
	cosigned := issue(t, k)
	do(t, k.Revoke(t.Context(), k.List()[0].ID)) // v2
	wantStates(t, k, "v3 current, v2 revoked, v1 previous")
	wantVerify(t, k, cosigned, "v1")
	wantVerify(t, k, stolen, "v1")
	do(t, k.Revoke(t.Context(), "v1"))
	do(t, k.Revoke(t.Context(), "v1")) // again: nothing happens
	wantStates(t, k, "v3 current, v2 revoked, v1 revoked")
	if _, err := verify(k, stolen); !errors.Is(err, ring.ErrRevoked) {
		t.Errorf("got %v, want %v", err, ring.ErrRevoked)
	}
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		keys []string
		name string
		want string
	}{
		"the only one":                 {[]string{"v1"}, "v1", "v2 current, v1 revoked"},
		"current with a spare":         {[]string{"v1", "s:spare"}, "v1", "v2 current, v1 revoked, s spare"},
		"previous":                     {[]string{"v2", "v1"}, "v1", "v2 current, v1 revoked"},
		"spare":                        {[]string{"v2", "v1", "s:spare"}, "s", "v2 current, v1 previous, s revoked"},
		"spare, which signs":           {[]string{"v1:exp", "s:spare"}, "s", "v2 current, v1 retired, s revoked"},
		"the last beside one to come":  {[]string{"v2:nbf", "v1"}, "v1", "v3 current, v2 spare, v1 revoked"},
		"one to come":                  {[]string{"v2:nbf", "v1"}, "v2", "v2 revoked, v1 current"},
		"retired, only a spare lives":  {[]string{"v1:exp", "s:spare"}, "v1", "v1 revoked, s current"},
		"whole kid of the file":        {[]string{"prod/1", "v1"}, "prod/1", "prod-2 current, prod-1 revoked, v1 previous"},
		"tag made of the kid":          {[]string{"prod/2", "prod/1"}, "prod-1", "prod-2 current, prod-1 revoked"},
		"all spare":                    {[]string{"s:spare"}, "s", "v1 current, s revoked"},
		"all spare, v1 is taken":       {[]string{"v1:spare"}, "v1", "v2 current, v1 revoked"},
		"current of two with one date": {[]string{"v2:iat", "v1:iat"}, "v2", "v3 current, v2 revoked, v1 previous"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			more := map[string]string{"": `"x":0`, "spare": `"spare":true`, "exp": `"exp":1`, "nbf": `"nbf":4e9`, "iat": `"iat":1`}
			var keys []string
			for _, w := range c.keys {
				kid, state, _ := strings.Cut(w, ":")
				keys = append(keys, jwk(kid, newSecret(), more[state]))
			}
			k := must(keyring.FromFile(file(t, jwks(keys...))))(t)
			do(t, k.Revoke(t.Context(), c.name))
			wantStates(t, k, c.want)
		})
	}
}

func TestDrop(t *testing.T) {
	t.Parallel()
	path := file(t, jwks(jwk("v5", newSecret(), `"iat":5`), jwk("v4", newSecret(), `"iat":4`), jwk("v3", newSecret(), `"iat":3,"exp":4`),
		jwk("v2/x", newSecret(), `"iat":2,"alg":"HS256","revoked":3.5,"note":"stolen"`), jwk("s", newSecret(), `"iat":1,"spare":true`)))
	k := must(keyring.FromFile(path))(t)
	for _, name := range []string{"v5", "v4", "s"} {
		err := k.Drop(t.Context(), name)
		if refused(t, err, nil, "is still in use: "+name+"."); !errors.Is(err, keyring.ErrInUse) {
			t.Errorf("%s: got %v, want %v", name, err, keyring.ErrInUse)
		}
	}
	gone := k.List()[3].ID
	do(t, k.Drop(t.Context(), "v3"))
	do(t, k.Drop(t.Context(), "v2/x"))
	wantStates(t, k, "v5 current, v4 previous, v2-x revoked, s spare")
	want := map[string]any{"kty": "oct", "kid": gone, "alg": "HS256", "iat": 2.0, "revoked": 3.5}
	if d := cmp.Diff(want, readSet(t, path)[2]); d != "" {
		t.Errorf("what is remembered (-want +got):\n%s", d)
	}
	before := readFile(t, path)
	do(t, k.Drop(t.Context(), gone)) // again: nothing happens
	if after := readFile(t, path); after != before {
		t.Errorf("dropped again: got %s, want %s", after, before)
	}
}

func TestNamesOfKeys(t *testing.T) {
	t.Parallel()
	secret := newSecret()[:32]
	k := must(keyring.FromFile(file(t, jwks(jwk("v2", newSecret()), jwk("a/b", newSecret()), jwk("a:b", newSecret(), `"revoked":true`)))))(t)
	for name, c := range map[string]struct {
		name string
		want string
	}{
		"none":              {"v9", "no key has that kid or tag; there are v2."},
		"empty":             {"", "no key has that kid or tag"},
		"another kid":       {"v2.AAAAAAAA", "no key has that kid or tag"},
		"a secret":          {secret, "no key has that kid or tag"},
		"the tag of two":    {"a-b", "several keys have that tag; write the whole kid, one of a-b."},
		"a part of the tag": {"v", "no key has that kid or tag"},
	} {
		refused(t, k.Revoke(t.Context(), c.name), []string{secret}, c.want)
		err := k.Drop(t.Context(), c.name)
		refused(t, err, []string{secret}, c.want)
		if errors.Is(err, keyring.ErrInUse) {
			t.Errorf("%s: got %v, which says that it is in use", name, err)
		}
	}
	other := "x." + k.List()[1].ID[4:]
	do(t, k.Revoke(t.Context(), other)) // the fingerprint decides
	wantStates(t, k, "v2 current, a-b revoked, a-b revoked")
}

func TestTagsCountUp(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 32)
	for name, c := range map[string]struct {
		kids []string
		want string
	}{
		"v1":                       {[]string{"v1"}, "v2"},
		"v9":                       {[]string{"v9"}, "v10"},
		"letters and number":       {[]string{"release41"}, "release42"},
		"v2 is taken":              {[]string{"v1", "v2", "v3"}, "v4"},
		"a revoked one took it":    {[]string{"v1", "v2:revoked"}, "v3"},
		"a word":                   {[]string{"blue"}, "blue-2"},
		"a word once more":         {[]string{"blue-2", "blue"}, "blue-3"},
		"a word, taken":            {[]string{"blue", "blue-2"}, "blue-3"},
		"a leading zero":           {[]string{"v01"}, "v01-2"},
		"a date":                   {[]string{"2027-03-01"}, "2027-03-01-2"},
		"no letters":               {[]string{"7"}, "7-2"},
		"a large number":           {[]string{"v9999999999"}, "v9999999999-2"},
		"at the longest":           {[]string{long}, long[:31] + "2"},
		"at the longest, a number": {[]string{long[:31] + "9"}, long[:30] + "10"},
		"first is a spare":         {[]string{"s:spare", "v4"}, "v5"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var keys []string
			for _, w := range c.kids {
				kid, flag, _ := strings.Cut(w+":x", ":")
				keys = append(keys, jwk(kid, newSecret(), fmt.Sprintf("%q:true", strings.TrimSuffix(flag, ":x"))))
			}
			rotate(t, must(keyring.FromFile(file(t, jwks(keys...))))(t), c.want)
		})
	}
}

// What others have written into the file is still there afterwards, mode and owner too.
func TestChangesKeepTheRestOfTheFile(t *testing.T) {
	t.Parallel()
	path := file(t, `{"note":"<a & b>","keys":[`+jwk("v1", newSecret(), `"x-owner":{"team":["é",1e2]},"iat":1.5`)+`],"n":1.0}`)
	do(t, os.Chmod(path, 0o640))
	if os.Getuid() == 0 {
		do(t, os.Chown(path, 12345, 23456))
	}
	before := readSet(t, path)[0]
	k := must(keyring.FromFile(path))(t)
	rotate(t, k, "v2")
	set := readSet(t, path)
	if d := cmp.Diff(before, set[1]); d != "" || set[0]["kid"] != k.List()[0].ID {
		t.Errorf("the older key (-want +got):\n%s", d)
	}
	if got := set[0]; got["kty"] != "oct" || got["alg"] != "HS256" || got["use"] != "sig" || len(got) != 6 {
		t.Errorf("the new key: got %d members with %v", len(got), got["kid"])
	}
	do(t, k.Revoke(t.Context(), "v1"))
	before["revoked"] = readSet(t, path)[1]["revoked"]
	if d := cmp.Diff(before, readSet(t, path)[1]); d != "" {
		t.Errorf("the revoked key (-want +got):\n%s", d)
	}
	if got := time.Since(time.Unix(int64(before["revoked"].(float64)), 0)); got < 0 || got > time.Minute {
		t.Errorf("revoked %v ago, want now", got)
	}
	content := readFile(t, path)
	for _, want := range []string{`"note": "<a & b>"`, `"n": 1.0`, `1e2`} {
		if !strings.Contains(content, want) {
			t.Errorf("the file lacks %s", want)
		}
	}
	info, err := os.Stat(path)
	do(t, err)
	if info.Mode().Perm() != 0o640 {
		t.Errorf("mode: got %o, want 640", info.Mode().Perm())
	}
	if s := info.Sys().(*syscall.Stat_t); os.Getuid() == 0 && (s.Uid != 12345 || s.Gid != 23456) {
		t.Errorf("owner: got %d:%d, want 12345:23456", s.Uid, s.Gid)
	}
	if names := list(t, filepath.Dir(path)); len(names) != 1 {
		t.Errorf("the directory: got %v, want the file alone", names)
	}
}

// A file that a link names is changed where it is, and the link stays.
func TestRotateThroughSymlink(t *testing.T) {
	t.Parallel()
	path, _ := initFile(t)
	link := filepath.Join(t.TempDir(), "link.json")
	do(t, os.Symlink(path, link))
	rotate(t, must(keyring.FromFile(link))(t), "v2")
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("got %v, %v, want the link still", info, err)
	}
	wantStates(t, must(keyring.FromFile(path))(t), "v2 current, v1 previous")
}

// A new key is current although another was dated ahead by a clock that was.
func TestRotateWithClocksAhead(t *testing.T) {
	t.Parallel()
	for _, ahead := range []string{"4000000000", "4000000000.5"} {
		k := must(keyring.FromFile(file(t, jwks(jwk("v1", newSecret(), `"iat":`+ahead)))))(t)
		rotate(t, k, "v2")
		rotate(t, k, "v3")
		wantStates(t, k, "v3 current, v2 previous, v1 previous")
	}
}

// A change is refused where the file is not good, and leaves it alone.
func TestChangesOfBadFiles(t *testing.T) {
	t.Parallel()
	a := newSecret()
	for name, c := range map[string]struct {
		content string
		mode    os.FileMode
		want    string
	}{
		"not a set":         {"{}", 0o600, `it must have an array "keys"`},
		"a weak key":        {jwks(jwk("v1", "changeme")), 0o600, "k is 8 bytes long"},
		"open to others":    {jwks(jwk("v1", a)), 0o644, "chmod 600"},
		"grown over 1 MiB":  {jwks(jwk("v1", a)) + strings.Repeat(" ", 1<<20), 0o600, "larger than"},
		"would grow beyond": {jwks(jwk("v1", a, `"x":"`+strings.Repeat("x", 1<<20-200)+`"`)), 0o600, "larger than"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path, k := initFile(t)
			write(t, path, c.content)
			do(t, os.Chmod(path, c.mode))
			tag, err := k.Rotate(t.Context())
			refused(t, err, []string{a, b64(a)}, c.want)
			if tag != "" || readFile(t, path) != c.content {
				t.Errorf("got the tag %q, and the file may have changed", tag)
			}
			if names := list(t, filepath.Dir(path)); len(names) != 1 {
				t.Errorf("the directory: got %v, want the file alone", names)
			}
			wantStates(t, k, "v1 current")
		})
	}
	path, k := initFile(t)
	do(t, os.Remove(path))
	_, err := k.Rotate(t.Context())
	refused(t, err, nil, "cannot change the keys", "no such file")
}

// A file in which every key has ended can still be rotated, by who holds it.
func TestRotateHealsAFileWithoutLiveKeys(t *testing.T) {
	t.Parallel()
	path, k := initFile(t)
	write(t, path, jwks(jwk("v1", newSecret(), `"exp":1`), jwk("v0", newSecret(), `"exp":1`)))
	refused(t, k.Reload(t.Context()), nil, "no key left to sign with")
	refused(t, k.Drop(t.Context(), "v0"), nil, "no key left to sign with")
	rotate(t, k, "v2")
	do(t, k.Drop(t.Context(), "v0"))
	wantStates(t, k, "v2 current, v1 retired")
}

// Two processes at once: no change is lost, no reader ever sees half a file.
func TestConcurrentChanges(t *testing.T) {
	t.Parallel()
	path, _ := initFile(t)
	const instances, each = 4, 4
	var changes sync.WaitGroup
	for i := range instances {
		changes.Go(func() {
			for range each {
				k, err := keyring.FromFile(path) // while others change it
				if err != nil {
					t.Error(err)
					return
				}
				tag, err := k.Rotate(t.Context())
				if err == nil && i%2 == 0 {
					err = k.Revoke(t.Context(), tag)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	changes.Wait()
	states, tags := map[string]int{}, map[string]int{}
	for _, i := range must(keyring.FromFile(path))(t).List() {
		states[i.State]++
		if tags[i.Tag]++; tags[i.Tag] > 1 {
			t.Errorf("the tag %s is there twice", i.Tag)
		}
	}
	if len(tags) <= instances*each || states["current"] != 1 || states["revoked"] != instances/2*each {
		t.Errorf("got %v of %d keys, want %d revoked and more than %d keys", states, len(tags), instances/2*each, instances*each)
	}
	if names := list(t, filepath.Dir(path)); len(names) != 1 {
		t.Errorf("the directory: got %v, want the file alone", names)
	}
}

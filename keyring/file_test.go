package keyring_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/keyring"
)

func TestFromFile(t *testing.T) {
	t.Parallel()
	path := file(t, jwks(jwk("v2", newSecret(), `"iat":2`), jwk("v1", newSecret(), `"iat":1`), jwk("s", newSecret(), `"iat":3,"spare":true`), `{"kty":"oct","kid":"v0.AAAAAAAA","revoked":7}`))
	k := must(keyring.FromFile(path))(t)
	wantStates(t, k, "s spare, v2 current, v1 previous, v0 revoked")
	if k.Live().Interval != 10*time.Second {
		t.Errorf("interval: got %v, want 10 s", k.Live().Interval)
	}
}

func TestFromFileRefuses(t *testing.T) {
	t.Parallel()
	a := newSecret()
	good, dir := jwks(jwk("v1", a)), t.TempDir()
	mode := func(m fs.FileMode) string {
		path := file(t, good)
		if err := os.Chmod(path, m); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, c := range map[string]struct {
		path string
		want []string
	}{
		"no path":                  {"", []string{"FromFile needs a path"}},
		"missing (9)":              {filepath.Join(dir, "none.json"), []string{"none.json: no such file", "InitFile makes it"}},
		"a directory":              {dir, []string{"is not a regular file"}},
		"a device":                 {os.DevNull, []string{"/dev/null is not a regular file"}},
		"others can read it":       {mode(0o604), []string{"has mode 0604", "chmod 600 "}},
		"others can write it":      {mode(0o602), []string{"has mode 0602", "chmod 600 "}},
		"the group can write it":   {mode(0o620), []string{"has mode 0620", "chmod 600 "}},
		"empty":                    {file(t, ""), []string{"keys.json is no JWK Set: not one JSON object"}},
		"a secret and no set":      {file(t, a), []string{"keys.json is no JWK Set"}},
		"over 1 MiB (A29)":         {file(t, good+strings.Repeat("\n", 1<<20)), []string{"larger than 1048576 bytes"}},
		"all revoked or retired":   {file(t, jwks(jwk("v2", a, `"revoked":true`), jwk("v1", newSecret(), `"exp":1`))), []string{"has no key left to sign with"}},
		"all faults, with places":  {file(t, jwks(jwk("v1", a, `"alg":"x"`), jwk("v2", a))), []string{`keys.json: key 1 ("v1"): alg`, `keys.json: key 2 ("v2") are the same key`}},
		"only a remembered one":    {file(t, jwks(`{"kty":"oct","kid":"v0.AAAAAAAA","revoked":7}`)), []string{"has no key left to sign with"}},
		"key by key, with its kid": {file(t, jwks(jwk("v2", newSecret()), jwk("v1", "short"))), []string{`keys.json: key 2 ("v1"): k is 5 bytes long`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k, err := keyring.FromFile(c.path)
			refused(t, err, []string{a, b64(a)}, c.want...)
			if k != nil {
				t.Error("got a keyring together with an error")
			}
		})
	}
	if _, err := keyring.FromFile(filepath.Join(dir, "none.json")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want it to wrap fs.ErrNotExist", err)
	}
	for _, m := range []fs.FileMode{0o600, 0o400, 0o440, 0o640} {
		if _, err := keyring.FromFile(mode(m)); err != nil {
			t.Errorf("mode %o: got %v, want it accepted", m, err)
		}
	}
}

// A bad new version leaves the keys in force, and a good one heals it.
func TestFileReload(t *testing.T) {
	t.Parallel()
	a, b := jwk("v1", newSecret()), jwk("v2", newSecret())
	path := file(t, jwks(a))
	k := must(keyring.FromFile(path))(t)
	token := issue(t, k)
	for name, content := range map[string]string{
		"cut off":     jwks(b, a)[:50],
		"empty":       "",
		"weak":        jwks(jwk("v2", "changeme")),
		"same kid":    jwks(a, a),
		"all revoked": jwks(jwk("v2", newSecret(), `"revoked":true`)),
	} {
		write(t, path, content)
		if err := k.Reload(t.Context()); err == nil {
			t.Errorf("%s: got no error", name)
		}
		wantStates(t, k, "v1 current")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	err := k.Reload(t.Context())
	if refused(t, err, nil, "no such file", "put it back"); !errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), "InitFile") {
		t.Errorf("removed: got %v, want fs.ErrNotExist, and no word of making another", err)
	}
	wantStates(t, k, "v1 current")

	write(t, path, jwks(b, a))
	if changed, err := k.Live().Reload(t.Context()); !changed || err != nil {
		t.Errorf("got %v, %v, want a change", changed, err)
	}
	wantStates(t, k, "v2 current, v1 previous")
	if got, err := verify(k, token); got != "v1" || err != nil {
		t.Errorf("a token from before: got %q, %v", got, err)
	}
	if changed, err := k.Live().Reload(t.Context()); changed || err != nil {
		t.Errorf("the same again: got %v, %v, want no change", changed, err)
	}
}

// Kubernetes swaps a symbolic link in the path to the file.
func TestFileFollowsSymlinkSwap(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	version := func(name string, keys ...string) {
		t.Helper()
		for _, err := range []error{
			os.Mkdir(filepath.Join(dir, name), 0o700),
			os.WriteFile(filepath.Join(dir, name, "keys.json"), []byte(jwks(keys...)), 0o400),
			os.Symlink(name, filepath.Join(dir, "..data.tmp")),
			os.Rename(filepath.Join(dir, "..data.tmp"), filepath.Join(dir, "..data")),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	a, b := jwk("v1", newSecret()), jwk("v2", newSecret())
	version("one", a)
	path := filepath.Join(dir, "keys.json")
	if err := os.Symlink(filepath.Join("..data", "keys.json"), path); err != nil {
		t.Fatal(err)
	}
	k := must(keyring.FromFile(path))(t)
	wantStates(t, k, "v1 current")
	version("two", b, a)
	if err := k.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantStates(t, k, "v2 current, v1 previous")
}

// A relative path means the directory in which the program started.
func TestFromFileRelativePath(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, "keys.json", jwks(jwk("v1", newSecret())))
	k := must(keyring.FromFile("keys.json"))(t)
	t.Chdir(t.TempDir())
	if err := k.Reload(t.Context()); err != nil {
		t.Errorf("after the directory has changed: got %v", err)
	}
}

func TestInitFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	if err := keyring.InitFile(path); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o600 {
		t.Errorf("mode: got %v, want -rw-------", info.Mode())
	}
	k := must(keyring.FromFile(path))(t)
	wantStates(t, k, "v1 current")
	if made := k.List()[0].Made; time.Since(made) > time.Minute || time.Since(made) < 0 {
		t.Errorf("made: got %v, want now", made)
	}
	set := readSet(t, path)
	if got := set[0]["kid"]; got != k.List()[0].ID {
		t.Errorf("kid: got %v, want %v", got, k.List()[0].ID)
	}
	if got := len(set[0]["k"].(string)); got != 43 {
		t.Errorf("k: got %d characters, want the 43 of 256 bits", got)
	}
	if names := list(t, filepath.Dir(path)); len(names) != 1 {
		t.Errorf("the directory: got %v, want the file alone", names)
	}
}

func TestInitFileNeverOverwrites(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	existing := map[string]string{"empty": filepath.Join(dir, "empty"), "link": filepath.Join(dir, "link"), "dir": dir}
	write(t, existing["empty"], "")
	if err := os.Symlink("nowhere", existing["link"]); err != nil {
		t.Fatal(err)
	}
	for name, path := range existing {
		if err := keyring.InitFile(path); !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), "is left as it is") {
			t.Errorf("%s: got %v, want it to wrap fs.ErrExist", name, err)
		}
	}
	if content, err := os.ReadFile(existing["empty"]); len(content) != 0 || err != nil {
		t.Errorf("the file: got %q, %v, want it as it was", content, err)
	}
	if err := keyring.InitFile(filepath.Join(dir, "none", "keys.json")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: got %v, want it to wrap fs.ErrNotExist", err)
	}
	if err := keyring.InitFile(""); err == nil {
		t.Error("no path: got no error")
	}
}

// Many processes start at once: one makes the file, the others find it complete.
func TestInitFileRace(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	var made atomic.Int32
	var starts sync.WaitGroup
	for range 16 {
		starts.Go(func() {
			err := keyring.InitFile(path)
			switch {
			case err == nil:
				made.Add(1)
			case !errors.Is(err, fs.ErrExist):
				t.Error(err)
			}
			if _, err := keyring.FromFile(path); err != nil {
				t.Error(err)
			}
		})
	}
	starts.Wait()
	if made.Load() != 1 {
		t.Errorf("made %d files, want 1", made.Load())
	}
	if names := list(t, filepath.Dir(path)); len(names) != 1 {
		t.Errorf("the directory: got %v, want the file alone", names)
	}
}

// A version that somebody has left half made is in the way, and is said to be.
func TestLeftOverVersionIsReported(t *testing.T) {
	t.Parallel()
	path := file(t, jwks(jwk("v1", newSecret())))
	k := must(keyring.FromFile(path))(t)
	before := readFile(t, path)
	left := write(t, path+".new", "half")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := k.Rotate(ctx)
	refused(t, err, nil, left+" is in the way", "remove that file")
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err := keyring.InitFile(strings.TrimSuffix(left, ".new") + "")
		if !errors.Is(err, fs.ErrExist) {
			t.Errorf("InitFile beside the file: got %v, want fs.ErrExist at once", err)
		}
		fresh := filepath.Join(t.TempDir(), "keys.json")
		write(t, fresh+".new", "half")
		err = keyring.InitFile(fresh)
		refused(t, err, nil, "is in the way")
		if errors.Is(err, fs.ErrExist) {
			t.Errorf("got %v, which says that the file is there", err)
		}
		if took := time.Since(start); took < 10*time.Second || took > 11*time.Second {
			t.Errorf("waited for %v, want 10 s", took)
		}
	})
	if after := readFile(t, path); after != before {
		t.Error("the file has changed")
	}
	if readFile(t, left) != "half" {
		t.Error("the version of the other has changed")
	}
	if err := os.Remove(left); err != nil {
		t.Fatal(err)
	}
	if tag, err := k.Rotate(t.Context()); tag != "v2" || err != nil {
		t.Errorf("when it is gone: got %q, %v, want v2", tag, err)
	}
}

// Who changes the file waits for others who do.
func TestChangesWaitForEachOther(t *testing.T) {
	t.Parallel()
	path := file(t, jwks(jwk("v1", newSecret())))
	k := must(keyring.FromFile(path))(t)
	synctest.Test(t, func(t *testing.T) {
		left := write(t, path+".new", "half")
		go func() {
			time.Sleep(3 * time.Second)
			os.Remove(left)
		}()
		start := time.Now()
		if _, err := k.Rotate(t.Context()); err != nil || time.Since(start) < 3*time.Second {
			t.Errorf("got %v after %v, want a change after 3 s", err, time.Since(start))
		}
	})
}

// readFile returns the content of a file.
func readFile(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// readSet returns the keys of a JWK Set file.
func readSet(t testing.TB, path string) []map[string]any {
	t.Helper()
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal([]byte(readFile(t, path)), &set); err != nil {
		t.Fatal(err)
	}
	return set.Keys
}

// list returns the names in a directory.
func list(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

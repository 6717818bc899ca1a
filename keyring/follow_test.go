package keyring_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
)

// mount is a folder as Kubernetes mounts a Secret: keys.json is a link to a file in
// ..data, which is a link to the folder of one version. Without it the folder holds
// the file itself.
type mount struct {
	dir, path string
	versions  int
}

// put replaces the whole version in one step.
func (m *mount) put(t testing.TB, content string) {
	t.Helper()
	m.versions++
	name := "..v" + string(rune('0'+m.versions))
	for _, err := range []error{
		os.Mkdir(filepath.Join(m.dir, name), 0o700),
		os.WriteFile(filepath.Join(m.dir, name, "keys.json"), []byte(content), 0o400),
		os.Symlink(name, filepath.Join(m.dir, "..data_tmp")),
		os.Rename(filepath.Join(m.dir, "..data_tmp"), filepath.Join(m.dir, "..data")),
	} {
		do(t, err)
	}
	if m.versions == 1 {
		do(t, os.Symlink(filepath.Join("..data", "keys.json"), m.path))
	} else {
		do(t, os.RemoveAll(filepath.Join(m.dir, "..v"+string(rune('0'+m.versions-1)))))
	}
}

// follower is a Manager that follows a file, and what it tells.
type follower struct {
	*session.Manager
	keys   *keyring.Keyring
	mu     sync.Mutex
	events []string
	log    bytes.Buffer
}

// Write takes what is logged.
func (f *follower) Write(line []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.log.Write(line)
}

// follow returns one that runs until the test ends.
func follow(t *testing.T, path string) *follower {
	t.Helper()
	f := &follower{keys: must(keyring.FromFile(path))(t)}
	var err error
	f.Manager, err = session.New(session.Config{Keys: f.keys, Logger: slog.New(slog.NewJSONHandler(f, nil))})
	do(t, err)
	f.Observe(session.Hooks{Key: func(_ context.Context, e session.Event) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.events = append(f.events, e.Name)
	}})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- f.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		do(t, <-done)
	})
	return f
}

// heard returns how often there were these events, and how often a failure was logged,
// and forgets them.
func (f *follower) heard() (reloaded, failed, logged int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	logged = strings.Count(f.log.String(), `"keyring reload failed"`)
	f.log.Reset()
	for _, e := range f.events {
		switch e {
		case "keyring reloaded":
			reloaded++
		case "keyring reload failed":
			failed++
		}
	}
	f.events = nil
	return reloaded, failed, logged
}

// A file is followed whatever happens to it. What cannot be read leaves the keys in
// force and is reported at each poll; 10 seconds after it is good again it is in
// force, and that is reported once.
func TestFileIsFollowed(t *testing.T) {
	t.Parallel()
	v1, v2, v3 := jwk("v1", newSecret()), jwk("v2", newSecret()), jwk("v3", newSecret())
	for name, c := range map[string]struct {
		harm func(path, next string) error // nil: none
		mend func(path, next string) error // brings the next version
	}{
		"renamed into place": {nil, replaceFile},
		"written in two steps": {
			func(path, next string) error { return os.WriteFile(path, []byte(next[:len(next)-20]), 0o600) },
			func(path, next string) error { return appendTo(path, next[len(next)-20:]) },
		},
		"emptied first": {
			func(path, _ string) error { return os.Truncate(path, 0) },
			func(path, next string) error { return appendTo(path, next) },
		},
		"opened to others": {
			func(path, next string) error { os.WriteFile(path, []byte(next), 0o600); return os.Chmod(path, 0o644) },
			func(path, _ string) error { return os.Chmod(path, 0o600) },
		},
		"closed to us": {
			func(path, next string) error { os.WriteFile(path, []byte(next), 0o600); return closeTo(path) },
			func(path, _ string) error { return openAgain(path) },
		},
		"removed and put back": {
			func(path, _ string) error { return os.Remove(path) },
			replaceFile,
		},
		"its folder gone": {
			func(path, _ string) error { return os.Rename(filepath.Dir(path), filepath.Dir(path)+"~") },
			func(path, next string) error {
				if err := os.Rename(filepath.Dir(path)+"~", filepath.Dir(path)); err != nil {
					return err
				}
				return replaceFile(path, next)
			},
		},
		"a folder in its place": {
			func(path, _ string) error { os.Remove(path); return os.Mkdir(path, 0o700) },
			func(path, next string) error { os.Remove(path); return replaceFile(path, next) },
		},
		"another content": {
			func(path, _ string) error { return replaceFile(path, jwks(jwk("v9", "changeme"))) },
			replaceFile,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "a", "keys.json")
				do(t, os.Mkdir(filepath.Dir(path), 0o700))
				write(t, path, jwks(v2, v1))
				f := follow(t, path)
				f.changes(t, jwks(v3, v2), func(next string) {
					if c.harm != nil {
						do(t, c.harm(path, next))
						f.staysWhileBroken(t)
					}
					do(t, c.mend(path, next))
				})
			})
		})
	}
}

// A Kubernetes Secret is followed through its links: each version is there whole or
// not at all, and one that cannot be read changes nothing.
func TestMountedSecretIsFollowed(t *testing.T) {
	t.Parallel()
	v1, v2, v3 := jwk("v1", newSecret()), jwk("v2", newSecret()), jwk("v3", newSecret())
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		m := &mount{dir: dir, path: filepath.Join(dir, "keys.json")}
		m.put(t, jwks(v2, v1))
		f := follow(t, m.path)
		f.changes(t, jwks(v3, v2), func(next string) { m.put(t, next) })
		m.put(t, `{"keys":[`)
		f.staysWhileBroken(t)
		f.changes(t, jwks(v1, v3), func(next string) { m.put(t, next) })
		data := filepath.Join(dir, "..data")
		do(t, os.Rename(data, data+"~")) // the link leads nowhere
		f.staysWhileBroken(t)
		f.changes(t, jwks(v2, v1), func(next string) {
			do(t, os.Rename(data+"~", data))
			m.put(t, next)
		})
	})
}

// changes makes the next version and wants it in force 10 seconds later, without a
// token lost that another key vouches for.
func (f *follower) changes(t *testing.T, next string, change func(next string)) {
	t.Helper()
	before, err := f.Issue(t.Context(), session.Grant{Subject: "alice"})
	do(t, err)
	f.heard()
	change(next)
	f.heard()
	want, err := keyring.ParseKeys([]byte(next))
	do(t, err)
	time.Sleep(10 * time.Second)
	synctest.Wait()
	if got := f.keys.List()[0].ID; got != want[0].String() {
		t.Fatalf("got the current key %s, want %s", got, want[0])
	}
	if reloaded, failed, _ := f.heard(); reloaded != 1 || failed != 0 {
		t.Errorf("got %d events of a reload and %d of a failure, want one and none", reloaded, failed)
	}
	if _, err := f.Verify(t.Context(), before.AccessToken); err != nil {
		t.Errorf("a token from before: got %v, want it good", err)
	}
}

// staysWhileBroken wants the keys in force to stay, and each poll to be reported.
func (f *follower) staysWhileBroken(t *testing.T) {
	t.Helper()
	synctest.Wait()
	before := f.keys.String()
	f.heard()
	time.Sleep(time.Minute)
	synctest.Wait()
	if got := f.keys.String(); got != before {
		t.Fatalf("got %s, want %s to stay", got, before)
	}
	if _, failed, logged := f.heard(); failed < 6 || failed > 8 || logged != failed {
		t.Errorf("got %d events and %d records in a minute, want one in 8 to 10 seconds", failed, logged)
	}
	tokens, err := f.Issue(t.Context(), session.Grant{Subject: "alice"})
	do(t, err)
	if _, err := f.Verify(t.Context(), tokens.AccessToken); err != nil {
		t.Errorf("a token from meanwhile: got %v, want it good", err)
	}
}

// replaceFile puts another file in the place of path.
func replaceFile(path, content string) error {
	if err := os.WriteFile(path+".tmp", []byte(content), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".tmp", path)
}

func appendTo(path, content string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(content)
	return err
}

// closeTo takes all permissions away. Root reads all the same, and gets a link that
// leads round in a circle.
func closeTo(path string) error {
	if os.Getuid() != 0 {
		return os.Chmod(path, 0)
	}
	if err := os.Rename(path, path+"~"); err != nil {
		return err
	}
	return os.Symlink(path, path)
}

// openAgain undoes closeTo.
func openAgain(path string) error {
	if os.Getuid() != 0 {
		return os.Chmod(path, 0o600)
	}
	return os.Rename(path+"~", path)
}

package examples_test

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/redisstore"
	"github.com/sessionring/sessionring/session/sqlstore"
)

// TestFileRotated rotates the keyring file of servers that are in use and are not
// restarted. Twice they are told, one after another; then they find out by themselves.
func TestFileRotated(t *testing.T) {
	t.Parallel()
	for _, n := range []int{2, 3} {
		t.Run(fmt.Sprintf("%d servers", n), func(t *testing.T) {
			t.Parallel()
			rotatedFile(t, n)
		})
	}
}

func rotatedFile(t *testing.T, servers int) {
	dir := t.TempDir()
	path := filepath.Join(dir, "keyring.json")
	if err := keyring.InitFile(path); err != nil {
		t.Fatal(err)
	}
	f := &fleet{balancer: newBalancer(t)}
	for i := range servers {
		f.put(t, i, "SESSION_STORE=none", "SESSION_KEYRING_FILE="+path)
	}
	away := f.signInAll(t, "away", awayUsers)
	c := f.open(t, liveUsers)
	for _, tag := range []string{"v2", "v3"} {
		rotateFile(t, dir)
		for _, s := range f.servers {
			s.hangUp(t)
			s.wantVersion(t, tag)
			c.settle(t)
		}
	}
	rotateFile(t, dir)
	for _, s := range f.servers {
		s.wantVersion(t, "v4")
	}
	c.settle(t)
	c.leave(t)
	for _, u := range away {
		comeBack(t, u, f.url)
	}
}

// hangUp has the server read its keys again.
func (p *process) hangUp(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
}

// wantVersion waits until the server signs with a key.
func (p *process) wantVersion(t *testing.T, tag string) {
	t.Helper()
	u := newUser("")
	eventually(t, "the server has "+tag, func() bool { return u.health(t, p.url).word("server_version") == tag })
}

// rotatedShared rotates the keyring that servers share in a store, while people use
// them: by policy, since the first key is old; by an operator; by processes that are
// killed in the middle of it. Between, a server is killed and one is added.
func rotatedShared(servers, users int) story {
	return func(t *testing.T, store string) {
		kek := newSecret()
		env := []string{"SESSION_STORE=" + store, "SESSION_KEYRING_KEK=" + kek, "REFRESH_GRACE=500ms"}
		operator := openKeys(t, store, kek, 100*24*time.Hour)
		f := &fleet{balancer: newBalancer(t)}
		f.Retry = true
		for i := range servers {
			f.put(t, i, env...)
			f.servers[i].wantVersion(t, "v2") // once for all
		}
		away := f.signInAll(t, "away", awayUsers)
		c := f.open(t, users)

		f.rotated(t, c, operator, "v3")
		wantKilled(t, "before", store, kek) // has changed nothing
		f.rotated(t, c, operator, "v4")
		wantRotation(t, operator, "v5")
		f.kill(servers - 1)
		f.put(t, servers, env...) // one more, which has v5 from the start
		f.servers[servers].wantVersion(t, "v5")
		c.settle(t)
		f.put(t, servers-1, env...)
		wantKilled(t, "after", store, kek) // has changed it, and told nobody
		f.rotated(t, c, operator, "v7")

		c.leave(t)
		for _, u := range away {
			comeBack(t, u, f.url)
		}
	}
}

// rotated has an operator rotate the keys, and one server after another see it.
func (f *fleet) rotated(t *testing.T, c *crowd, operator *keyring.Keyring, tag string) {
	t.Helper()
	wantRotation(t, operator, tag)
	for _, s := range f.servers {
		s.hangUp(t)
		s.wantVersion(t, tag)
		c.settle(t)
	}
}

func wantRotation(t *testing.T, operator *keyring.Keyring, want string) {
	t.Helper()
	if tag, err := operator.Rotate(t.Context()); err != nil || tag != want {
		t.Fatalf("rotated: got %q, %v, want %s", tag, err, want)
	}
}

// openKeys returns the keyring in a store, as somebody has it who serves nobody. What is
// made by it is of that age.
func openKeys(t *testing.T, store, kek string, age time.Duration) *keyring.Keyring {
	t.Helper()
	st, db, err := openStore(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	keys, err := keyring.FromStore(t.Context(), keyring.Shared{Store: aged{st, age}, KEK: kek})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// aged is a store whose clock is behind.
type aged struct {
	keyring.Store
	by time.Duration
}

func (a aged) Get(ctx context.Context, id string) ([]byte, time.Time, error) {
	data, now, err := a.Store.Get(ctx, id)
	return data, now.Add(-a.by), err
}

// openStore opens what SESSION_STORE names.
func openStore(ctx context.Context, address string) (session.Store, io.Closer, error) {
	if strings.HasPrefix(address, "redis:") {
		options, err := redis.ParseURL(address)
		if err != nil {
			return nil, nil, err
		}
		db := redis.NewClient(options)
		return redisstore.New(func(ctx context.Context, args ...any) (any, error) { return db.Do(ctx, args...).Result() }), db, nil
	}
	driver, source := "pgx", address
	if path, ok := strings.CutPrefix(address, "sqlite:"); ok {
		driver, source = "sqlite", path
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		return nil, nil, err
	}
	st, err := sqlstore.Open(ctx, db)
	return st, db, err
}

// Variables that make this program one that is killed while it rotates the keyring in
// a store.
const (
	envDies  = "TEST_DIES" // before or after the keyring is written
	envStore = "TEST_STORE"
	envKEK   = "TEST_KEK"
)

// wantKilled starts a process that rotates the keyring and is killed in the middle.
func wantKilled(t *testing.T, when, store, kek string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), envDies+"="+when, envStore+"="+store, envKEK+"="+kek)
	out, _ := cmd.CombinedOutput()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		t.Fatalf("got %v, want it killed:\n%s", cmd.ProcessState, out)
	}
}

// rotateAndDie is the process that wantKilled starts.
func rotateAndDie() error {
	ctx := context.Background()
	st, _, err := openStore(ctx, os.Getenv(envStore))
	if err != nil {
		return err
	}
	keys, err := keyring.FromStore(ctx, keyring.Shared{Store: dying{st}, KEK: os.Getenv(envKEK)})
	if err != nil {
		return err
	}
	_, err = keys.Rotate(ctx)
	return fmt.Errorf("rotated with %v, and lived", err)
}

// dying is a store that kills the process which writes to it.
type dying struct{ keyring.Store }

func (d dying) Swap(ctx context.Context, id string, old, data []byte, group, label string, expires time.Time) (ok bool, err error) {
	if os.Getenv(envDies) == "after" {
		if ok, err = d.Store.Swap(ctx, id, old, data, group, label, expires); !ok || err != nil {
			return ok, err
		}
	}
	syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// rotatedKEK replaces the secret that seals the shared keyring, as the README says,
// while people use the servers. Who has only the old one cannot read the keyring any
// more, goes on with the keys it has, and cannot be started again.
func rotatedKEK(t *testing.T, store string) {
	old, young := newSecret(), newSecret()
	both := young + "," + old
	env := func(kek string) []string {
		return []string{"SESSION_STORE=" + store, "SESSION_KEYRING_KEK=" + kek, "REFRESH_GRACE=500ms"}
	}
	f := &fleet{balancer: newBalancer(t)}
	f.put(t, 0, env(old)...)
	f.put(t, 1, env(old)...)
	away := f.signInAll(t, "away", awayUsers)
	c := f.open(t, storedCrowd)

	f.put(t, 0, env(both)...)
	c.settle(t)
	wantRotation(t, openKeys(t, store, both, 0), "v2") // sealed with the new secret
	f.servers[0].hangUp(t)
	f.servers[0].wantVersion(t, "v2")
	behind := f.servers[1]
	behind.hangUp(t)
	eventually(t, "the server with the old secret says so", func() bool {
		return strings.Contains(behind.out.String(), "keyring reload failed") && strings.Contains(behind.out.String(), "add the secret that was used before")
	})
	behind.wantVersion(t, "v1")
	c.settle(t)
	wantRefusal(t, "quickstart", refusal{env: env(old), want: "SESSION_KEYRING_KEK"})
	wantRefusal(t, "quickstart", refusal{env: env(newSecret()), want: "SESSION_KEYRING_KEK"})

	for _, kek := range []string{both, young} {
		for i := range f.servers {
			f.put(t, i, env(kek)...)
			c.settle(t)
		}
	}
	f.servers[0].wantVersion(t, "v2")
	c.leave(t)
	for _, u := range away {
		comeBack(t, u, f.url)
	}
}

package drivers_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/redisstore"
	"github.com/sessionring/sessionring/session/sqlstore"
	"github.com/sessionring/sessionring/session/storetest/drivers"
)

func TestSQLiteKeyring(t *testing.T) { fleetKeyring(t, "sqlite", newSQLite(t)) }

func TestPostgresKeyring(t *testing.T) {
	dsn, _ := drivers.StartPostgres(t)
	fleetKeyring(t, "pgx", dsn)
}

func TestRedisKeyring(t *testing.T) {
	dsn, _ := drivers.StartRedis(t)
	fleetKeyring(t, "redis", dsn)
}

// fleetKeyring has 50 processes start at once on a store without a keyring: they make
// one key. When it has grown old all rotate it at once: they make one more. One that is
// killed in the middle of a rotation leaves it to the others, who make it once.
func fleetKeyring(t *testing.T, driver, address string) {
	kek := make([]byte, 32)
	rand.Read(kek)
	var fleet []*instance
	for range 50 {
		fleet = append(fleet, launch(t, driver, address, hex.EncodeToString(kek)))
	}
	for _, i := range fleet {
		i.want(t, "ready")
	}
	first := wantOneRing(t, fleet, "start", "v1")
	second := wantOneRing(t, fleet, "reload 100", "v2 v1")
	if strings.Fields(second)[1] != first {
		t.Errorf("got the rings %s and then %s, want the first key still", first, second)
	}
	victim := fleet[0]
	victim.say("hang 200")
	victim.want(t, "swapping")
	victim.cmd.Process.Kill()
	third := wantOneRing(t, fleet[1:], "reload 200", "v3 v2 v1")
	if !strings.HasSuffix(third, second) {
		t.Errorf("got the rings %s and then %s, want the older keys still", second, third)
	}
}

// wantOneRing gives all instances an order at once, and wants all to answer the same
// ring, with these tags.
func wantOneRing(t *testing.T, fleet []*instance, order, tags string) (ring string) {
	t.Helper()
	for _, i := range fleet {
		i.say(order)
	}
	for n, i := range fleet {
		got := i.next(t)
		if n == 0 {
			ring = got
		}
		if got != ring {
			t.Fatalf("%s: got the rings %q and %q, want one", order, ring, got)
		}
	}
	var have []string
	for _, kid := range strings.Fields(ring) {
		tag, _, _ := strings.Cut(kid, ".")
		have = append(have, tag)
	}
	if got := strings.Join(have, " "); got != tags {
		t.Fatalf("%s: got the keys %q, want %q", order, got, tags)
	}
	return ring
}

// instance is a process that has a keyring in a store, seen from the test.
type instance struct {
	cmd   *exec.Cmd
	in    io.Writer
	lines chan string
}

// launch starts one: this test again, which finds its orders in the environment.
func launch(t *testing.T, driver, address, kek string) *instance {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "INSTANCE_DRIVER="+driver, "INSTANCE_ADDRESS="+address, "INSTANCE_KEK="+kek)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	i := &instance{cmd, in, make(chan string, 8)}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for s := bufio.NewScanner(out); s.Scan(); {
			i.lines <- s.Text()
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-read
		cmd.Wait()
	})
	return i
}

func (i *instance) say(order string) { fmt.Fprintln(i.in, order) }

// next returns the next line of an instance.
func (i *instance) next(t *testing.T) string {
	t.Helper()
	select {
	case line := <-i.lines:
		return line
	case <-time.After(time.Minute):
		t.Fatal("an instance does not answer within a minute")
		return ""
	}
}

func (i *instance) want(t *testing.T, line string) {
	t.Helper()
	if got := i.next(t); got != line {
		t.Fatalf("got %q, want %q", got, line)
	}
}

// beInstance is the process that launch starts. It answers each order with the kids of
// its keys, and ends with its input, as when the test is killed.
func beInstance() error {
	ctx := context.Background()
	inner, err := openInstance(ctx, os.Getenv("INSTANCE_DRIVER"), os.Getenv("INSTANCE_ADDRESS"))
	if err != nil {
		return err
	}
	s := &agingStore{Store: inner}
	var keys *keyring.Keyring
	fmt.Println("ready")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var order string
		fmt.Sscan(in.Text(), &order, &s.days)
		s.hangs = order == "hang"
		if order == "start" {
			keys, err = keyring.FromStore(ctx, keyring.Shared{Store: s, KEK: os.Getenv("INSTANCE_KEK")})
		} else {
			err = keys.Reload(ctx)
		}
		if err != nil {
			return err
		}
		var kids []string
		for _, k := range keys.List() {
			kids = append(kids, k.ID)
		}
		fmt.Println(strings.Join(kids, " "))
	}
	return nil
}

func openInstance(ctx context.Context, driver, address string) (session.Store, error) {
	if driver == "redis" {
		options, err := redis.ParseURL(address)
		if err != nil {
			return nil, err
		}
		client := redis.NewClient(options)
		return redisstore.New(func(ctx context.Context, args ...any) (any, error) { return client.Do(ctx, args...).Result() }), nil
	}
	db, err := sql.Open(driver, address)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return sqlstore.Open(ctx, db)
}

// agingStore is a store whose clock is some days ahead, and on which an instance can
// be stopped between read and write.
type agingStore struct {
	session.Store
	days  int
	hangs bool
}

func (s *agingStore) Get(ctx context.Context, id string) ([]byte, time.Time, error) {
	data, now, err := s.Store.Get(ctx, id)
	return data, now.AddDate(0, 0, s.days), err
}

func (s *agingStore) Swap(ctx context.Context, id string, old, data []byte, group, label string, expires time.Time) (bool, error) {
	if s.hangs {
		fmt.Println("swapping")
		time.Sleep(time.Hour)
	}
	return s.Store.Swap(ctx, id, old, data, group, label, expires)
}

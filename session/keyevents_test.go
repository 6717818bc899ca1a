package session_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// keyWords returns the events of keys so far as "name tag", without alerts.
func (e *events) keyWords() (list []string) {
	for _, h := range e.take() {
		if h.Hook == "key" && !strings.HasPrefix(h.Event.Name, "alert") {
			list = append(list, h.Event.Name+" "+h.Event.Tag)
		}
	}
	return list
}

// keyLines returns the records of keys as "name version", of which each has its kid.
func keyLines(t testing.TB, log *logBook) (list []string) {
	t.Helper()
	for _, name := range []string{"key activated", "key revoked", "key dropped"} {
		for _, r := range log.records(t, name) {
			list = append(list, fmt.Sprint(name, " ", r["version"]))
			if kid, _ := r["kid"].(string); !strings.HasPrefix(kid, fmt.Sprint(r["version"], ".")) {
				t.Errorf("got the kid %q of %v in the log, want its own", kid, r["version"])
			}
		}
	}
	return list
}

// Every instance tells of a key that was activated, revoked or dropped, each change
// once, wherever it was made, and of nothing that was there when it started; also if
// nothing but time has passed.
func TestKeyEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := new(memstore.Store)
		mine := sharedOn(t, store, -1)
		var instances []*session.Manager
		var heard []*events
		var logs []*logBook
		var stop []func()
		run := func() {
			for _, m := range instances[len(stop):] {
				stop = append(stop, running(t, m))
			}
		}
		pause := func() { // they see nothing meanwhile, which costs nothing
			for _, f := range stop {
				f()
			}
			stop = nil
		}
		defer pause()
		start := func(keys *keyring.Keyring) {
			log := new(logBook)
			m := managerOf(t, "v1", func(cfg *session.Config) { cfg.Keys, cfg.Logger = keys, log.logger() })
			instances, heard, logs = append(instances, m), append(heard, observe(m)), append(logs, log)
			run()
		}
		start(mine)
		start(sharedOn(t, store, -1))
		told := [][]string{nil, nil, nil}
		step := func(name string, wait time.Duration, want ...string) {
			t.Helper()
			time.Sleep(wait)
			for i, e := range heard {
				if diff := cmp.Diff(want, e.keyWords()); diff != "" {
					t.Errorf("%s, instance %d: events (-want +got):\n%s", name, i, diff)
				}
				for _, w := range want {
					if !strings.HasPrefix(w, "keyring") {
						told[i] = append(told[i], w)
					}
				}
			}
		}
		change := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		step("nothing", 10*time.Minute)

		_, err := mine.Rotate(t.Context())
		change(err)
		step("rotated", time.Minute, "keyring reloaded v2", "key activated v2")
		_, err = mine.RotateTo(t.Context(), "EdDSA")
		change(err)
		step("a key that waits", time.Minute, "keyring reloaded v2")
		pause()
		time.Sleep(24*time.Hour - 2*time.Minute)
		run()
		step("still", 50*time.Second)
		step("its time", 20*time.Second, "key activated v3")
		start(sharedOn(t, store, -1))
		step("one more instance", time.Minute)

		change(mine.Revoke(t.Context(), "v2"))
		step("revoked", time.Minute, "keyring reloaded v3", "key revoked v2")
		change(mine.Drop(t.Context(), "v2"))
		step("its secret dropped", time.Minute, "key dropped v2")
		change(mine.Drop(t.Context(), "v2"))
		change(mine.Retire(t.Context(), "v1"))
		step("retired", time.Minute, "keyring reloaded v3")
		change(mine.Drop(t.Context(), "v1"))
		step("dropped", time.Minute, "keyring reloaded v3", "key dropped v1")
		change(mine.Revoke(t.Context(), "v3"))
		step("the current one revoked", time.Minute, "keyring reloaded v4", "key revoked v3", "key activated v4")

		start(sharedOn(t, store, -1))
		told = append(told, nil)
		step("with revoked ones at the start", time.Minute)
		for i, log := range logs {
			got := keyLines(t, log)
			slices.Sort(got)
			slices.Sort(told[i])
			if diff := cmp.Diff(told[i], got); diff != "" {
				t.Errorf("instance %d: records (-want +got):\n%s", i, diff)
			}
		}
	})
}

// Keys that never change by themselves are activated by time as well, within ten
// seconds, and a key that comes as a revoked one is told of like one that was held.
func TestKeyEventsOfOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		due := time.Now().Add(time.Hour).Unix()
		jwk := func(tag, more string) string {
			return fmt.Sprintf(`{"kty":"oct","kid":%q,"k":%q%s}`, kidOf(tag), b64(secretOf(tag)), more)
		}
		keys, err := keyring.ParseKeys([]byte(`{"keys":[` + jwk("v2", fmt.Sprintf(`,"nbf":%d`, due)) + `,` + jwk("v1", "") + `]}`))
		if err != nil {
			t.Fatal(err)
		}
		fixed, err := keyring.New(keys...)
		if err != nil {
			t.Fatal(err)
		}
		s, followed := follow(t, "v1")
		a := managerOf(t, "v1", func(cfg *session.Config) { cfg.Keys = fixed })
		b := managerOf(t, "v1", func(cfg *session.Config) { cfg.Keys = followed })
		heardA, heardB := observe(a), observe(b)
		defer running(t, a)()
		defer running(t, b)()
		time.Sleep(time.Hour - time.Second)
		if got := heardA.keyWords(); got != nil {
			t.Errorf("got %q before its time, want nothing", got)
		}
		time.Sleep(11 * time.Second)
		if diff := cmp.Diff([]string{"key activated v2"}, heardA.keyWords()); diff != "" {
			t.Errorf("ten seconds after its time (-want +got):\n%s", diff)
		}
		s.set(keysOf(t, "v1 !v9"))
		time.Sleep(66 * time.Second)
		if diff := cmp.Diff([]string{"keyring reloaded v1", "key revoked v9"}, heardB.keyWords()); diff != "" {
			t.Errorf("a revoked key (-want +got):\n%s", diff)
		}
	})
}

// Whoever loads the keys, and however many at once, a change is told once.
func TestKeyEventsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, keys := follow(t, "v0")
		m := managerOf(t, "v0", func(cfg *session.Config) { cfg.Keys = keys })
		heard := observe(m)
		defer running(t, m)()
		for i := 1; i <= 20; i++ {
			s.set(keysOf(t, fmt.Sprintf("v%d v%d", i, i-1)))
			token := issue(t, managerOf(t, fmt.Sprint("v", i)), alice).AccessToken
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					if err := keys.Reload(t.Context()); err != nil {
						t.Error(err)
					}
				})
				wg.Go(func() { m.Verify(t.Context(), token) })
			}
			wg.Wait()
			time.Sleep(10 * time.Second)
			want := []string{fmt.Sprint("key activated v", i), fmt.Sprint("keyring reloaded v", i)}
			if i > 1 {
				want = append(want, fmt.Sprint("key dropped v", i-2))
			}
			got := heard.keyWords()
			slices.Sort(got)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("round %d: events (-want +got):\n%s", i, diff)
			}
		}
	})
}

package session_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/internal/race"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// butAlerts returns the words of events that are not about alerts.
func butAlerts(words []string) []string {
	return slices.DeleteFunc(words, func(w string) bool { return strings.HasPrefix(w, "key: alert") })
}

// act is one part of a story about an alert: what happens, and by when it is noticed.
type act struct {
	do func()
	by time.Duration
}

// tellsOnce runs m and fails unless the alert of a name begins with one act and ends
// with the next, and each is told once: in Stats, to the hook, and in the log.
func tellsOnce(t *testing.T, m *session.Manager, log *logBook, name string, begin, end act) {
	t.Helper()
	heard, stop := observe(m), running(t, m)
	defer stop()
	in := func() (text string) {
		stats, _ := m.Stats(t.Context()) // which may lack what the store knows
		for _, a := range stats.Alerts {
			if a.Name == name {
				text = a.Text
			}
		}
		return text
	}
	time.Sleep(time.Minute)
	if text := in(); text != "" {
		t.Errorf("%s: got %q at first, want no alert", name, text)
	}
	begin.do()
	time.Sleep(begin.by)
	if in() == "" {
		t.Errorf("%s: got no alert within %v", name, begin.by)
	}
	time.Sleep(time.Minute)
	end.do()
	time.Sleep(end.by)
	if text := in(); text != "" {
		t.Errorf("%s: got %q, want its end within %v", name, text, end.by)
	}
	told := map[string]int{}
	for _, e := range heard.take() {
		if e.Hook == "key" && e.Cause == name {
			told[e.Name]++
		}
	}
	for _, word := range []string{"alert", "alert over"} {
		logged := 0
		for _, r := range log.records(t, word) {
			if r["name"] == name {
				logged++
			}
		}
		if told[word] != 1 || logged != 1 {
			t.Errorf("%s: %q is told %d times and logged %d times, want once", name, word, told[word], logged)
		}
	}
}

func nothing() {}

// Many different tokens of keys that are not held are an alert; one that comes again
// and again is not.
func TestUnknownKidRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := new(logBook)
		m, other := managerOf(t, "v1", logInto(log)), managerOf(t, "v9")
		one := issue(t, other, alice).AccessToken
		for range 1000 {
			m.Verify(t.Context(), one)
		}
		tellsOnce(t, m, log, "unknown_kid_rate", act{func() {
			for range 12 {
				refused(t, m, issue(t, other, alice).AccessToken, session.ErrUnknownKey)
			}
		}, 15 * time.Second}, act{nothing, 5 * time.Minute})
	})
}

func logInto(log *logBook) func(*session.Config) {
	return func(cfg *session.Config) { cfg.Logger = log.logger() }
}

// Keys that cannot be read are an alert from the second time on.
func TestReloadFailing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := new(logBook)
		s, keys := follow(t, "v1")
		m := managerOf(t, "v1", logInto(log), func(cfg *session.Config) { cfg.Keys = keys })
		tellsOnce(t, m, log, "reload_failing", act{func() { s.fail.Store(true) }, 3 * time.Minute}, act{func() { s.fail.Store(false) }, 90 * time.Second})
	})
}

// A weak secret never comes into force, but in the source it is an alert: the next
// start would fail.
func TestWeakSecret(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, weak := new(logBook), new(atomic.Bool)
		keys, err := keyring.FromFunc(t.Context(), func(context.Context) ([]keyring.Key, error) {
			if weak.Load() {
				return keyring.ParseKeys([]byte(`{"keys":[{"kty":"oct","kid":"v2","k":"` + b64(bytes.Repeat([]byte("x"), 32)) + `"}]}`))
			}
			return keysOf(t, "v1"), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		m := managerOf(t, "v1", logInto(log), func(cfg *session.Config) { cfg.Keys = keys })
		tellsOnce(t, m, log, "weak_secret", act{func() { weak.Store(true) }, 90 * time.Second}, act{func() { weak.Store(false) }, 90 * time.Second})
	})
}

// A store that is down is an alert, however sessions are checked.
func TestStoreDownAlert(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*session.Config){"cached": noStore, "strict": strictly, "off": notAtAll} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log, s := new(logBook), new(unsteady)
				m := managerOn(t, s, logInto(log), edit)
				tellsOnce(t, m, log, "store_down", act{func() { s.down.Store(true) }, 30 * time.Second}, act{func() { s.down.Store(false) }, 30 * time.Second})
			})
		})
	}
}

// skewed is a store with a clock of its own.
type skewed struct {
	memstore.Store
	by atomic.Int64 // how far it is ahead
}

func (s *skewed) Get(ctx context.Context, id string) ([]byte, time.Time, error) {
	data, now, err := s.Store.Get(ctx, id)
	return data, now.Add(time.Duration(s.by.Load())), err
}

// A clock that is minutes from that of the store, or far behind that of who issues good
// tokens, is an alert.
func TestClockStep(t *testing.T) {
	t.Parallel()
	for _, by := range []time.Duration{-2 * time.Minute, 2 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			log, s := new(logBook), new(skewed)
			m := managerOn(t, s, logInto(log))
			tellsOnce(t, m, log, "clock_step", act{func() { s.by.Store(int64(by)) }, 30 * time.Second}, act{func() { s.by.Store(int64(30 * time.Second)) }, 30 * time.Second})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		log := new(logBook)
		m := managerOf(t, "v1", logInto(log))
		tellsOnce(t, m, log, "clock_step", act{func() {
			token := forge("v1", headerOf("v1", "at+jwt"), payloadOf("iat="+at(time.Hour)))
			refused(t, m, token, session.ErrUnavailable)
		}, 15 * time.Second}, act{nothing, 5 * time.Minute})
	})
}

// frozen is a store in which the keyring cannot be changed, for a time.
type frozen struct {
	memstore.Store
	ice atomic.Bool
}

func (f *frozen) Swap(ctx context.Context, id string, old, data []byte, group, label string, expires time.Time) (bool, error) {
	if id == "keyring" && f.ice.Load() {
		return false, errStore
	}
	return f.Store.Swap(ctx, id, old, data, group, label, expires)
}

// A shared keyring that does not rotate when it should is an alert.
func TestKeyOverdue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, s := new(logBook), new(frozen)
		keys, err := keyring.FromStore(t.Context(), keyring.Shared{Store: s, KEK: b64(secretOf("kek")), RotateEvery: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		m := managerOn(t, s, logInto(log), notAtAll, func(cfg *session.Config) { cfg.Keys = keys })
		tellsOnce(t, m, log, "key_overdue", act{func() { s.ice.Store(true) }, 67 * time.Minute}, act{func() { s.ice.Store(false) }, time.Minute})
	})
}

// ending returns the keys v2 and v1, of which v1 has an end; zero: none.
func ending(t testing.TB, end time.Time) []keyring.Key {
	t.Helper()
	exp := ""
	if !end.IsZero() {
		exp = fmt.Sprintf(`,"exp":%d`, end.Unix())
	}
	keys, err := keyring.ParseKeys(fmt.Appendf(nil, `{"keys":[{"kty":"oct","kid":"%s","k":"%s"},{"kty":"oct","kid":"%s","k":"%s"%s}]}`,
		kidOf("v2"), b64(secretOf("v2")), kidOf("v1"), b64(secretOf("v1")), exp))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// An end of a key before it may go is an alert when it is planned, and another when it
// is near and sessions still need the key: with a store, and as far as an instance
// knows by itself. Both end with the plan.
func TestEndOfNeededKey(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*session.Config){
		"with a store": func(cfg *session.Config) { cfg.Store, cfg.Revocation = new(memstore.Store), session.Off },
		"without":      func(*session.Config) {},
	} {
		t.Run(name, func(t *testing.T) {
			for alert, end := range map[string]time.Duration{"drop_too_early": 3 * 24 * time.Hour, "key_retiring_needed": 20 * time.Hour} {
				synctest.Test(t, func(t *testing.T) {
					log := new(logBook)
					s, keys := follow(t, "v1")
					m := managerOf(t, "v1", logInto(log), edit, func(cfg *session.Config) { cfg.Keys = keys })
					issue(t, m, alice)
					tellsOnce(t, m, log, alert, act{func() { s.set(ending(t, time.Now().Add(end))) }, 3 * time.Minute},
						act{func() { s.set(ending(t, time.Time{})) }, 90 * time.Second})
					if far := end > 24*time.Hour; far && strings.Contains(log.String(), "key_retiring_needed") {
						t.Error("an end in three days is told as near")
					}
				})
			}
			if race.Enabled { // to which the 28 hours are long
				return
			}
			synctest.Test(t, func(t *testing.T) { // an end as it should be
				s, keys := follow(t, "v1")
				m := managerOf(t, "v1", edit, func(cfg *session.Config) { cfg.Keys, cfg.RefreshTTL = keys, time.Hour })
				issue(t, m, alice)
				stop := running(t, m)
				s.set(ending(t, time.Now().Add(26*time.Hour)))
				for range 28 {
					time.Sleep(time.Hour)
					if got := alertNames(t, m); got != nil {
						t.Fatalf("got the alerts %q at %v, want none", got, time.Now())
					}
				}
				stop()
			})
		})
	}
}

// What instances see of each other, and of the sessions, begins and ends once like the
// rest.
func TestFleetAlerts(t *testing.T) {
	t.Parallel()
	for _, alert := range []string{"no_shared_key", "needed_key_missing"} {
		synctest.Test(t, func(t *testing.T) {
			log, store := new(logBook), new(memstore.Store)
			on := func(cfg *session.Config) { cfg.Store = store }
			old := managerOf(t, "v1", on)
			issue(t, old, alice)
			stop := func() {}
			if alert == "no_shared_key" {
				stop = running(t, old)
			}
			s, keys := follow(t, "v2 v1")
			m := managerOf(t, "v1", on, logInto(log), func(cfg *session.Config) { cfg.Keys = keys })
			tellsOnce(t, m, log, alert, act{func() { s.set(keysOf(t, "v2")) }, 90 * time.Second}, act{func() { s.set(keysOf(t, "v2 v1")) }, 90 * time.Second})
			stop()
		})
	}
}

// What is over in a moment is no alert: keys that cannot be read while their source is
// written, however many tokens ask for others, and what is old when a process that was
// stopped goes on.
func TestNoAlertForAMoment(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, store := new(logBook), new(unsteady)
		s, keys := follow(t, "v1")
		m := managerOf(t, "v1", logInto(log), func(cfg *session.Config) { cfg.Keys, cfg.Store = keys, store })
		other := managerOf(t, "v9")
		stop := running(t, m)
		for range 20 {
			time.Sleep(9 * time.Minute)
			s.fail.Store(true)
			store.down.Store(true)
			for range 7 {
				m.Verify(t.Context(), issue(t, other, alice).AccessToken)
				time.Sleep(time.Second)
			}
			s.fail.Store(false)
			store.down.Store(false)
			time.Sleep(90 * time.Second)
		}
		stop()
		if got, failed := log.records(t, "alert"), statsOf(t, m).Reloads["failed"]; len(got) != 0 || failed < 20 {
			t.Errorf("got the alerts %v and %d reloads that failed, want no alert", got, failed)
		}
	})
}

// What other packages judge is an alert like the others.
func TestAlarm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, bad := new(logBook), new(atomic.Bool)
		m := managerOf(t, "v1", logInto(log))
		m.Alarm("too_hot", func(time.Time) string {
			if bad.Load() {
				return "open a window"
			}
			return ""
		})
		tellsOnce(t, m, log, "too_hot", act{func() { bad.Store(true) }, 10 * time.Second}, act{func() { bad.Store(false) }, 10 * time.Second})
	})
}

package session_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// statsOf returns what m reports.
func statsOf(t testing.TB, m *session.Manager) session.Stats {
	t.Helper()
	stats, err := m.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return stats
}

// seenTags returns the tags of the live instances that m sees, oldest first.
func seenTags(t testing.TB, m *session.Manager) (list []string) {
	t.Helper()
	for _, i := range statsOf(t, m).Instances {
		list = append(list, strings.Join(i.Tags, " "))
	}
	return list
}

// alertNames returns the names of the alerts in force at m.
func alertNames(t testing.TB, m *session.Manager) (list []string) {
	t.Helper()
	for _, a := range statsOf(t, m).Alerts {
		list = append(list, a.Name)
	}
	return list
}

// Instances see each other from the start of Run, or the first Ready, to its end, and
// those that are killed for forty seconds more.
func TestInstances(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := new(unsteady)
		a := managerOf(t, "v1", func(cfg *session.Config) { cfg.Store = store })
		time.Sleep(time.Second)
		b := managerOf(t, "v2 v1", func(cfg *session.Config) { cfg.Store = store })
		time.Sleep(time.Second)
		killed := managerOf(t, "v3 v1", func(cfg *session.Config) { cfg.Store = store })
		if err := killed.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		stopA, stopB := running(t, a), running(t, b)
		synctest.Wait()
		if diff := cmp.Diff([]string{"v1", "v2 v1", "v3 v1"}, seenTags(t, a)); diff != "" {
			t.Errorf("instances at the start (-want +got):\n%s", diff)
		}
		got := statsOf(t, a).Instances[1]
		want := session.Instance{ID: got.ID, Fingerprint: ringOf(t, "v2 v1").Live().Ring().Fingerprint(), Tags: []string{"v2", "v1"}, Version: "v2",
			Started: time.Date(2000, 1, 1, 0, 0, 1, 0, time.UTC), Seen: time.Date(2000, 1, 1, 0, 0, 2, 0, time.UTC)}
		if diff := cmp.Diff(want, got); diff != "" || got.ID == statsOf(t, a).Instances[0].ID {
			t.Errorf("one instance (-want +got):\n%s", diff)
		}
		time.Sleep(39 * time.Second)
		if got := len(seenTags(t, b)); got != 3 {
			t.Errorf("got %d instances within forty seconds, want 3", got)
		}
		time.Sleep(2 * time.Second)
		if diff := cmp.Diff([]string{"v1", "v2 v1"}, seenTags(t, b)); diff != "" {
			t.Errorf("instances after one was killed (-want +got):\n%s", diff)
		}
		store.down.Store(true) // for a minute: all reports expire
		time.Sleep(time.Minute)
		store.down.Store(false)
		time.Sleep(10 * time.Second)
		if got := len(seenTags(t, b)); got != 2 {
			t.Errorf("got %d instances after an outage, want 2", got)
		}
		stopA()
		if diff := cmp.Diff([]string{"v2 v1"}, seenTags(t, b)); diff != "" {
			t.Errorf("instances after one has ended (-want +got):\n%s", diff)
		}
		stopB()
	})
}

// Instances that have a key in common are strangers all the same if it is not among the
// four that vouch for what one of them issues.
func TestNoSharedSigner(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		many, one string
		want      []string
	}{{"v6 v5 v4 v3 v2 v1", "v1", []string{"no_shared_key"}}, {"v6 v5 v4 v3 v2 v1", "v3", nil}, {"v4 v3 v2 v1", "v1", nil}} {
		synctest.Test(t, func(t *testing.T) {
			store := new(memstore.Store)
			on := func(cfg *session.Config) { cfg.Store = store }
			a, b := managerOf(t, c.many, on), managerOf(t, c.one, on)
			for _, m := range []*session.Manager{a, b, a} {
				if err := m.Ready(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			defer running(t, a)()
			defer running(t, b)()
			time.Sleep(time.Minute)
			for _, m := range []*session.Manager{a, b} {
				if diff := cmp.Diff(c.want, alertNames(t, m)); diff != "" {
					t.Errorf("%s beside %s (-want +got):\n%s", c.many, c.one, diff)
				}
			}
			if want := map[bool]string{true: "unknown_key", false: "ok"}[c.want != nil]; reason(t, b, issue(t, a, alice).AccessToken) != want {
				t.Errorf("%s beside %s: want %s", c.many, c.one, want)
			}
		})
	}
}

// Two live instances that share no key are an alert at both, from their start until
// one of them has a key of the other.
func TestNoSharedKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, log := new(memstore.Store), new(logBook)
		s, keys := follow(t, "v2")
		a := managerOf(t, "v1", func(cfg *session.Config) { cfg.Store = store })
		b := managerOf(t, "v2", func(cfg *session.Config) { cfg.Keys, cfg.Store, cfg.Logger = keys, store, log.logger() })
		heard := observe(b)
		stopA := running(t, a)
		synctest.Wait()
		if got := alertNames(t, a); got != nil {
			t.Errorf("got the alerts %q while alone, want none", got)
		}
		if err := b.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		alert := statsOf(t, b).Alerts
		if len(alert) != 1 || alert[0].Name != "no_shared_key" || !strings.Contains(alert[0].Text, "v1") || !strings.Contains(alert[0].Text, "v2") {
			t.Fatalf("got %+v before b is ready, want one alert that names both keys", alert)
		}
		stopB := running(t, b)
		time.Sleep(time.Minute)
		if diff := cmp.Diff(alertNames(t, b), alertNames(t, a)); diff != "" {
			t.Errorf("alerts at both (-new +old):\n%s", diff)
		}
		if n := len(log.records(t, "alert")); n != 1 {
			t.Errorf("got %d records of the alert, want 1", n)
		}
		told := 0
		for _, e := range heard.take() {
			if e.Hook == "key" && e.Name == "alert" && e.Cause == "no_shared_key" {
				told++
			}
		}
		if told != 1 {
			t.Errorf("got %d events of the alert, want 1", told)
		}
		both := managerOf(t, "v2 v1", func(cfg *session.Config) { cfg.Store = store })
		if err := both.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"no_shared_key"}, alertNames(t, both)); diff != "" {
			t.Errorf("alerts at a third that has a key of each (-want +got):\n%s", diff)
		}
		s.set(keysOf(t, "v2 v1"))
		time.Sleep(90 * time.Second)
		if got := append(alertNames(t, a), alertNames(t, b)...); got != nil {
			t.Errorf("got the alerts %q after v1 was put back, want none", got)
		}
		stopA()
		stopB()
	})
}

// A configuration that drops a key which live sessions need is an alert before the
// instance is ready, and until the key is back; one that revokes it is meant so.
func TestNeededKeyMissing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := new(memstore.Store)
		on := func(words string) *session.Manager {
			return managerOf(t, words, func(cfg *session.Config) { cfg.Store = store })
		}
		before := on("v1")
		for range 3 {
			issue(t, before, alice)
		}
		if err := before.Ready(t.Context()); err != nil { // from here the kid is known
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		for words, want := range map[string][]string{"v2": {"needed_key_missing"}, "v2 v1": nil, "v2 !v1": nil, "v2 ?v1": nil} {
			m := on(words)
			if err := m.Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, alertNames(t, m)); diff != "" {
				t.Errorf("%s: alerts (-want +got):\n%s", words, diff)
			}
			for _, a := range statsOf(t, m).Alerts {
				if !strings.Contains(a.Text, "not live here: 3") || !strings.Contains(a.Text, kidOf("v1")) {
					t.Errorf("%s: got %q, want it to count 3 sessions and to name %s", words, a.Text, kidOf("v1"))
				}
			}
			time.Sleep(2 * time.Minute) // m is gone
		}
	})
}

// counted is a store that counts how often all its records are read.
type counted struct {
	memstore.Store
	counts atomic.Int64
}

func (c *counted) Count(ctx context.Context) (map[string]int, error) {
	c.counts.Add(1)
	return c.Store.Count(ctx)
}

// However many instances there are, the live sessions are counted once a minute.
func TestCensus(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := new(counted)
		var stops []func()
		for range 5 {
			stops = append(stops, running(t, managerOf(t, "v1", func(cfg *session.Config) { cfg.Store = store })))
		}
		time.Sleep(10 * time.Minute)
		if n := store.counts.Load(); n < 8 || n > 11 {
			t.Errorf("got %d counts in ten minutes by five instances, want one a minute", n)
		}
		for _, stop := range stops {
			stop()
		}
	})
}

// A report that cannot be made is logged, and does not hold up who asks for less long.
func TestReportWhileAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, log := new(unsteady), new(logBook)
		m := managerOf(t, "v1", func(cfg *session.Config) { cfg.Store, cfg.Logger, cfg.Revocation = store, log.logger(), session.Off })
		store.hang.Store(true)
		stop := running(t, m)
		synctest.Wait()
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := m.Ready(ctx); !errors.Is(err, session.ErrUnavailable) || time.Since(began) > time.Second {
			t.Errorf("got %v after %v, want ErrUnavailable within a second", err, time.Since(began))
		}
		time.Sleep(30 * time.Second)
		if len(log.records(t, "instance not reported")) == 0 {
			t.Errorf("got %s, want a record that the report failed", log)
		}
		store.hang.Store(false)
		stop()
	})
}

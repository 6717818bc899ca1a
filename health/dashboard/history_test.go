package dashboard_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/health/dashboard"
	"github.com/sessionring/sessionring/internal/race"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// start runs an instance until the function it returns is called.
func start(t *testing.T, m *session.Manager) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		m.Run(ctx)
		close(done)
	}()
	return func() { cancel(); <-done }
}

// What two instances see in an hour with a rotation is in the page of a third, which
// starts when they are gone, to the last number.
func TestHistoryOfAFleet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(30 * time.Second)
		v, store := &vault{t, map[string]keyring.Key{}}, new(memstore.Store)
		a, b := v.on(store, "v1"), v.on(store, "v2 v1")
		stopA, stopB := start(t, a.m), start(t, b.m)
		old, err := a.m.Issue(t.Context(), session.Grant{Subject: "alice"})
		if err != nil {
			t.Fatal(err)
		}
		var renewed session.Tokens
		for minute := range 50 {
			time.Sleep(time.Minute)
			at := a
			if minute >= 20 { // the old instance is gone
				at = b
			}
			if minute == 20 {
				stopA()
				if renewed, err = b.m.Refresh(t.Context(), old.RefreshToken); err != nil {
					t.Fatal(err)
				}
			}
			for range 7 {
				at.m.Verify(t.Context(), old.AccessToken)
			}
			if minute >= 20 {
				at.m.Verify(t.Context(), renewed.AccessToken)
			}
			at.m.Verify(t.Context(), "x")
			at.health.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		}
		issued := time.Now().UTC()
		if _, err := b.m.Issue(t.Context(), session.Grant{Subject: "bob"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		stopB()
		c := v.on(store, "v2 v1")
		page := c.browse(t).text(t, "?window=hour")
		const refusals = "no_token 50, invalid 50" // a verdict is a check, too
		for id, want := range map[string]string{
			"verified": "v2 31, v1 350", // with that of the reader
			"refused":  refusals,
			"health":   "no_token 50",
			"sessions": "v2 3, v1 0",
		} {
			if got := legend(page, id); got != want {
				t.Errorf("%s: got %q, want %q", id, got, want)
			}
		}
		if got, want := cell(t, page, v.keys["v1"].String(), "Last issued under"), "2000-01-01 00:00:30"; got != want {
			t.Errorf("got v1 last issued under at %q, want %q", got, want)
		}
		if got := cell(t, page, v.keys["v2"].String(), "Last issued under"); got < issued.Format(time.DateTime) {
			t.Errorf("got v2 last issued under at %q, want at least %q", got, issued)
		}
		for _, window := range []string{"day", "week"} {
			if got := legend(c.browse(t).text(t, "?window="+window), "refused"); got != refusals {
				t.Errorf("%s: got %q, want the same as in the hour", window, got)
			}
		}
		time.Sleep(9 * 24 * time.Hour)
		for _, group := range []string{"history:5m", "history:1h"} {
			if records, _ := store.List(t.Context(), group); len(records) != 0 {
				t.Errorf("got %d records of %s nine days later, want none", len(records), group)
			}
		}
	})
}

// An order and what came of it have names of their own, each of them once in the log of
// an instance.
func TestOrderAndEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(strings.Builder)
		s := serve(t, func(cfg *session.Config) { cfg.Logger = slog.New(slog.NewTextHandler(log, nil)) })
		stop := start(t, s.m)
		for _, line := range []string{rotateLine, revokeLine, dropLine} {
			if got, body := s.ask(t, "admin", line, `{"key":"v1"}`); got != 200 {
				t.Fatalf("%s: got %d %s", line, got, body)
			}
			time.Sleep(10 * time.Second)
		}
		stop()
		for _, want := range []string{
			`msg="key rotation ordered" version=v2 forced=false by=admin`, `msg="key activated" version=v2 kid=v2.`,
			`msg="key revocation ordered" version=v1 forced=false by=admin`, `msg="key revoked" version=v1 kid=v1.`,
			`msg="key drop ordered" version=v1 forced=false by=admin`, `msg="key dropped" version=v1 kid=v1.`,
		} {
			if got := strings.Count(log.String(), want); got != 1 {
				t.Errorf("got %d times %s, want it once in\n%s", got, want, log)
			}
		}
		page := s.browse(t).text(t, "")
		for _, want := range []string{"key revocation ordered", "key revoked", "key activated", "key dropped"} {
			if got := strings.Count(page, "<bdi>"+want+"</bdi>"); got != 1 {
				t.Errorf("got %d events %s on the page, want 1", got, want)
			}
		}
	})
}

// Without a store the history is that of the process, and looking is enough to keep it.
func TestHistoryInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t)
		b := s.browse(t)
		for range 3 {
			s.m.Verify(t.Context(), "x")
		}
		for range 2 {
			if got := legend(b.text(t, ""), "refused"); got != "invalid 3" {
				t.Errorf("got %q, want each of three refusals once", got)
			}
		}
		time.Sleep(61 * time.Minute)
		b = s.browse(t)
		if got := legend(b.text(t, ""), "refused"); got != "" {
			t.Errorf("got %q an hour later, want nothing", got)
		}
		if got := legend(b.text(t, "?window=day"), "refused"); got != "invalid 3" {
			t.Errorf("got %q in the day, want the three", got)
		}
	})
}

// What cannot be written, while the store is down, is written later, in its interval.
func TestHistoryThroughOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(unsteady)
		s := serve(t).withBoard(t, func(c *dashboard.Config) { c.Store = store })
		stop := start(t, s.m)
		defer stop()
		b := s.browse(t)
		store.down = true
		s.m.Verify(t.Context(), "x")
		s.m.RevokeSubject(t.Context(), "nobody")
		if _, err := s.keys.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(14 * time.Minute)
		if page := b.text(t, ""); !strings.Contains(page, "history is incomplete") {
			t.Error("got a page that does not say that the history is incomplete")
		}
		store.down = false
		page := b.text(t, "")
		if legend(page, "refused") != "invalid 1" || strings.Contains(page, "history is incomplete") || !strings.Contains(page, "keyring reloaded") {
			t.Errorf("got %q, want what happened meanwhile", legend(page, "refused"))
		}
		if want := `<title>Jan 1 00:00, invalid 1</title>`; !strings.Contains(page, want) {
			t.Errorf("got no bar %s", want)
		}
	})
}

// unsteady is a store that can be down.
type unsteady struct {
	memstore.Store
	down bool
}

func (u *unsteady) Get(ctx context.Context, id string) ([]byte, time.Time, error) {
	if u.down {
		return nil, time.Time{}, fmt.Errorf("the store is away")
	}
	return u.Store.Get(ctx, id)
}

// Instances that hold another ring than most are marked.
func TestDrift(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, store := &vault{t, map[string]keyring.Key{}}, new(memstore.Store)
		var all []*service
		for _, tags := range []string{"v2 v1", "v2 v1", "v1"} {
			s := v.on(store, tags)
			defer start(t, s.m)()
			all = append(all, s)
		}
		time.Sleep(15 * time.Second)
		b := all[0].browse(t)
		page := b.text(t, "")
		if n := strings.Count(page, "holds another ring than most"); n != 1 || !strings.Contains(page, `<td data-label="Age">15s</td>`) {
			t.Errorf("got %d instances that differ, want one", n)
		}
		defer start(t, v.on(store, "v1").m)()
		time.Sleep(15 * time.Second)
		if n := strings.Count(b.text(t, ""), "no ring is held by most"); n != 4 {
			t.Errorf("got %d instances of no majority, want four", n)
		}
	})
}

// A store that cannot list is refused at the start.
func TestStoreMustList(t *testing.T) {
	s := serve(t)
	_, err := dashboard.New(dashboard.Config{Sessions: s.m, Allow: adminOnly, Store: struct{ session.Store }{new(memstore.Store)}})
	if err == nil || !strings.Contains(err.Error(), "Config.Store is no session.Index") {
		t.Errorf("got %v, want an error that says so", err)
	}
}

// A verification that is observed costs no allocation more.
func TestNoAllocation(t *testing.T) {
	skipWithRaceDetector(t)
	plain, watched, token := pair(t)
	verify := func(m *session.Manager) float64 {
		return testing.AllocsPerRun(200, func() { m.Verify(context.Background(), token) })
	}
	if a, b := verify(plain), verify(watched); b > a {
		t.Errorf("got %v allocations with a dashboard and %v without, want as many", b, a)
	}
	refuse := func(m *session.Manager) float64 {
		return testing.AllocsPerRun(200, func() { m.Verify(context.Background(), "x") })
	}
	if a, b := refuse(plain), refuse(watched); b > a {
		t.Errorf("refused: got %v allocations with a dashboard and %v without, want as many", b, a)
	}
}

// pair returns two services with the same keys, of which one has a dashboard, and an
// access token of both.
func pair(t testing.TB) (plain, watched *session.Manager, token string) {
	cfg := session.Config{Keys: (&vault{t, map[string]keyring.Key{}}).ring("v2 v1")}
	var list []*session.Manager
	for range 2 {
		m, err := session.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, m)
	}
	if _, err := dashboard.New(dashboard.Config{Sessions: list[1], Allow: adminOnly}); err != nil {
		t.Fatal(err)
	}
	tokens, err := list[0].Issue(t.Context(), session.Grant{Subject: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	return list[0], list[1], tokens.AccessToken
}

// BenchmarkVerify is a check of an access token, with a dashboard and without, in turns:
// the ratio is what the dashboard costs. Of each the fastest turn counts, which nothing
// else on the machine has held up.
func BenchmarkVerify(b *testing.B) {
	plain, watched, token := pair(b)
	const turn = 50
	fastest := func(m *session.Manager, before time.Duration) time.Duration {
		began := time.Now()
		for range turn {
			m.Verify(context.Background(), token)
		}
		return min(before, time.Since(began))
	}
	without, with := time.Hour, time.Hour
	for b.Loop() {
		without, with = fastest(plain, without), fastest(watched, with)
	}
	b.ReportMetric(float64(without.Nanoseconds())/turn, "ns/plain")
	b.ReportMetric(float64(with.Nanoseconds())/turn, "ns/watched")
	b.ReportMetric(float64(with)/float64(without), "ratio")
}

// skipWithRaceDetector skips a test that counts allocations: with -race a pool gives
// back less than was put into it.
func skipWithRaceDetector(t *testing.T) {
	t.Helper()
	if race.Enabled {
		t.Skip("under the race detector allocations vary")
	}
}

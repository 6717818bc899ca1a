package health_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/health"
	"github.com/sessionring/sessionring/session"
)

// Many failures among the verdicts are an alert, until they are few again. Clients
// without a token, or with one that has expired, are none.
func TestHealthFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var told []string
		m := managerOf(t, "v2 v1")
		m.Observe(session.Hooks{Key: func(_ context.Context, e session.Event) { told = append(told, e.Name+" "+e.Cause) }})
		h := health.New(m)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { m.Run(ctx) })
		play := func(what string, good, bad int, word string, want bool) {
			t.Helper()
			for range 10 * 60 / 5 { // ten minutes
				for range good {
					h.Verdict(request("GET", "good", "", ""))
				}
				for range bad {
					h.Verdict(request("GET", word, "", ""))
				}
				time.Sleep(5 * time.Second)
			}
			stats, err := m.Stats(t.Context())
			if got := len(stats.Alerts) == 1 && stats.Alerts[0].Name == "health_failures"; got != want || err != nil {
				t.Errorf("%s: got the alerts %v, %v, want one: %t", what, stats.Alerts, err, want)
			}
		}
		for range 50 { // a store may not answer yet when a server starts
			h.Verdict(request("GET", "wrong kind", "", ""))
		}
		time.Sleep(time.Minute)
		play("few", 11, 1, "wrong kind", false)
		play("many", 8, 1, "wrong kind", true)
		play("few again", 11, 1, "wrong kind", false)
		play("expired", 1, 9, "expired", false)
		play("no token", 1, 9, "", false)
		cancel()
		wg.Wait()
		if got, want := strings.Join(told, ", "), "alert health_failures, alert over health_failures"; got != want {
			t.Errorf("got the events %s, want %s", got, want)
		}
	})
}

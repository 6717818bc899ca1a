package session

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/keyring"
)

// A clock that is set by more than the leeway is an alert for ten minutes; one that is
// moved slowly is none, wherever it ends up.
func TestClockSet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := managerBy(t, Cached)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { m.Run(ctx) })
		// set has the next look find a clock that was set by d since the last.
		set := func(d time.Duration) {
			m.watcher.mu.Lock()
			defer m.watcher.mu.Unlock()
			m.watcher.clock.ahead -= d
		}
		told := func() string {
			time.Sleep(15 * time.Second)
			for _, a := range m.reporter.alerts.current() {
				if a.Name == "clock_step" {
					return a.Text
				}
			}
			return ""
		}
		for range 100 {
			set(time.Second)
			if text := told(); text != "" {
				t.Fatalf("got %q for a clock that is moved slowly, want nothing", text)
			}
		}
		for _, d := range []time.Duration{2 * time.Minute, -time.Hour} {
			set(d)
			if text := told(); !strings.Contains(text, d.String()) {
				t.Errorf("got %q, want to be told of %v", text, d)
			}
			time.Sleep(stepTold)
			if text := told(); text != "" {
				t.Errorf("got %q ten minutes after %v, want nothing", text, d)
			}
		}
		cancel()
		wg.Wait()
	})
}

// managerBy returns a Manager with one key and no store.
func managerBy(t *testing.T, how Revocation) *Manager {
	t.Helper()
	secret := make([]byte, 32)
	rand.Read(secret)
	key, err := keyring.NewKey("v1", secret)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := keyring.New(key)
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(Config{Keys: keys, Revocation: how})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

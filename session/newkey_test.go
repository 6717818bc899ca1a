package session_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/session"
)

// Scenario 7: a token under a key that the source has had for less than a reload
// is good at its first use, without Run, and so is one of a purpose; other keys are
// reported once.
func TestNewKeyAtOnce(t *testing.T) {
	t.Parallel()
	for _, of := range []string{"access", "refresh", "purpose"} {
		synctest.Test(t, func(t *testing.T) {
			log := new(logBook)
			s, keys := follow(t, "v1")
			m := managerOf(t, "v1", func(cfg *session.Config) { cfg.Keys, cfg.Logger = keys, log.logger() })
			heard := observe(m)
			ahead := managerOf(t, "v2") // whose tokens no key vouches for that m holds
			tokens := issue(t, ahead, alice)
			link := issueFor(t, ahead.Purpose("reset", time.Hour), "alice", nil)
			s.set(keysOf(t, "v2 v1"))
			use := func() (err error) {
				switch of {
				case "access":
					_, err = m.Verify(t.Context(), tokens.AccessToken)
				case "refresh":
					_, err = m.Refresh(t.Context(), tokens.RefreshToken)
				case "purpose":
					_, err = m.Purpose("reset", time.Hour).Verify(t.Context(), link)
				}
				return err
			}
			began := time.Now()
			for range 3 {
				if err := use(); err != nil {
					t.Fatalf("%s: got %v, want the new key to be found", of, err)
				}
			}
			if took := time.Since(began); took != 0 || s.asks.Load() != 2 {
				t.Errorf("%s: took %v and %d loads, want one more load at once", of, took, s.asks.Load()-1)
			}
			reloaded := 0
			for _, e := range heard.take() {
				if e.Name == "keyring reloaded" {
					reloaded++
				}
			}
			if reloaded != 1 || len(log.records(t, "keyring reloaded")) != 1 {
				t.Errorf("%s: got %d events and %d records, want one of both", of, reloaded, len(log.records(t, "keyring reloaded")))
			}
		})
	}
}

// Tokens under keys that nobody has are 503 at once when that is known, and cost the
// source one load a second at most.
func TestForgedKeysCostNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, keys := follow(t, "v1")
		m := managerOf(t, "v1", func(cfg *session.Config) { cfg.Keys = keys })
		good := issue(t, m, alice)
		token := issue(t, managerOf(t, "v9"), alice).AccessToken
		start := time.Now()
		for time.Since(start) < 20*time.Second {
			refused(t, m, token, session.ErrUnknownKey)
			began := time.Now()
			verify(t, m, good.AccessToken)
			if time.Since(began) != 0 {
				t.Error("a good token waited, want none to")
			}
			time.Sleep(100 * time.Millisecond)
		}
		if got := s.asks.Load(); got > 6 {
			t.Errorf("got %d loads in 20 seconds, want one in five seconds for one kid", got)
		}
	})
}

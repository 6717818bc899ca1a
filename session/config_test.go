package session_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/cookie"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
)

const day = 24 * time.Hour

// B4, scenario 23: the lifetimes that are left at zero adapt to those that are set.
func TestLifetimes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name                     string
		access, refresh, session time.Duration // as configured
		wantAccess, wantRefresh  time.Duration // of the first tokens
		wantEnd                  time.Duration // of the session, refreshed all along; 0: too far to see
	}{
		{"defaults", 0, 0, 0, 15 * time.Minute, 7 * day, 90 * day},
		{"all set", time.Minute, time.Hour, 2 * time.Hour, time.Minute, time.Hour, 2 * time.Hour},
		{"a long refresh", 0, 120 * day, 0, 15 * time.Minute, 120 * day, 120 * day},
		{"a short refresh", 0, 10 * time.Minute, 0, 5 * time.Minute, 10 * time.Minute, 0},
		{"a short session", 0, 0, time.Hour, 15 * time.Minute, time.Hour, time.Hour},
		{"a very short session", 0, 0, 10 * time.Minute, 5 * time.Minute, 10 * time.Minute, 10 * time.Minute},
		{"the shortest session", 0, 0, 2 * time.Second, time.Second, 2 * time.Second, 2 * time.Second},
		{"refresh as long as the session", 0, 30 * day, 30 * day, 15 * time.Minute, 30 * day, 30 * day},
		{"a long access", 10 * day, 0, 0, 10 * day, 20 * day, 90 * day},
		{"a very long access", 100 * day, 0, 0, 100 * day, 200 * day, 200 * day},
		{"a long access in a short session", 20 * day, 0, 30 * day, 20 * day, 30 * day, 30 * day},
		{"a month, scenario 24", 0, 0, 30 * day, 15 * time.Minute, 7 * day, 30 * day},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				m := managerOf(t, "v1", func(cfg *session.Config) {
					cfg.AccessTTL, cfg.RefreshTTL, cfg.SessionTTL = c.access, c.refresh, c.session
				})
				tokens := issue(t, m, alice)
				if got := verify(t, m, tokens.AccessToken).ExpiresAt.Sub(start); got != c.wantAccess {
					t.Errorf("got an access token for %v, want %v", got, c.wantAccess)
				}
				if got := time.Duration(tokens.ExpiresIn) * time.Second; got != c.wantAccess {
					t.Errorf("got expires_in %v, want %v", got, c.wantAccess)
				}
				if got := tokens.RefreshUntil.Sub(start); got != c.wantRefresh {
					t.Errorf("got a refresh token for %v, want %v", got, c.wantRefresh)
				}
				if c.wantEnd == 0 {
					return
				}
				for tokens.RefreshUntil.Sub(start) < c.wantEnd {
					time.Sleep(c.wantRefresh / 2)
					tokens = refresh(t, m, tokens)
				}
				time.Sleep(c.wantRefresh / 2)
				if _, err := m.Refresh(t.Context(), tokens.RefreshToken); err == nil && time.Since(start) >= c.wantEnd {
					t.Errorf("got a refresh after %v, want the session to end at %v", time.Since(start), c.wantEnd)
				}
				if got := tokens.RefreshUntil.Sub(start); got != c.wantEnd {
					t.Errorf("got the end after %v, want %v", got, c.wantEnd)
				}
			})
		})
	}
}

// A negative SessionTTL is no limit: a session that is used lives on.
func TestUnlimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := managerOf(t, "v1", func(cfg *session.Config) { cfg.SessionTTL = -1 })
		tokens := issue(t, m, alice)
		for range 1000 {
			time.Sleep(6 * day)
			tokens = refresh(t, m, tokens)
		}
		if got := time.Until(tokens.RefreshUntil); got != 7*day {
			t.Errorf("got %v to go after 16 years, want a week", got)
		}
		time.Sleep(8 * day)
		if _, err := m.Refresh(t.Context(), tokens.RefreshToken); session.Reason(err) != "expired" {
			t.Errorf("got %v from a session that was not used for 8 days, want expired", err)
		}
	})
}

// Scenarios 9 and 23: every fault of a Config, and none of what is allowed.
func TestConfigFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		cfg  session.Config
		want []string // parts of the error; none: no error
	}{
		{"only keys", session.Config{}, nil},
		{"access as long as refresh", session.Config{AccessTTL: time.Hour, RefreshTTL: time.Hour}, []string{"AccessTTL (1h0m0s) must be shorter than Config.RefreshTTL (1h0m0s)"}},
		{"access longer than refresh", session.Config{AccessTTL: 2 * time.Hour, RefreshTTL: time.Hour}, []string{"AccessTTL (2h0m0s) must be shorter than Config.RefreshTTL"}},
		{"refresh longer than session", session.Config{RefreshTTL: 2 * day, SessionTTL: day}, []string{"RefreshTTL (48h0m0s) must not be longer than Config.SessionTTL (24h0m0s)"}},
		{"refresh as long as session", session.Config{RefreshTTL: day, SessionTTL: day}, nil},
		{"access as long as session", session.Config{AccessTTL: day, SessionTTL: day}, []string{"AccessTTL (24h0m0s) must be shorter than Config.SessionTTL"}},
		{"access negative", session.Config{AccessTTL: -1}, []string{"AccessTTL is -1ns: it must be at least 1s"}},
		{"access too short", session.Config{AccessTTL: time.Millisecond}, []string{"AccessTTL is 1ms: it must be at least 1s"}},
		{"refresh negative", session.Config{RefreshTTL: -time.Hour}, []string{"RefreshTTL is -1h0m0s"}},
		{"refresh too short", session.Config{RefreshTTL: time.Second}, []string{"RefreshTTL is 1s: it must be at least 2s"}},
		{"session too short", session.Config{SessionTTL: time.Second}, []string{"SessionTTL is 1s: it must be at least 2s"}},
		{"session unlimited", session.Config{SessionTTL: -1, RefreshTTL: 1000 * day}, nil},
		{"no leeway", session.Config{Leeway: -1}, nil},
		{"silent refresh without cookies", session.Config{SilentRefresh: true}, []string{"SilentRefresh needs Config.Cookies"}},
		{"silent refresh with cookies", session.Config{SilentRefresh: true, Cookies: cookie.SameSite()}, nil},
		{"an issuer that is no text", session.Config{Issuer: "\xff"}, []string{"must be UTF-8"}},
		{"an audience that is no text", session.Config{Audience: "a\xc0"}, []string{"must be UTF-8"}},
		{"legacy subject user_id", session.Config{LegacySubject: "user_id"}, nil},
		{"legacy subject sub", session.Config{LegacySubject: "sub"}, nil},
		{"legacy subject reserved", session.Config{LegacySubject: "jti"}, []string{`LegacySubject "jti" cannot name`}},
		{"legacy subject reserved in another case", session.Config{LegacySubject: "Sub"}, []string{`LegacySubject "Sub" cannot name`}},
		{"legacy subject cs", session.Config{LegacySubject: "cs"}, []string{`LegacySubject "cs" cannot name`}},
		{"legacy subject with quotes", session.Config{LegacySubject: `a":1,"b`}, []string{`LegacySubject "a\":1,\"b" cannot name`}},
		{"legacy subject too long", session.Config{LegacySubject: strings.Repeat("u", 65)}, []string{"cannot name"}},
	} {
		c.cfg.Keys = ringOf(t, "v1")
		wantFaults(t, c.name, c.cfg, c.want)
	}
	wantFaults(t, "no keys", session.Config{}, []string{"Config.Keys is required: use keyring.FromEnv or keyring.FromFile"})
	wantFaults(t, "the zero keyring", session.Config{Keys: new(keyring.Keyring)}, []string{"Config.Keys is required"})
	wantFaults(t, "all at once", session.Config{
		AccessTTL: -1, RefreshTTL: -1, SessionTTL: 1, SilentRefresh: true, Issuer: "\xff", LegacySubject: "exp",
	}, []string{"Keys is required", "AccessTTL is", "RefreshTTL is", "SessionTTL is", "SilentRefresh", "UTF-8", "LegacySubject"})
}

func wantFaults(t *testing.T, name string, cfg session.Config, want []string) {
	t.Helper()
	m, err := session.New(cfg)
	if (err == nil) != (want == nil) || (m == nil) != (err != nil) {
		t.Errorf("%s: got %v, want faults %q", name, err, want)
		return
	}
	for _, part := range want {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%s: got %v, want %q in it", name, err, part)
		}
	}
}

// New copies the Config: a later change has no effect.
func TestConfigIsCopied(t *testing.T) {
	t.Parallel()
	cfg := session.Config{Keys: ringOf(t, "v1"), Issuer: "here"}
	m, err := session.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Issuer, cfg.Keys = "elsewhere", nil
	verify(t, m, issue(t, m, alice).AccessToken)
}

// Scenario 22: issue, verify and the Max-Age of cookies all follow the clock.
func TestCookiesFollowTheClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := managerOf(t, "v1", withCookies)
		for range 3 {
			w := httptest.NewRecorder()
			if err := m.SignIn(w, request("POST /login"), alice); err != nil {
				t.Fatal(err)
			}
			got := map[string]int{}
			for _, c := range w.Result().Cookies() {
				got[c.Name] = c.MaxAge
			}
			if diff := cmp.Diff(map[string]int{accessCookie: 900, refreshCookie: 7 * 86400}, got); diff != "" {
				t.Errorf("Max-Age (-want +got):\n%s", diff)
			}
			time.Sleep(36 * time.Hour)
		}
	})
}

// What happens at start is logged once: which version signs.
func TestStartIsLogged(t *testing.T) {
	t.Parallel()
	log := new(logBook)
	managerOf(t, "v2 v1", func(cfg *session.Config) { cfg.Logger = log.logger() })
	got := log.records(t, "token versioning enabled")
	if len(got) != 1 || got[0]["version"] != "v2" || got[0]["kid"] != kidOf("v2") || got[0]["ring"] == "" {
		t.Errorf("got %v, want one record of v2", got)
	}
}

// Stats and Logger serve the packages that add to a Manager.
func TestStats(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v2 v1 +v9 !v0")
	stats, err := m.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, k := range stats.Keys {
		got = append(got, k.Tag+" "+k.State)
	}
	if diff := cmp.Diff([]string{"v2 current", "v1 previous", "v9 spare", "v0 revoked"}, got); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	if m.Logger() == nil {
		t.Error("got no logger, want one that writes nothing")
	}
}

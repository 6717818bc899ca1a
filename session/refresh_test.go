package session_test

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
)

// Scenarios 17 and 18: a refresh moves a session to the current key, and fifty
// rotations leave the size of its tokens as it is.
func TestRefreshFollowsRotation(t *testing.T) {
	t.Parallel()
	tag := func(i int) string { return "v" + string(rune('a'+i/10)) + string(rune('0'+i%10)) }
	tokens := issue(t, managerOf(t, tag(1)+" "+tag(0)), alice)
	access, long := len(tokens.AccessToken), len(tokens.RefreshToken)
	first := verify(t, managerOf(t, tag(1)), tokens.AccessToken)
	for i := 2; i < 52; i++ {
		m := managerOf(t, tag(i)+" "+tag(i-1))
		if c := verify(t, m, tokens.AccessToken); !c.Previous {
			t.Fatalf("got a token of the current key before refresh %d, want one of the previous key", i)
		}
		tokens = refresh(t, m, tokens)
		for _, token := range []string{tokens.AccessToken, tokens.RefreshToken} {
			header, payload := segments(t, token)
			if !strings.Contains(header, `"`+kidOf(tag(i))+`"`) || !strings.Contains(payload, `"version":"`+tag(i)+`"`) {
				t.Fatalf("got %s %s, want the current tag %s in both", header, payload, tag(i))
			}
		}
		c := verify(t, m, tokens.AccessToken)
		if c.SessionID != first.SessionID || !c.AuthTime.Equal(first.AuthTime) || c.TokenID == first.TokenID {
			t.Fatalf("got %+v, want the session %q with another jti", c, first.SessionID)
		}
	}
	if len(tokens.AccessToken) != access || len(tokens.RefreshToken) != long {
		t.Errorf("got %d and %d bytes after 50 rotations, want %d and %d", len(tokens.AccessToken), len(tokens.RefreshToken), access, long)
	}
}

// B2, scenario 24: refreshed daily, a session ends at day 30 and never later, and
// its start stays the same.
func TestAbsoluteEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := managerOf(t, "v1", func(cfg *session.Config) { cfg.SessionTTL = 30 * day })
		start := time.Now()
		end := start.Add(30 * day)
		tokens := issue(t, m, alice)
		for range 29 {
			time.Sleep(day)
			tokens = refresh(t, m, tokens)
			c := verify(t, m, tokens.AccessToken)
			if !c.AuthTime.Equal(start) || c.ExpiresAt.After(end) || tokens.RefreshUntil.After(end) {
				t.Fatalf("got auth_time %v, ends %v and %v, want %v and none after %v", c.AuthTime, c.ExpiresAt, tokens.RefreshUntil, start, end)
			}
		}
		time.Sleep(day - time.Second)
		last := refresh(t, m, tokens)
		if got := verify(t, m, last.AccessToken).ExpiresAt; !got.Equal(end) {
			t.Errorf("got an access token until %v in the last second, want %v", got, end)
		}
		time.Sleep(time.Second)
		for _, token := range []string{tokens.RefreshToken, last.RefreshToken} { // within the leeway of its exp, but over
			if _, err := m.Refresh(t.Context(), token); session.Reason(err) != "expired" {
				t.Errorf("got %v at day 30, want expired", err)
			}
		}
		time.Sleep(time.Minute)
		refused(t, m, last.AccessToken, session.ErrExpired)
	})
}

// B4: a session that is not refreshed in time is over, at exp and the leeway.
func TestExpiredRefresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := managerOf(t, "v1")
		tokens := issue(t, m, alice)
		time.Sleep(7*day + time.Minute - time.Nanosecond)
		refresh(t, m, tokens)
		time.Sleep(time.Nanosecond)
		if _, err := m.Refresh(t.Context(), tokens.RefreshToken); session.Reason(err) != "expired" {
			t.Errorf("got %v, want expired", err)
		}
	})
}

// Scenario 25: who is not to be remembered has one RefreshTTL, which no refresh prolongs.
func TestForget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := managerOf(t, "v1")
		end := time.Now().Add(7 * day)
		tokens := issue(t, m, session.Grant{Subject: "alice", Forget: true})
		for range 6 {
			time.Sleep(day)
			tokens = refresh(t, m, tokens)
			if !tokens.RefreshUntil.Equal(end) {
				t.Fatalf("got the end %v after a refresh, want %v", tokens.RefreshUntil, end)
			}
		}
		time.Sleep(day)
		if _, err := m.Refresh(t.Context(), tokens.RefreshToken); session.Reason(err) != "expired" {
			t.Errorf("got %v, want expired", err)
		}
	})
}

// Scenario 28: impersonation is capped at 8 h however often it is refreshed, stays
// visible, and has the sign-in time of the one who acts (API.md, caller i).
func TestImpersonation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := managerOf(t, "v1")
		signedIn := time.Now()
		time.Sleep(time.Hour)
		end := time.Now().Add(8 * time.Hour)
		tokens := issue(t, m, session.Grant{Subject: "alice", Actor: "staff", AuthTime: signedIn, MaxAge: 8 * time.Hour, Forget: true})
		for range 7 {
			time.Sleep(time.Hour)
			tokens = refresh(t, m, tokens)
			c := verify(t, m, tokens.AccessToken)
			if c.Actor != "staff" || !c.AuthTime.Equal(signedIn) || tokens.RefreshUntil.After(end) {
				t.Fatalf("got actor %q, auth_time %v, end %v, want staff, %v, at most %v", c.Actor, c.AuthTime, tokens.RefreshUntil, signedIn, end)
			}
		}
		time.Sleep(time.Hour)
		if _, err := m.Refresh(t.Context(), tokens.RefreshToken); session.Reason(err) != "expired" {
			t.Errorf("got %v after 8 hours, want expired", err)
		}
		time.Sleep(time.Minute)
		refused(t, m, tokens.AccessToken, session.ErrExpired)
	})
}

// The caps are each below the others, whichever is the earliest.
func TestCaps(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		grant session.Grant
		want  time.Duration
	}{
		{"none", session.Grant{}, 7 * day},
		{"MaxAge", session.Grant{MaxAge: day}, day},
		{"a MaxAge beyond SessionTTL", session.Grant{MaxAge: 1000 * day, AuthTime: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Add(-29 * day)}, day},
		{"AuthTime", session.Grant{AuthTime: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Add(-29 * day)}, day},
		{"Forget and MaxAge", session.Grant{MaxAge: day, Forget: true}, day},
		{"Forget and a long MaxAge", session.Grant{MaxAge: 20 * day, Forget: true}, 7 * day},
		{"a MaxAge below AccessTTL", session.Grant{MaxAge: time.Minute}, time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			m := managerOf(t, "v1", func(cfg *session.Config) { cfg.SessionTTL = 30 * day })
			c.grant.Subject = "alice"
			tokens := issue(t, m, c.grant)
			access := verify(t, m, tokens.AccessToken)
			if got := time.Until(tokens.RefreshUntil); got != c.want || access.ExpiresAt.After(tokens.RefreshUntil) {
				t.Errorf("%s: got %v, access until %v, want %v and access within it", c.name, got, access.ExpiresAt, c.want)
			}
		})
	}
}

// Scenarios 29 and 50 threads: racing callers all succeed, and nothing is revoked.
func TestSimultaneousRefreshes(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v2 v1")
	tokens := issue(t, m, alice)
	want := verify(t, m, tokens.AccessToken)
	log := observe(m)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			next, err := m.Refresh(t.Context(), tokens.RefreshToken)
			if err != nil {
				t.Errorf("got %v, want every racing refresh to succeed", err)
				return
			}
			if c, err := m.Verify(t.Context(), next.AccessToken); err != nil || c.SessionID != want.SessionID {
				t.Errorf("got %v, %v, want the session %q", c, err, want.SessionID)
			}
		})
	}
	wg.Wait()
	for _, e := range log.take() {
		if e.Hook == "revoked" || e.Err != nil {
			t.Errorf("got %+v, want no session ended", e)
		}
	}
}

// Scenario 20 and A19: the kinds at the two doors, with tokens that were issued.
func TestWrongKind(t *testing.T) {
	t.Parallel()
	for _, ring := range []string{"v1", "v2 v1", "v2 +v1", "!v3 v1"} { // the keys of the issuer and others
		issuer, m := managerOf(t, "v3 v1"), managerOf(t, ring)
		tokens := issue(t, issuer, alice)
		verify(t, m, tokens.AccessToken)
		refused(t, m, tokens.RefreshToken, session.ErrInvalid)
		got, err := m.Refresh(t.Context(), tokens.AccessToken)
		if session.Reason(err) != "invalid" || got != (session.Tokens{}) {
			t.Errorf("%s: got %v, want invalid and no tokens", ring, err)
		}
	}
}

// Section 5: a wrong signature of a held key beside a right one shows at refresh
// that a key has leaked. At a check the right one decides.
func TestSignerMismatch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, header string
		payload      func(header, payload string) string
	}{
		{"signed by a thief of v2", "v2", func(h, p string) string { return cosignedPayload(h, p, "v1") }},
		{"co-signed by a thief of v2", "v9", func(h, p string) string { return cosignedPayload(h, p, "v2", "v1") }},
	} {
		log := new(logBook)
		m := managerOf(t, "v2 v1", func(cfg *session.Config) { cfg.Logger = log.logger() })
		heard := observe(m)
		craft := func(typ, payload string, spoil bool) string {
			header := headerOf(c.header, typ)
			payload = c.payload(header, payload)
			if spoil { // the co-signature of v1, which the thief has not
				start := strings.LastIndex(payload, `:"`) + len(`:"`)
				payload = payload[:start] + strings.Repeat("A", 22) + payload[start+22:]
			}
			return forge(c.header, header, payload)
		}
		verify(t, m, craft("at+jwt", payloadOf(), true))
		if _, err := m.Refresh(t.Context(), craft("rt+jwt", refreshOf(), false)); err != nil {
			t.Fatalf("%s: got %v for a token of both keys, want it refreshed", c.name, err)
		}
		heard.take()
		_, err := m.Refresh(t.Context(), craft("rt+jwt", refreshOf(), true))
		wantErr(t, err, session.ErrInvalid)
		want := []string{"key: signer mismatch invalid alice", "refreshed: refresh refused invalid "}
		if diff := cmp.Diff(want, heard.words()); diff != "" {
			t.Errorf("%s: events (-want +got):\n%s", c.name, diff)
		}
		if got := log.records(t, "signer mismatch"); len(got) != 1 || got[0]["subject"] != "alice" || got[0]["level"] != "ERROR" {
			t.Errorf("%s: got %v, want one record about alice", c.name, got)
		}
	}
}

// A Manager that has nothing to sign with says so, and a refresh that fails on its
// account leaves the session as it is.
func TestNothingToSignWith(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keys, err := keyring.ParseKeys([]byte(`{"keys":[{"kty":"oct","kid":"v1","k":"` + b64(secretOf("v1")) + `","exp":` + at(day) + `}]}`))
		if err != nil {
			t.Fatal(err)
		}
		ring, err := keyring.New(keys...)
		if err != nil {
			t.Fatal(err)
		}
		m := managerOf(t, "v1", func(cfg *session.Config) { cfg.Keys = ring })
		tokens := issue(t, m, alice)
		time.Sleep(2 * day) // the only key has retired
		if _, err := m.Issue(t.Context(), alice); err == nil || session.Status(err) != 503 || !strings.Contains(err.Error(), "no live key can sign") {
			t.Errorf("got %v, want to hear that no key can sign", err)
		}
		if _, err := m.Refresh(t.Context(), tokens.RefreshToken); session.Reason(err) != "unknown_key" {
			t.Errorf("got %v, want unknown_key", err)
		}
		if _, err := m.Purpose("p", time.Hour).Issue(t.Context(), "alice", nil); err == nil {
			t.Error("got a purpose token, want an error")
		}
	})
}

package session_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/session"
)

// issueFor returns a token of a purpose.
func issueFor(t testing.TB, p *session.Purpose, subject string, claims any) string {
	t.Helper()
	token, err := p.Issue(t.Context(), subject, claims)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// purposeRefused fails unless p refuses token with want, and without claims.
func purposeRefused(t testing.TB, p *session.Purpose, token string, want error) {
	t.Helper()
	c, err := p.Verify(t.Context(), token)
	wantErr(t, err, want)
	if c != nil {
		t.Fatalf("got claims together with %v, want none", err)
	}
}

// Scenario 19: a purpose token says whom it is for, carries claims, and outlives a
// rotation, in every order of deployment, by signature or co-signature.
func TestPurpose(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		issuer, verifier string
		previous         bool
	}{
		{"v1", "v1", false}, {"v1", "v2 v1", true}, {"v2 v1", "v1", false}, {"v2 v1", "v3 v1", true}, {"v2 v1", "!v2 v1", false}, {"v2 +v9", "v3 +v9", true},
	} {
		token := issueFor(t, managerOf(t, c.issuer).Purpose("invite", time.Hour), "alice", map[string]string{"team": "red"})
		p := managerOf(t, c.verifier).Purpose("invite", time.Minute) // the lifetime is in the token
		for range 2 {                                                // Verify leaves it usable
			got, err := p.Verify(t.Context(), token)
			if err != nil {
				t.Fatalf("%s: got %v", c.verifier, err)
			}
			var claims map[string]string
			if err := got.Decode(&claims); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(map[string]string{"team": "red"}, claims); diff != "" {
				t.Errorf("claims (-want +got):\n%s", diff)
			}
			if got.Subject != "alice" || got.Previous != c.previous || got.SessionID != "" || got.TokenID == "" {
				t.Errorf("%s: got %+v, want alice, previous %t, and no session", c.verifier, got, c.previous)
			}
		}
	}
}

// C9, C6: every purpose has keys of its own. None of its tokens passes as a
// session, for another purpose, or with any other reader of the secret; and no
// other token passes for it.
func TestPurposesApart(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v2 v1", withCookies)
	reset, invite := m.Purpose("password-reset", time.Hour), m.Purpose("invite", time.Hour)
	token := issueFor(t, reset, "alice", nil)
	refused(t, m, token, session.ErrInvalid)
	if _, err := m.Refresh(t.Context(), token); session.Reason(err) != "invalid" {
		t.Errorf("got %v at refresh, want invalid", err)
	}
	purposeRefused(t, invite, token, session.ErrInvalid)
	purposeRefused(t, managerOf(t, "v1").Purpose("invite", time.Hour), token, session.ErrInvalid) // by co-signature
	refused(t, managerOf(t, "v1"), token, session.ErrInvalid)
	legacy := managerOf(t, "v2 v1", takingOver)
	refused(t, legacy, token, session.ErrInvalid)

	input, signature := token[:strings.LastIndexByte(token, '.')], token[strings.LastIndexByte(token, '.')+1:]
	if b64(hs256(secretOf("v2"), input)) == signature {
		t.Error("got a signature by the secret itself, want one by a key derived from it")
	}
	if key := derive(secretOf("v2"), "sessionring purpose v1 password-reset", 32); b64(hs256(key, input)) != signature {
		t.Error("got a signature by another key than the one derived for this purpose")
	}
	tokens := issue(t, m, alice)
	for name, other := range map[string]string{
		"access": tokens.AccessToken, "refresh": tokens.RefreshToken,
		"signed by the secret": forge("v2", headerOf("v2", "pt+jwt"), payloadOf(`type="purpose"`, `purpose="password-reset"`)),
		"co-signed by it":      forgeCosigned("v9", headerOf("v9", "pt+jwt"), payloadOf(`type="purpose"`, `purpose="password-reset"`), "v1"),
		"legacy":               forge("v2", legacyHeader, payloadOf(`type="purpose"`, `purpose="password-reset"`)),
		"empty":                "",
	} {
		if _, err := reset.Verify(t.Context(), other); session.Reason(err) != "invalid" {
			t.Errorf("%s: got %v, want invalid", name, err)
		}
	}
}

// The checks of a purpose token are those of any token (C6).
func TestPurposeClaims(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v2 v1", func(cfg *session.Config) { cfg.Issuer, cfg.Audience = "id", "shop" })
	p := m.Purpose("reset", time.Hour)
	good := []string{`type="purpose"`, `purpose="reset"`, `iss="id"`, `aud="shop"`, "-sid", "-auth_time"}
	for _, c := range []claimRow{
		row("good", "ok"),
		row("with a session", "ok", `sid="s"`),
		row("another purpose inside", "invalid", `purpose="invite"`),
		row("no purpose inside", "invalid", "-purpose"),
		row("purpose is a number", "invalid", "purpose=1"),
		row("another kind", "invalid", `type="access"`),
		row("no kind", "invalid", "-type"),
		row("no audience", "invalid", "-aud"),
		row("another audience", "invalid", `aud="bank"`),
		row("another issuer", "invalid", `iss="x"`),
		row("no exp", "invalid", "-exp"),
		row("no iat", "invalid", "-iat"),
		row("no jti", "invalid", "-jti"),
		row("no subject", "invalid", "-sub"),
		row("expired", "expired", "exp=1000000000"),
		row("from far ahead", "unavailable", "iat="+at(time.Hour)),
		row("not yet", "invalid", "nbf="+at(time.Hour)),
		row("sub twice", "invalid", `+"sub":"mallory"`),
	} {
		payload := payloadOf(append(append([]string{}, good...), c.edits...)...)
		for _, tag := range []string{"v2", "v1"} {
			key := derive(secretOf(tag), "sessionring purpose v1 reset", 32)
			_, err := p.Verify(t.Context(), forgeWith(key, headerOf(tag, "pt+jwt"), payload))
			if got := session.Reason(err); got != c.want {
				t.Errorf("%s, %s: got %q (%v), want %q", tag, c.name, got, err, c.want)
			}
			if _, err := p.Verify(t.Context(), forgeWith(key, headerOf(tag, "at+jwt"), payload)); session.Reason(err) != "invalid" {
				t.Errorf("%s, %s, typ at+jwt: got %v, want invalid", tag, c.name, err)
			}
		}
	}
}

// Purpose tokens end, and so do their keys.
func TestPurposeEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := managerOf(t, "v1")
		p := m.Purpose("reset", time.Hour)
		token := issueFor(t, p, "alice", nil)
		purposeRefused(t, managerOf(t, "!v1 v0").Purpose("reset", time.Hour), token, session.ErrRevoked)
		purposeRefused(t, managerOf(t, "?v1 v0").Purpose("reset", time.Hour), token, session.ErrRevoked)
		purposeRefused(t, managerOf(t, "v2").Purpose("reset", time.Hour), token, session.ErrUnknownKey)
		time.Sleep(time.Hour + time.Minute - time.Nanosecond)
		if _, err := p.Verify(t.Context(), token); err != nil {
			t.Errorf("got %v within the leeway, want it accepted", err)
		}
		time.Sleep(time.Nanosecond)
		purposeRefused(t, p, token, session.ErrExpired)
		purposeRefused(t, managerOf(t, "v2").Purpose("reset", time.Hour), token, session.ErrExpired)
	})
}

// What stands in a purpose token.
func TestPurposePayload(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := managerOf(t, "v1", func(cfg *session.Config) { cfg.Issuer, cfg.Audience, cfg.LegacySubject = "id", "shop", "user_id" })
		header, payload := segments(t, issueFor(t, m.Purpose("reset", time.Hour), `a"b`, map[string]int{"n": 1}))
		if want := headerOf("v1", "pt+jwt"); header != want {
			t.Errorf("got the header %s, want %s", header, want)
		}
		var got map[string]any
		if err := json.Unmarshal([]byte(payload), &got); err != nil {
			t.Fatal(err)
		}
		if jti, _ := got["jti"].(string); len(unb64(t, jti)) != 16 {
			t.Errorf("got the jti %q, want 16 bytes (A27)", jti)
		}
		delete(got, "jti")
		want := map[string]any{
			"iss": "id", "aud": "shop", "sub": `a"b`, "iat": 946684800.0, "exp": 946688400.0, "type": "purpose", "purpose": "reset", "version": "v1", "n": 1.0,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("payload (-want +got):\n%s", diff)
		}
	})
}

// Names and lifetimes are the program's, so bad ones panic; what is issued is the
// caller's input, so bad ones are errors.
func TestPurposeFaults(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v1")
	panics := func(name string, ttl time.Duration) (panicked bool) {
		defer func() { panicked = recover() != nil }()
		m.Purpose(name, ttl)
		return false
	}
	for _, name := range []string{"", "Reset", "a b", "a_b", "a.b", "é", "a\x00", strings.Repeat("a", 33)} {
		if !panics(name, time.Hour) {
			t.Errorf("got no panic for the name %q, want one", name)
		}
	}
	for _, name := range []string{"a", "password-reset", "2fa", "-", strings.Repeat("a", 32)} {
		if panics(name, time.Hour) {
			t.Errorf("got a panic for the name %q, want none", name)
		}
	}
	for _, ttl := range []time.Duration{0, -time.Hour, time.Second - 1} {
		if !panics("a", ttl) {
			t.Errorf("got no panic for the lifetime %v, want one", ttl)
		}
	}
	p := m.Purpose("a", time.Hour)
	for _, c := range []struct {
		name, subject string
		claims        any
	}{
		{"no subject", "", nil},
		{"a subject that is no text", "a\xff", nil},
		{"reserved claims", "a", map[string]int{"purpose": 1}},
		{"claims of the wrong type", "a", 1},
		{"claims that are too large", "a", map[string]string{"filler": strings.Repeat("f", 4000)}},
	} {
		if token, err := p.Issue(t.Context(), c.subject, c.claims); err == nil || token != "" {
			t.Errorf("%s: got %v, want an error and no token", c.name, err)
		}
	}
}

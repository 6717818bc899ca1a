package session_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/session"
)

// Scenarios 4, 5, 7 and 14: what is said of a token that no live key vouches for,
// as an access and as a refresh token. Nobody is signed out on its account unless
// it is over by its own words or all its keys are revoked.
func TestUnknownKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, testUnknownKey)
}

func testUnknownKey(t *testing.T) {
	hour := func(d time.Duration) string { return "exp=" + at(d) }
	for _, c := range []struct {
		name, ring, want string
		signers          string // the key that signs, and those that co-sign
		edits            []string
	}{
		{"a key to come, scenario 7", "v1", "unknown_key", "v2", nil},
		{"a key removed, scenario 4", "v2", "unknown_key", "v1", nil},
		{"with co-signers unknown too", "v1", "unknown_key", "v9 v8 v7", nil},
		{"expired, scenario 5", "v1", "expired", "v2", []string{hour(-time.Hour)}},
		{"expired within the leeway", "v1", "unknown_key", "v2", []string{hour(-30 * time.Second)}},
		{"expired, and one of the keys revoked", "!v2 v1", "expired", "v3 v2", []string{hour(-time.Hour)}},
		{"revoked, scenario 14", "!v2 v1", "revoked", "v2", nil},
		{"revoked, and its secret is gone", "?v2 v1", "revoked", "v2", nil},
		{"revoked and expired", "!v2 v1", "revoked", "v2", []string{hour(-time.Hour)}},
		{"every key revoked", "!v3 !v2 v1", "revoked", "v3 v2", nil},
		{"one key revoked, another unknown", "!v3 v1", "unknown_key", "v3 v2", nil},
		{"the signer unknown, a co-signer revoked", "!v2 v1", "unknown_key", "v3 v2", nil},
		{"the signer revoked, a co-signer live", "!v2 v1", "ok", "v2 v1", nil},
		{"the signer unknown, a co-signer revoked, another live", "!v2 v1", "ok", "v3 v2 v1", nil},
		{"no exp", "v1", "invalid", "v2", []string{"-exp"}},
		{"exp is a text", "v1", "invalid", "v2", []string{`exp="1900000000"`}},
		{"exp is out of range", "v1", "invalid", "v2", []string{"exp=1e19"}},
		{"exp twice", "v1", "invalid", "v2", []string{`+"exp":1`}},
		{"no UTF-8", "v1", "invalid", "v2", []string{"+\"x\":\"\xff\""}},
	} {
		m := managerOf(t, c.ring)
		signers := strings.Fields(c.signers)
		for _, kind := range []struct {
			typ, payload string
			check        func(token string) error
		}{
			{"at+jwt", payloadOf(c.edits...), func(token string) error { _, err := m.Verify(t.Context(), token); return err }},
			{"rt+jwt", refreshOf(c.edits...), func(token string) error { _, err := m.Refresh(t.Context(), token); return err }},
		} {
			header := headerOf(signers[0], kind.typ)
			token := forge(signers[0], header, kind.payload)
			if len(signers) > 1 {
				token = forgeCosigned(signers[0], header, kind.payload, signers[1:]...)
			}
			if err := kind.check(token); session.Reason(err) != c.want {
				t.Errorf("%s, %s: got %q (%v), want %q", c.name, kind.typ, session.Reason(err), err, c.want)
			}
		}
	}
}

// Putting the key back brings everyone back: nothing was lost meanwhile.
func TestKeyPutBack(t *testing.T) {
	t.Parallel()
	tokens := issue(t, managerOf(t, "v1"), alice)
	without := managerOf(t, "v2")
	refused(t, without, tokens.AccessToken, session.ErrUnknownKey)
	if _, err := without.Refresh(t.Context(), tokens.RefreshToken); session.Status(err) != 503 {
		t.Fatalf("got %v, want 503", err)
	}
	back := managerOf(t, "v2 v1")
	verify(t, back, tokens.AccessToken)
	refresh(t, back, tokens)
}

// A6: the kid is text of a stranger: looked up and nothing else. One that could be
// that of no key is invalid, and never taken for a key to come.
func TestForeignKID(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v1")
	print := fingerprintOf("v9")
	for _, c := range []struct{ name, kid, want string }{
		{"tag and fingerprint", "v9." + print, "unknown_key"},
		{"a bare tag", "v9", "unknown_key"},
		{"the longest tag", strings.Repeat("t", 32) + "." + print, "unknown_key"},
		{"dots in the tag", "a.b.c." + print, "unknown_key"},
		{"a tag too long", strings.Repeat("t", 33) + "." + print, "invalid"},
		{"a bare tag too long", strings.Repeat("t", 33), "invalid"},
		{"only a fingerprint", "." + print, "unknown_key"}, // by the grammar a bare tag of nine characters
		{"a path", "../../../dev/null", "invalid"},
		{"SQL", "v1' OR '1'='1", "invalid"},
		{"a template", "{{.Secret}}", "invalid"},
		{"a line break", `v9\n` + print, "invalid"},
		{"a null byte", `v9\u0000`, "invalid"},
		{"no ASCII", "v9\u00e9", "invalid"},
		{"space", "v9 ", "invalid"},
		{"an address", "https://evil.example/jwks.json", "invalid"},
		{"markup", "<script>", "invalid"},
		{"4 kB", strings.Repeat("k", 2500), "invalid"},
	} {
		header := fmt.Sprintf(`{"alg":"HS256","kid":"%s","typ":"at+jwt"}`, c.kid)
		_, err := m.Verify(t.Context(), forge("v9", header, payloadOf()))
		if got := session.Reason(err); got != c.want {
			t.Errorf("%s: got %q (%v), want %q", c.name, got, err, c.want)
		}
	}
}

// C5: a known kid decides. No other key is tried, and no co-signature makes a bad
// ordinary signature good.
func TestNoFallingBack(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v2 v1")
	refused(t, m, forge("v1", headerOf("v2", "at+jwt"), payloadOf()), session.ErrInvalid)
	refused(t, m, forge("v2", headerOf("v1", "at+jwt"), payloadOf()), session.ErrInvalid)
	payload := cosignedPayload(headerOf("v2", "at+jwt"), payloadOf(), "v1")
	refused(t, m, forge("v9", headerOf("v2", "at+jwt"), payload), session.ErrInvalid)
	// The first co-signature by a live key decides, and the second is not asked.
	header := headerOf("v9", "at+jwt")
	good := forgeCosigned("v9", header, payloadOf(), "v2", "v1")
	verify(t, m, good)
	_, list := segments(t, good)
	mac := list[strings.Index(list, fingerprintOf("v2"))+11:][:22]
	refused(t, m, retold(t, good, mac, strings.Repeat("A", 22)), session.ErrInvalid)
}

// A tag that two keys share names neither of them: the whole kid does. So a
// rotation that forgets to raise the version works.
func TestSameTagTwice(t *testing.T) {
	t.Parallel()
	first, second := managerWith(t, "v1", "old"), managerWith(t, "v1", "new", "old")
	tokens := issue(t, first, alice)
	if c := verify(t, second, tokens.AccessToken); !c.Previous {
		t.Error("got a token of the current key, want one of the previous key")
	}
	header := `{"alg":"HS256","kid":"v1","typ":"at+jwt"}`
	bare := forge("old", header, payloadOf())
	verify(t, first, bare)
	refused(t, second, bare, session.ErrUnknownKey)
}

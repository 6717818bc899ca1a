package session_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/session"
)

// B10, scenarios 1, 2 and 6: what one instance issues, every instance with one of
// its keys accepts, with the same claims, and says whether its key is an older one.
func TestVerify(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, issuer, verifier string
		tag                    string
		previous               bool
	}{
		{"the same key", "v1", "v1", "v1", false},
		{"an old key, scenario 1", "v1", "v2 v1", "v1", true},
		{"a key still unknown here, scenario 6", "v2 v1", "v1", "v2", false},
		{"a key that is current again, scenario 8", "v2 v1", "v1 v2", "v2", true},
		{"a key in the middle, scenario 3", "v2", "v3 v2 v1", "v2", true},
		{"the spare alone", "v2 +v9", "v3 +v9", "v2", true},
		{"a leaked key revoked, scenario 14", "v2 v1", "!v2 v1", "v2", false},
		{"only one of three shared", "v5 v4 v3", "v7 v6 v3", "v5", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tokens := issue(t, managerOf(t, c.issuer), alice)
			m := managerOf(t, c.verifier)
			got := verify(t, m, tokens.AccessToken)
			if got.Subject != "alice" || got.Tag != c.tag || got.Previous != c.previous || got.Transport != "" {
				t.Errorf("got %q %q %t %q, want alice %q %t and no transport", got.Subject, got.Tag, got.Previous, got.Transport, c.tag, c.previous)
			}
			next := refresh(t, m, tokens)
			if after := verify(t, m, next.AccessToken); after.Previous || after.SessionID != got.SessionID {
				t.Errorf("got previous %t, session %q after a refresh, want the current key and session %q", after.Previous, after.SessionID, got.SessionID)
			}
		})
	}
}

// The version of a token is its tag, but for one that no key of ours can have: then it
// is that of the key that vouches for it.
func TestTag(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v2 v1")
	for version, want := range map[string]string{
		`version="v9"`: "v9", `version="2024-11.a_b"`: "2024-11.a_b", `-version`: "v1", `version=""`: "v1", `version="<b>"`: "v1",
		`version="v 1"`: "v1", `version="` + strings.Repeat("v", 33) + `"`: "v1", `version="\u0000"`: "v1",
	} {
		if got := verify(t, m, forge("v1", headerOf("v1", "at+jwt"), payloadOf(version))).Tag; got != want {
			t.Errorf("%s: got the tag %q, want %q", version, got, want)
		}
	}
}

// The token that tests forge is the token that a Manager issues: both are made
// from the design.
func TestForgedIsGenuine(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v2 v1 v0")
	header, payload := segments(t, issue(t, m, alice).AccessToken)
	if want := headerOf("v2", "at+jwt"); header != want {
		t.Errorf("got the header %s, want %s", header, want)
	}
	token := forgeCosigned("v2", header, payloadOf(), "v1", "v0")
	for _, keys := range []string{"v2", "v1", "v0", "v2 v1 v0"} {
		got := verify(t, managerOf(t, keys), token)
		if got.Subject != "alice" || got.SessionID != "sid-of-alice" || got.TokenID != "jti-of-alice" {
			t.Errorf("got %+v, want the claims of the payload", got)
		}
	}
	own := forgeCosigned("v2", header, payload[:len(payload)-len(`,"cs":{"12345678":"1234567890123456789012","12345678":"1234567890123456789012"}}`)]+"}", "v1", "v0")
	if diff := cmp.Diff(payload, second(segments(t, own))); diff != "" {
		t.Errorf("the list of co-signatures is not that of the design (-manager +test):\n%s", diff)
	}
}

func second(_, b string) string { return b }

// Claims come from nowhere but the token that was checked, and nil comes with any
// error (GO-2024-3250).
func TestNoClaimsWithError(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v1", withCookies)
	r := request("/", "Authorization: Bearer x")
	for name, check := range map[string]func() (*session.Claims, error){
		"Verify":       func() (*session.Claims, error) { return m.Verify(t.Context(), "x") },
		"Check":        func() (*session.Claims, error) { return m.Check(r) },
		"CheckRefresh": func() (*session.Claims, error) { return m.CheckRefresh(r) },
		"Purpose":      func() (*session.Claims, error) { return m.Purpose("p", 1e9).Verify(t.Context(), "x") },
	} {
		if c, err := check(); c != nil || err == nil {
			t.Errorf("%s: got %v, %v, want no claims and an error", name, c, err)
		}
	}
}

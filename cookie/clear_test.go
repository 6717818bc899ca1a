package cookie_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/cookie"
)

// Scenario 40, D10: whatever a policy sets, it clears with the same identifying
// attributes, and a browser that heeds nothing else is left with an empty jar.
func TestClearMatchesSet(t *testing.T) {
	t.Parallel()
	for name, cfg := range policies() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPolicy(t, cfg)
			b := &browser{crossSite: cfg.CrossSite}
			if dropped := b.receive(t, set(t, p, "A", "R")); dropped != nil {
				t.Errorf("the browser dropped %q", dropped)
			}
			if len(b.jar) != 2 {
				t.Errorf("got %d cookies, want 2", len(b.jar))
			}
			cleared := clearing(p)
			for _, line := range set(t, p, "A", "R")["Set-Cookie"] {
				want := parse(t, line)
				if !hasClearing(t, cleared, *want) {
					t.Errorf("got %q, want a line that clears %q", cleared["Set-Cookie"], line)
				}
			}
			if b.receive(t, cleared); len(b.jar) != 0 {
				t.Errorf("got %v left after Clear, want none", b.jar)
			}
		})
	}
}

// What a policy sets, it reads: text for text, also under names without prefix.
func TestSetThenToken(t *testing.T) {
	t.Parallel()
	for name, cfg := range policies() {
		p := newPolicy(t, cfg)
		b := &browser{crossSite: cfg.CrossSite}
		b.receive(t, set(t, p, "A.b-c_d", "R.b-c_d"))
		r := b.request("GET")
		if diff := cmp.Diff([][]string{{"A.b-c_d"}, {"R.b-c_d"}}, [][]string{candidates(p, r, "access"), candidates(p, r, "refresh")}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// hasClearing reports whether h ends set, with all its attributes.
func hasClearing(t *testing.T, h http.Header, set http.Cookie) bool {
	found := 0
	for _, line := range h["Set-Cookie"] {
		got := *parse(t, line)
		ended := got.MaxAge < 0 && got.Expires.Year() == 1970 && got.Value == ""
		got.MaxAge, got.Expires, got.RawExpires, got.Raw = 0, time.Time{}, "", ""
		set.Value, set.Raw = "", ""
		if ended && cmp.Equal(got, set) {
			found++
		}
	}
	return found == 1
}

// clearing returns the header of an answer in which p cleared cookies.
func clearing(p *cookie.Policy) http.Header {
	w := httptest.NewRecorder()
	p.Clear(w, local("POST"))
	return w.Header()
}

// Both variants are cleared: two lines are the only form that works everywhere.
func TestClearLines(t *testing.T) {
	t.Parallel()
	const end = "=; Path=/; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0; HttpOnly"
	tests := map[string][]string{
		"same-site": {
			"__Host-access" + end + "; Secure; SameSite=Lax", "__Host-access-p" + end + "; Secure; SameSite=None; Partitioned",
			"__Host-refresh" + end + "; Secure; SameSite=Lax", "__Host-refresh-p" + end + "; Secure; SameSite=None; Partitioned",
		},
		"cross-site": {
			"__Host-access-p" + end + "; Secure; SameSite=None; Partitioned", "__Host-access" + end + "; Secure; SameSite=None",
			"__Host-refresh-p" + end + "; Secure; SameSite=None; Partitioned", "__Host-refresh" + end + "; Secure; SameSite=None",
		},
		"flask": {
			"access_token" + end + "; Secure; SameSite=None", "access_token-p" + end + "; Secure; SameSite=None; Partitioned",
			"refresh_token" + end + "; Secure; SameSite=None", "refresh_token-p" + end + "; Secure; SameSite=None; Partitioned",
		},
		"local": {"local-access" + end + "; SameSite=Lax", "local-refresh" + end + "; SameSite=Lax"},
	}
	for name, want := range tests {
		h := clearing(newPolicy(t, policies()[name]))
		if diff := cmp.Diff(want, h["Set-Cookie"]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// The cookies of a former local policy are not Secure, so they are never cleared as
// SameSite=None, which browsers drop without Secure (D4).
func TestClearOfAFormerLocalPolicy(t *testing.T) {
	t.Parallel()
	h := clearing(newPolicy(t, cookie.Config{CrossSite: true, Origins: app, Former: []cookie.Config{{InsecureLocal: true}}}))
	found := 0
	for _, line := range h["Set-Cookie"] {
		c := parse(t, line)
		if c.SameSite == http.SameSiteNoneMode && !c.Secure {
			t.Errorf("got %q, want no None without Secure", line)
		}
		if c.Name == "local-access" || c.Name == "local-refresh" {
			found++
		}
	}
	if found != 2 {
		t.Errorf("got %q, want two lines for the local cookies", h["Set-Cookie"])
	}
}

// D7: no answer has two lines for one cookie, whatever the policies have in common.
func TestClearHasNoLineTwice(t *testing.T) {
	t.Parallel()
	same := []cookie.Config{{}, {CrossSite: true}, {SameSite: http.SameSiteStrictMode}, {CrossSite: true, Unpartitioned: true}, {Domain: "example.com"}, {Domain: "example.com", CrossSite: true}}
	h := clearing(newPolicy(t, cookie.Config{Former: same}))
	seen := map[identity]bool{}
	for _, line := range h["Set-Cookie"] {
		id := identify(parse(t, line))
		if seen[id] {
			t.Errorf("got %q twice, want it once", line)
		}
		seen[id] = true
	}
	if len(seen) != 8 {
		t.Errorf("got %d lines, want 8", len(seen))
	}
}

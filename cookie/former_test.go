package cookie_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/cookie"
)

// Scenario 41: cookies of every former policy go too, also from a cross-site page.
func TestClearReachesFormerPolicies(t *testing.T) {
	t.Parallel()
	for name, cfg := range policies() {
		for i, former := range cfg.Former {
			b := &browser{}
			if former.CrossSite {
				former.Origins = app
			}
			if old, err := cookie.New(former); err == nil {
				b.receive(t, set(t, old, "A", "R"))
			} else { // of another library, which has no rule for names
				b.receive(t, http.Header{"Set-Cookie": {"sid=A; Path=/; Secure", "rid=R; Path=/; Secure"}})
			}
			if len(b.jar) != 2 {
				t.Fatalf("%s, former %d: got %d cookies, want 2", name, i, len(b.jar))
			}
			b.crossSite = cfg.CrossSite
			if b.receive(t, clearing(newPolicy(t, cfg))); len(b.jar) != 0 {
				t.Errorf("%s, former %d: got %v left, want none", name, i, b.jar)
			}
		}
	}
}

// Scenarios 41 and 42: a change of policy carries the session over, and leaves no
// cookie behind that could shadow the new ones.
func TestSetMovesFromFormerPolicy(t *testing.T) {
	t.Parallel()
	old := newPolicy(t, flask)
	former := flask
	former.Origins = nil
	p := newPolicy(t, cookie.Config{CrossSite: true, Origins: app, Former: []cookie.Config{former}})
	b := &browser{crossSite: true}
	b.receive(t, set(t, old, "OLD", "OLD-R"))

	refresh := func(access, refresh string) {
		w := httptest.NewRecorder()
		if err := p.Set(w, b.request("POST"), access, refresh, time.Time{}, time.Time{}); err != nil {
			t.Fatalf("Set: %v", err)
		}
		if dropped := b.receive(t, w.Header()); dropped != nil {
			t.Errorf("the browser dropped %q", dropped)
		}
	}
	check := func(step string, access, refresh []string) {
		t.Helper()
		r := b.request("GET")
		if diff := cmp.Diff([][]string{access, refresh}, [][]string{candidates(p, r, "access"), candidates(p, r, "refresh")}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step, diff)
		}
	}
	check("before", []string{"OLD"}, []string{"OLD-R"})
	refresh("NEW", "") // a racing refresh: its refresh token is the newest already
	check("access only", []string{"NEW"}, []string{"OLD-R"})
	refresh("NEWER", "NEW-R")
	check("both", []string{"NEWER"}, []string{"NEW-R"})
	if len(b.jar) != 2 {
		t.Errorf("got %v, want the two new cookies only", b.jar)
	}
}

// The story that Config.Former tells: while old and new instances run side by side,
// in either order and in either direction, the session is never out of sight.
func TestPolicyChangesInTwoDeployments(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		crossSite bool
		from, to  cookie.Config
	}{
		"host to domain":      {false, cookie.Config{}, cookie.Config{Domain: "example.com"}},
		"flask to __Host-":    {true, flask, cookie.Config{CrossSite: true, Origins: app}},
		"same names, domain":  {false, cookie.Config{AccessName: "__Secure-a", RefreshName: "__Secure-r"}, cookie.Config{AccessName: "__Secure-a", RefreshName: "__Secure-r", Domain: "example.com"}},
		"lax to strict":       {false, cookie.Config{}, cookie.Config{SameSite: http.SameSiteStrictMode}},
		"to partitioned":      {true, cookie.Config{CrossSite: true, Origins: app, Unpartitioned: true}, cookie.Config{CrossSite: true, Origins: app}},
		"own names to others": {false, cookie.Config{AccessName: "__Host-a", RefreshName: "__Host-r"}, cookie.Config{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			beside := func(cfg, other cookie.Config) *cookie.Policy {
				cfg.Former = []cookie.Config{other}
				return newPolicy(t, cfg)
			}
			first, last := newPolicy(t, test.from), newPolicy(t, test.to)
			both, changed := beside(test.from, test.to), beside(test.to, test.from)
			b := &browser{crossSite: test.crossSite}
			token := "R"
			b.receive(t, set(t, first, "A", token))
			for i, p := range []*cookie.Policy{first, both, first, both, changed, both, changed, changed, both, both, changed, changed, last} {
				if diff := cmp.Diff([]string{token}, candidates(p, b.request("POST"), "refresh")); diff != "" {
					t.Fatalf("step %d (-want +got):\n%s", i, diff)
				}
				w := httptest.NewRecorder()
				token += "'"
				if err := p.Set(w, b.request("POST"), "A", token, time.Time{}, time.Time{}); err != nil {
					t.Fatalf("step %d: %v", i, err)
				}
				b.receive(t, w.Header())
				if len(b.jar) != 2 {
					t.Fatalf("step %d: got %v, want two cookies", i, b.jar)
				}
			}
		})
	}
}

// What the request does not carry is not cleared: usual answers stay short.
func TestSetClearsOnlyWhatTheRequestCarries(t *testing.T) {
	t.Parallel()
	p := newPolicy(t, cookie.Config{Former: []cookie.Config{{Domain: "example.com"}}})
	tests := map[string][]string{
		"":                                   {"__Host-access", "__Host-refresh"},
		"__Host-access=A; __Host-refresh=R":  {"__Host-access", "__Host-refresh"},
		"__Secure-access=A":                  {"__Secure-access", "__Host-access", "__Host-refresh"},
		"__Host-refresh-p=R; __Host-other=X": {"__Host-refresh-p", "__Host-access", "__Host-refresh"},
	}
	for header, want := range tests {
		w, r := httptest.NewRecorder(), local("POST")
		r.Header.Set("Cookie", header)
		if err := p.Set(w, r, "A", "R", time.Time{}, time.Time{}); err != nil {
			t.Fatalf("Set: %v", err)
		}
		if diff := cmp.Diff(want, names(t, w.Header())); diff != "" {
			t.Errorf("%q (-want +got):\n%s", header, diff)
		}
	}
}

func names(t *testing.T, h http.Header) []string {
	t.Helper()
	var all []string
	for _, line := range h["Set-Cookie"] {
		all = append(all, parse(t, line).Name)
	}
	return all
}

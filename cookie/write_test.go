package cookie_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/cookie"
)

// Scenarios 22 and 25, D8: Max-Age follows the token and the clock.
func TestSetMaxAge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const cap400days = 34560000
		day := 24 * time.Hour
		tests := map[string]struct {
			until time.Time
			want  int // as http.ParseSetCookie says it: 0 absent, -1 now
		}{
			"15 minutes":     {time.Now().Add(15 * time.Minute), 900},
			"30 days":        {time.Now().Add(30 * day), 2592000},
			"under a second": {time.Now().Add(time.Millisecond), 1},
			"rounded up":     {time.Now().Add(1500 * time.Millisecond), 2},
			"400 days":       {time.Now().Add(400 * day), cap400days},
			"two years":      {time.Now().Add(730 * day), cap400days},
			"year 9999":      {time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), cap400days},
			"zero":           {time.Time{}, 0},
			"now":            {time.Now(), -1},
			"past":           {time.Now().Add(-time.Minute), -1},
		}
		for name, test := range tests {
			w := httptest.NewRecorder()
			if err := cookie.SameSite().Set(w, local("POST"), "A", "R", test.until, time.Time{}); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			access, refresh := parse(t, w.Header()["Set-Cookie"][0]), parse(t, w.Header()["Set-Cookie"][1])
			if access.MaxAge != test.want || (access.Value == "") != (test.want < 0) || refresh.MaxAge != 0 {
				t.Errorf("%s: got %q and %q, want Max-Age %d and none", name, access.Raw, refresh.Raw, test.want)
			}
		}
		until := time.Now().Add(time.Hour)
		time.Sleep(20 * time.Minute)
		w := httptest.NewRecorder()
		cookie.SameSite().Set(w, local("POST"), "A", "R", until, until.Add(time.Hour))
		access, refresh := parse(t, w.Header()["Set-Cookie"][0]), parse(t, w.Header()["Set-Cookie"][1])
		if access.MaxAge != 2400 || refresh.MaxAge != 6000 {
			t.Errorf("20 minutes later: got %d and %d, want 2400 and 6000", access.MaxAge, refresh.MaxAge)
		}
	})
}

// Scenario 46, D5, and the fact that net/http drops bytes and keeps any size.
func TestSetRefusesWhatBrowsersWouldNotKeep(t *testing.T) {
	t.Parallel()
	room := 4096 - len("__Host-refresh")
	big := strings.Repeat("a", room+1)
	tests := map[string]struct {
		access, refresh string
		want            string
	}{
		"4096 bytes":        {"A", big[1:], ""},
		"4097 bytes":        {"A", big, `cookie: "__Host-refresh" has 4097 bytes with its name, browsers drop more than 4096: put less into the token`},
		"access too large":  {big + "aa", "R", `cookie: "__Host-access" has 4098 bytes with its name, browsers drop more than 4096: put less into the token`},
		"semicolon":         {"a;b", "R", `cookie: the token for "__Host-access" has a byte that cookies cannot carry: encode it as base64url`},
		"quote":             {"A", `"R"`, `cookie: the token for "__Host-refresh" has a byte that cookies cannot carry: encode it as base64url`},
		"space":             {"A", "R R", `cookie: the token for "__Host-refresh" has a byte that cookies cannot carry: encode it as base64url`},
		"comma":             {"A", "R,R", `cookie: the token for "__Host-refresh" has a byte that cookies cannot carry: encode it as base64url`},
		"backslash":         {"A", `R\R`, `cookie: the token for "__Host-refresh" has a byte that cookies cannot carry: encode it as base64url`},
		"newline":           {"A\r\nX: y", "R", `cookie: the token for "__Host-access" has a byte that cookies cannot carry: encode it as base64url`},
		"non-ASCII":         {"ä", "R", `cookie: the token for "__Host-access" has a byte that cookies cannot carry: encode it as base64url`},
		"bad UTF-8":         {"\xff", "R", `cookie: the token for "__Host-access" has a byte that cookies cannot carry: encode it as base64url`},
		"DEL":               {"\x7f", "R", `cookie: the token for "__Host-access" has a byte that cookies cannot carry: encode it as base64url`},
		"all allowed bytes": {"!#$%&'()*+-./0123456789:<=>?@AZ[]^_`az{|}~", "R", ""},
		"no token":          {"", "", "cookie: no token to set: use Clear to remove cookies"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			w.Header().Set("Cache-Control", "max-age=5")
			err := cookie.SameSite().Set(w, local("POST"), test.access, test.refresh, time.Time{}, time.Time{})
			if got := text(err); got != test.want {
				t.Fatalf("got %q, want %q", got, test.want)
			}
			if err != nil {
				if diff := cmp.Diff(http.Header{"Cache-Control": {"max-age=5"}}, w.Header()); diff != "" {
					t.Errorf("headers after an error (-want +got):\n%s", diff)
				}
				return
			}
			if got := parse(t, w.Header()["Set-Cookie"][0]).Value; got != test.access {
				t.Errorf("got %q, want %q", got, test.access)
			}
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestSetOneKind(t *testing.T) {
	t.Parallel()
	p := cookie.SameSite()
	if diff := cmp.Diff([]string{"__Host-access"}, names(t, set(t, p, "A", ""))); diff != "" {
		t.Errorf("access only (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"__Host-refresh"}, names(t, set(t, p, "", "R"))); diff != "" {
		t.Errorf("refresh only (-want +got):\n%s", diff)
	}
}

// Scenario 48, D7: one line per name, domain, path and partition.
func TestSetAndClearReplaceEarlierLines(t *testing.T) {
	t.Parallel()
	p := newPolicy(t, cookie.Config{Domain: "example.com"})
	w, r := httptest.NewRecorder(), local("POST")
	foreign := []string{
		"theme=dark; Path=/",
		"__Secure-access=HOST; Path=/; Secure",                       // host-only: another cookie
		"__Secure-access=PATH; Path=/x; Domain=example.com; Secure",  // another path
		"__Secure-access=D; Path=/; Domain=other.com; Secure",        // another domain
		"__Secure-access=P; Path=/; Domain=example.com; Partitioned", // another partition
		"not a cookie", // none of our business
		"__Secure-access=SAME; Path=/; Domain=.Example.com; Max-Age=5", // this one is the same
	}
	given := slices.Clone(foreign)
	w.Header()["Set-Cookie"] = given
	p.Set(w, r, "A1", "R1", time.Time{}, time.Time{})
	p.Set(w, r, "A2", "", time.Time{}, time.Time{})
	want := append(foreign[:6:6],
		"__Secure-refresh=R1; Path=/; Domain=example.com; HttpOnly; Secure; SameSite=Lax",
		"__Secure-access=A2; Path=/; Domain=example.com; HttpOnly; Secure; SameSite=Lax")
	if diff := cmp.Diff(want, w.Header()["Set-Cookie"]); diff != "" {
		t.Errorf("after two calls (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(foreign, given); diff != "" {
		t.Errorf("the caller's slice was changed:\n%s", diff)
	}
	p.Clear(w, r)
	p.Clear(w, r)
	if got := len(w.Header()["Set-Cookie"]); got != 6+4 {
		t.Errorf("after Clear: got %d lines, want 10: %q", got, w.Header()["Set-Cookie"])
	}
	p.Set(w, r, "A3", "R3", time.Time{}, time.Time{})
	b := &browser{}
	b.receive(t, http.Header{"Set-Cookie": w.Header()["Set-Cookie"][6:]})
	if got := b.jar[identity{"__Secure-access", "example.com", "/", false}]; got != "A3" {
		t.Errorf("Set after Clear: got %q, want A3", got)
	}
}

// Scenario 49, E7: no cache keeps an answer with cookies.
func TestAnswersAreNotCached(t *testing.T) {
	t.Parallel()
	w, r := httptest.NewRecorder(), local("POST")
	w.Header().Set("Cache-Control", "public, max-age=60")
	w.Header().Set("Vary", "Accept-Encoding")
	p := cookie.SameSite()
	p.Set(w, r, "A", "R", time.Time{}, time.Time{})
	p.Clear(w, r)
	want := http.Header{"Cache-Control": {"no-store"}, "Vary": {"Accept-Encoding", "Cookie"}}
	got := w.Header().Clone()
	got.Del("Set-Cookie")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	if got := clearing(p); got.Get("Cache-Control") != "no-store" || got.Get("Vary") != "Cookie" {
		t.Errorf("Clear alone: got %v, want no-store and Vary: Cookie", got)
	}
}

// wrapped is a writer of the kind that middleware and routers make.
type wrapped struct {
	http.ResponseWriter
}

func (w wrapped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// knowing is one that says whether the answer has begun, as those of gin and
// negroni do.
type knowing struct {
	http.ResponseWriter
	begun bool
}

func (w *knowing) Written() bool { return w.begun }
func (w *knowing) Write(b []byte) (int, error) {
	w.begun = true
	return w.ResponseWriter.Write(b)
}

// Scenario 47: where the writer can tell, cookies are not lost silently.
func TestSetAfterTheBody(t *testing.T) {
	t.Parallel()
	p, r := cookie.SameSite(), local("POST")
	w := &knowing{ResponseWriter: httptest.NewRecorder()}
	outer := wrapped{wrapped{w}}
	if err := p.Set(outer, r, "A", "R", time.Time{}, time.Time{}); err != nil {
		t.Fatalf("before: got %v, want nil", err)
	}
	before := slices.Clone(w.Header()["Set-Cookie"])
	outer.Write([]byte("hello"))
	for _, v := range []http.ResponseWriter{w, outer} {
		err := p.Set(v, r, "A2", "R2", time.Time{}, time.Time{})
		if got, want := text(err), "cookie: the answer has begun, cookies would be lost: set them before the body"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if diff := cmp.Diff(before, w.Header()["Set-Cookie"]); diff != "" {
		t.Errorf("Set-Cookie after an error (-want +got):\n%s", diff)
	}
}

func TestPolicyIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	p := newPolicy(t, policies()["former flask"])
	h := p.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.Token(r, "access", 0)
		p.Set(w, r, "A", "R", time.Now().Add(time.Hour), time.Time{})
		p.Clear(w, r)
	}))
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			w, r := httptest.NewRecorder(), local("POST")
			r.Header.Set("Origin", app[0])
			r.Header.Set("Cookie", "access_token=A")
			h.ServeHTTP(w, r)
			w.Header()["Vary"][0] = "scribble" // no slice is shared between answers
			w.Header()["Access-Control-Allow-Origin"][0] = "scribble"
			w.Header()["Set-Cookie"][0] = "scribble"
		})
	}
	group.Wait()
	w, r := httptest.NewRecorder(), local("POST")
	r.Header.Set("Origin", app[0])
	h.ServeHTTP(w, r)
	if got := w.Header().Get("Access-Control-Allow-Origin"); got != app[0] {
		t.Errorf("got %q, want %q", got, app[0])
	}
}

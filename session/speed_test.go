package session_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sessionring/sessionring/internal/race"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// contender is one thing that BenchmarkBars measures.
type contender struct {
	name   string
	do     func()
	allocs int // what it may take of memory: pieces, and bytes
	bytes  uint64
	took   []time.Duration
}

// BenchmarkBars has the ways of a check beside the least that one can cost, a pooled
// HMAC over the same bytes. All take turns, so that they see the same machine; the
// table has medians, and the quotients of medians and of minima.
//
//	go test -run='^$' -bench=Bars -benchtime=400x ./session
func BenchmarkBars(b *testing.B) {
	const turn = 40
	list := contenders(b)
	for b.Loop() {
		for i := range list {
			begun := time.Now()
			for range turn {
				list[i].do()
			}
			list[i].took = append(list[i].took, time.Since(begun)/turn)
		}
	}
	median := func(c contender) time.Duration { slices.Sort(c.took); return c.took[len(c.took)/2] }
	least := func(c contender) time.Duration { return slices.Min(c.took) }
	for _, c := range list {
		fmt.Printf("%-28s %8v  x median %5.2f  x least %5.2f  %g allocs %d B\n", c.name, median(c),
			float64(median(c))/float64(median(list[0])), float64(least(c))/float64(least(list[0])),
			testing.AllocsPerRun(200, c.do), bytesPerRun(c.do))
	}
}

// TestAllocations: a check takes two pieces of memory, for the claims and their text, and
// whoever is refused costs none. Not parallel: it counts for the whole process.
func TestAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("under the race detector a pool gives back less than was put into it")
	}
	for _, c := range contenders(t) {
		if got := testing.AllocsPerRun(100, c.do); got > float64(c.allocs) {
			t.Errorf("%s: got %v allocations, want at most %v", c.name, got, c.allocs)
		}
		if got := bytesPerRun(c.do); got > c.bytes+8 { // a collection now and then empties the pools
			t.Errorf("%s: got %v bytes, want at most %v", c.name, got, c.bytes)
		}
	}
}

// bytesPerRun is the memory that do takes.
func bytesPerRun(do func()) uint64 {
	const runs = 2000
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		do()
	}
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) / runs
}

// usual is a grant of the size that tokens have.
var usual = session.Grant{Subject: "user-0123456789", Claims: map[string]any{"roles": []string{"admin", "editor"}}}

func contenders(b testing.TB) []contender {
	named := func(cfg *session.Config) { cfg.Issuer, cfg.Audience = "https://id.example.com", "shop" }
	legacy := func(cfg *session.Config) { cfg.LegacyUntil = time.Now().Add(time.Hour) }
	three, one := managerOf(b, "v3 v2 v1", named), managerOf(b, "v3", named)
	current, cosigned := issue(b, one, usual).AccessToken, issue(b, managerOf(b, "n v2 v1", named), usual).AccessToken
	byThree := issue(b, three, usual).AccessToken
	previous := issue(b, managerOf(b, "v1", named), usual).AccessToken
	forged := current[:len(current)-4] + "AAAA"
	foreign := b64([]byte(`{"alg":"none","typ":"JWT"}`)) + current[strings.IndexByte(current, '.'):]
	flask := b64([]byte(`{"alg":"HS256","typ":"JWT"}`)) + current[strings.IndexByte(current, '.'):]
	stored := managerOn(b, new(memstore.Store), named, withCookies)
	storedToken := issue(b, stored, usual).AccessToken
	verifies := func(m *session.Manager, token string, want error) func() {
		ctx := b.Context()
		return func() {
			if _, err := m.Verify(ctx, token); (err == nil) != (want == nil) {
				b.Fatalf("got %v, want %v", err, want)
			}
		}
	}
	list := []string{edKey(b, "v1", "")}
	keys := keysFrom(b, &list)
	withEd := func(cfg *session.Config) { cfg.Keys = keys }
	ed, remembers := managerOf(b, "v1", named, withEd), managerOf(b, "v1", named, withEd, remembering)
	edToken := issue(b, ed, usual).AccessToken
	input := []byte(current[:strings.LastIndexByte(current, '.')])
	h, sum := hmac.New(sha256.New, secretOf("v3")), make([]byte, 0, 32)
	fmt.Printf("token %d bytes, by three keys %d, input %d\n", len(current), len(byThree), len(input))
	return []contender{
		{name: "hmac", do: func() { h.Reset(); h.Write(input); h.Sum(sum) }},
		{name: "current", allocs: 2, bytes: 400, do: verifies(three, current, nil)},
		{name: "current, one key", allocs: 2, bytes: 400, do: verifies(one, current, nil)},
		{name: "current, by three keys", allocs: 2, bytes: 400, do: verifies(three, byThree, nil)},
		{name: "previous", allocs: 2, bytes: 400, do: verifies(three, previous, nil)},
		{name: "cached revocation", allocs: 2, bytes: 400, do: verifies(stored, storedToken, nil)},
		{name: "co-signature", allocs: 2, bytes: 400, do: verifies(three, cosigned, nil)},
		{name: "forged", do: verifies(three, forged, session.ErrInvalid)},
		{name: "garbage", do: verifies(three, strings.Repeat("x", len(current)), session.ErrInvalid)},
		{name: "garbage with dots", do: verifies(three, strings.Repeat("x.y", 100), session.ErrInvalid)},
		{name: "three parts of garbage", do: verifies(three, "x"+current, session.ErrInvalid)},
		{name: "foreign header", do: verifies(three, foreign, session.ErrInvalid)},
		{name: "no kid", do: verifies(three, flask, session.ErrInvalid)},
		{name: "legacy, three wrong", do: verifies(managerOf(b, "v3 v2 v1", named, legacy), flask[:len(flask)-4]+"AAAA", session.ErrInvalid)},
		{name: "legacy, one wrong", do: verifies(managerOf(b, "v3", named, legacy), flask[:len(flask)-4]+"AAAA", session.ErrInvalid)},
		{name: "EdDSA", allocs: 2, bytes: 400, do: verifies(ed, edToken, nil)},
		{name: "EdDSA, remembered", do: verifies(remembers, edToken, nil)},
		{name: "issue, one key", allocs: 2, bytes: 976, do: issues(b, one, nil)},
		{name: "issue, three keys", allocs: 2, bytes: 1104, do: issues(b, three, nil)},
		{name: "issue, claims of a struct", allocs: 3, bytes: 1152, do: issues(b, one, &appClaims{"acme", []string{"admin", "editor"}})},
		{name: "issue, claims of a map", allocs: 3, bytes: 1168, do: issues(b, one, usual.Claims)},
		{name: "purpose, one key", allocs: 1, bytes: 384, do: purposes(b, one)},
		{name: "purpose, three keys", allocs: 1, bytes: 480, do: purposes(b, three)},
		{name: "middleware", allocs: 5, bytes: 800, do: requests(b, stored, storedToken)},
	}
}

func issues(b testing.TB, m *session.Manager, claims any) func() {
	g, ctx := session.Grant{Subject: "user-0123456789", Claims: claims}, b.Context()
	return func() {
		if _, err := m.Issue(ctx, g); err != nil {
			b.Fatal(err)
		}
	}
}

func purposes(b testing.TB, m *session.Manager) func() {
	p, ctx := m.Purpose("reset", time.Hour), context.WithoutCancel(b.Context())
	return func() {
		if _, err := p.Issue(ctx, "user-0123456789", nil); err != nil {
			b.Fatal(err)
		}
	}
}

// requests is the way of a request through Require, by cookie.
func requests(b testing.TB, m *session.Manager, token string) func() {
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(&http.Cookie{Name: "theme", Value: "dark"})
	r.AddCookie(&http.Cookie{Name: "__Host-access", Value: token})
	n, w := 0, blank{http.Header{}}
	h := m.Require(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { n += len(session.FromContext(r.Context()).Subject) }))
	return func() {
		clear(w.header)
		h.ServeHTTP(w, r)
	}
}

// blank is a ResponseWriter that writes nowhere.
type blank struct{ header http.Header }

func (w blank) Header() http.Header         { return w.header }
func (w blank) Write(p []byte) (int, error) { return len(p), nil }
func (w blank) WriteHeader(int)             {}

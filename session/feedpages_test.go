package session_test

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// crowdOf appends n endings to a feed and returns the ids of their sessions.
func crowdOf(t testing.TB, s *memstore.Store, name string, n int) (ids []string) {
	t.Helper()
	until := time.Now().Add(16 * time.Minute)
	for i := range n {
		id := fmt.Sprintf("%s-%020d", name, i)
		entry := fmt.Sprintf(`{"s":%q,"u":%d}`, id, until.Unix())
		if ok, err := s.SwapAppend(t.Context(), id, nil, []byte("x"), "", "", until, []byte(entry), until); !ok || err != nil {
			t.Fatal(ok, err)
		}
		ids = append(ids, id)
	}
	return ids
}

// readAll follows the feed from a place to its end and returns the ids, and how many
// pages they took.
func readAll(t testing.TB, handle http.HandlerFunc, secret, after string) (ids map[string]bool, pages int, last string) {
	t.Helper()
	ids = map[string]bool{}
	for more := true; more; {
		r := request("/?after="+after, "Authorization: Bearer "+secret)
		res := serve(handle, r)
		body, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != 200 || len(body) > 1<<20+1<<12 {
			t.Fatal(res.StatusCode, len(body), err)
		}
		var p struct {
			Entries []struct{ S string }
			After   string
			More    bool
		}
		if err := json.Unmarshal(body, &p); err != nil {
			t.Fatal(err)
		}
		for _, e := range p.Entries {
			ids[e.S] = true
		}
		if pages++; pages > 50 {
			t.Fatal("the pages have no end")
		}
		after, more = p.After, p.More
	}
	return ids, pages, after
}

// sistersOf returns two instances on one store, which serve short pages.
func sistersOf(t *testing.T, s session.Store, secret string) (a, b *session.Manager) {
	t.Helper()
	a, keys := issuerOf(t, s, secret)
	b = sisterOf(t, keys, s, secret)
	session.ServePages(a, 30_000)
	session.ServePages(b, 30_000)
	return a, b
}

// What is long comes in pages. They can be read at different instances,
// in the midst of which more sessions end, and none is missed.
func TestFeedPages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, secret := new(memstore.Store), feedSecret()
		a, b := sistersOf(t, s, secret)
		ids, turn := crowdOf(t, s, "m", 2_000), 0
		readAll(t, b.ServeRevocations, secret, "") // so that b has an older reading in memory
		ids = append(ids, crowdOf(t, s, "n", 800)...)
		handle := func(w http.ResponseWriter, r *http.Request) {
			[]*session.Manager{a, b}[turn%2].ServeRevocations(w, r)
			turn++
			for _, name := range []string{"a", "m1", "z"} { // before, among and behind the others
				ids = append(ids, crowdOf(t, s, fmt.Sprint(name, turn), 1)...)
			}
		}
		got, pages, last := readAll(t, handle, secret, "")
		more, few, _ := readAll(t, a.ServeRevocations, secret, last)
		for _, id := range ids {
			if !got[id] && !more[id] {
				t.Fatalf("%s is missing", id)
			}
		}
		if pages < 4 || few != 1 || len(more) > 20 {
			t.Errorf("got %d pages, and then %d with %d entries; want 4 or more, and the last ones", pages, few, len(more))
		}
		if _, n, _ := readAll(t, a.ServeRevocations, secret, "bm9uZQ"); n < 3 {
			t.Errorf("an unknown place: got %d pages, want all", n)
		}
	})
}

// A page holds one entry at least, and the next begins behind it.
func TestFeedShortPages(t *testing.T) {
	t.Parallel()
	s, secret := new(memstore.Store), feedSecret()
	m, _ := issuerOf(t, s, secret)
	session.ServePages(m, 1)
	crowdOf(t, s, "m", 5)
	if got, pages, _ := readAll(t, m.ServeRevocations, secret, ""); len(got) != 5 || pages > 6 {
		t.Errorf("got %d entries in %d pages, want one in each", len(got), pages)
	}
}

// lone counts how often all of a feed is read, also by a cursor of a store before it.
type lone struct {
	memstore.Store
	all atomic.Int64
}

func (s *lone) After(ctx context.Context, cursor string) ([][]byte, string, error) {
	if cursor == "" || cursor == "before" {
		s.all.Add(1)
		time.Sleep(100 * time.Millisecond)
	}
	return s.Store.After(ctx, cursor)
}

// before is a place behind the cursor "before".
var before = base64.RawURLEncoding.EncodeToString([]byte(`{"c":"YmVmb3Jl"}`))

// Many services that start at once cost the store one reading, and those that come from
// a store that was restarted four at most. Each has it all.
func TestFeedStartedTogether(t *testing.T) {
	t.Parallel()
	if session.ReadPlace(before) != before {
		t.Fatal("this is no place")
	}
	startedTogether(t, "", 1)
	startedTogether(t, before, 4)
}

// startedTogether has 20 services read from a place, which reads the store so often at most.
func startedTogether(t *testing.T, place string, most int64) {
	synctest.Test(t, func(t *testing.T) {
		s, secret := new(lone), feedSecret()
		m, _ := issuerOf(t, s, secret)
		session.ServePages(m, 20_000)
		ids := crowdOf(t, &s.Store, "m", 1_000)
		for range 20 {
			go func() {
				if got, _, _ := readAll(t, m.ServeRevocations, secret, place); len(got) != len(ids) {
					t.Errorf("got %d, want %d", len(got), len(ids))
				}
			}()
		}
		synctest.Wait()
		time.Sleep(time.Minute)
		if n := s.all.Load(); n < 1 || n > most {
			t.Errorf("the store was read %d times, want %d at most", n, most)
		}
	})
}

// pageAt returns where the page at a place leads to, and whether at once.
func pageAt(t *testing.T, m *session.Manager, secret, at string) (after string, more bool) {
	t.Helper()
	var p struct {
		After string
		More  bool
	}
	body := bodyOf(t, serve(http.HandlerFunc(m.ServeRevocations), request("/?after="+at, "Authorization: Bearer "+secret)))
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		t.Fatal(err)
	}
	return p.After, p.More
}

// A long reading is kept in memory for ten seconds for those who start, for a minute for
// those who are on the way through it, and then not at all, since it is long. A later
// one has its own minute.
func TestFeedKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, secret := new(lone), feedSecret()
		m, _ := issuerOf(t, s, secret)
		session.ServePages(m, 30_000)
		crowdOf(t, &s.Store, "m", 2_000)
		begun, second := time.Now(), ""
		for _, c := range []struct {
			at    time.Duration
			start bool // else it goes on
			want  int64
		}{
			{0, true, 1}, {9 * time.Second, true, 1}, {50 * time.Second, true, 2},
			{70 * time.Second, false, 2}, {108 * time.Second, false, 2}, {112 * time.Second, false, 3},
		} {
			time.Sleep(c.at - time.Since(begun))
			place := second
			if c.start {
				place = ""
			}
			after, more := pageAt(t, m, secret, place)
			if second = cmp.Or(second, after); !more {
				t.Fatal("this is all of it")
			}
			if n := s.all.Load(); n != c.want {
				t.Errorf("after %v: the store was read %d times, want %d", c.at, n, c.want)
			}
		}
	})
}

// Behind the last page of several there may be more, since the store was read before the
// first: it is asked at once, at the same instance or at another.
func TestFeedLastPage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, secret := new(memstore.Store), feedSecret()
		a, b := sistersOf(t, s, secret)
		crowdOf(t, s, "m", 1_000)
		for i, m := range []*session.Manager{a, b} {
			second, more := pageAt(t, a, secret, "")
			if !more {
				t.Fatal("this is all of it")
			}
			late := crowdOf(t, s, fmt.Sprint("a", i), 1)[0] // before all others
			if got, _, _ := readAll(t, m.ServeRevocations, secret, second); !got[late] {
				t.Error("what ended in the midst is missing")
			}
		}
	})
}

// Four readings of what is new go on at once: one that takes long holds up no other, and
// many do not take all there is of a store.
func TestFeedNews(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, secret := new(lone), feedSecret()
		m, _ := issuerOf(t, s, secret)
		if after, _ := pageAt(t, m, secret, ""); after == session.ReadPlace("") {
			t.Error("behind nothing is the start, from where one reads at a time")
		}
		begun := time.Now()
		var crew sync.WaitGroup
		for range 8 {
			crew.Go(func() { readAll(t, m.ServeRevocations, secret, before) })
		}
		crew.Wait()
		if took := time.Since(begun); took != 200*time.Millisecond {
			t.Errorf("eight took %v, want two rounds of 100 ms", took)
		}
	})
}

// held is a store of which the cursor stays for a while though there are entries behind
// it, as that of PostgreSQL does while a transaction is open.
type held struct {
	memstore.Store
	next atomic.Pointer[string]
}

func (s *held) After(ctx context.Context, cursor string) ([][]byte, string, error) {
	entries, next, err := s.Store.After(ctx, cursor)
	s.next.CompareAndSwap(nil, &next)
	return entries, *s.next.Load(), err
}

// Pages behind a cursor that stays lead in no circle, and what ends meanwhile is heard of
// as soon as ever.
func TestFeedHeld(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, secret, x := new(held), feedSecret(), new(wire)
		m, keys := issuerOf(t, s, secret)
		session.ServePages(m, 30_000)
		x.to(m.ServeRevocations)
		there := readerOf(t, keys, secret, x)
		defer running(t, there)()
		tokens := issue(t, m, alice)
		verify(t, there, tokens.AccessToken)
		crowdOf(t, &s.Store, "m", 1_000)
		for range 10 {
			gone := issue(t, m, alice)
			revoke(t, m, sidOf(t, m, gone))
			time.Sleep(2*time.Second + time.Nanosecond)
			refused(t, there, gone.AccessToken, session.ErrRevoked)
			verify(t, there, tokens.AccessToken)
		}
	})
}

// A service with much to read, of which it is cut off in the midst, goes on there.
func TestFeedGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, secret, x := new(memstore.Store), feedSecret(), new(wire)
		m, keys := issuerOf(t, s, secret)
		session.ServePages(m, 20_000)
		crowdOf(t, s, "!", 1_000) // before all others
		tokens := issue(t, m, alice)
		revoke(t, m, sidOf(t, m, tokens))
		n := 0
		x.to(func(w http.ResponseWriter, r *http.Request) {
			if n++; n%2 == 0 {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			m.ServeRevocations(w, r)
		})
		there := readerOf(t, keys, secret, x)
		defer running(t, there)()
		time.Sleep(5 * time.Second)
		refused(t, there, tokens.AccessToken, session.ErrRevoked)
		if x.bytes.Load() > 70_000 {
			t.Errorf("got %d bytes, want each page once", x.bytes.Load())
		}
	})
}

package session_test

import (
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sessionring/sessionring/session"
)

// Scenario 12: a hundred goroutines issue, check and refresh while the ring is
// swapped under them. No token is refused, because every ring shares a key with
// those before and behind it.
func TestSwapUnderTraffic(t *testing.T) {
	t.Parallel()
	s, keys := follow(t, "v1")
	m := managerOf(t, "v1", withCookies, func(cfg *session.Config) { cfg.Keys = keys })
	p := m.Purpose("reset", time.Hour)
	stop := make(chan struct{})
	var traffic, swaps sync.WaitGroup
	swaps.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			s.set(keysOf(t, []string{"v2 v1", "v1 v2", "v3 v2 v1 +v9", "v1", "!v2 v1 +v9", "v3 v1"}[i%6]))
			if err := keys.Reload(t.Context()); err != nil {
				t.Errorf("got %v, want every ring to be good", err)
			}
			if i < 100 {
				m.Observe(session.Hooks{})
			}
		}
	})
	for range 100 {
		traffic.Go(func() {
			tokens, err := m.Issue(t.Context(), alice)
			for i := 0; i < 20 && err == nil; i++ {
				if _, err = m.Verify(t.Context(), tokens.AccessToken); err != nil {
					break
				}
				r := request("/", cookieLine(accessCookie, tokens.AccessToken, refreshCookie, tokens.RefreshToken))
				m.Require(hello).ServeHTTP(httptest.NewRecorder(), r)
				link, linkErr := p.Issue(t.Context(), "alice", nil)
				if linkErr == nil {
					_, linkErr = p.Verify(t.Context(), link)
				}
				if linkErr != nil {
					t.Errorf("got %v for a purpose token, want it good under every ring", linkErr)
				}
				tokens, err = m.Refresh(t.Context(), tokens.RefreshToken)
			}
			if err != nil {
				t.Errorf("got %v under traffic, want every token good under every ring", err)
			}
		})
	}
	traffic.Wait()
	close(stop)
	swaps.Wait()
}

// The promise: sessions and purpose tokens of one Manager are good at another
// exactly if their rings share a live key, and after a refresh there they are good
// wherever a key of that ring is live.
func TestSharedKeyProperty(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		issuer, refresher, reader := randomRing(random), randomRing(random), randomRing(random)
		m := managerOf(t, issuer.words)
		tokens := issue(t, m, alice)
		link := issueFor(t, m.Purpose("p", time.Hour), "alice", nil)
		at := managerOf(t, refresher.words)
		want := issuer.shares(refresher)
		_, err := at.Verify(t.Context(), tokens.AccessToken)
		_, linkErr := at.Purpose("p", time.Hour).Verify(t.Context(), link)
		next, refreshErr := at.Refresh(t.Context(), tokens.RefreshToken)
		if (err == nil) != want || (linkErr == nil) != want || (refreshErr == nil) != want {
			t.Fatalf("%q issued, %q reads: got %v, %v and %v, want accepted %t", issuer.words, refresher.words, err, linkErr, refreshErr, want)
		}
		for _, e := range []error{err, linkErr, refreshErr} {
			if word := session.Reason(e); e != nil && word != "unknown_key" && word != "revoked" {
				t.Fatalf("%q issued, %q reads: got %q, want unknown_key or revoked", issuer.words, refresher.words, word)
			}
		}
		if refreshErr != nil {
			continue
		}
		_, err = managerOf(t, reader.words).Verify(t.Context(), next.AccessToken)
		if want := refresher.shares(reader); (err == nil) != want {
			t.Fatalf("%q refreshed, %q reads: got %v, want accepted %t", refresher.words, reader.words, err, want)
		}
	}
}

// ring is a ring by words, and the tags of its live keys.
type ring struct {
	words string
	live  map[string]bool
}

// randomRing returns up to four keys of seven, the first live and no spare, as
// many as vouch for one token.
func randomRing(random *rand.Rand) ring {
	r := ring{live: map[string]bool{}}
	var words []string
	for i, n := range random.Perm(7)[:1+random.IntN(4)] {
		tag, sign := fmt.Sprintf("v%d", n), ""
		if i > 0 {
			sign = []string{"", "", "", "+", "!", "?"}[random.IntN(6)]
		}
		r.live[tag] = sign == "" || sign == "+"
		words = append(words, sign+tag)
	}
	r.words = strings.Join(words, " ")
	return r
}

// shares reports whether a key is live in both.
func (r ring) shares(other ring) bool {
	for tag, live := range r.live {
		if live && other.live[tag] {
			return true
		}
	}
	return false
}

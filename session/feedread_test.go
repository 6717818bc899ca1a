package session_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// slowly answers as m does, after a time.
func slowly(m *session.Manager, takes time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(takes)
		m.ServeRevocations(w, r)
	}
}

// hangs does not answer.
func hangs(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// takeTurns has handlers answer one after the other, again and again.
func takeTurns(of ...http.HandlerFunc) http.HandlerFunc {
	var n atomic.Int64 // a handler goes on for a moment when the question is given up
	return func(w http.ResponseWriter, r *http.Request) { of[(n.Add(1)-1)%int64(len(of))](w, r) }
}

// While nothing worse happens than that an answer fails now and then, or takes long for
// the lag, checks go on: there is time for another question before the view is too old.
func TestFeedWaits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lag, open time.Duration
		by        func(m *session.Manager) http.HandlerFunc
		quiet     bool // nothing has failed
	}{
		"one hangs, the next is slow": {20 * time.Second, 0, func(m *session.Manager) http.HandlerFunc {
			return takeTurns(hangs, slowly(m, 25*time.Second))
		}, false},
		"some fail, some hang": {2 * time.Second, 0, func(m *session.Manager) http.HandlerFunc {
			good := http.HandlerFunc(m.ServeRevocations)
			return takeTurns(good, good, good, says(strings.Repeat(" ", 2<<20+1)), hangs)
		}, false},
		"slow for a short lag": {100 * time.Millisecond, time.Minute, func(m *session.Manager) http.HandlerFunc {
			return slowly(m, 1900*time.Millisecond)
		}, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			secret, x, log := feedSecret(), new(wire), new(logBook)
			m, keys := issuerOf(t, new(memstore.Store), secret)
			x.to(m.ServeRevocations)
			there := readerOf(t, keys, secret, x, func(cfg *session.Config) {
				cfg.RevocationLag, cfg.FailOpenFor, cfg.Logger = c.lag, c.open, log.logger()
			})
			tokens := issue(t, m, alice)
			verify(t, there, tokens.AccessToken)
			x.to(c.by(m))
			stop := running(t, there)
			defer func() { stop(); time.Sleep(time.Minute) }() // until the last question is over
			for begun := time.Now(); time.Since(begun) < max(time.Minute, 12*c.lag); time.Sleep(time.Second) {
				if got := reason(t, there, tokens.AccessToken); got != "ok" {
					t.Fatalf("%s: got %q after %v, want ok throughout", name, got, time.Since(begun))
				}
			}
			if failed := log.records(t, "revocation feed failed"); c.quiet && len(failed) > 0 {
				t.Errorf("%s: logged %v, want nothing", name, failed)
			}
		})
	}
}

// The secret that was accepted last is tried first: the others are not refused, and the
// refusals logged, at every question.
func TestFeedSecretRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		secret, x, refusals := feedSecret(), new(wire), 0
		m, keys := issuerOf(t, new(memstore.Store), secret)
		x.to(func(w http.ResponseWriter, r *http.Request) {
			m.ServeRevocations(w, r)
			if w.(*httptest.ResponseRecorder).Code == http.StatusUnauthorized {
				refusals++
			}
		})
		there := readerOf(t, keys, feedSecret()+","+secret, x)
		defer running(t, there)()
		tokens := issue(t, m, alice)
		time.Sleep(10 * time.Second)
		verify(t, there, tokens.AccessToken)
		if n := x.asked.Load(); refusals != 1 || n < 5 {
			t.Errorf("refused %d times of %d, want once", refusals, n)
		}
	})
}

// An ETag is sent back, unless it is longer than any that we give.
func TestFeedLongETag(t *testing.T) {
	t.Parallel()
	for size, kept := range map[int]bool{256: true, 257: false} {
		synctest.Test(t, func(t *testing.T) {
			secret, x, sent := feedSecret(), new(wire), ""
			_, keys := issuerOf(t, new(memstore.Store), secret)
			tag := `"` + strings.Repeat("x", size-2) + `"`
			x.to(func(w http.ResponseWriter, r *http.Request) {
				sent = r.Header.Get("If-None-Match")
				w.Header().Set("ETag", tag)
				io.WriteString(w, `{"entries":[],"after":"e30","more":false}`)
			})
			defer running(t, readerOf(t, keys, secret, x))()
			time.Sleep(10 * time.Second)
			synctest.Wait()
			if n := x.asked.Load(); (sent == tag) != kept || !kept && sent != "" || n < 5 {
				t.Errorf("%d characters: got back %d of them at question %d, want them: %t", size, len(sent), n, kept)
			}
		})
	}
}

package session_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// says answers with a text.
func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) }
}

// status answers with a status, and a page that is good.
func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		io.WriteString(w, `{"entries":[],"after":"e30","more":false}`)
	}
}

// endless answers with page after page, each of one session that ends.
func endless() http.HandlerFunc {
	n := 0
	return func(w http.ResponseWriter, _ *http.Request) {
		n++
		fmt.Fprintf(w, `{"entries":[{"s":"x","u":1}],"after":"%d","more":true}`, n)
	}
}

// hostile are answers that are none, and what the log says of each.
var hostile = map[string]struct {
	handle http.HandlerFunc
	want   string
}{
	"HTML":             {says("<html><body>Please sign in</body></html>"), "answered with something else"},
	"nothing":          {says(""), "answered with something else"},
	"null":             {says("null"), "answered with something else"},
	"an empty object":  {says("{}"), "answered with something else"},
	"no place":         {says(`{"entries":[],"after":"","more":false}`), "answered with something else"},
	"no entries":       {says(`{"after":"e30","more":false}`), "answered with something else"},
	"no more":          {says(`{"entries":[],"after":"e30"}`), "answered with something else"},
	"null entries":     {says(`{"entries":null,"after":"e30","more":false}`), "answered with something else"},
	"a null entry":     {says(`{"entries":[null],"after":"e30","more":false}`), "answered with something else"},
	"a strange entry":  {says(`{"entries":[{"x":1}],"after":"e30","more":false}`), "answered with something else"},
	"a text entry":     {says(`{"entries":["x"],"after":"e30","more":false}`), "answered with something else"},
	"far in the past":  {says(`{"entries":[{"s":"x","u":-1}],"after":"e30","more":false}`), "answered with something else"},
	"far ahead":        {says(`{"entries":[{"b":99999999999999,"u":1}],"after":"e30","more":false}`), "answered with something else"},
	"twice a name":     {says(`{"entries":[],"entries":[],"after":"e30","more":false}`), "answered with something else"},
	"one name more":    {says(`{"entries":[],"after":"e30","more":false,"x":1}`), "answered with something else"},
	"something behind": {says(`{"entries":[],"after":"e30","more":false}{}`), "answered with something else"},
	"a long place":     {says(`{"entries":[],"after":"` + strings.Repeat("a", 20_000) + `","more":false}`), "answered with something else"},
	"10 MB":            {says(`{"entries":[],"after":"e30","more":false}` + strings.Repeat(" ", 10<<20)), "answered with more than 2097152 bytes"},
	"no end":           {endless(), "has more, which is read next time"},
	"in a circle":      {says(`{"entries":[],"after":"e30","more":true}`), "leads nowhere"},
	"a redirect":       {http.RedirectHandler("https://evil.example.com/", http.StatusFound).ServeHTTP, "answered with status 302"},
	"500":              {status(500), "answered with status 500"},
	"204":              {status(204), "answered with status 204"},
	"404":              {status(404), "answered with status 404: give the address of ServeRevocations"},
	"403":              {status(403), "answered with status 403"},
	"wrong secret":     {status(401), "refuses Config.Revocations.Secret: give both services the same"},
	"hangs":            {hangs, "cannot be fetched: context deadline exceeded"},
}

// Whatever comes instead of the feed, it brings back no session that has ended, and it
// does not pass for news: once the view is too old, checks are 503. When the feed is
// there again, so is everything.
func TestFeedHostile(t *testing.T) {
	t.Parallel()
	for name, c := range hostile {
		synctest.Test(t, func(t *testing.T) {
			secret, x, log := feedSecret(), new(wire), new(logBook)
			m, keys := issuerOf(t, new(memstore.Store), secret)
			x.to(m.ServeRevocations)
			there := readerOf(t, keys, secret, x, func(cfg *session.Config) { cfg.Logger = log.logger() })
			defer running(t, there)()
			tokens, gone, late := issue(t, m, alice), issue(t, m, alice), issue(t, m, alice)
			revoke(t, m, sidOf(t, m, gone))
			time.Sleep(2 * time.Second)
			refused(t, there, gone.AccessToken, session.ErrRevoked)
			x.to(c.handle)
			revoke(t, m, sidOf(t, m, late))
			for begun := time.Now(); time.Since(begun) < 25*time.Second; time.Sleep(time.Second) {
				refused(t, there, gone.AccessToken, session.ErrRevoked)
				want, at := "ok", time.Since(begun)
				if at > 10*time.Second {
					want = "unavailable"
				}
				if got := reason(t, there, tokens.AccessToken); got != want && (at < 7*time.Second || at > 10*time.Second) {
					t.Errorf("%s, after %v: got %q, want %q", name, at, got, want)
				}
			}
			x.to(m.ServeRevocations)
			time.Sleep(17 * time.Second)
			verify(t, there, tokens.AccessToken)
			refused(t, there, gone.AccessToken, session.ErrRevoked)
			refused(t, there, late.AccessToken, session.ErrRevoked)
			failed := log.records(t, "revocation feed failed")
			if len(failed) != 1 || !strings.Contains(fmt.Sprint(failed[0]["error"]), c.want) || len(log.String()) > 2000 {
				t.Errorf("%s: logged %v, want %q once", name, failed, c.want)
			}
			if text := log.String(); strings.Contains(text, secret) {
				t.Errorf("%s: the secret is logged: %s", name, text)
			}
		})
	}
}

// An answer that is well formed and tells of nothing, or of an earlier place, or that an
// end does not last, takes back no end of which a service has heard.
func TestFeedTakesNothingBack(t *testing.T) {
	t.Parallel()
	for _, lie := range []string{
		`{"entries":[],"after":"e30","more":false}`, // the start
		`{"entries":[],"after":"eyJjIjoiTVE9PSJ9","more":false}`,
		`{"entries":[{"s":"SID","u":0}],"after":"e30","more":false}`,
		`{"entries":[{"s":"SID","u":1},{"b":1,"u":1}],"after":"e30","more":false}`,
	} {
		synctest.Test(t, func(t *testing.T) {
			secret, x := feedSecret(), new(wire)
			m, keys := issuerOf(t, new(memstore.Store), secret)
			x.to(m.ServeRevocations)
			there := readerOf(t, keys, secret, x)
			defer running(t, there)()
			gone := issue(t, m, alice)
			sid := sidOf(t, m, gone)
			revoke(t, m, sid)
			refused(t, there, gone.AccessToken, session.ErrRevoked)
			x.to(says(strings.ReplaceAll(lie, "SID", sid)))
			for range 15 {
				time.Sleep(time.Minute)
				refused(t, there, gone.AccessToken, session.ErrRevoked)
			}
			x.to(m.ServeRevocations)
			late := issue(t, m, alice)
			revoke(t, m, sidOf(t, m, late))
			time.Sleep(2 * time.Second)
			refused(t, there, late.AccessToken, session.ErrRevoked)
		})
	}
}

// The ends are kept as long as a token is taken here, though the issuer, with a shorter
// leeway, forgets them earlier.
func TestFeedKeptForLeeway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		secret, x := feedSecret(), new(wire)
		m, keys := issuerOf(t, new(memstore.Store), secret)
		x.to(m.ServeRevocations)
		there := readerOf(t, keys, secret, x, func(cfg *session.Config) { cfg.Leeway = 10 * time.Minute })
		defer running(t, there)()
		gone := issue(t, m, alice)
		revoke(t, m, sidOf(t, m, gone))
		for range 25*4 - 1 {
			time.Sleep(15 * time.Second)
			if got := reason(t, there, gone.AccessToken); got != "revoked" {
				t.Fatalf("got %q, want revoked until the token is refused as expired", got)
			}
		}
		time.Sleep(15 * time.Second)
		refused(t, there, gone.AccessToken, session.ErrExpired)
	})
}

// A new secret comes to the services in any order, and goes; the feed is never refused.
func TestFeedSecretRotates(t *testing.T) {
	t.Parallel()
	old, next := feedSecret(), feedSecret()
	both := next + "," + old
	for _, issuerFirst := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			s, x, log := new(memstore.Store), new(wire), new(logBook)
			m, keys := issuerOf(t, s, old)
			x.to(m.ServeRevocations)
			logging := func(cfg *session.Config) { cfg.Logger = log.logger() }
			there := readerOf(t, keys, old, x, logging)
			step := func(issuer, reader string) {
				t.Helper()
				if issuer != "" {
					m = sisterOf(t, keys, s, issuer)
					x.to(m.ServeRevocations)
				}
				if reader != "" {
					there = readerOf(t, keys, reader, x, logging)
				}
				for range 3 {
					tokens := issue(t, m, alice)
					verify(t, there, tokens.AccessToken)
					revoke(t, m, sidOf(t, m, tokens))
					time.Sleep(2*time.Second + time.Nanosecond)
					refused(t, there, tokens.AccessToken, session.ErrRevoked)
				}
			}
			step("", "")
			if issuerFirst {
				step(both, "")
				step("", both)
				step(next, "")
				step("", next)
			} else {
				step("", both)
				step(both, "")
				step("", next)
				step(next, "")
			}
			if failed := log.records(t, "revocation feed failed"); len(failed) > 0 {
				t.Errorf("logged %v, want nothing", failed)
			}
		})
	}
}

// An answer that nothing is new, to a question that did not say since when, is none.
func TestFeedUnchangedUnasked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		secret, x := feedSecret(), new(wire)
		m, keys := issuerOf(t, new(memstore.Store), secret)
		x.to(status(http.StatusNotModified))
		refused(t, readerOf(t, keys, secret, x), issue(t, m, alice).AccessToken, session.ErrUnavailable)
	})
}

// FuzzFeed reads an answer of the feed. What is taken is written and read again alike,
// and never without a place to go on.
func FuzzFeed(f *testing.F) {
	f.Add([]byte(`{"entries":[{"s":"AAECAwQFBgcICQoLDA0ODw","u":1764112345},{"b":1764112345,"u":1764112345}],"after":"eyJjIjoiTVE9PSJ9","more":true}`))
	for _, c := range hostile {
		w := httptest.NewRecorder()
		if r := request("/"); w.Code == 200 && c.want == "answered with something else" {
			c.handle(w, r)
			f.Add(w.Body.Bytes())
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		once, err := session.ReadPage(data)
		if err != nil {
			return
		}
		twice, err := session.ReadPage(once)
		if err != nil || !bytes.Equal(once, twice) || bytes.Contains(once, []byte(`"after":""`)) {
			t.Errorf("got %s, then %s, %v", once, twice, err)
		}
	})
}

// FuzzPlace reads where a service left off. A text that is not exactly a place, or a
// longer one than any that is read in an answer, is the start.
func FuzzPlace(f *testing.F) {
	for _, text := range []string{"", "e30", "eyJjIjoiTVE9PSJ9", "eyJjIjoiTVE9PSIsImwiOiJNUT09IiwibiI6Ik1RPT0ifQ", "eyJjIjoiTVE9PSJ9=", "eyJ4IjoxfQ", "\x00"} {
		f.Add(text)
	}
	for _, place := range []string{`{"C":"MQ=="}`, `{"c":"MQ==" }`, `{"c":"MQ==","x":1}`, `{"c":"MQ==","l":""}`, `{"c":"` + strings.Repeat("MTEx", 4_000) + `"}`} {
		f.Add(base64.RawURLEncoding.EncodeToString([]byte(place)))
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got := session.ReadPlace(text); got != text && got != "e30" || len(got) > 16<<10 {
			t.Errorf("got %q from %q", got, text)
		}
	})
}

package session_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// ask asks m for the feed behind a place.
func ask(b testing.TB, m *session.Manager, secret, after string, headers ...string) (p struct {
	Entries []json.RawMessage
	After   string
}, tag string) {
	w := httptest.NewRecorder()
	m.ServeRevocations(w, request("/?after="+after, append(headers, "Authorization: Bearer "+secret)...))
	if w.Code == http.StatusOK {
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
			b.Fatal(err)
		}
	}
	return p, w.Header().Get("ETag")
}

// BenchmarkFeed is one question of a service that only verifies, while 160,000 ended
// sessions are known, as after a quarter of an hour of 10,000 a minute: that nothing is
// new, the 150 that ended within a second, and all, in pages, at its start.
func BenchmarkFeed(b *testing.B) {
	s, secret := new(memstore.Store), feedSecret()
	m, _ := issuerOf(b, s, secret)
	crowdOf(b, s, "m", 160_000)
	_, _, last := readAll(b, m.ServeRevocations, secret, "")
	b.Run("unchanged", func(b *testing.B) {
		p, tag := ask(b, m, secret, last)
		for b.Loop() {
			if _, again := ask(b, m, secret, p.After, "If-None-Match: "+tag); again != tag {
				b.Fatal("something is new")
			}
		}
	})
	b.Run("150", func(b *testing.B) {
		crowdOf(b, s, "n", 150)
		for b.Loop() {
			if p, _ := ask(b, m, secret, last); len(p.Entries) != 150 {
				b.Fatal(len(p.Entries))
			}
		}
	})
	b.Run("all", func(b *testing.B) {
		for b.Loop() {
			m := sisterOf(b, ringOf(b, "v1"), s, secret)
			if all, _, _ := readAll(b, m.ServeRevocations, secret, ""); len(all) < 160_000 {
				b.Fatal(len(all))
			}
		}
	})
}

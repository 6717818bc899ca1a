package session_test

import (
	"testing"

	"github.com/sessionring/sessionring/internal/race"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// Cached revocation adds no allocation to a check.
func TestCachedAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("under the race detector a pool gives back less than was put into it")
	}
	allocs := func(m *session.Manager) float64 {
		token := issue(t, m, alice).AccessToken
		return testing.AllocsPerRun(200, func() {
			if _, err := m.Verify(t.Context(), token); err != nil {
				t.Fatal(err)
			}
		})
	}
	without, with := allocs(managerOf(t, "v1")), allocs(managerOn(t, new(memstore.Store)))
	t.Logf("without: %v, with: %v", without, with)
	if with > without {
		t.Errorf("got %v allocations with Cached, want %v as without", with, without)
	}
}

// BenchmarkVerify is a check, without a store and with each way of revocation.
func BenchmarkVerify(b *testing.B) {
	on := func(edit func(*session.Config)) *session.Manager { return managerOn(b, new(memstore.Store), edit) }
	for _, c := range []struct {
		name string
		m    *session.Manager
	}{{"store=none", managerOf(b, "v1")}, {"cached", on(noStore)}, {"strict", on(strictly)}, {"off", on(notAtAll)}} {
		token := issue(b, c.m, alice).AccessToken
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.m.Verify(b.Context(), token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkStoredRefresh is a refresh: one that moves on, and one inside the grace.
func BenchmarkStoredRefresh(b *testing.B) {
	m := managerOn(b, new(memstore.Store))
	tokens := issue(b, m, alice)
	b.ReportAllocs()
	for b.Loop() {
		refresh(b, m, tokens)
	}
}

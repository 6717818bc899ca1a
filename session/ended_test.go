package session_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// A session that began without a store and has ended stays so, whatever an instance
// without a store makes of a copy of its tokens, as long as such are adopted.
func TestEndedIsNotAdoptedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stateless := managerOf(t, "v1")
		m := managerOn(t, new(memstore.Store), func(cfg *session.Config) { cfg.AdoptUntil = time.Now().Add(60 * day) })
		stolen := issue(t, stateless, alice)
		own := refresh(t, m, stolen)
		revoke(t, m, sidOf(t, m, own))
		for range 5 {
			time.Sleep(5 * day)
			stolen = refresh(t, stateless, stolen)
			notRefreshed(t, m, stolen, session.ErrRevoked)
		}
	})
}

// A session that was ended is not good again in the leeway after its absolute end.
func TestEndedAtItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := managerOn(t, new(memstore.Store), strictly, func(cfg *session.Config) { cfg.AdoptUntil = time.Now().Add(60 * day) })
		tokens := issue(t, m, session.Grant{Subject: "alice", MaxAge: 10 * time.Minute})
		revoke(t, m, sidOf(t, m, tokens))
		for range 40 {
			time.Sleep(15 * time.Second)
			if got := reason(t, m, tokens.AccessToken); got != "revoked" {
				t.Fatalf("got %s %v before the end of the token", got, time.Until(tokens.RefreshUntil))
			}
		}
		time.Sleep(30 * time.Second)
		if got := reason(t, m, tokens.AccessToken); got != "revoked" {
			t.Errorf("got %s in the leeway after the end, want revoked", got)
		}
	})
}

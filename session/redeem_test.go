package session_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// Single-use purpose tokens: of many who redeem one at once one does, the second
// time is ErrReused at every instance, and a store that is down uses up nothing.
func TestRedeem(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := new(unsteady)
		here, there := managerOn(t, s).Purpose("reset", time.Hour), managerOn(t, s).Purpose("reset", time.Hour)
		other := managerOn(t, s).Purpose("invite", time.Hour)
		token := issueFor(t, here, "alice", nil)
		_, err := managerOf(t, "v1").Purpose("reset", time.Hour).Redeem(t.Context(), token)
		if err == nil || session.Status(err) != 503 {
			t.Errorf("without a store: got %v, want an error that is no refusal", err)
		}
		s.down.Store(true)
		_, err = here.Redeem(t.Context(), token)
		wantErr(t, err, session.ErrUnavailable)
		s.down.Store(false)
		if _, err := other.Redeem(t.Context(), token); err == nil {
			t.Error("redeemed for another purpose, want it refused")
		}
		var won atomic.Int64
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if c, err := here.Redeem(t.Context(), token); err == nil && c.Subject == "alice" {
					won.Add(1)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Errorf("redeemed %d times, want once", won.Load())
		}
		for range 122 { // for an hour and the leeway, and then it has expired
			c, err := there.Redeem(t.Context(), token)
			if !errors.Is(err, session.ErrReused) && !errors.Is(err, session.ErrExpired) || c != nil {
				t.Fatalf("got %v, want ErrReused", err)
			}
			time.Sleep(30 * time.Second)
		}
	})
}

// ahead is a store whose clock is as far ahead as clocks may be.
type ahead struct{ memstore.Store }

func (s *ahead) Swap(ctx context.Context, id string, old, data []byte, group, label string, expires time.Time) (bool, error) {
	return s.Store.Swap(ctx, id, old, data, group, label, expires.Add(-10*time.Minute))
}

// A token is not redeemed again at an instance whose clock is behind that of the store.
func TestRedeemByASlowClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := managerOn(t, new(ahead)).Purpose("reset", time.Hour)
		token := issueFor(t, p, "alice", nil)
		if _, err := p.Redeem(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		for range 61 {
			if _, err := p.Redeem(t.Context(), token); !errors.Is(err, session.ErrReused) {
				t.Fatalf("got %v, want ErrReused for as long as the token is good", err)
			}
			time.Sleep(time.Minute)
		}
		_, err := p.Redeem(t.Context(), token)
		wantErr(t, err, session.ErrExpired)
	})
}

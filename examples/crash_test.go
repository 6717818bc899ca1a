package examples_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	holders = 40 // who refresh all the time
	leavers = 5  // who sign in and out all the time
	kills   = 3
)

// killed kills the server three times in the middle of 10,000 refreshes, and of
// sign-outs. No session is lost, whatever answers were, and none that had ended
// comes back.
func killed(t *testing.T, store string) {
	h := newHouse(t, on(store, "REFRESH_GRACE=200ms"))
	share := int64(10_000 / (kills + 1))
	if testing.Short() {
		share = 500
	}
	for n := range int64(kills) {
		h.wantAnswered(t, (n+1)*share)
		h.running.Load().kill()
		h.running.Store(start(t, "quickstart", h.env...))
	}
	h.wantAnswered(t, (kills+1)*share)
	h.close()
	h.wantAllAlive(t)
	h.wantAllEnded(t)
	h.bad.report(t)
}

// house is a server that is killed now and then, and the people who use it.
type house struct {
	env     []string
	running atomic.Pointer[process]
	holders []*holder
	bad     problems
	end     context.CancelFunc
	done    atomic.Int64 // refreshes that were answered
	gone    sync.WaitGroup

	mu    sync.Mutex // guards what follows
	ended []tokens   // of sessions whose sign-out was answered
}

// holder is somebody who keeps the newest refresh token that has arrived.
type holder struct {
	*user
	sid  string
	held tokens
	lost int // refreshes that were not answered
}

func newHouse(t *testing.T, env []string) *house {
	ctx, cancel := context.WithCancel(t.Context())
	h := &house{env: env, end: cancel}
	h.running.Store(start(t, "quickstart", env...))
	for i := range holders {
		u := newUser(fmt.Sprint("holder", i))
		held := u.signInBearer(t, h.url())
		x := &holder{user: u, held: held, sid: factsOf(held.refresh).SID}
		h.holders = append(h.holders, x)
		h.gone.Go(func() { h.refresh(ctx, x) })
	}
	for i := range leavers {
		h.gone.Go(func() { h.comeAndGo(ctx, newUser(fmt.Sprint("leaver", i))) })
	}
	t.Cleanup(h.close)
	return h
}

// wantAnswered waits until n refreshes have been answered.
func (h *house) wantAnswered(t *testing.T, n int64) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d refreshes have been answered", n), func() bool { return h.done.Load() >= n })
}

func (h *house) url() string { return h.running.Load().url }

func (h *house) close() {
	h.end()
	h.gone.Wait()
}

// refresh refreshes until ctx ends.
func (h *house) refresh(ctx context.Context, x *holder) {
	for ; ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		r, next, err := x.trade(h.url(), x.held.refresh)
		switch {
		case err != nil:
			x.lost++
		case r.status != 200:
			h.bad.add("%s: refresh: got %v", x.name, r)
		default:
			x.held = next
			h.done.Add(1)
		}
	}
}

// comeAndGo signs in and out until ctx ends.
func (h *house) comeAndGo(ctx context.Context, u *user) {
	body := fmt.Sprintf(`{"username":%q,"password":%q,"transport":"bearer"}`, u.name, u.name)
	for ; ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
		in, err := u.send("POST", h.url()+"/api/auth/login", body)
		if err != nil {
			continue
		}
		out, err := u.send("POST", h.url()+"/api/auth/logout", `{"refresh_token":"`+in.word("refresh_token")+`"}`)
		if err != nil {
			continue
		}
		if in.status != 200 || out.status != 204 {
			h.bad.add("%s: got %v to the sign-in and %v to the sign-out", u.name, in, out)
		}
		h.mu.Lock()
		h.ended = append(h.ended, tokens{in.word("access_token"), in.word("refresh_token")})
		h.mu.Unlock()
	}
}

// wantAllAlive wants the newest token that each has got to be good, in its session.
func (h *house) wantAllAlive(t *testing.T) {
	t.Helper()
	lost := 0
	for _, x := range h.holders {
		next := x.wantTrade(t, 200, h.url(), x.held.refresh)
		if me := x.wantMe(t, 200, h.url(), next.access); me.word("session_id") != x.sid {
			t.Errorf("got %v, want session %s", me, x.sid)
		}
		lost += x.lost
	}
	t.Logf("%d users had %d refreshes answered and %d not", len(h.holders), h.done.Load(), lost)
	if lost == 0 {
		t.Error("no answer was lost; the server was not killed in use")
	}
}

// wantAllEnded wants no session that was signed out to have come back.
func (h *house) wantAllEnded(t *testing.T) {
	t.Helper()
	u := newUser("thief")
	for _, x := range h.ended {
		u.wantTrade(t, 401, h.url(), x.refresh)
		u.wantMe(t, 401, h.url(), x.access)
	}
	t.Logf("%d sessions had ended", len(h.ended))
	if len(h.ended) < leavers {
		t.Errorf("got %d sessions that had ended, want more", len(h.ended))
	}
}

package session_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

var errStore = errors.New("the store is away")

// unsteady is a store in memory that can fail in every way.
type unsteady struct {
	memstore.Store
	down         atomic.Bool                               // nothing works
	hang         atomic.Bool                               // nothing answers
	late         atomic.Bool                               // writes take place, and are reported as failed
	reads, polls atomic.Int64                              // calls of Get and After
	garble       atomic.Pointer[func(id string) []byte]    // what Get returns instead, nil for the truth
	rival        atomic.Pointer[func(ctx context.Context)] // is called once, before the next write
}

func (u *unsteady) fault(ctx context.Context) error {
	if u.hang.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	if u.down.Load() {
		return errStore
	}
	return nil
}

func (u *unsteady) Get(ctx context.Context, id string) ([]byte, time.Time, error) {
	u.reads.Add(1)
	if err := u.fault(ctx); err != nil {
		return nil, time.Time{}, err
	}
	data, now, err := u.Store.Get(ctx, id)
	if f := u.garble.Load(); f != nil {
		if other := (*f)(id); other != nil {
			data = other
		}
	}
	return data, now, err
}

func (u *unsteady) Swap(ctx context.Context, id string, old, data []byte, group, label string, expires time.Time) (bool, error) {
	if err := u.fault(ctx); err != nil {
		return false, err
	}
	if f := u.rival.Swap(nil); f != nil {
		(*f)(ctx)
	}
	ok, err := u.Store.Swap(ctx, id, old, data, group, label, expires)
	if u.late.Load() {
		return false, errStore
	}
	return ok, err
}

func (u *unsteady) SwapAppend(ctx context.Context, id string, old, data []byte, group, label string, expires time.Time, entry []byte, entryExpires time.Time) (bool, error) {
	if err := u.fault(ctx); err != nil {
		return false, err
	}
	return u.Store.SwapAppend(ctx, id, old, data, group, label, expires, entry, entryExpires)
}

func (u *unsteady) After(ctx context.Context, cursor string) ([][]byte, string, error) {
	u.polls.Add(1)
	if err := u.fault(ctx); err != nil {
		return nil, "", err
	}
	return u.Store.After(ctx, cursor)
}

func (u *unsteady) List(ctx context.Context, group string) (map[string][]byte, error) {
	if err := u.fault(ctx); err != nil {
		return nil, err
	}
	return u.Store.List(ctx, group)
}

// managerOn returns a Manager of the key v1 on a store.
func managerOn(t testing.TB, s session.Store, edits ...func(*session.Config)) *session.Manager {
	t.Helper()
	return managerOf(t, "v1", append([]func(*session.Config){func(cfg *session.Config) { cfg.Store = s }}, edits...)...)
}

// sidOf returns the id of the session of tokens.
func sidOf(t testing.TB, m *session.Manager, tokens session.Tokens) string {
	t.Helper()
	return verify(t, m, tokens.AccessToken).SessionID
}

// revoke ends a session of alice.
func revoke(t testing.TB, m *session.Manager, sid string) {
	t.Helper()
	if err := m.Revoke(t.Context(), "alice", sid); err != nil {
		t.Fatal(err)
	}
}

// notRefreshed fails unless the refresh of tokens is refused with want.
func notRefreshed(t testing.TB, m *session.Manager, tokens session.Tokens, want error) {
	t.Helper()
	got, err := m.Refresh(t.Context(), tokens.RefreshToken)
	wantErr(t, err, want)
	if got != (session.Tokens{}) {
		t.Fatalf("got tokens together with %v, want none", err)
	}
}

// running runs m until stop is called, which waits for it.
func running(t testing.TB, m *session.Manager) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := m.Run(ctx); err != nil {
			t.Errorf("Run: got %v, want nil", err)
		}
	})
	return func() { cancel(); wg.Wait() }
}

// reason returns how m judges an access token now.
func reason(t testing.TB, m *session.Manager, token string) string {
	t.Helper()
	_, err := m.Verify(t.Context(), token)
	return session.Reason(err)
}

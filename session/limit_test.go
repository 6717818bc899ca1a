package session_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// A store that does not answer, as one behind a lost route, is given up after ten
// seconds a call, whatever its driver does: people are told 503 and keep their cookies,
// or lose them if they signed out, and the rest of the work is done when it is back.
func TestStoreWithoutAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := new(unsteady)
		m := managerOn(t, s, withCookies)
		strict := managerOn(t, s, withCookies, strictly)
		tokens, other := issue(t, m, alice), issue(t, m, alice)
		reset, err := m.Purpose("reset", time.Hour).Issue(t.Context(), "alice", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer running(t, m)()
		time.Sleep(time.Second)
		s.hang.Store(true)
		ctx := t.Context()
		carrying := cookieLine(accessCookie, tokens.AccessToken, refreshCookie, tokens.RefreshToken)
		for name, call := range map[string]func() error{
			"refresh": func() error { _, err := m.Refresh(ctx, tokens.RefreshToken); return err },
			"sign in": func() error { _, err := m.Issue(ctx, alice); return err },
			"strict":  func() error { _, err := strict.Verify(ctx, tokens.AccessToken); return err },
			"revoke":  func() error { return m.Revoke(ctx, "alice", "sid") },
			"before":  func() error { return m.RevokeBefore(ctx, time.Now()) },
			"subject": func() error { return m.RevokeSubject(ctx, "alice") },
			"list":    func() error { _, err := m.Sessions(ctx, "alice"); return err },
			"stats":   func() error { _, err := m.Stats(ctx); return err },
			"redeem":  func() error { _, err := m.Purpose("reset", time.Hour).Redeem(ctx, reset); return err },
			"handle": func() error {
				w := httptest.NewRecorder()
				m.HandleRefresh(w, request("POST /refresh", carrying))
				if w.Code != 503 || w.Header().Get("Retry-After") == "" || len(w.Result().Cookies()) != 0 {
					t.Errorf("got %d, %v, want 503 that sets nothing", w.Code, w.Header())
				}
				return session.ErrUnavailable
			},
		} {
			began := time.Now()
			err := call()
			took, most := time.Since(began), 10*time.Second
			if name == "list" || name == "stats" {
				most = time.Minute
			}
			if !errors.Is(err, session.ErrUnavailable) || took > most {
				t.Errorf("%s: got %v after %v, want ErrUnavailable within %v", name, err, took, most)
			}
		}
		_, err = strict.Refresh(ctx, tokens.RefreshToken)
		if err == nil || !strings.Contains(err.Error(), "no answer in 10s") {
			t.Errorf("got %v, want how long was waited", err)
		}
		gone, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if _, err := strict.Refresh(gone, tokens.RefreshToken); err == nil || strings.Contains(err.Error(), "no answer") {
			t.Errorf("got %v, want that the caller gave up", err)
		}
		w := httptest.NewRecorder()
		m.HandleSignOut(w, request("POST /logout", carrying))
		if w.Code != 503 || len(w.Result().Cookies()) == 0 {
			t.Errorf("got %d, %v, want 503 and the cookies cleared", w.Code, w.Header())
		}
		s.hang.Store(false)
		time.Sleep(15 * time.Second)
		notRefreshed(t, m, tokens, session.ErrRevoked)
		refresh(t, m, other)
	})
}

// unwritable is a store that reads, and does not answer to writes with an entry.
type unwritable struct{ memstore.Store }

func (u *unwritable) SwapAppend(ctx context.Context, _ string, _, _ []byte, _, _ string, _ time.Time, _ []byte, _ time.Time) (bool, error) {
	<-ctx.Done()
	return false, ctx.Err()
}

func TestEndWithoutAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := managerOn(t, new(unwritable))
		sid := sidOf(t, m, issue(t, m, alice))
		began := time.Now()
		wantErr(t, m.Revoke(t.Context(), "alice", sid), session.ErrUnavailable)
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("got an error after %v, want 10s", took)
		}
	})
}

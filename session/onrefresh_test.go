package session_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/session"
)

var errDatabase = errors.New("database is down")

// API.md, caller h, scenario 28: OnRefresh keeps, replaces or refuses.
func TestOnRefresh(t *testing.T) {
	t.Parallel()
	before := appClaims{Tenant: "acme", Roles: []string{"admin"}}
	after := appClaims{Tenant: "acme", Roles: []string{"guest"}}
	for _, c := range []struct {
		name   string
		claims any
		err    error
		want   string // the reason
		next   appClaims
		events []string
	}{
		{"nil keeps", nil, nil, "ok", before, []string{"refreshed: session refreshed ok alice"}},
		{"a nil pointer keeps", (*appClaims)(nil), nil, "ok", before, []string{"refreshed: session refreshed ok alice"}},
		{"a nil map keeps", map[string]any(nil), nil, "ok", before, []string{"refreshed: session refreshed ok alice"}},
		{"others replace", after, nil, "ok", after, []string{"refreshed: session refreshed ok alice"}},
		{"a pointer replaces", &after, nil, "ok", after, []string{"refreshed: session refreshed ok alice"}},
		{"an empty struct clears", struct{}{}, nil, "ok", appClaims{}, []string{"refreshed: session refreshed ok alice"}},
		{"an empty map clears", map[string]any{}, nil, "ok", appClaims{}, []string{"refreshed: session refreshed ok alice"}},
		{"the account is closed", nil, session.ErrRevoked, "revoked", before, []string{"revoked: session revoked revoked alice", "refreshed: refresh refused revoked alice"}},
		{"closed, and why", after, fmt.Errorf("left the company: %w", session.ErrRevoked), "revoked", before, []string{"revoked: session revoked revoked alice", "refreshed: refresh refused revoked alice"}},
		{"reused", nil, session.ErrReused, "reused", before, []string{"revoked: session revoked reused alice", "refreshed: refresh refused reused alice"}},
		{"an error", after, errDatabase, "unavailable", before, []string{"refreshed: refresh refused unavailable alice"}},
		{"a timeout", nil, context.DeadlineExceeded, "unavailable", before, []string{"refreshed: refresh refused unavailable alice"}},
		{"a refusal of another kind", nil, session.ErrForbidden, "unavailable", before, []string{"refreshed: refresh refused unavailable alice"}},
		{"another refusal", nil, session.ErrExpired, "unavailable", before, []string{"refreshed: refresh refused unavailable alice"}},
		{"foreign origin", nil, session.ErrCrossOrigin, "unavailable", before, []string{"refreshed: refresh refused unavailable alice"}},
		{"a fault that a closed account caused", nil, fmt.Errorf("%w: %w", session.ErrUnavailable, session.ErrRevoked), "unavailable", before, []string{"refreshed: refresh refused unavailable alice"}},
		{"claims that do not fit", map[string]string{"filler": strings.Repeat("f", 3000)}, nil, "unavailable", before, []string{"refreshed: refresh refused unavailable alice"}},
		{"reserved claims", map[string]string{"sub": "mallory"}, nil, "unavailable", before, []string{"refreshed: refresh refused unavailable alice"}},
		{"claims of the wrong type", 7, nil, "unavailable", before, []string{"refreshed: refresh refused unavailable alice"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			asked := 0
			m := managerOf(t, "v1", func(cfg *session.Config) {
				cfg.OnRefresh = func(_ context.Context, old *session.Claims) (any, error) {
					var app appClaims
					if err := old.Decode(&app); err != nil || old.Subject != "alice" || app.Tenant != "acme" {
						t.Errorf("got %+v, %v, want the claims of alice", old, err)
					}
					asked++
					return c.claims, c.err
				}
			})
			tokens := issue(t, m, session.Grant{Subject: "alice", Claims: before})
			heard := observe(m)
			next, err := m.Refresh(t.Context(), tokens.RefreshToken)
			if got := session.Reason(err); got != c.want || asked != 1 {
				t.Fatalf("got %q (%v), asked %d times, want %q and once", got, err, asked, c.want)
			}
			if c.err != nil && !errors.Is(err, c.err) {
				t.Errorf("got %v, want %v in it", err, c.err)
			}
			if diff := cmp.Diff(c.events, heard.words()); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			if err != nil {
				if next != (session.Tokens{}) {
					t.Error("got tokens together with an error, want none")
				}
				next = tokens // the session is as it was
			}
			var app appClaims
			if err := verify(t, m, next.AccessToken).Decode(&app); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.next, app); diff != "" {
				t.Errorf("claims (-want +got):\n%s", diff)
			}
		})
	}
}

// Custom claims, the actor and "not remembered" travel from token to token.
func TestWhatARefreshKeeps(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v1")
	in := map[string]any{"role": "admin", "n": 1.5, "deep": map[string]any{"cs": []any{"x"}}}
	tokens := issue(t, m, session.Grant{Subject: "alice", Actor: "bob", Claims: in})
	for range 5 {
		tokens = refresh(t, m, tokens)
	}
	c := verify(t, m, tokens.AccessToken)
	out := map[string]any{}
	if err := c.Decode(&out); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(in, out); diff != "" || c.Actor != "bob" {
		t.Errorf("got the actor %q, want bob; claims (-in +out):\n%s", c.Actor, diff)
	}
}

// OnRefresh is asked about genuine sessions only, never about an invalid token.
func TestOnRefreshIsNotAskedInVain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := managerOf(t, "v1", func(cfg *session.Config) {
			cfg.OnRefresh = func(context.Context, *session.Claims) (any, error) {
				t.Error("got a question about a token that is not good, want none")
				return nil, nil
			}
		})
		tokens := issue(t, m, alice)
		for _, token := range []string{"", "x", tokens.AccessToken, retold(t, tokens.RefreshToken, "alice", "mallory"), forge("v9", headerOf("v9", "rt+jwt"), refreshOf())} {
			if _, err := m.Refresh(t.Context(), token); err == nil {
				t.Error("got a refresh, want it refused")
			}
		}
		time.Sleep(8 * day)
		if _, err := m.Refresh(t.Context(), tokens.RefreshToken); err == nil {
			t.Error("got a refresh of an expired session, want it refused")
		}
	})
}

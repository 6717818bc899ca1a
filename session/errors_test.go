package session_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/sessionring/sessionring/cookie"
	"github.com/sessionring/sessionring/session"
)

// misdirected is an error of a policy that serves other hosts only.
type misdirected int

func (misdirected) Error() string     { return "not for this host" }
func (m misdirected) HTTPStatus() int { return int(m) }

// 401 or 503 is decided in one place, by a closed list of words. What is no
// refusal is 503, so that a fault signs nobody out.
func TestStatusAndReason(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err    error
		status int
		reason string
		text   string
	}{
		{session.ErrNoToken, 401, "no_token", "session: no token"},
		{session.ErrExpired, 401, "expired", "session: token expired"},
		{session.ErrInvalid, 401, "invalid", "session: invalid token"},
		{session.ErrUnknownKey, 503, "unknown_key", "session: unknown key"},
		{session.ErrRevoked, 401, "revoked", "session: revoked"},
		{session.ErrReused, 401, "reused", "session: token reused"},
		{session.ErrCrossOrigin, 403, "cross_origin", "session: foreign origin"},
		{session.ErrForbidden, 403, "forbidden", "session: not allowed"},
		{session.ErrUnavailable, 503, "unavailable", "session: cannot tell now"},
		{context.Canceled, 503, "unavailable", "context canceled"},
		{errors.New("disk full"), 503, "unavailable", "disk full"},
		{misdirected(421), 421, "unavailable", "not for this host"},
		{misdirected(403), 403, "cross_origin", "not for this host"},
		{misdirected(200), 503, "unavailable", "not for this host"},
		{misdirected(401), 503, "unavailable", "not for this host"},
	} {
		for _, err := range []error{c.err, fmt.Errorf("wrapped: %w", c.err), errors.Join(errors.New("beside"), c.err)} {
			if got := session.Status(err); got != c.status {
				t.Errorf("%v: got the status %d, want %d", err, got, c.status)
			}
			if got := session.Reason(err); got != c.reason {
				t.Errorf("%v: got the reason %q, want %q", err, got, c.reason)
			}
		}
		if got := c.err.Error(); got != c.text {
			t.Errorf("got the text %q, want %q", got, c.text)
		}
		// A fault wins over the refusal that it caused or that caused it.
		both := fmt.Errorf("%w: %w", session.ErrUnavailable, c.err)
		if session.Status(both) != 503 || session.Reason(both) != "unavailable" {
			t.Errorf("%v: got %d %q, want 503", both, session.Status(both), session.Reason(both))
		}
	}
	if session.Status(nil) != 200 || session.Reason(nil) != "ok" {
		t.Errorf("got %d %q for nil, want 200 ok", session.Status(nil), session.Reason(nil))
	}
	if !errors.Is(session.ErrReused, session.ErrRevoked) || errors.Is(session.ErrRevoked, session.ErrReused) {
		t.Error("got ErrReused apart from ErrRevoked, want it to wrap it, and not the reverse")
	}
}

// A program that asks its policy itself, as before a WebSocket handshake, answers as the
// handlers of the library do.
func TestStatusOfForeignPage(t *testing.T) {
	t.Parallel()
	policy := cookie.SameSite()
	r := httptest.NewRequest("POST", "https://app.example.com/", nil)
	r.Header.Set("Origin", "https://evil.example")
	res := serve(policy.Handler(hello), r)
	err := policy.Check(r)
	if session.Status(err) != res.StatusCode || fmt.Sprintf("{%q:%q}", "error", session.Reason(err)) != bodyOf(t, res) {
		t.Errorf("got %d %s for %v, want what the handler answers, %d", session.Status(err), session.Reason(err), err, res.StatusCode)
	}
}

// The nine refusals are told apart by errors.Is.
func TestSentinelsApart(t *testing.T) {
	t.Parallel()
	for i, a := range sentinels {
		for j, b := range sentinels {
			if errors.Is(a, b) != (i == j) {
				t.Errorf("got errors.Is(%v, %v) %t, want %t", a, b, !(i == j), i == j)
			}
		}
	}
}

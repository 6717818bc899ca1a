package session_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/sessionring/sessionring/session"
)

// The context below Require is that of the request, with the claims added: values, the
// end and the cause of it come through, and a handler cannot see another's claims.
func TestContext(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v1")
	type key struct{}
	parent, cancel := context.WithCancelCause(context.WithValue(t.Context(), key{}, "value"))
	r := httptest.NewRequestWithContext(parent, "GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+issue(t, m, alice).AccessToken)
	var ctx context.Context
	m.Require(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { ctx = r.Context() })).ServeHTTP(httptest.NewRecorder(), r)
	if ctx == nil || ctx.Value(key{}) != "value" || ctx.Value("other") != nil {
		t.Fatalf("got %v, want the values of the request", ctx)
	}
	if c := session.FromContext(ctx); c == nil || c.Subject != "alice" {
		t.Errorf("got the claims %v, want those of alice", c)
	}
	if c := session.FromContext(parent); c != nil {
		t.Errorf("got the claims %v above Require, want none", c)
	}
	below, stop := context.WithCancel(ctx)
	defer stop()
	cancel(context.DeadlineExceeded)
	<-below.Done()
	if got := context.Cause(below); got != context.DeadlineExceeded {
		t.Errorf("got the cause %v, want that of the request", got)
	}
}

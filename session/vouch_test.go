package session_test

import (
	"testing"

	"github.com/sessionring/sessionring/session"
)

// way is one of the ways in which a key vouches for a token. All checks are the
// same on each of them (C6), so the tables of refusals run on every one.
type way struct {
	name string
	kid  string // as it stands in the header
	make func(header, payload string) string
}

// ways are the ways in which the ring of vouched vouches.
var ways = []way{
	{"current key", kidOf("v2"), func(h, p string) string { return forge("v2", h, p) }},
	{"previous key", kidOf("v1"), func(h, p string) string { return forge("v1", h, p) }},
	{"co-signature", kidOf("v9"), func(h, p string) string { return forgeCosigned("v9", h, p, "v1") }},
	{"second co-signature", kidOf("v9"), func(h, p string) string { return forgeCosigned("v9", h, p, "v8", "v2", "v1") }},
	{"current key by its bare tag", "v2", func(h, p string) string { return forge("v2", h, p) }},
	{"current key, co-signed", kidOf("v2"), func(h, p string) string { return forgeCosigned("v2", h, p, "v1", "v0") }},
}

// vouched returns a Manager to which every way is open.
func vouched(t testing.TB, edits ...func(*session.Config)) *session.Manager {
	return managerOf(t, "v2 v1", edits...)
}

// header returns the header of a token on this way.
func (w way) header(typ string) string {
	return `{"alg":"HS256","kid":"` + w.kid + `","typ":"` + typ + `"}`
}

// access returns an access token on this way.
func (w way) access(payload string) string { return w.make(w.header("at+jwt"), payload) }

// refresh returns a refresh token on this way.
func (w way) refresh(payload string) string { return w.make(w.header("rt+jwt"), payload) }

// judged returns what m says of an access and of a refresh token with that payload.
func judged(t testing.TB, m *session.Manager, w way, edits ...string) map[string]string {
	t.Helper()
	c, err := m.Verify(t.Context(), w.access(payloadOf(edits...)))
	if err == nil && c.Subject != "alice" {
		t.Errorf("got the subject %q, want alice", c.Subject)
	}
	tokens, refreshErr := m.Refresh(t.Context(), w.refresh(refreshOf(edits...)))
	if refreshErr == nil {
		if c := verify(t, m, tokens.AccessToken); c.Subject != "alice" || c.SessionID != "sid-of-alice" {
			t.Errorf("got %q %q after a refresh, want the session of alice", c.Subject, c.SessionID)
		}
	}
	return map[string]string{"access": session.Reason(err), "refresh": session.Reason(refreshErr)}
}

// everyWay runs test on each way.
func everyWay(t *testing.T, test func(t *testing.T, w way)) {
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			test(t, w)
		})
	}
}

package drivers_test

import (
	"context"
	"crypto/rand"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/redisstore"
	"github.com/sessionring/sessionring/session/storetest/drivers"
)

// meter counts the commands that are sent to a server, each of which is a round trip.
type meter struct {
	do     drivers.Do
	n      atomic.Int64
	second func() // called before the second command, if set
}

func (m *meter) send(ctx context.Context, args ...any) (any, error) {
	if m.n.Add(1) == 2 && m.second != nil {
		m.second()
	}
	return m.do(ctx, args...)
}

// trips refreshes a session and returns what that cost.
func (m *meter) trips(t *testing.T, s *session.Manager, tokens session.Tokens, second func()) int64 {
	t.Helper()
	m.second = second
	m.n.Store(0)
	if _, err := s.Refresh(t.Context(), tokens.RefreshToken); err != nil {
		t.Fatal(err)
	}
	return m.n.Load()
}

// TestRedisRefreshCost holds the round trips of a refresh to those in the README:
// after a change of the keys the record says other signers, which the counts by key
// must learn first.
func TestRedisRefreshCost(t *testing.T) {
	t.Parallel()
	dsn, _ := drivers.StartRedis(t)
	_, do := drivers.OpenRedis(t, dsn)
	older, newer := newKey(t, "v1"), newKey(t, "v2")
	var m meter
	m.do = do
	before, after := managerOver(t, m.send, older), managerOver(t, m.send, newer, older)
	m.trips(t, before, signIn(t, before), nil)
	m.trips(t, after, signIn(t, before), nil) // the server has all scripts now, and both have read the feed

	same := signIn(t, before)
	for _, c := range []struct {
		name   string
		by     *session.Manager
		tokens session.Tokens
		second func()
		want   int64
	}{
		{"the keys stay the same", before, same, nil, 2},
		{"again within the grace", before, same, nil, 1},
		{"the first after a change of the keys", after, signIn(t, before), nil, 5},
	} {
		if got := m.trips(t, c.by, c.tokens, c.second); got != c.want {
			t.Errorf("%s: got %d round trips, want %d", c.name, got, c.want)
		}
	}
	raced := signIn(t, before)
	rival := managerOver(t, do, older)
	if got := m.trips(t, before, raced, func() { rival.Refresh(t.Context(), raced.RefreshToken) }); got != 3 {
		t.Errorf("overtaken between read and write: got %d round trips, want 3", got)
	}
}

func newKey(t *testing.T, tag string) keyring.Key {
	t.Helper()
	secret := make([]byte, 32)
	rand.Read(secret)
	k, err := keyring.NewKey(tag, secret)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// managerOver returns a Manager that reads the feed once only.
func managerOver(t *testing.T, do drivers.Do, keys ...keyring.Key) *session.Manager {
	t.Helper()
	ring, err := keyring.New(keys...)
	if err != nil {
		t.Fatal(err)
	}
	m, err := session.New(session.Config{Keys: ring, Store: redisstore.New(do), RevocationLag: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func signIn(t *testing.T, m *session.Manager) session.Tokens {
	t.Helper()
	tokens, err := m.Issue(t.Context(), session.Grant{Subject: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

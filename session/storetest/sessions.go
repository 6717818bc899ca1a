package storetest

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
)

// Sessions are short here, since a real store has a clock of its own.
const (
	accessTTL = 8 * time.Second
	grace     = 2 * time.Second
)

// RunSessions checks what a session.Manager promises on the stores that open
// returns: racing refreshes, lost answers, theft, revocation and its reach, and
// moving over from sessions without a store. It takes some twenty seconds.
//
// Open is called once for each part and returns a store of its own; the part may
// use it from several Managers, as instances of one service do.
func RunSessions(t *testing.T, open func(*testing.T) session.Store) {
	for name, part := range map[string]func(*testing.T, session.Store){
		"racing refreshes get one generation":    racingRefreshes,
		"a lost answer loses nobody":             lostAnswer,
		"a used token ends its session alone":    reuse,
		"an outage of the store loses nobody":    outage,
		"sign-out ends the session everywhere":   signOut,
		"all sessions of a user end":             subject,
		"sessions that began before a time end":  before,
		"a forged generation leaves the session": forged,
		"turning a store on signs nobody out":    adopt,
		"a purpose token is redeemed once":       redeem,
		"refresh moves to the current key":       moves,
		"counts say which keys sessions live on": counts,
		"sessions count while they can go on":    counted,
		"strict and off revocation":              modes,
		"an end reaches those without the store": served,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			part(t, open(t))
		})
	}
}

// instance is one instance of a service.
type instance struct {
	*session.Manager
	t *testing.T
}

// newSecret returns a secret that nobody knows.
func newSecret() []byte {
	secret := make([]byte, 32)
	rand.Read(secret)
	return secret
}

// newKey returns a key with a fresh secret.
func newKey(t *testing.T, tag string) keyring.Key {
	t.Helper()
	return keyOf(t, tag, newSecret())
}

// keyOf returns the key of a secret.
func keyOf(t *testing.T, tag string, secret []byte) keyring.Key {
	t.Helper()
	k, err := keyring.NewKey(tag, secret)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// start returns an instance on s with keys, its Config changed by change.
func start(t *testing.T, s session.Store, change func(*session.Config), keys ...keyring.Key) *instance {
	t.Helper()
	ring, err := keyring.New(keys...)
	if err != nil {
		t.Fatal(err)
	}
	cfg := session.Config{Keys: ring, Store: s, AccessTTL: accessTTL, RefreshTTL: time.Hour, RefreshGrace: grace, RevocationLag: time.Second}
	if change != nil {
		change(&cfg)
	}
	m, err := session.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &instance{m, t}
}

// signIn starts a session of subject.
func (i *instance) signIn(subject string) session.Tokens {
	i.t.Helper()
	tokens, err := i.Issue(i.t.Context(), session.Grant{Subject: subject, Label: "laptop"})
	if err != nil {
		i.t.Fatal(err)
	}
	return tokens
}

// next refreshes, which must go well.
func (i *instance) next(tokens session.Tokens) session.Tokens {
	i.t.Helper()
	got, err := i.Refresh(i.t.Context(), tokens.RefreshToken)
	if err != nil {
		i.t.Fatalf("refresh: %v", err)
	}
	return got
}

// refused refreshes, which must be refused with want.
func (i *instance) refused(tokens session.Tokens, want error) {
	i.t.Helper()
	if _, err := i.Refresh(i.t.Context(), tokens.RefreshToken); !errors.Is(err, want) {
		i.t.Errorf("refresh: got %v, want %v", err, want)
	}
}

// eventually waits up to ten seconds for the access token to be judged as want says.
func (i *instance) eventually(tokens session.Tokens, want error) {
	i.t.Helper()
	var err error
	for range 200 {
		if _, err = i.Verify(i.t.Context(), tokens.AccessToken); errors.Is(err, want) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	i.t.Errorf("access token: got %v, want %v", err, want)
}

// facts are the claims of a refresh token that racing answers must share.
type facts struct {
	SID string `json:"sid"`
	JTI string `json:"jti"`
	Gen int64  `json:"gen"`
	IAT int64  `json:"iat"`
	EXP int64  `json:"exp"`
}

func factsOf(t *testing.T, token string) facts { return claimsOf[facts](t, token) }

// claimsOf reads the claims of a token.
func claimsOf[V any](t *testing.T, token string) (claims V) {
	t.Helper()
	data, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err == nil {
		err = json.Unmarshal(data, &claims)
	}
	if err != nil {
		t.Fatal(err)
	}
	return claims
}

// racingRefreshes: 64 tabs refresh at once, at two instances; all get the same
// generation, and one rotation has happened (scenarios 29 and 30). 200 times with
// sessions that have just begun, then with one that goes on.
func racingRefreshes(t *testing.T, s session.Store) {
	const grace = 5 * time.Second // a slow store needs it for 64 refreshes
	key := newKey(t, "v1")
	long := func(c *session.Config) { c.RefreshGrace = grace }
	at := []*instance{start(t, s, long, key), start(t, s, long, key)}
	most, began := 200, time.Now()
	if testing.Short() {
		most = 20
	}
	for round := 0; round < most && (round < 20 || time.Since(began) < 10*time.Second); round++ {
		race(t, at, at[0].signIn("alice"), 2)
	}
	tokens := race(t, at, at[0].signIn("alice"), 2)
	for gen := range int64(2) {
		time.Sleep(grace + 50*time.Millisecond)
		tokens = race(t, at, tokens, gen+3)
	}
}

// race refreshes 64 times at once and returns one of the answers, which must all be
// of the same refresh token, and of that generation.
func race(t *testing.T, at []*instance, tokens session.Tokens, gen int64) session.Tokens {
	t.Helper()
	answers := make([]session.Tokens, 64)
	errs := make([]error, len(answers))
	var wg sync.WaitGroup
	for n := range answers {
		wg.Go(func() { answers[n], errs[n] = at[n%2].Refresh(t.Context(), tokens.RefreshToken) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	want := factsOf(t, answers[0].RefreshToken)
	if want.Gen != gen {
		t.Errorf("got generation %d, want %d", want.Gen, gen)
	}
	for _, a := range answers {
		if got := factsOf(t, a.RefreshToken); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	return answers[len(answers)-1]
}

// lostAnswer: the answer to a refresh is lost; long after, the old token is still
// good, and the live one is not handed out (scenario 31).
func lostAnswer(t *testing.T, s session.Store) {
	i := start(t, s, nil, newKey(t, "v1"))
	first := i.signIn("alice")
	lost := i.next(first)
	time.Sleep(grace + 50*time.Millisecond)
	again := i.next(first)
	if a, b := factsOf(t, lost.RefreshToken), factsOf(t, again.RefreshToken); b.Gen != a.Gen+1 || a.SID != b.SID {
		t.Errorf("got %+v after %+v, want the next generation of one session", b, a)
	}
	time.Sleep(grace + 50*time.Millisecond)
	i.next(again)
}

// reuse: a token whose successor was used comes back after the grace. Its session
// ends, and no other of the same user (scenarios 32 and 33).
func reuse(t *testing.T, s session.Store) {
	i := start(t, s, nil, newKey(t, "v1"))
	var reused atomic.Int64
	i.Observe(session.Hooks{Reused: func(context.Context, session.Event) { reused.Add(1) }})
	stolen, other := i.signIn("alice"), i.signIn("alice")
	second := i.next(stolen)
	time.Sleep(grace + 50*time.Millisecond)
	third := i.next(second)
	time.Sleep(grace + 50*time.Millisecond)
	i.refused(stolen, session.ErrReused)
	i.refused(third, session.ErrRevoked)
	i.eventually(third, session.ErrRevoked)
	i.next(other)
	if reused.Load() != 1 {
		t.Errorf("got %d events, want 1", reused.Load())
	}
}

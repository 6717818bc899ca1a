package storetest

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessionring/sessionring/session"
)

// faulty is a store that can be down.
type faulty struct {
	session.Store
	down atomic.Bool
}

var errDown = errors.New("storetest: the store is down")

func (f *faulty) Get(ctx context.Context, id string) ([]byte, time.Time, error) {
	if f.down.Load() {
		return nil, time.Time{}, errDown
	}
	return f.Store.Get(ctx, id)
}

func (f *faulty) Swap(ctx context.Context, id string, old, data []byte, group, label string, expires time.Time) (bool, error) {
	if f.down.Load() {
		return false, errDown
	}
	return f.Store.Swap(ctx, id, old, data, group, label, expires)
}

// outage: while the store is down, refreshes are 503 and change nothing; when it
// is back the same token is good (scenarios 34 and 38).
func outage(t *testing.T, s session.Store) {
	f := &faulty{Store: s}
	i := start(t, f, func(c *session.Config) { c.Revocation = session.Strict }, newKey(t, "v1"))
	tokens := i.signIn("alice")
	f.down.Store(true)
	i.refused(tokens, session.ErrUnavailable)
	if _, err := i.Verify(t.Context(), tokens.AccessToken); !errors.Is(err, session.ErrUnavailable) {
		t.Errorf("strict check: got %v, want ErrUnavailable", err)
	}
	if _, err := i.Issue(t.Context(), session.Grant{Subject: "alice"}); !errors.Is(err, session.ErrUnavailable) {
		t.Errorf("sign-in: got %v, want ErrUnavailable", err)
	}
	f.down.Store(false)
	i.next(tokens)
}

// signOut: a session that is ended at one instance is refused there at once, and
// at the others within the lag; nobody can end somebody else's (scenarios 35, 37).
func signOut(t *testing.T, s session.Store) {
	key := newKey(t, "v1")
	here, there := start(t, s, nil, key), start(t, s, nil, key)
	tokens, other := here.signIn("alice"), here.signIn("alice")
	there.next(other)
	if _, err := there.Verify(t.Context(), tokens.AccessToken); err != nil {
		t.Fatal(err)
	}
	sid := factsOf(t, tokens.RefreshToken).SID
	for _, subject := range []string{"mallory", ""} {
		if err := here.Revoke(t.Context(), subject, sid); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := here.Verify(t.Context(), tokens.AccessToken); err != nil {
		t.Errorf("ended by somebody else: got %v, want nil", err)
	}
	if err := here.Revoke(t.Context(), "alice", sid); err != nil {
		t.Fatal(err)
	}
	if _, err := here.Verify(t.Context(), tokens.AccessToken); !errors.Is(err, session.ErrRevoked) {
		t.Errorf("at once: got %v, want ErrRevoked", err)
	}
	there.eventually(tokens, session.ErrRevoked)
	there.refused(tokens, session.ErrRevoked)
	if _, err := there.Verify(t.Context(), other.AccessToken); err != nil {
		t.Errorf("the other session: got %v, want nil", err)
	}
	list, err := there.Sessions(t.Context(), "alice")
	if err != nil || len(list) != 1 || list[0].ID != factsOf(t, other.RefreshToken).SID || list[0].Label != "laptop" {
		t.Errorf("sessions: got %+v, %v, want the other one", list, err)
	}
}

// subject: after a change of password all sessions of a user end but one, and a
// sign-in under way with the old one gives up or is ended (scenario 36).
func subject(t *testing.T, s session.Store) {
	i := start(t, s, nil, newKey(t, "v1"))
	keep, out, bob := i.signIn("alice"), i.signIn("alice"), i.signIn("bob")
	var wg sync.WaitGroup
	racing := make([]session.Tokens, 16)
	for n := range racing {
		wg.Go(func() { racing[n], _ = i.Issue(t.Context(), session.Grant{Subject: "carol"}) })
	}
	if err := i.RevokeSubject(t.Context(), "carol"); err != nil {
		t.Error(err)
	}
	wg.Wait()
	if err := i.RevokeSubject(t.Context(), "alice", factsOf(t, keep.RefreshToken).SID); err != nil {
		t.Fatal(err)
	}
	i.refused(out, session.ErrRevoked)
	i.next(keep)
	i.next(bob)
	checkRacing(i, racing)
}

// checkRacing: whoever signed in while the sessions of carol were being ended
// either gave up or has a session that the list knows.
func checkRacing(i *instance, racing []session.Tokens) {
	i.t.Helper()
	list, err := i.Sessions(i.t.Context(), "carol")
	if err != nil {
		i.t.Fatal(err)
	}
	for _, tokens := range racing {
		if tokens.RefreshToken == "" {
			continue
		}
		sid := factsOf(i.t, tokens.RefreshToken).SID
		listed := slices.ContainsFunc(list, func(info session.Info) bool { return info.ID == sid })
		_, err := i.Refresh(i.t.Context(), tokens.RefreshToken)
		if listed != (err == nil) {
			i.t.Errorf("session of a racing sign-in: listed %v, refresh %v", listed, err)
		}
	}
}

// before: all sessions that began before a time end, at every instance.
func before(t *testing.T, s session.Store) {
	key := newKey(t, "v1")
	here, there := start(t, s, nil, key), start(t, s, nil, key)
	old := here.signIn("alice")
	time.Sleep(1100 * time.Millisecond) // the sign-in is dated to the second
	if err := here.RevokeBefore(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1100 * time.Millisecond)
	young := here.signIn("alice")
	there.eventually(old, session.ErrRevoked)
	there.refused(old, session.ErrRevoked)
	if _, err := there.Verify(t.Context(), young.AccessToken); err != nil {
		t.Errorf("a younger session: got %v, want nil", err)
	}
}

// sign signs claims with secret, as a thief of the secret would.
func sign(secret []byte, typ string, claims map[string]any) string {
	payload, _ := json.Marshal(claims)
	input := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"alg":"HS256","kid":"v1","typ":%q}`, typ)) +
		"." + base64.RawURLEncoding.EncodeToString(payload)
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(input))
	return input + "." + base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// forged: a refresh token with a good signature that the session never issued is
// refused and leaves the session alone.
func forged(t *testing.T, s session.Store) {
	secret := newSecret()
	i := start(t, s, nil, keyOf(t, "v1", secret))
	var alarms atomic.Int64
	i.Observe(session.Hooks{Key: func(context.Context, session.Event) { alarms.Add(1) }})
	tokens := i.signIn("alice")
	for _, gen := range []int64{1, 2, 7} {
		claims := claimsOf[map[string]any](t, tokens.RefreshToken)
		claims["gen"], claims["jti"] = gen, "AAAAAAAAAAAAAAAAAAAAAA"
		i.refused(session.Tokens{RefreshToken: sign(secret, "rt+jwt", claims)}, session.ErrInvalid)
	}
	if alarms.Load() != 3 {
		t.Errorf("got %d alarms, want 3", alarms.Load())
	}
	i.next(tokens)
}

// adopt: sessions from before there was a store go on in it, each once, until the
// date; a sign-out ends them too.
func adopt(t *testing.T, s session.Store) {
	key := newKey(t, "v1")
	until := func(d time.Duration) func(*session.Config) {
		return func(c *session.Config) { c.AdoptUntil = time.Now().Add(d) }
	}
	stateless := start(t, nil, nil, key)
	open, closed := start(t, s, until(time.Hour), key), start(t, s, nil, key)
	old, out, late := stateless.signIn("alice"), stateless.signIn("alice"), stateless.signIn("alice")
	closed.refused(late, session.ErrRevoked)
	second := open.next(old)
	if f := factsOf(t, second.RefreshToken); f.Gen != 2 || f.SID != factsOf(t, old.RefreshToken).SID {
		t.Errorf("got %+v, want generation 2 of the same session", f)
	}
	if again := factsOf(t, open.next(old).RefreshToken); again != factsOf(t, second.RefreshToken) {
		t.Errorf("inside the grace: got %+v, want the same again", again)
	}
	mixed := stateless.next(second) // an instance that has no store yet
	time.Sleep(grace + 50*time.Millisecond)
	third := open.next(mixed)
	time.Sleep(grace + 50*time.Millisecond)
	open.refused(old, session.ErrReused)
	open.refused(third, session.ErrRevoked)
	endWithoutRecord(open, out)
	endUnadopted(open, stateless)
}

// endUnadopted: after a change of password a session that has no record yet is not
// adopted, unless it is the one that is spared.
func endUnadopted(i, stateless *instance) {
	i.t.Helper()
	gone, spared := stateless.signIn("dora"), stateless.signIn("dora")
	if err := i.RevokeSubject(i.t.Context(), "dora", factsOf(i.t, spared.RefreshToken).SID); err != nil {
		i.t.Fatal(err)
	}
	i.refused(gone, session.ErrRevoked)
	i.next(spared)
}

// endWithoutRecord: a session that never had a record is ended and stays so.
func endWithoutRecord(i *instance, tokens session.Tokens) {
	i.t.Helper()
	body := strings.NewReader(`{"refresh_token":"` + tokens.RefreshToken + `"}`)
	if err := i.SignOut(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", body)); err != nil {
		i.t.Fatal(err)
	}
	i.refused(tokens, session.ErrRevoked)
}

// redeem: of 50 who redeem a purpose token at once, one does.
func redeem(t *testing.T, s session.Store) {
	i := start(t, s, nil, newKey(t, "v1"))
	resets := i.Purpose("password-reset", time.Hour)
	token, err := resets.Issue(t.Context(), "alice", nil)
	if err != nil {
		t.Fatal(err)
	}
	var won, lost atomic.Int64
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			switch _, err := resets.Redeem(t.Context(), token); {
			case err == nil:
				won.Add(1)
			case errors.Is(err, session.ErrReused):
				lost.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || lost.Load() != 49 {
		t.Errorf("got %d redeemed and %d refused, want 1 and 49", won.Load(), lost.Load())
	}
}

// moves: a refresh under a new ring is signed by its current key (scenario 17).
func moves(t *testing.T, s session.Store) {
	v1, v2 := newKey(t, "v1"), newKey(t, "v2")
	tokens := start(t, s, nil, v1).signIn("alice")
	next := start(t, s, nil, v2, v1).next(tokens)
	if got := claimsOf[map[string]any](t, next.RefreshToken)["version"]; got != "v2" {
		t.Errorf("got version %v, want v2", got)
	}
	start(t, s, nil, v2).next(next)
}

// counts: live sessions are counted by the keys that vouch for them.
func counts(t *testing.T, s session.Store) {
	tag := "t" + strings.ToLower(rand.Text()[:8])
	i := start(t, s, nil, newKey(t, tag))
	for range 3 {
		i.signIn("alice")
	}
	gone := factsOf(t, i.signIn("alice").RefreshToken).SID
	if err := i.Revoke(t.Context(), "alice", gone); err != nil {
		t.Fatal(err)
	}
	stats, err := i.Stats(t.Context())
	if err != nil || stats.Sessions[tag] != 3 {
		t.Errorf("got %d sessions, %v, want 3", stats.Sessions[tag], err)
	}
}

// counted: a session counts, and is listed, as long as it can be refreshed, the leeway
// included, and not a moment longer.
func counted(t *testing.T, s session.Store) {
	const leeway = time.Second
	tag := "t" + strings.ToLower(rand.Text()[:8])
	i := start(t, s, func(c *session.Config) {
		c.AccessTTL, c.RefreshTTL, c.RefreshGrace, c.Leeway = time.Second, 2*time.Second, 100*time.Millisecond, leeway
	}, newKey(t, tag))
	tokens := i.signIn("alice")
	time.Sleep(time.Second)
	tokens = i.next(tokens)
	end := tokens.RefreshUntil.Add(leeway)
	for lives := true; lives; time.Sleep(20 * time.Millisecond) {
		before := timeOf(t, s)
		stats, err := i.Stats(t.Context())
		list, errList := i.Sessions(t.Context(), "alice")
		if err := errors.Join(err, errList); err != nil {
			t.Fatal(err)
		}
		want := 1
		switch {
		case before.After(end.Add(fine)):
			lives, want = false, 0
		case !timeOf(t, s).Before(end.Add(-fine)): // it may have ended in between
			continue
		}
		if n := stats.Sessions[tag]; n != want || len(list) != want {
			t.Fatalf("%v before the end: got %d counted and %d listed, want %d", end.Sub(before), n, len(list), want)
		}
	}
	i.refused(tokens, session.ErrExpired)
}

// timeOf returns the time of a store.
func timeOf(t *testing.T, s session.Store) time.Time {
	t.Helper()
	_, now, err := s.Get(t.Context(), "nothing")
	if err != nil {
		t.Fatal(err)
	}
	return now
}

// modes: Strict sees the end of a session at once, Off not before the refresh.
func modes(t *testing.T, s session.Store) {
	key := newKey(t, "v1")
	here := start(t, s, nil, key)
	strict := start(t, s, func(c *session.Config) { c.Revocation = session.Strict }, key)
	off := start(t, s, func(c *session.Config) { c.Revocation = session.Off }, key)
	tokens := here.signIn("alice")
	if _, err := strict.Verify(t.Context(), tokens.AccessToken); err != nil {
		t.Fatal(err)
	}
	if err := here.Revoke(t.Context(), "alice", factsOf(t, tokens.RefreshToken).SID); err != nil {
		t.Fatal(err)
	}
	if _, err := strict.Verify(t.Context(), tokens.AccessToken); !errors.Is(err, session.ErrRevoked) {
		t.Errorf("strict: got %v, want ErrRevoked", err)
	}
	if _, err := off.Verify(t.Context(), tokens.AccessToken); err != nil {
		t.Errorf("off: got %v, want nil", err)
	}
	off.refused(tokens, session.ErrRevoked)
}

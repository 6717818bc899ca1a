package session_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/internal/race"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

func remembering(cfg *session.Config) { cfg.VerifiedCache = 64 }

// edKey returns the JWK of a new EdDSA key, with more members.
func edKey(t testing.TB, tag, more string) string {
	t.Helper()
	private := newSigner(t, "EdDSA").(ed25519.PrivateKey)
	return fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"%s","d":"%s","x":"%s"%s}`,
		tag, b64(private.Seed()), b64(private.Public().(ed25519.PublicKey)), more)
}

// keysFrom returns a keyring of JWKs, which follow the list.
func keysFrom(t testing.TB, list *[]string) *keyring.Keyring {
	t.Helper()
	k, err := keyring.FromFunc(t.Context(), func(context.Context) ([]keyring.Key, error) {
		return keyring.ParseKeys([]byte(`{"keys":[` + strings.Join(*list, ",") + `]}`))
	})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// remembers reports whether a check of token takes no memory: then it makes no claims,
// so it did not look at the signature.
func remembers(t testing.TB, m *session.Manager, token string) bool {
	verify(t, m, token)
	return testing.AllocsPerRun(50, func() { m.Verify(t.Context(), token) }) == 0
}

// What was verified by a key with a public half is remembered, and nothing else.
// Not parallel: AllocsPerRun counts for the whole process.
func TestVerifiedCache(t *testing.T) {
	if race.Enabled {
		t.Skip("under the race detector a pool gives back less than was put into it")
	}
	list := []string{edKey(t, "v1", "")}
	keys := keysFrom(t, &list)
	on := func(edits ...func(*session.Config)) *session.Manager {
		return managerOf(t, "v1", append(edits, func(cfg *session.Config) { cfg.Keys = keys })...)
	}
	m := on(remembering, withCookies)
	token := issue(t, m, alice).AccessToken
	forged := token[:len(token)-6] + "AAAA" + token[len(token)-2:]
	refused(t, m, forged, session.ErrInvalid)
	if !remembers(t, m, token) {
		t.Error("got a token checked again, want it remembered")
	}
	for range 3 {
		refused(t, m, forged, session.ErrInvalid)
		refused(t, m, token[:len(token)-1], session.ErrInvalid)
		refused(t, m, issue(t, m, alice).RefreshToken, session.ErrInvalid)
	}
	if c := verify(t, m, token); c.Subject != "alice" || c.Transport != "" {
		t.Errorf("got %+v, want alice", c)
	}
	for _, transport := range []string{"header", "cookie", "header", "cookie"} {
		r := httptest.NewRequest("GET", "/", nil)
		if transport == "header" {
			r.Header.Set("Authorization", "Bearer "+token)
		} else {
			r.AddCookie(&http.Cookie{Name: "__Host-access", Value: token})
		}
		if c, err := m.Check(r); err != nil || c.Transport != transport || c.Subject != "alice" {
			t.Errorf("got %+v, %v, want alice by %s", c, err, transport)
		}
	}
	if remembers(t, on(), token) {
		t.Error("got a token remembered without Config.VerifiedCache")
	}
	if hmac := managerOf(t, "v1", remembering); remembers(t, hmac, issue(t, hmac, alice).AccessToken) {
		t.Error("got a token under HS256 remembered")
	}
	many, fits := on(remembering), 0
	for range 500 {
		verify(t, many, issue(t, many, alice).AccessToken)
	}
	if remembers(t, many, token) {
		fits++
	}
	if fits == 0 {
		t.Error("got no room for a token, want an older one replaced")
	}
}

// A token that is remembered is one of its kind: an access token is good for no refresh,
// and a refresh token opens no page, however often either was found genuine.
func TestVerifiedCacheKinds(t *testing.T) {
	t.Parallel()
	list := []string{edKey(t, "v1", "")}
	keys := keysFrom(t, &list)
	m := managerOf(t, "v1", remembering, withCookies, func(cfg *session.Config) { cfg.Keys = keys })
	tokens := issue(t, m, alice)
	for range 3 {
		verify(t, m, tokens.AccessToken)
		if _, err := m.CheckRefresh(carrying("__Host-refresh", tokens.RefreshToken)); err != nil {
			t.Fatal(err)
		}
		if _, err := m.CheckRefresh(carrying("__Host-refresh", tokens.AccessToken)); !errors.Is(err, session.ErrInvalid) {
			t.Errorf("an access token as a refresh token: got %v, want ErrInvalid", err)
		}
		if _, err := m.Refresh(t.Context(), tokens.AccessToken); !errors.Is(err, session.ErrInvalid) {
			t.Errorf("a refresh by an access token: got %v, want ErrInvalid", err)
		}
		refused(t, m, tokens.RefreshToken, session.ErrInvalid)
		if _, err := m.Check(carrying("__Host-access", tokens.RefreshToken)); !errors.Is(err, session.ErrInvalid) {
			t.Errorf("a refresh token as an access token: got %v, want ErrInvalid", err)
		}
	}
}

// carrying returns a request with one cookie.
func carrying(name, value string) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(&http.Cookie{Name: name, Value: value})
	return r
}

// A token that is remembered is refused as any other when its time is over, its session
// has ended, or its key is no longer what it was: withdrawn, or at its end by the clock.
func TestVerifiedCacheEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		end := time.Now().Add(10 * time.Minute)
		list := []string{edKey(t, "v2", ""), edKey(t, "v1", fmt.Sprintf(`,"exp":%d`, end.Unix()))}
		keys := keysFrom(t, &list)
		old := list[1:]
		manager := func(keys *keyring.Keyring) *session.Manager {
			return managerOf(t, "v1", remembering, func(cfg *session.Config) { cfg.Keys, cfg.Store = keys, new(memstore.Store) })
		}
		m := manager(keys)
		token := issue(t, m, alice).AccessToken
		ofOld := issue(t, manager(keysFrom(t, &old)), alice).AccessToken
		one := issue(t, m, alice).AccessToken
		for range 2 {
			verify(t, m, token)
			verify(t, m, one)
			if c := verify(t, m, ofOld); !c.Previous || c.Tag != "v1" {
				t.Errorf("got %+v, want it from a previous key", c)
			}
		}
		if err := m.Revoke(t.Context(), "alice", verify(t, m, one).SessionID); err != nil {
			t.Fatal(err)
		}
		refused(t, m, one, session.ErrRevoked)

		time.Sleep(time.Until(end) - time.Nanosecond)
		verify(t, m, ofOld)
		time.Sleep(time.Nanosecond)
		refused(t, m, ofOld, session.ErrUnknownKey)

		verify(t, m, token)
		time.Sleep(5*time.Minute + time.Minute - time.Nanosecond)
		verify(t, m, token)
		time.Sleep(time.Nanosecond)
		refused(t, m, token, session.ErrExpired)

		last := issue(t, m, alice).AccessToken
		verify(t, m, last)
		list[0] = strings.Replace(list[0], `"kty"`, `"revoked":true,"kty"`, 1)
		list = append([]string{edKey(t, "v3", "")}, list...)
		if err := keys.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		refused(t, m, last, session.ErrRevoked)
	})
}

// Claims that are remembered say previous as soon as a newer key is activated, which is
// no change of the ring.
func TestVerifiedCacheActivation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		at := time.Now().Add(5 * time.Minute)
		list := []string{edKey(t, "v2", fmt.Sprintf(`,"nbf":%d`, at.Unix())), edKey(t, "v1", "")}
		keys := keysFrom(t, &list)
		m := managerOf(t, "v1", remembering, func(cfg *session.Config) { cfg.Keys = keys })
		token := issue(t, m, alice).AccessToken
		for range 2 {
			if verify(t, m, token).Previous {
				t.Fatal("got previous before the newer key is activated")
			}
		}
		time.Sleep(5 * time.Minute)
		if !verify(t, m, token).Previous {
			t.Error("got current, want previous")
		}
	})
}

// Checks run while the keys change: a key that is withdrawn vouches for nothing from then
// on, whatever was remembered meanwhile.
func TestVerifiedCacheRace(t *testing.T) {
	t.Parallel()
	first, second := edKey(t, "v1", ""), edKey(t, "v2", "")
	withdrawn := strings.Replace(first, `"kty"`, `"revoked":true,"kty"`, 1)
	list := []string{second, first}
	var mu sync.Mutex
	keys, err := keyring.FromFunc(t.Context(), func(context.Context) ([]keyring.Key, error) {
		mu.Lock()
		defer mu.Unlock()
		return keyring.ParseKeys([]byte(`{"keys":[` + strings.Join(list, ",") + `]}`))
	})
	if err != nil {
		t.Fatal(err)
	}
	alone := []string{first}
	token := issue(t, managerOf(t, "v1", func(cfg *session.Config) { cfg.Keys = keysFrom(t, &alone) }), alice).AccessToken
	m := managerOf(t, "v1", remembering, func(cfg *session.Config) { cfg.Keys = keys })
	for range 20 {
		stop := make(chan struct{})
		var crew sync.WaitGroup
		for range 4 {
			crew.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						m.Verify(t.Context(), token)
					}
				}
			})
		}
		for _, key := range []string{first, withdrawn} {
			mu.Lock()
			list[1] = key
			mu.Unlock()
			if err := keys.Reload(t.Context()); err != nil {
				t.Fatal(err)
			}
			_, err := m.Verify(t.Context(), token)
			if (err == nil) != (key == first) {
				t.Errorf("got %v after the key was changed, withdrawn: %v", err, key == withdrawn)
			}
		}
		close(stop)
		crew.Wait()
	}
}

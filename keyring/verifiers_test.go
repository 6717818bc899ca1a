package keyring_test

import (
	"context"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
)

// signingService is one that signs people in by EdDSA, from a keyring file.
func signingService(t *testing.T) (*keyring.Keyring, *session.Manager) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys.json")
	do(t, keyring.InitFileFor(path, "EdDSA"))
	keys := must(keyring.FromFile(path))(t)
	return keys, managerOf(t, keys)
}

// managerOf returns a Manager of a keyring.
func managerOf(t *testing.T, keys *keyring.Keyring) *session.Manager {
	t.Helper()
	m, err := session.New(session.Config{Keys: keys})
	do(t, err)
	return m
}

// tokenOf returns an access token of a new session.
func tokenOf(t *testing.T, m *session.Manager) string {
	t.Helper()
	tokens, err := m.Issue(t.Context(), session.Grant{Subject: "alice"})
	do(t, err)
	return tokens.AccessToken
}

// kidOf returns the kid in the header of a token, as any library finds it.
func kidOf(t *testing.T, token string) string {
	t.Helper()
	head, _, _ := strings.Cut(token, ".")
	data, err := base64.RawURLEncoding.DecodeString(head)
	do(t, err)
	var h struct{ KID string }
	do(t, json.Unmarshal(data, &h))
	return h.KID
}

// A service that uses another library, and keeps the set for as long as ServeJWKS lets
// it, has every key before a token needs it, through two rotations. One
// that uses this library and never fetches the set again accepts them all the same, as
// long as a key that it has co-signs.
func TestKeysAreKnownBeforeTheySign(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keys, signs := signingService(t)
		var asked atomic.Int64
		late := managerOf(t, must(keyring.FromURLBy(t.Context(), "https://id.example.com/jwks", transport(func(*http.Request) (*http.Response, error) {
			asked.Add(1)
			return answer(published(t, keys, "GET").Body), nil
		})))(t))
		var cached map[string]bool
		var until time.Time
		kids := map[string]bool{}
		for turn := range 51 * 60 / 7 {
			if turn%(25*60/7) == 1 {
				_, err := keys.Rotate(t.Context())
				do(t, err)
			}
			if !time.Now().Before(until) {
				w := published(t, keys, "GET")
				var set struct{ Keys []struct{ KID string } }
				do(t, json.Unmarshal(w.Body.Bytes(), &set))
				cached = map[string]bool{}
				for _, k := range set.Keys {
					cached[k.KID] = true
				}
				var seconds int
				fmt.Sscanf(w.Header().Get("Cache-Control"), "public, max-age=%d", &seconds)
				until = time.Now().Add(time.Duration(seconds) * time.Second)
			}
			token := tokenOf(t, signs)
			kids[kidOf(t, token)] = true
			if !cached[kidOf(t, token)] {
				t.Fatalf("after %d minutes a token is signed by %s, which others do not know", 7*turn, kidOf(t, token))
			}
			if _, err := late.Verify(t.Context(), token); err != nil {
				t.Fatalf("after %d minutes, with the first key alone: %v", 7*turn, err)
			}
			time.Sleep(7 * time.Minute)
		}
		if len(kids) != 3 || asked.Load() != 1 {
			t.Errorf("got tokens by %d keys and %d fetches, want 3 and 1", len(kids), asked.Load())
		}
	})
}

// Through a flood of a thousand tokens a second that name keys which nobody has, those
// of people signed in are checked as ever, and a key that signs at once, because the one
// before was withdrawn, is there within two seconds. The issuer is asked once a second.
func TestVerifierUnderFlood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keys, signs := signingService(t)
		var asked atomic.Int64
		m := managerOf(t, must(keyring.FromURLBy(t.Context(), "https://id.example.com/jwks", transport(func(r *http.Request) (*http.Response, error) {
			asked.Add(1)
			time.Sleep(20 * time.Millisecond)
			w := httptest.NewRecorder()
			keys.ServeJWKS(w, r)
			return answer(w.Body), nil
		})))(t))
		ctx, cancel := context.WithCancel(t.Context())
		go func() { // Run fetches too
			if err := m.Run(ctx); err != nil {
				t.Error(err)
			}
		}()
		payload := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"sub":"mallory","exp":%d}`, time.Now().Add(time.Hour).Unix()))
		forge := func(n int) {
			for i := range n {
				head := fmt.Sprintf(`{"alg":"EdDSA","kid":"v9.%08d","typ":"at+jwt"}`, time.Now().UnixMilli()%1e5*1000+int64(i))
				go func() {
					_, err := m.Verify(t.Context(), base64.RawURLEncoding.EncodeToString([]byte(head))+"."+payload+"."+strings.Repeat("A", 86))
					if !errors.Is(err, session.ErrUnknownKey) {
						t.Errorf("got %v, want an unknown key", err)
					}
				}()
			}
		}
		honest := tokenOf(t, signs)
		forge(200)
		time.Sleep(900 * time.Millisecond)
		if n := asked.Load(); n != 2 {
			t.Errorf("200 forged tokens: asked %d times, want once more", n)
		}
		begun, before := time.Now(), asked.Load()
		for second := range 30 {
			for range 10 {
				forge(100)
				if _, err := m.Verify(t.Context(), honest); err != nil {
					t.Fatalf("second %d: %v", second, err)
				}
				time.Sleep(100 * time.Millisecond)
			}
			if second != 15 {
				continue
			}
			old := keys.List()[0].Tag
			do(t, keys.Revoke(t.Context(), old))
			honest = tokenOf(t, signs)
			for wait := time.Now(); ; time.Sleep(50 * time.Millisecond) {
				if _, err := m.Verify(t.Context(), honest); err == nil {
					break
				} else if time.Since(wait) > 2*time.Second {
					t.Fatalf("the new key is not known after two seconds: %v", err)
				}
			}
		}
		if n, most := asked.Load()-before, int64(time.Since(begun)/time.Second)+1; n > most {
			t.Errorf("asked %d times, want at most %d", n, most)
		}
		cancel()
	})
}

// An issuer whose kids are UUIDs or thumbprints rotates too: a kid that is not known has
// the set fetched, whatever it looks like.
func TestForeignKIDsRotate(t *testing.T) {
	t.Parallel()
	for _, next := range []string{"6f1c1c1e-9c5b-4a67-8d5a-0f4f3f1f9a10", "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", "aW/s+9=="} {
		i, s := new(issuer), newSigner(t, "EdDSA")
		i.says(jwks(asymmetric(t, "2f0d3a34-51f5-4c0d-9c3c-b1d0a7d5a001", newSigner(t, "EdDSA").Public())))
		m := managerOf(t, must(keyring.FromURL(t.Context(), i.start(t)))(t))
		i.says(jwks(asymmetric(t, next, s.Public())))
		now := time.Now().Unix()
		input := b64(fmt.Sprintf(`{"alg":"EdDSA","kid":%q,"typ":"at+jwt"}`, next)) + "." +
			b64(fmt.Sprintf(`{"sub":"alice","sid":"s","jti":"j","iat":%d,"exp":%d,"auth_time":%d,"type":"access"}`, now, now+900, now))
		sig, err := s.Sign(nil, []byte(input), crypto.Hash(0))
		do(t, err)
		for range 3 {
			if _, err := m.Verify(t.Context(), input+"."+b64(sig)); err != nil {
				t.Errorf("%s: %v", next, err)
			}
		}
		if n := i.asked.Load(); n != 2 {
			t.Errorf("%s: asked %d times, want twice", next, n)
		}
	}
}

package session_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// newSigner returns a new key for EdDSA or ES256.
func newSigner(t testing.TB, alg string) crypto.Signer {
	t.Helper()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]crypto.Signer{"EdDSA": ed, "ES256": ec}[alg]
}

// signerManager returns a Manager whose current key is that of s, and its keyring;
// more keys stand behind it.
func signerManager(t testing.TB, s crypto.Signer, more ...keyring.Key) (*session.Manager, *keyring.Keyring) {
	t.Helper()
	k, err := keyring.NewSigner("v9", s)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := keyring.New(append([]keyring.Key{k}, more...)...)
	if err != nil {
		t.Fatal(err)
	}
	return managerOf(t, "v1", func(cfg *session.Config) { cfg.Keys = keys }), keys
}

// verifierOf returns a Manager that has the public keys of keys, as they are
// published, and nothing else.
func verifierOf(t testing.TB, keys *keyring.Keyring, edits ...func(*session.Config)) *session.Manager {
	t.Helper()
	w := httptest.NewRecorder()
	keys.ServeJWKS(w, httptest.NewRequest("GET", "/", nil))
	list, err := keyring.ParseKeys(w.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	public, err := keyring.New(list...)
	if err != nil {
		t.Fatal(err)
	}
	return managerOf(t, "v1", append(edits, func(cfg *session.Config) { cfg.Keys = public })...)
}

// TestVerifyOnly: a Manager with public keys checks sessions and cannot issue any; a
// refresh that it cannot make leaves the session as it is.
func TestVerifyOnly(t *testing.T) {
	t.Parallel()
	for _, alg := range []string{"EdDSA", "ES256"} {
		m, keys := signerManager(t, newSigner(t, alg))
		tokens := issue(t, m, alice)
		store := func(cfg *session.Config) { cfg.Store = new(memstore.Store) }
		for name, v := range map[string]*session.Manager{"stateless": verifierOf(t, keys), "with a store": verifierOf(t, keys, withCookies, store)} {
			if name == "stateless" {
				if c := verify(t, v, tokens.AccessToken); c.Subject != "alice" || c.Tag != "v9" || c.Previous {
					t.Errorf("got %+v, want alice by v9, and no previous key", c)
				}
			}
			if v.Version() != "" {
				t.Errorf("got the version %q, want none", v.Version())
			}
			_, err := v.Issue(t.Context(), alice)
			if err == nil || !strings.Contains(err.Error(), "no live key can sign: the keyring only verifies") || session.Status(err) != http.StatusServiceUnavailable {
				t.Errorf("%s: got %v", name, err)
			}
			if token, err := v.Purpose("invite", time.Hour).Issue(t.Context(), "alice", nil); err == nil {
				t.Errorf("%s: got %q", name, token)
			}
		}
		_, err := verifierOf(t, keys).Refresh(t.Context(), tokens.RefreshToken)
		wantErr(t, err, session.ErrUnavailable)
		refresh(t, m, tokens)
	}
}

// TestPurposeOfSigners: keys with a public half have no secret to derive others from,
// and still no token of a purpose passes as a session or as one of another purpose,
// nor a session as one, whichever of the keys vouches.
func TestPurposeOfSigners(t *testing.T) {
	t.Parallel()
	hmac := keysOf(t, "v1")[0]
	for _, alg := range []string{"EdDSA", "ES256"} {
		s := newSigner(t, alg)
		alone, keys := signerManager(t, s)
		both, _ := signerManager(t, s, hmac)
		reversed := managerOf(t, "v1", func(cfg *session.Config) {
			k, err := keyring.NewSigner("v9", s)
			if err != nil {
				t.Fatal(err)
			}
			cfg.Keys, err = keyring.New(hmac, k)
			if err != nil {
				t.Fatal(err)
			}
		})
		all := []*session.Manager{alone, both, reversed, verifierOf(t, keys)}
		for _, m := range all[:3] {
			token := issueFor(t, m.Purpose("invite", time.Hour), "alice", nil)
			tokens := issue(t, m, alice)
			for _, v := range all {
				if _, err := v.Purpose("invite", time.Hour).Verify(t.Context(), token); err != nil {
					t.Errorf("%s: %v", alg, err)
				}
				purposeRefused(t, v.Purpose("reset", time.Hour), token, session.ErrInvalid)
				_, err := v.Verify(t.Context(), token)
				wantErr(t, err, session.ErrInvalid)
				_, err = v.Refresh(t.Context(), token)
				wantErr(t, err, session.ErrInvalid)
				purposeRefused(t, v.Purpose("invite", time.Hour), tokens.AccessToken, session.ErrInvalid)
				purposeRefused(t, v.Purpose("invite", time.Hour), tokens.RefreshToken, session.ErrInvalid)
				_, err = v.Verify(t.Context(), tokens.RefreshToken)
				wantErr(t, err, session.ErrInvalid)
			}
		}
	}
}

// fleet is two instances on one keyring file, one of which reads it twelve hours late.
type fleet struct {
	keys  [2]*keyring.Keyring
	at    [2]*session.Manager
	users map[string]session.Tokens
	turn  int
}

// newFleet starts the two on a new keyring file.
func newFleet(t *testing.T, store session.Store) *fleet {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys.json")
	if err := keyring.InitFile(path); err != nil {
		t.Fatal(err)
	}
	f := &fleet{users: map[string]session.Tokens{}}
	for i := range f.at {
		var err error
		if f.keys[i], err = keyring.FromFile(path); err != nil {
			t.Fatal(err)
		}
		f.at[i] = managerOf(t, "v1", func(cfg *session.Config) { cfg.Keys, cfg.Store = f.keys[i], store })
	}
	return f
}

// day lets a day pass in which everybody but who is away comes by at both instances
// every six hours, and somebody signs in. Services that verify see each access token.
func (f *fleet) day(t *testing.T, step string, away ...string) {
	t.Helper()
	for quarter := range 4 {
		time.Sleep(6 * time.Hour)
		if quarter == 1 { // the late one
			if err := f.keys[1].Reload(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for name := range f.users {
			if len(away) == 0 || name != away[0] {
				f.visit(t, step, name)
			}
		}
	}
	f.turn++
	name := fmt.Sprint("user ", len(f.users))
	f.users[name] = issue(t, f.at[f.turn%2], session.Grant{Subject: name})
}

// visit refreshes at one instance and is checked at both.
func (f *fleet) visit(t *testing.T, step, name string) {
	t.Helper()
	f.turn++
	next, err := f.at[f.turn%2].Refresh(t.Context(), f.users[name].RefreshToken)
	if err != nil {
		t.Fatalf("%s: %s is signed out: %v", step, name, err)
	}
	f.users[name] = next
	for _, m := range f.at {
		if c, err := m.Verify(t.Context(), next.AccessToken); err != nil || c.Subject != name {
			t.Fatalf("%s: the token of %s is refused: %v", step, name, err)
		}
	}
	if strings.HasPrefix(step, "HS256") || f.turn%2 == 1 { // the late one may not have the key yet
		return
	}
	if _, err := verifierOf(t, f.keys[0]).Verify(t.Context(), next.AccessToken); err != nil {
		t.Fatalf("%s: a service with the public keys refuses the token of %s: %v", step, name, err)
	}
}

// TestMigrationToEdDSA, of a keyring with live users, in the steps of the README: a
// key that only co-signs, a day later it signs, and when no token needs the secret any
// more it goes. Nobody is signed out, not even who was away for six days.
func TestMigrationToEdDSA(t *testing.T) {
	t.Parallel()
	for name, store := range map[string]session.Store{"stateless": nil, "with a store": new(memstore.Store)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t, store)
				f.users["alice"], f.users["away"] = issue(t, f.at[0], alice), issue(t, f.at[1], session.Grant{Subject: "away"})
				f.day(t, "HS256 alone")
				f.visit(t, "HS256 alone", "away")

				if _, err := f.keys[0].RotateTo(t.Context(), "EdDSA"); err != nil {
					t.Fatal(err)
				}
				if f.at[0].Version() != "v1" {
					t.Fatalf("got the version %s at once, want v1 for a day", f.at[0].Version())
				}
				f.day(t, "EdDSA co-signs", "away")
				if f.at[0].Version() != "v2" {
					t.Fatalf("got the version %s a day later, want v2", f.at[0].Version())
				}
				for range 5 {
					f.day(t, "EdDSA signs", "away")
				}
				f.visit(t, "EdDSA signs", "away") // whose token only the secret has signed
				for range 3 {
					f.day(t, "EdDSA signs")
				}
				if err := f.keys[0].Retire(t.Context(), "v1"); err != nil {
					t.Fatal(err)
				}
				if err := f.keys[0].Drop(t.Context(), "v1"); err != nil {
					t.Fatal(err)
				}
				f.day(t, "EdDSA alone")
				if got := f.keys[1].List(); len(got) != 1 || got[0].Algorithm != "EdDSA" {
					t.Errorf("got %v, want one EdDSA key", got)
				}
				if len(f.users) != 13 {
					t.Errorf("got %d users, want 13", len(f.users))
				}
			})
		})
	}
}

// A service that verifies by the public keys cannot tell about tokens from before there
// were any: it says so, which ends no session, until these have expired.
func TestVerifierDuringMigration(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, nil)
		before := issue(t, f.at[0], alice)
		if _, err := f.keys[0].RotateTo(t.Context(), "EdDSA"); err != nil {
			t.Fatal(err)
		}
		v := verifierOf(t, f.keys[0])
		verify(t, f.at[0], before.AccessToken)
		refused(t, v, before.AccessToken, session.ErrUnknownKey)
		verify(t, v, refresh(t, f.at[0], before).AccessToken)
		time.Sleep(16 * time.Minute) // an access lifetime, and the leeway
		_, err := f.at[0].Verify(t.Context(), before.AccessToken)
		wantErr(t, err, session.ErrExpired)
		refused(t, v, before.AccessToken, session.ErrExpired)
	})
}

// A service that verifies by the published keys goes on with one that was revoked until it
// fetches them again, which a token of the successor has it do at once.
func TestRevokedKeyAtVerifier(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	if err := keyring.InitFileFor(path, "EdDSA"); err != nil {
		t.Fatal(err)
	}
	keys, err := keyring.FromFile(path)
	if err != nil {
		t.Fatal(err)
	}
	issuer := httptest.NewServer(http.HandlerFunc(keys.ServeJWKS))
	defer issuer.Close()
	public, err := keyring.FromURL(t.Context(), issuer.URL)
	if err != nil {
		t.Fatal(err)
	}
	m := managerOf(t, "v1", func(cfg *session.Config) { cfg.Keys = keys })
	v := managerOf(t, "v1", func(cfg *session.Config) { cfg.Keys = public })
	before := issue(t, m, alice).AccessToken
	verify(t, v, before)
	if err := keys.Revoke(t.Context(), "v1"); err != nil {
		t.Fatal(err)
	}
	refused(t, m, before, session.ErrRevoked)
	verify(t, v, before)
	verify(t, v, issue(t, m, alice).AccessToken)
	refused(t, v, before, session.ErrUnknownKey)
}

// A refresh by a signer that fails, as a key service may, is no sign-out.
func TestSignerFails(t *testing.T) {
	t.Parallel()
	for name, store := range map[string]session.Store{"stateless": nil, "with a store": new(memstore.Store)} {
		s := &flaky{Signer: newSigner(t, "EdDSA")}
		_, keys := signerManager(t, s)
		m := managerOf(t, "v1", func(cfg *session.Config) { cfg.Keys, cfg.Store = keys, store })
		tokens := issue(t, m, alice)
		s.down = true
		if _, err := m.Issue(t.Context(), alice); err == nil || session.Status(err) != http.StatusServiceUnavailable {
			t.Errorf("%s: got %v", name, err)
		}
		_, err := m.Refresh(t.Context(), tokens.RefreshToken)
		wantErr(t, err, session.ErrUnavailable)
		s.down = false
		refresh(t, m, tokens)
	}
}

// flaky is a signer that may be down.
type flaky struct {
	crypto.Signer
	down bool
}

func (f *flaky) Sign(r io.Reader, b []byte, opts crypto.SignerOpts) ([]byte, error) {
	if f.down {
		return nil, errors.New("key service is down")
	}
	return f.Signer.Sign(r, b, opts)
}

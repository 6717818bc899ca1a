package keyring_test

import (
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/keyring"
)

const day = 24 * time.Hour

// sources opens a keyring in a file and one in a store, each with one HS256 key.
func sources(t *testing.T) map[string]func() *keyring.Keyring {
	path, _ := initFile(t)
	s, kek := new(shelf), newSecret()
	return map[string]func() *keyring.Keyring{
		"file": func() *keyring.Keyring { return must(keyring.FromFile(path))(t) },
		"store": func() *keyring.Keyring {
			return must(keyring.FromStore(t.Context(), keyring.Shared{Store: s, KEK: kek, RotateEvery: -1}))(t)
		},
	}
}

// From HS256 to EdDSA and on to ES256: for a day the new key only co-signs, and from
// its first moment its public half knows all tokens. Later keys keep to the algorithm.
func TestRotateToAnotherAlgorithm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for name, open := range sources(t) {
			k := open()
			old := issue(t, k)
			if tag, err := k.RotateTo(t.Context(), "EdDSA"); tag != "v2" || err != nil {
				t.Fatalf("%s: got %q, %v, want v2", name, tag, err)
			}
			wantStates(t, k, "v2 spare, v1 current")
			if got := k.List()[0]; got.Algorithm != "EdDSA" || got.Activates.Sub(got.Made) != day {
				t.Errorf("%s: got %+v, want an EdDSA key that signs a day later", name, got)
			}
			if _, err := verify(publicView(t, k), issue(t, k)); err != nil {
				t.Errorf("%s: a token of the first day: %v, want it known by the public key", name, err)
			}
			if tag, err := verify(k, old); tag != "v1" || err != nil {
				t.Errorf("%s: a token from before: got %q, %v, want v1", name, tag, err)
			}
			time.Sleep(day)
			wantStates(t, k, "v2 current, v1 previous")
			if _, err := verify(open(), issue(t, k)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			rotate(t, k, "v3")
			if got := k.List()[0]; got.Algorithm != "EdDSA" || got.State != "spare" {
				t.Errorf("%s: got %+v, want another EdDSA key", name, got)
			}
			if _, err := k.RotateTo(t.Context(), "ES256"); err != nil {
				t.Fatal(err)
			}
			wantStates(t, k, "v4 spare, v3 spare, v2 current, v1 previous")
			time.Sleep(day)
			wantStates(t, open(), "v4 current, v3 previous, v2 previous, v1 previous")
			if _, err := verify(publicView(t, k), issue(t, k)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// A leaked key is replaced by one that signs at once.
func TestRevokeAsymmetricKey(t *testing.T) {
	t.Parallel()
	for name, open := range sources(t) {
		k := open()
		for _, alg := range asymmetricAlgorithms {
			_, err := k.RotateTo(t.Context(), alg)
			do(t, err)
		}
		do(t, k.Revoke(t.Context(), "v1"))
		wantStates(t, k, "v4 current, v3 spare, v2 spare, v1 revoked")
		if got := k.List()[0]; got.Algorithm != "ES256" || !got.Activates.IsZero() {
			t.Errorf("%s: got %+v, want an ES256 key that signs at once", name, got)
		}
		do(t, k.Revoke(t.Context(), "v2"))
		do(t, k.Drop(t.Context(), "v2"))
		do(t, k.Drop(t.Context(), "v2"))
		if got := open().List()[2]; got.Tag != "v2" || got.Algorithm != "EdDSA" || got.State != "revoked" {
			t.Errorf("%s: got %+v, want what is remembered of v2", name, got)
		}
	}
}

func TestRotateToRefuses(t *testing.T) {
	t.Parallel()
	for name, open := range sources(t) {
		for _, alg := range []string{"", "RS256", "none", "eddsa"} {
			if tag, err := open().RotateTo(t.Context(), alg); err == nil || !strings.Contains(err.Error(), `use "HS256", "EdDSA" or "ES256"`) {
				t.Errorf("%s, %q: got %q, %v", name, alg, tag, err)
			}
		}
	}
}

// A file of public keys is for those who verify. Everybody may read it, and no key is
// made in it.
func TestPublicFile(t *testing.T) {
	t.Parallel()
	s := newSigner(t, "EdDSA")
	public := jwks(asymmetric(t, "v1", s.Public()), asymmetric(t, "other/kid", newSigner(t, "ES256").Public()))
	path := file(t, public)
	do(t, os.Chmod(path, 0o644))
	k := must(keyring.FromFile(path))(t)
	if _, err := verify(k, issue(t, must(keyring.New(signerKey(t, "x", s)))(t))); err != nil {
		t.Error(err)
	}
	_, err := k.Rotate(t.Context())
	refused(t, err, nil, "these keys are public ones, which only verify")
	_, err = k.RotateTo(t.Context(), "EdDSA")
	refused(t, err, nil, "these keys are public ones")
	if got := readFile(t, path); got != public {
		t.Errorf("the file is changed: %s", got)
	}
	do(t, os.Chmod(path, 0o666))
	refused(t, k.Reload(t.Context()), nil, "has mode 0666")
	for _, secret := range []string{asymmetric(t, "v1", s), jwk("v1", newSecret()), asymmetric(t, "v1", s, `"revoked":true`), `{"kty":"oct"}`} {
		path := file(t, jwks(secret, asymmetric(t, "v0", newSigner(t, "EdDSA").Public())))
		do(t, os.Chmod(path, 0o644))
		_, err := keyring.FromFile(path)
		refused(t, err, nil, "has mode 0644")
	}
	gone := file(t, jwks(asymmetric(t, "v1", s.Public(), `"exp":1`)))
	_, err = keyring.FromFile(gone)
	refused(t, err, nil, "has no key left to sign with")
}

// A keyring in the store makes keys for its algorithm, one at a time although each
// waits for a day.
func TestSharedAlgorithm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg := keyring.Shared{Store: new(shelf), KEK: newSecret(), Algorithm: "EdDSA", RotateEvery: 2 * time.Hour}
		k := must(keyring.FromStore(t.Context(), cfg))(t)
		wantStates(t, k, "v1 current")
		for range 40 { // 20 hours
			time.Sleep(30 * time.Minute)
			do(t, k.Reload(t.Context()))
		}
		wantStates(t, k, "v2 spare, v1 current")
		time.Sleep(7 * time.Hour)
		do(t, k.Reload(t.Context()))
		wantStates(t, k, "v3 spare, v2 current, v1 previous")
		for _, i := range k.List() {
			if i.Algorithm != "EdDSA" {
				t.Errorf("got %+v, want EdDSA", i)
			}
		}
	})
}

package keyring_test

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
	"github.com/sessionring/sessionring/keyring"
	"golang.org/x/crypto/chacha20poly1305"
)

// What the store holds tells no key, and no byte of it can be changed.
func TestSharedIsSealed(t *testing.T) {
	t.Parallel()
	s, kek := new(shelf), newSecret()
	k := shared(t, s, kek)
	data := s.sealed(t)
	if bytes.Contains(data, []byte(kek)) || bytes.Contains(data, []byte("v1")) && bytes.Contains(data, []byte(`"k"`)) || bytes.Contains(data, []byte(k.List()[0].ID)) {
		t.Errorf("the store can be read: %q", data)
	}
	again := shared(t, new(shelf), kek)
	if k.List()[0].ID == again.List()[0].ID {
		t.Error("two stores got the same key, want random ones")
	}
	for i := range data {
		bad := slices.Clone(data)
		bad[i] ^= 1
		s.put(t, bad)
		if _, err := keyring.FromStore(t.Context(), keyring.Shared{Store: s, KEK: kek}); err == nil {
			t.Errorf("byte %d changed: got a keyring, want an error", i)
		}
	}
	for i := range data {
		s.put(t, data[:i])
		if _, err := keyring.FromStore(t.Context(), keyring.Shared{Store: s, KEK: kek}); err == nil {
			t.Errorf("cut after %d bytes: got a keyring, want an error", i)
		}
	}
	s.put(t, data)
	other := newSecret()
	_, err := keyring.FromStore(t.Context(), keyring.Shared{Store: s, KEK: other})
	refused(t, err, []string{kek, other}, "which is not in Shared.KEK: add the secret that was used before")
}

// The format of what the store holds, read by other means: two lines in the clear, with
// the name of the sealing key, which tells nothing of it, and XChaCha20-Poly1305.
func TestSharedFormat(t *testing.T) {
	t.Parallel()
	s, kek := new(shelf), newSecret()
	k := shared(t, s, kek)
	derive := func(info string, n int) []byte {
		out, err := hkdf.Key(sha256.New, []byte(kek), nil, info, n)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	head := "sessionring sealed keyring v1\n" + b64(derive("sessionring keyring seal v1 name", 6)) + "\n"
	box, ok := strings.CutPrefix(string(s.sealed(t)), head)
	if !ok {
		t.Fatalf("got %.50q, want it to begin with %q", s.sealed(t), head)
	}
	aead, err := chacha20poly1305.NewX(derive("sessionring keyring seal v1", 32))
	if err != nil {
		t.Fatal(err)
	}
	text, err := aead.Open(nil, []byte(box[:24]), []byte(box[24:]), []byte(head))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := keyring.ParseKeys(text)
	if err != nil || len(keys) != 1 || keys[0].String() != k.List()[0].ID {
		t.Errorf("got %v, %v, want the key of %s", keys, err, k)
	}
}

// The KEK is replaced like any key: the new one first, the old one behind it; after
// the next change of the keyring the old one is of no use.
func TestSharedKEKRotation(t *testing.T) {
	t.Parallel()
	s, old, young := new(shelf), newSecret(), newSecret()
	token := issue(t, shared(t, s, old))
	both := shared(t, s, young+","+old)
	if _, err := keyring.FromStore(t.Context(), keyring.Shared{Store: s, KEK: young}); err == nil {
		t.Error("got a keyring by the new secret before a change, want an error")
	}
	if _, err := both.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := keyring.FromStore(t.Context(), keyring.Shared{Store: s, KEK: old}); err == nil {
		t.Error("got a keyring by the old secret after a change, want an error")
	}
	wantStates(t, shared(t, s, old+","+young), "v2 current, v1 previous") // which one is first decides who seals only
	k := shared(t, s, young+"\n")
	wantStates(t, k, "v2 current, v1 previous")
	if _, err := verify(k, token); err != nil {
		t.Error(err)
	}
}

// FuzzShared: whatever the store holds, there is no panic, no keyring of it, no
// secret in the error, and it is left as it is.
func FuzzShared(f *testing.F) {
	s, kek := new(shelf), newSecret()
	shared(f, s, kek)
	data := s.sealed(f)
	for _, seed := range [][]byte{data, {}, []byte("sessionring sealed keyring v1\n"), data[:40], data[:len(data)-1], []byte("sessionring sealed keyring v1\nAAAAAAAA\n"), []byte("\n\n\n"), append(slices.Clone(data), 0)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, other []byte) {
		s := new(shelf)
		if ok, err := s.Store.Swap(t.Context(), "keyring", nil, append([]byte{}, other...), "", "", time.Time{}); !ok || err != nil {
			t.Fatal(ok, err)
		}
		k, err := keyring.FromStore(t.Context(), keyring.Shared{Store: s, KEK: kek})
		if bytes.Equal(other, data) {
			if err != nil {
				t.Fatal(err)
			}
			return
		}
		if k != nil || err == nil || strings.Contains(err.Error(), kek) {
			t.Fatalf("got %v, %v, want an error without the secret", k, err)
		}
		wellSaid(t, err)
		if got := s.sealed(t); !bytes.Equal(got, other) {
			t.Fatalf("the store was changed to %q", got)
		}
	})
}

// FuzzSealedSet: whatever stands in a set that is sealed well, there is no panic; what
// is accepted has a key that signs.
func FuzzSealedSet(f *testing.F) {
	kek := newSecret()
	for _, text := range []string{"", "{}", "null", jwks(), jwks(jwk("v1", newSecret())), jwks(jwk("v1", newSecret(), `"iat":1`), jwk("v2", newSecret(), `"iat":2,"revoked":3`)), `{"keys":[{"kty":"oct","kid":"v1.AAAAAAAA","revoked":true}]}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		data, err := keyring.Seal(kek, text)
		if err != nil {
			t.Fatal(err)
		}
		s := new(shelf)
		s.put(t, data)
		k, err := keyring.FromStore(t.Context(), keyring.Shared{Store: s, KEK: kek, RotateEvery: -1})
		if err != nil {
			wellSaid(t, err)
			return
		}
		if _, err := verify(k, issue(t, k)); err != nil && !errors.Is(err, ring.ErrUnknownKey) {
			t.Fatal(fmt.Errorf("of %q: %w", text, err))
		}
	})
}

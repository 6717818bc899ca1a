package ring

import (
	"errors"
	"testing"
	"time"
)

// A ring cares for what a key can do, not for its algorithm. Here keys can less
// than HMAC keys can.

// limited returns an HMAC key that limit has taken abilities from.
func limited(tag string, limit func(*engine)) *Key {
	k := NewHMAC(tag, []byte("a secret for tests, tag and all: "+tag))
	limit(&k.engine)
	return k
}

func sign(t *testing.T, keys ...*Key) (string, error) {
	t.Helper()
	r, err := New(keys)
	if err != nil {
		t.Fatal(err)
	}
	s := r.Signers(time.Now())
	return s.Sign(Access, []byte(`{"exp":9999999999}`))
}

func openBy(t *testing.T, token string, k *Key) error {
	t.Helper()
	r, err := New([]*Key{k})
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Open(token, time.Now(), 0)
	return err
}

// TestPublicKey: what can only verify vouches for what its private half made, and
// makes nothing.
func TestPublicKey(t *testing.T) {
	t.Parallel()
	public := func(e *engine) { e.sign, e.cosign, e.derive = nil, nil, nil }
	a, b := limited("a", public), limited("b", func(*engine) {})
	if _, err := sign(t, a); !errors.Is(err, ErrCannotSign) {
		t.Errorf("got %v, want %v", err, ErrCannotSign)
	}
	if a.Signs() || !a.Live(time.Now()) || a.Derive("x", 16) != nil {
		t.Error("a public key must be live, and have nothing to sign or derive with")
	}
	token, err := sign(t, a, b) // a is newer, but cannot
	if err != nil {
		t.Fatal(err)
	}
	if err := openBy(t, token, a); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("got %v, want %v: a has not co-signed", err, ErrUnknownKey)
	}
	private := limited("a", func(*engine) {})
	for _, keys := range [][]*Key{{private, b}, {b, private}} { // a signs, a co-signs
		token, err := sign(t, keys...)
		if err != nil {
			t.Fatal(err)
		}
		if err := openBy(t, token, a); err != nil {
			t.Errorf("the public half refuses: %v", err)
		}
	}
}

// TestKeyThatDoesNotCosign, as RSA keys: it keeps nobody's place, and no entry
// under its name counts.
func TestKeyThatDoesNotCosign(t *testing.T) {
	t.Parallel()
	a := limited("a", func(e *engine) { e.cosign, e.coverify = nil, nil })
	a.Spare = true
	keys := []*Key{}
	for _, tag := range []string{"f", "e", "d", "c", "b"} {
		keys = append(keys, limited(tag, func(*engine) {}))
	}
	r, err := New(append(keys, a))
	if err != nil {
		t.Fatal(err)
	}
	s := r.Signers(time.Now())
	if got := s.Keys(); len(got) != 4 || got[3].Tag != "c" {
		t.Errorf("got %d signers, want f, e, d and c", len(got))
	}
	whole := limited("a", func(*engine) {})
	token, err := sign(t, keys[0], whole)
	if err != nil {
		t.Fatal(err)
	}
	if err := openBy(t, token, a); !errors.Is(err, errCosignature) {
		t.Errorf("got %v, want %v", err, errCosignature)
	}
}

// TestFailingSigner, as a key service that cannot be reached: no token at all is
// better than one that lacks a signature.
func TestFailingSigner(t *testing.T) {
	t.Parallel()
	down := errors.New("key service is down")
	fails := func([]byte, []byte) ([]byte, error) { return nil, down }
	a := limited("a", func(e *engine) { e.sign = fails })
	b := limited("b", func(e *engine) {
		e.cosign = fails
	})
	for name, keys := range map[string][]*Key{"signs": {a}, "signs, others co-sign": {a, limited("c", func(*engine) {})}, "co-signs": {limited("c", func(*engine) {}), b}} {
		if token, err := sign(t, keys...); !errors.Is(err, down) || token != "" {
			t.Errorf("%s: got %q, %v, want %v", name, token, err, down)
		}
	}
}

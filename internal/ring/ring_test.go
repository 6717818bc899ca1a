package ring_test

import (
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
)

func secret() []byte {
	b := make([]byte, 32)
	rand.Read(b)
	return b
}

func TestSmoke(t *testing.T) {
	a, b, s := ring.NewHMAC("v1", secret()), ring.NewHMAC("v2", secret()), ring.NewHMAC("spare", secret())
	s.Spare = true
	now := time.Now()
	r1, _ := ring.New([]*ring.Key{a, s})
	r2, _ := ring.New([]*ring.Key{b, a})
	sg := r2.Signers(now)
	tok, err := sg.Sign(ring.Access, []byte(`{"sub":"x","exp":9999999999}`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := r1.Open(tok, now, 0)
	if err != nil || got.Key != a {
		t.Fatal(got, err)
	}
	t.Log(string(got.Payload), tok)
	if err := r1.Audit(tok, now); err != nil {
		t.Fatal(err)
	}
	r3, _ := ring.New([]*ring.Key{ring.NewHMAC("v9", secret())})
	if _, err := r3.Open(tok, now, 0); !errors.Is(err, ring.ErrUnknownKey) {
		t.Fatal(err)
	}
}

package ring_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"testing"

	"github.com/sessionring/sessionring/internal/ring"
)

// Encode writes what the standard library writes, behind what is there, whatever room
// there is.
func TestEncode(t *testing.T) {
	t.Parallel()
	for n := range 200 {
		src := make([]byte, n)
		rand.Read(src)
		for _, dst := range [][]byte{nil, []byte("header."), append(make([]byte, 0, 1024), "header."...)} {
			want := base64.RawURLEncoding.AppendEncode(bytes.Clone(dst), src)
			if got := ring.Encode(dst, src); !bytes.Equal(got, want) {
				t.Errorf("%d bytes %x: got %s, want %s", n, src, got, want)
			}
		}
	}
}

// TestOpening: what payloads are expected to begin with changes nothing in a token,
// whether they do or not.
func TestOpening(t *testing.T) {
	t.Parallel()
	r := newRing(t, keyOf(t, "b"), keyOf(t, "a"))
	signers := r.Signers(now)
	for size := range len(claims) {
		for _, opening := range []string{claims[:size], "x" + claims[:size], claims[:size] + "x"} {
			w := &ring.Scratch{Opening: ring.NewOpening([]byte(opening)), At: now}
			got, err := signers.AppendToken([]byte("before"), w, ring.Access, []byte(claims))
			if err != nil {
				t.Fatal(err)
			}
			want, _ := signers.Sign(ring.Access, []byte(claims))
			if string(got) != "before"+want {
				t.Fatalf("with the opening %q: got %s, want %s", opening, got, want)
			}
		}
	}
}

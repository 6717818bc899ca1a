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

package ring

import (
	"encoding/base64"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/sessionring/sessionring/internal/race"
)

// TestDecode holds decode against the strict decoder of the standard library, which
// differs in that it skips line breaks.
func TestDecode(t *testing.T) {
	t.Parallel()
	strict := base64.RawURLEncoding.Strict()
	same := func(text []byte) {
		t.Helper()
		want, err := strict.DecodeString(string(text))
		good := err == nil && !strings.ContainsAny(string(text), "\r\n")
		got, err := decode([]byte("x"), text)
		if (err == nil) != good || err == nil && string(got) != "x"+string(want) || err != nil && (err != errBase64 || string(got) != "x") {
			t.Fatalf("%q: got %q, %v, want %q, %v", text, got, err, want, good)
		}
	}
	random, n := rand.New(rand.NewPCG(1, 2)), 20
	if race.Enabled { // which has nothing to find here
		n = 1
	}
	for size := range 67 {
		for range n {
			data := make([]byte, size)
			for i := range data {
				data[i] = byte(random.Uint32())
			}
			text := []byte(base64.RawURLEncoding.EncodeToString(data))
			same(text)
			for i := range text {
				was := text[i]
				for _, c := range []byte("A_-+/=\n\r \x00\x7f\x80\xff") {
					text[i] = c
					same(text)
				}
				text[i] = was
				same(text[:i])
				same(append(text[:len(text):len(text)], was))
			}
		}
	}
	for c := range 1 << 16 { // everything that can be left over
		same([]byte{byte(c), byte(c >> 8)})
		same([]byte{'A', byte(c), byte(c >> 8)})
	}
}

package ring

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// TestWycheproofHMAC holds the two MACs of the engine against the public vectors
// in the folder that SESSIONRING_VECTORS names: all of HMAC-SHA-256, as ordinary
// signatures have it, and its first 128 bits, as co-signatures have it.
func TestWycheproofHMAC(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("SESSIONRING_VECTORS")
	if dir == "" {
		t.Skip("SESSIONRING_VECTORS names no folder with public test vectors")
	}
	data, err := os.ReadFile(filepath.Join(dir, "wycheproof_hmac_sha256_test.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		TestGroups []struct {
			TagSize int
			Tests   []struct {
				TcID                  int
				Key, Msg, Tag, Result string
			}
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	count := map[int]int{}
	for _, g := range file.TestGroups {
		for _, c := range g.Tests {
			secret, msg, tag := unhex(t, c.Key), unhex(t, c.Msg), base64.RawURLEncoding.EncodeToString(unhex(t, c.Tag))
			var got bool
			switch g.TagSize {
			case 256:
				got = NewHMAC("v1", secret).verify(msg, []byte(tag))
			case 128:
				sum := newMAC(secret)(msg)
				got = equalText(sum[:16], []byte(tag))
			default:
				t.Fatalf("%d: no MAC of ours has %d bits", c.TcID, g.TagSize)
			}
			if want := c.Result == "valid"; got != want {
				t.Errorf("%d: got %v, want %v", c.TcID, got, want)
			}
			count[g.TagSize]++
		}
	}
	if count[256] != 87 || count[128] != 87 {
		t.Errorf("got %v vectors, want 87 of each size", count)
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestMACAgain: the state that a MAC reuses remembers nothing.
func TestMACAgain(t *testing.T) {
	t.Parallel()
	m := newMAC([]byte("0123456789abcdef0123456789abcdef"))
	want := m([]byte("header.payload"))
	for i := range 100 {
		m(make([]byte, i))
		if got := m([]byte("header.payload")); got != want {
			t.Errorf("after %d bytes: got %x, want %x", i, got, want)
		}
	}
}

func TestEqualText(t *testing.T) {
	t.Parallel()
	sum := make([]byte, 32)
	full := base64.RawURLEncoding.EncodeToString(sum)
	for text, want := range map[string]bool{
		full: true, full[:42]: false, full + "A": false, full + "\x00": false, "": false, full[:42] + "B": false, "B" + full[1:]: false,
	} {
		if got := equalText(sum, []byte(text)); got != want {
			t.Errorf("equalText(%q): got %v, want %v", text, got, want)
		}
	}
	for text, want := range map[string]bool{full[:22]: true, full[:21]: false, full[:23]: false, full: false, full[:21] + "\x00": false} {
		if got := equalText(sum[:16], []byte(text)); got != want {
			t.Errorf("equalText(%q): got %v, want %v", text, got, want)
		}
	}
	for bit := range 8 * len(sum) {
		other := make([]byte, len(sum))
		other[bit/8] ^= 1 << (bit % 8)
		if equalText(other, []byte(full)) || bit < 8*16 && equalText(other[:16], []byte(full[:22])) {
			t.Errorf("got a text taken that differs in bit %d", bit)
		}
	}
}

// What has another length is not equal, whatever it begins with.
func TestEqualWords(t *testing.T) {
	t.Parallel()
	for a := range 41 {
		for b := range 41 {
			if got, want := equalWords(make([]byte, a), make([]byte, b)), a == b && a%8 == 0; got != want {
				t.Errorf("%d and %d bytes: got %v, want %v", a, b, got, want)
			}
		}
	}
}

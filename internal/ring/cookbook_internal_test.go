package ring

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCookbookEdDSA is RFC 8037, appendix A.4. Its token has no kid, so no ring opens
// it: only its signature can be tried.
func TestCookbookEdDSA(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("SESSIONRING_VECTORS")
	if dir == "" {
		t.Skip("SESSIONRING_VECTORS names no folder with public test vectors")
	}
	data, err := os.ReadFile(filepath.Join(dir, "cookbook_curve25519_jws.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Input  struct{ Key struct{ D, X string } }
		Output struct{ Compact string }
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	seed, err := base64.RawURLEncoding.DecodeString(file.Input.Key.D)
	if err != nil {
		t.Fatal(err)
	}
	k, err := NewSigner("v1", ed25519.NewKeyFromSeed(seed))
	if err != nil {
		t.Fatal(err)
	}
	dot := strings.LastIndexByte(file.Output.Compact, '.')
	input, want := file.Output.Compact[:dot], file.Output.Compact[dot+1:]
	got, err := k.sign(nil, []byte(input))
	if string(got) != want || err != nil || !k.verify([]byte(input), []byte(want)) || k.verify([]byte(input+"x"), []byte(want)) {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

package keyring_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
	"github.com/sessionring/sessionring/keyring"
)

// random returns n random bytes.
func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// newSecret returns the text of a good secret: 64 hex digits.
func newSecret() string { return hex.EncodeToString(random(32)) }

// b64 is how a JWK writes bytes.
func b64[T string | []byte](b T) string { return base64.RawURLEncoding.EncodeToString([]byte(b)) }

// newKey returns a key with a random secret.
func newKey(t testing.TB, tag string) keyring.Key {
	t.Helper()
	k, err := keyring.NewKey(tag, random(32))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// must returns k, whose making must not have failed: must(keyring.New(…))(t).
func must(k *keyring.Keyring, err error) func(testing.TB) *keyring.Keyring {
	return func(t testing.TB) *keyring.Keyring {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
}

// jwk returns one key of a JWK Set, with more members as JSON.
func jwk(kid, secret string, more ...string) string {
	name, _ := json.Marshal(kid)
	members := append([]string{fmt.Sprintf(`"kty":"oct","kid":%s,"k":%q`, name, b64(secret))}, more...)
	return "{" + strings.Join(members, ",") + "}"
}

// jwks returns a JWK Set of keys.
func jwks(keys ...string) string { return `{"keys":[` + strings.Join(keys, ",") + `]}` }

// write writes a file for its owner only, in one step, and returns its path.
func write(t testing.TB, path, content string) string {
	t.Helper()
	if err := os.WriteFile(path+".tmp", []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		t.Fatal(err)
	}
	return path
}

// file returns the path of a new file with content.
func file(t testing.TB, content string) string {
	t.Helper()
	return write(t, filepath.Join(t.TempDir(), "keys.json"), content)
}

// states returns the tag and state of every key of k.
func states(k *keyring.Keyring) string {
	var words []string
	for _, i := range k.List() {
		words = append(words, i.Tag+" "+i.State)
	}
	return strings.Join(words, ", ")
}

// wantStates fails unless k has these tags and states.
func wantStates(t testing.TB, k *keyring.Keyring, want string) {
	t.Helper()
	if got := states(k); got != want {
		t.Fatalf("keys: got %q, want %q", got, want)
	}
}

// refused fails unless err says all of want, one fault a line with the prefix of the
// package, and holds none of the secrets.
func refused(t testing.TB, err error, secrets []string, want ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("got no error, want one that says %q", want)
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("got %q, want it to say %q", err, w)
		}
	}
	for line := range strings.Lines(err.Error()) {
		if !strings.HasPrefix(line, "keyring: ") {
			t.Errorf("got the line %q, want the prefix of the package", line)
		}
	}
	for _, s := range secrets {
		if s != "" && strings.Contains(err.Error(), s) {
			t.Errorf("the error holds a secret: %q", err)
		}
	}
}

// issue returns an access token by the keys of k, good for an hour.
func issue(t testing.TB, k *keyring.Keyring) string {
	t.Helper()
	now := time.Now()
	s := k.Live().Ring().Signers(now)
	token, err := s.Sign(ring.Access, fmt.Appendf(nil, `{"sub":"alice","exp":%d}`, now.Add(time.Hour).Unix()))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// verify returns the tag of the key of k that vouches for token, or why none does.
func verify(k *keyring.Keyring, token string) (string, error) {
	got, err := k.Live().Ring().Open(token, time.Now(), 0)
	if err != nil {
		return "", err
	}
	return got.Key.Tag, nil
}

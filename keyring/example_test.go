package keyring_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/sessionring/sessionring/keyring"
)

// secretOf64Digits stands for a secret that was made once and is kept: here it is
// made anew, because a secret in an example is nobody's secret.
func secretOf64Digits() string {
	b := make([]byte, 32)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// The keys stand in the environment. To rotate, the secret moves to
// SESSION_SECRET_OLD, a new one takes its place, and TOKEN_VERSION is raised.
func ExampleFromEnv() {
	os.Setenv("SESSION_SECRET", secretOf64Digits())
	os.Setenv("SESSION_SECRET_OLD", secretOf64Digits())
	os.Setenv("TOKEN_VERSION", "v2")
	defer os.Unsetenv("SESSION_SECRET")
	defer os.Unsetenv("SESSION_SECRET_OLD")
	defer os.Unsetenv("TOKEN_VERSION")

	keys, err := keyring.FromEnv()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(keys)
	// Output: keyring(v2 v1)
}

// A secret that is missing or copied from a tutorial stops the program at its start.
// The mistake would be to go on with a random one: each restart, and each further
// instance, would then sign everybody out.
func ExampleFromEnv_incorrect() {
	os.Setenv("SESSION_SECRET", "your-super-secret-key-change-me-in-production")
	defer os.Unsetenv("SESSION_SECRET")

	_, err := keyring.FromEnv()
	fmt.Println(err)
	// Output: keyring: SESSION_SECRET is a placeholder: make a new one with: openssl rand -hex 32
}

// A service that takes over from Flask takes its variables too.
func ExampleFlaskEnv() {
	os.Setenv("FLASK_SECRET_KEY", secretOf64Digits())
	defer os.Unsetenv("FLASK_SECRET_KEY")

	keys, err := keyring.FlaskEnv().Open()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(keys)
	// Output: keyring(v1)
}

// A file is made once, and from then on rotated in place. Running servers follow it.
func ExampleFromFile() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "keys.json")

	if err := keyring.InitFile(path); err != nil && !errors.Is(err, fs.ErrExist) {
		fmt.Println(err)
		return
	}
	keys, err := keyring.FromFile(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	tag, err := keys.Rotate(context.Background())
	fmt.Println(tag, err, keys)
	// Output: v2 <nil> keyring(v2 v1)
}

// A secret manager hands out a JWK Set.
func ExampleFromFunc() {
	fetch := func(context.Context) (string, error) {
		return `{"keys":[{"kty":"oct","kid":"v1","k":"` + b64(random(32)) + `"}]}`, nil
	}
	keys, err := keyring.FromFunc(context.Background(), func(ctx context.Context) ([]keyring.Key, error) {
		set, err := fetch(ctx)
		if err != nil {
			return nil, err
		}
		return keyring.ParseKeys([]byte(set))
	})
	fmt.Println(keys, err)
	// Output: keyring(v1) <nil>
}

func ExampleNewKey() {
	key, err := keyring.NewKey("v1", []byte(secretOf64Digits()))
	if err != nil {
		fmt.Println(err)
		return
	}
	tag, fingerprint, _ := strings.Cut(key.String(), ".") // never the secret
	fmt.Println(tag, len(fingerprint))
	// Output: v1 8
}

// A file that was read keeps the line break at its end, which is no part of the secret.
func ExampleNewKey_incorrect() {
	content := []byte(secretOf64Digits() + "\n")
	_, err := keyring.NewKey("v1", content)
	fmt.Println(err)
	// Output: keyring: the secret is text with white space in it, such as the line break at the end of a file: remove it, or make a new one with: openssl rand -hex 32
}

// The first key signs, the others are for the tokens that are still about.
func ExampleNew() {
	current, err := keyring.NewKey("v2", []byte(secretOf64Digits()))
	if err != nil {
		fmt.Println(err)
		return
	}
	previous, err := keyring.NewKey("v1", []byte(secretOf64Digits()))
	if err != nil {
		fmt.Println(err)
		return
	}
	keys, err := keyring.New(current, previous)
	fmt.Println(keys, err)
	// Output: keyring(v2 v1) <nil>
}

func ExampleKeyring_List() {
	set, err := keyring.ParseKeys([]byte(`{"keys":[
		{"kty":"oct","kid":"v2","k":"` + b64(random(32)) + `"},
		{"kty":"oct","kid":"v1","k":"` + b64(random(32)) + `"}]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	keys, err := keyring.New(set...)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, k := range keys.List() {
		fmt.Println(k.Tag, k.Algorithm, k.State)
	}
	// Output:
	// v2 HS256 current
	// v1 HS256 previous
}

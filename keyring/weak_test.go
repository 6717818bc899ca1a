package keyring_test

import (
	"encoding/base64"
	"encoding/hex"
	"maps"
	mathrand "math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/sessionring/sessionring/internal/race"
	"github.com/sessionring/sessionring/keyring"
)

// A22, and nobody who made a good secret may be locked out. The secrets are the same
// each time: of ten million others one may be refused, and that is no failure.
func TestRandomSecretsPass(t *testing.T) {
	t.Parallel()
	type source func(n int) []byte
	for name, c := range map[string]struct {
		n    int
		made func(random source) []byte
	}{
		"32 hex digits":         {100_000, func(random source) []byte { return []byte(hex.EncodeToString(random(16))) }},
		"64 hex digits":         {100_000, func(random source) []byte { return []byte(hex.EncodeToString(random(32))) }},
		"base64 of 32 bytes":    {100_000, func(random source) []byte { return []byte(base64.StdEncoding.EncodeToString(random(32))) }},
		"32 bytes":              {100_000, func(random source) []byte { return random(32) }},
		"base64url of 32 bytes": {10_000, func(random source) []byte { return []byte(b64(random(32))) }},
		"words, 32 hex digits":  {10_000, func(random source) []byte { return []byte("my-production-secret-" + hex.EncodeToString(random(16))) }},
		"words, 32 of base64":   {10_000, func(random source) []byte { return []byte("FLASK_SECRET_KEY=" + b64(random(24))) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stream := mathrand.NewChaCha8([32]byte{})
			random := func(n int) []byte {
				b := make([]byte, n)
				stream.Read(b)
				return b
			}
			n := c.n
			if race.Enabled { // which has nothing to find here
				n /= 100
			}
			for range n {
				if secret := c.made(random); keyring.Judge(secret, keyring.Published) != nil {
					t.Fatalf("%q is refused: %v", secret, keyring.Judge(secret, keyring.Published))
				}
			}
		})
	}
}

func TestWeakSecrets(t *testing.T) {
	t.Parallel()
	const regular, placeholder = "is too regular", "is a placeholder"
	for secret, want := range map[string]string{
		strings.Repeat("a", 64):                                  regular,
		strings.Repeat("abcdefg", 10):                            regular,
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaabcdefgh":                   regular,
		"abcdefghijklmnopqrstuvwxyz0123456789":                   regular,
		"ZYXWVUTSRQPONMLKJIHGFEDCBA9876543210":                   regular,
		"0123456789abcdef0123456789abcdef":                       regular,
		"00112233445566778899aabbccddeeff00":                     regular,
		"a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6q7":                     regular,
		"12345678901234567890123456789012":                       regular,
		"changemechangemechangemechangeme":                       regular,
		"your-256-bit-secret-your-256-bit-secret":                regular,
		"d7f3a9c1d7f3a9c1d7f3a9c1d7f3a9c1":                       regular,
		"d7f3a9c10b5e8246d7f3a9c10b5e8246":                       regular,
		"supersecret" + strings.Repeat("0", 12) + "keykeykeykey": placeholder,
		"supersecret" + strings.Repeat("0", 24):                  regular,
		"your-256-bit-secret-is-a-very-long-secret":              placeholder,
		"CHANGE_ME_CHANGE_THIS_SECRET_KEY_IN_PROD":               placeholder,
		"please-replace-this-secret-before-going-live":           placeholder,
		"thisisaverylongsecretkeyforjwttokens1234567890":         placeholder,
		"keyboard-cat-keyboard-cat-session-secret":               placeholder,
		"a-secret-of-at-least-32-characters-please":              placeholder,
		"my.jwt.token.signing.secret.for.development.only":       placeholder,
		"Insecure/Default/Password/For/Testing/Admin":            placeholder,
		"TODO: generate a random 512 bit string, FIXME":          placeholder,
		"password123password456password789secret!!!":             placeholder,
		"secret-zkwvuyopzkwvuyopzkwvuyop-token-key":              placeholder,
		"letmein-qwertyuiop-asdfghjkl-zxcvbnm-admin":             placeholder,
		"s3cr3t-p4ssw0rd-ch4ngem3-hunter2-placeholder":           placeholder,
	} {
		err := keyring.Judge([]byte(secret), nil)
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: got %v, want it %q", secret, err, want)
		}
	}
}

func TestStrongSecretsPass(t *testing.T) {
	t.Parallel()
	digits := hex.EncodeToString(random(16))
	for name, secret := range map[string]string{
		"32 digits twice":      digits + digits,
		"words before digits":  "my-production-secret-" + digits,
		"words behind digits":  digits + "-flask-secret-key",
		"one word in the text": digits[:16] + "secret" + digits[16:],
		"a UUID":               "9f1c2b3e-7a64-4d0b-b8e5-" + digits[:12],
		"not UTF-8":            "changeme" + string(random(31)) + "\xff",
	} {
		if err := keyring.Judge([]byte(secret), keyring.Published); err != nil {
			t.Errorf("%s: %q: got %v, want no fault", name, secret, err)
		}
	}
}

// Published secrets are refused in every form they may be given in.
func TestPublishedSecrets(t *testing.T) {
	t.Parallel()
	digits, raw := newSecret(), append([]byte{0xfb, 0xff}, random(30)...) // the alphabets of base64 differ in it
	bytes, err := hex.DecodeString(digits)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ listed, given string }{
		"as the text":       {digits, digits},
		"hex, decoded":      {digits, string(bytes)},
		"HEX, decoded":      {strings.ToUpper(digits), string(bytes)},
		"base64, decoded":   {base64.StdEncoding.EncodeToString(raw), string(raw)},
		"unpadded, decoded": {base64.RawStdEncoding.EncodeToString(raw), string(raw)},
		"base64url":         {base64.URLEncoding.EncodeToString(raw), string(raw)},
		"raw base64url":     {base64.RawURLEncoding.EncodeToString(raw), string(raw)},
		"bytes":             {string(raw), string(raw)},
	} {
		known := maps.Clone(keyring.Published)
		if err := keyring.Judge([]byte(c.given), known); err != nil {
			t.Errorf("%s: got %v before it is listed", name, err)
		}
		known[keyring.Digest(c.listed)] = true
		if err := keyring.Judge([]byte(c.given), known); err == nil || !strings.HasPrefix(err.Error(), "has been published") {
			t.Errorf("%s: got %v, want it refused as published", name, err)
		}
	}
}

// Every source holds its secrets against the list. Not parallel: it changes the list.
func TestPublishedSecretsAreRefusedBySource(t *testing.T) {
	secret := newSecret()
	set := jwks(jwk("v1", secret))
	sources := map[string]func() error{
		"environment": func() error { _, err := openEnv("SESSION_SECRET=" + secret); return err },
		"decoded":     func() error { _, err := openEnv("SESSION_SECRET=hex:" + secret); return err },
		"NewKey":      func() error { _, err := keyring.NewKey("v1", []byte(secret)); return err },
		"ParseKeys":   func() error { _, err := keyring.ParseKeys([]byte(set)); return err },
		"file":        func() error { _, err := keyring.FromFile(file(t, set)); return err },
	}
	for name, open := range sources {
		if err := open(); err != nil {
			t.Errorf("%s: got %v before it is listed", name, err)
		}
	}
	defer keyring.Publish(secret)()
	for name, open := range sources {
		t.Run(name, func(t *testing.T) {
			refused(t, open(), []string{secret, b64(secret)}, "has been published")
		})
	}
}

func TestPublishedListIsOfDigests(t *testing.T) {
	t.Parallel()
	digest := regexp.MustCompile(`^[0-9a-f]{64}$`)
	for d := range keyring.Published {
		if !digest.MatchString(d) {
			t.Errorf("got %q, want a SHA-256 digest", d)
		}
	}
	for _, d := range []string{
		"e93104f40a57870e993b0f09bcbedb8c1845dfa8cf2f4d7184de47b817f3395d",
		"fe768107d4e0d27eb8875e836cc19ca30a137fc0c64d2e8dbcfc8a4bbfee79dd",
	} {
		if !keyring.Published[d] {
			t.Errorf("the list lacks %s, which REQUIREMENTS.md names", d)
		}
	}
}

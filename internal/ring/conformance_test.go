package ring_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sessionring/sessionring/internal/ring"
)

// Conformance with public test vectors, which are not part of the project. They
// are read from the folder that SESSIONRING_VECTORS names.

// readVectors decodes one of the files.
func readVectors(t *testing.T, name string, into any) {
	t.Helper()
	dir := os.Getenv("SESSIONRING_VECTORS")
	if dir == "" {
		t.Skip("SESSIONRING_VECTORS names no folder with public test vectors")
	}
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

// jwk is a key in a file of vectors.
type jwk struct{ Kty, Alg, Kid, K string }

// ring returns the ring of that one key, found by its whole kid.
func (k jwk) ring(t *testing.T) *ring.Ring {
	t.Helper()
	secret, err := base64.RawURLEncoding.DecodeString(k.K)
	if err != nil {
		t.Fatal(err)
	}
	key := ring.NewHMAC("vector", secret)
	key.SetKID = k.Kid
	return newRing(t, key)
}

// openAny opens a token with or without a kid.
func openAny(r *ring.Ring, token string) (ring.Token, error) {
	got, err := r.Open(token, now, 0)
	if errors.Is(err, ring.ErrNoKID) {
		return r.OpenLegacy(token, now)
	}
	return got, err
}

// wycheproof is a file of JWS vectors.
type wycheproof struct {
	TestGroups []struct {
		Comment string
		Private jwk
		Tests   []struct {
			TcID                 int
			Comment, JWS, Result string
		}
	}
}

const wycheproofJWS = "wycheproof_json_web_signature_test.json"

// TestWycheproofHS256: what is valid is accepted, and all else refused, except that
// 372 and 373 hold a question mark in a part (RFC 7515, section 2, allows none),
// and that 367 and 370 are letter for letter the valid token 357.
func TestWycheproofHS256(t *testing.T) {
	t.Parallel()
	var file wycheproof
	readVectors(t, wycheproofJWS, &file)
	valid, invalid := 0, 0
	for _, g := range file.TestGroups {
		if g.Private.Kty != "oct" {
			continue
		}
		r := g.Private.ring(t)
		var first string // the first valid token of the group
		for _, c := range g.Tests {
			want := c.Result == "valid" && c.TcID != 372 && c.TcID != 373
			if c.TcID == 367 || c.TcID == 370 {
				want = c.JWS == first
			}
			if want && first == "" {
				first = c.JWS
			}
			_, err := openAny(r, c.JWS)
			switch {
			case want && err == nil:
				valid++
			case !want && errors.Is(err, ring.ErrInvalid):
				invalid++
			default:
				t.Errorf("%s %d, %s: got %v, want valid %v", g.Comment, c.TcID, c.Comment, err, want)
			}
		}
	}
	if valid != 10 || invalid != 30 {
		t.Errorf("got %d valid and %d invalid tokens, want 10 and 30", valid, invalid)
	}
}

// TestWycheproofOthers: a ring of HMAC keys accepts no token of another algorithm,
// whatever key its kid names.
func TestWycheproofOthers(t *testing.T) {
	t.Parallel()
	var file wycheproof
	readVectors(t, wycheproofJWS, &file)
	count := 0
	for _, g := range file.TestGroups {
		if g.Private.Kty == "oct" {
			continue
		}
		named := keyOf(t, "a")
		named.SetKID = g.Private.Kid
		for _, c := range g.Tests {
			for _, r := range []*ring.Ring{newRing(t, named), ringOf(t, "a")} {
				if _, err := openAny(r, c.JWS); err == nil {
					t.Errorf("%s %d, %s: accepted", g.Comment, c.TcID, c.Comment)
				}
				count++
			}
		}
	}
	if count < 700 {
		t.Errorf("got %d attempts, want over 700", count)
	}
}

// TestCookbookHMAC is RFC 7520, section 4.4.
func TestCookbookHMAC(t *testing.T) {
	t.Parallel()
	var file struct {
		Input struct {
			Payload string
			Key     jwk
		}
		Output struct {
			Compact  string
			JSON     json.RawMessage
			JSONFlat json.RawMessage `json:"json_flat"`
		}
	}
	readVectors(t, "cookbook_jws_4_4.hmac-sha2_integrity_protection.json", &file)
	r := file.Input.Key.ring(t)
	got, err := r.Open(file.Output.Compact, now, 0)
	check(t, err, nil)
	if string(got.Payload) != file.Input.Payload {
		t.Errorf("got payload %q, want %q", got.Payload, file.Input.Payload)
	}
	for _, form := range []json.RawMessage{file.Output.JSON, file.Output.JSONFlat} {
		_, err := openAny(r, string(form))
		check(t, err, ring.ErrInvalid)
	}
}

// unencoded is the file of RFC 7797, section 4.2, whose key is that of RFC 7515.
type unencoded struct {
	Input struct {
		Payload string
		Key     jwk
	}
	Signing struct {
		Input     string `json:"sig-input"`
		Protected string `json:"protected_b64u"`
		Sig       string
	}
	Output struct {
		JSON     json.RawMessage
		JSONFlat json.RawMessage `json:"json_flat"`
	}
}

const unencodedFile = "cookbook_rfc7797_4.2.hmac-sha2_b64_false.json"

// TestCookbookUnencoded is RFC 7797, section 4.2: a payload that is not encoded is
// refused in every form, and so is a header that announces one.
func TestCookbookUnencoded(t *testing.T) {
	t.Parallel()
	var file unencoded
	readVectors(t, unencodedFile, &file)
	r := file.Input.Key.ring(t)
	secret, err := base64.RawURLEncoding.DecodeString(file.Input.Key.K)
	if err != nil {
		t.Fatal(err)
	}
	input := file.Signing.Protected + "." + b64([]byte(file.Input.Payload))
	for _, token := range []string{
		file.Signing.Input + "." + file.Signing.Sig,
		file.Signing.Protected + ".." + file.Signing.Sig,
		file.Signing.Protected + ".AA." + file.Signing.Sig,
		input + "." + b64(hmacSHA256(secret, input)),
		string(file.Output.JSON),
		string(file.Output.JSONFlat),
	} {
		_, err := openAny(r, token)
		check(t, err, ring.ErrInvalid)
	}
}

// TestRFC7515 is appendix A.1, with its line breaks in header and payload. Its key
// is read from the vectors; only what is public by nature stands here.
func TestRFC7515(t *testing.T) {
	t.Parallel()
	const (
		header    = "{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}"
		payload   = "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}"
		signature = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	)
	var file unencoded
	readVectors(t, unencodedFile, &file)
	token := b64([]byte(header)) + "." + b64([]byte(payload)) + "." + signature
	got, err := file.Input.Key.ring(t).OpenLegacy(token, now)
	check(t, err, nil)
	if string(got.Payload) != payload {
		t.Errorf("got payload %q, want %q", got.Payload, payload)
	}
	_, err = file.Input.Key.ring(t).OpenLegacy(strings.Replace(token, "dBj", "dBk", 1), now)
	check(t, err, ring.ErrInvalid)
	_, err = ringOf(t, "a").OpenLegacy(token, now)
	check(t, err, ring.ErrInvalid)
}

// TestFormOfRFC7515 is the same under a key of our own, for those who have no
// vectors at hand.
func TestFormOfRFC7515(t *testing.T) {
	t.Parallel()
	token := sign(pattern('a'), "{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}", "{\"iss\":\"joe\",\r\n \"exp\":1300819380}")
	_, err := ringOf(t, "b a").OpenLegacy(token, now)
	check(t, err, nil)
}

package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"testing"
)

func TestParseSet(t *testing.T) {
	t.Parallel()
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	good := fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","kid":"v1.x","x":%q}`, base64.RawURLEncoding.EncodeToString(public))
	keys, err := parseSet([]byte(`{"keys":[{"kty":"RSA","kid":"other","n":"AQAB","e":"AQAB"},` + good + `]}`))
	if err != nil || len(keys) != 1 || !public.Equal(keys["v1.x"]) {
		t.Errorf("got %v, %v, want the one key that is for us", keys, err)
	}
	for _, bad := range []string{
		``, `[]`, `{}`, `{"keys":[]}`, `{"keys":[{"kty":"RSA","kid":"other"}]}`,
		`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"v1.x","x":"AAAA"}]}`,
		`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"v1.x","x":"!"}]}`,
	} {
		if keys, err := parseSet([]byte(bad)); err == nil {
			t.Errorf("%s: got %v, want an error", bad, keys)
		}
	}
}

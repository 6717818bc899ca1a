package keyring_test

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/internal/ring"
	"github.com/sessionring/sessionring/keyring"
)

// marker is text that no message holds unless it quotes a secret.
var marker = newSecret()[:24]

// wellSaid fails unless err is faults of this package, one on each line, in
// characters that may stand in a log.
func wellSaid(t *testing.T, err error) {
	t.Helper()
	for line := range strings.SplitSeq(err.Error(), "\n") {
		if !strings.HasPrefix(line, "keyring: ") || strings.ContainsFunc(line, func(c rune) bool { return !unicode.IsPrint(c) }) {
			t.Fatalf("got the line %q", line)
		}
	}
}

// FuzzEnv: no panic; what is accepted is the same when it is opened again, and when
// its secrets are written in hex; no error holds a secret.
func FuzzEnv(f *testing.F) {
	a, b := strings.Repeat("q7Zr", 3)+"0b5e8246d7f3a9c1x", "d7f3a9c10b5e8246"+"f0e1d2c3b4a59687"
	for _, s := range [][6]string{
		{a, "", "", "", "", ""}, {a, b, "v2", "", "v1", "2027-01-01T00:00:00Z"}, {a, b + "," + b + "0", "v3", "v2,x", "v2.AAAAAAAA", ""},
		{"hex:" + b + b, "base64:" + b, "v1", "v1", "x,,y", "now"}, {" " + a, ",", "v/1", ",", ",", "x"}, {a + "\r\n", "\n", "old1", "old1", "v1\n", ""},
		{"changeme", "\xff", "", "", "", ""},
	} {
		f.Add(s[0], s[1], s[2], s[3], s[4], s[5])
	}
	f.Fuzz(func(t *testing.T, secret, old, version, versionOld, revoked, activates string) {
		vars := map[string]string{"SESSION_SECRET": secret, "SESSION_SECRET_OLD": old, "TOKEN_VERSION": version, "TOKEN_VERSION_OLD": versionOld, "SESSION_SECRET_REVOKED": revoked, "SESSION_SECRET_ACTIVATES_AT": activates}
		lookup := func(name string) (string, bool) { v, ok := vars[name]; return v, ok }
		k, err := keyring.OpenEnv(keyring.Env{}, lookup)
		if err != nil {
			wellSaid(t, err)
		} else {
			acceptedEnv(t, k, vars, lookup)
		}
		for name, v := range vars {
			if !strings.HasPrefix(name, "TOKEN_") && v != "" { // tags may be quoted when they are good
				vars[name] = v[:len(v)/2] + marker + v[len(v)/2:]
			}
		}
		if _, err := keyring.OpenEnv(keyring.Env{}, lookup); err != nil && strings.Contains(err.Error(), marker) {
			t.Fatalf("the error holds a secret: %q", err)
		}
	})
}

// acceptedEnv checks a keyring that was opened from vars.
func acceptedEnv(t *testing.T, k *keyring.Keyring, vars map[string]string, lookup func(string) (string, bool)) {
	t.Helper()
	want := k.List()
	for _, i := range want {
		if !ring.ValidTag(i.Tag) || i.ID != i.Tag+"."+i.ID[len(i.ID)-8:] {
			t.Fatalf("got the kid %q with the tag %q", i.ID, i.Tag)
		}
	}
	again := must(keyring.OpenEnv(keyring.Env{}, lookup))(t)
	if d := cmp.Diff(want, again.List()); d != "" {
		t.Fatalf("opened again (-first +second):\n%s", d)
	}
	text := strings.TrimSuffix(strings.TrimSuffix(vars["SESSION_SECRET"], "\n"), "\r")
	if strings.HasPrefix(text, "hex:") || strings.HasPrefix(text, "base64:") {
		return
	}
	vars["SESSION_SECRET"] = "hex:" + hex.EncodeToString([]byte(text))
	inHex := must(keyring.OpenEnv(keyring.Env{}, lookup))(t)
	if d := cmp.Diff(want, inHex.List()); d != "" {
		t.Fatalf("in hex (-text +hex):\n%s", d)
	}
}

// FuzzParseKeys: no panic; what is accepted gives the same keys when it is written
// and read again, and the same text when that is; no error holds a secret.
func FuzzParseKeys(f *testing.F) {
	secret := "q7Zr-0b5e8246d7f3a9c1f0e1d2c3b4a59687"
	for _, s := range []string{
		jwks(jwk("v1", secret)), jwks(jwk("v2", secret, `"iat":2,"nbf":3.5,"exp":4e9,"spare":true`), jwk("v1", secret+"x", `"iat":1,"revoked":7`)),
		jwks(`{"kty":"oct","kid":"v0.AAAAAAAA","revoked":true}`), jwks(jwk("a/b:c", secret, `"alg":"HS256","use":"sig","key_ops":["sign","verify"],"x":[{}]`)),
		jwks(jwk("v1", "changeme", `"exp":"x","alg":"none"`)), jwks(jwk(secret, secret)), `{"keys":[],"keys":[]}`, `{"keys":[7,"x",null,{}]}`, `{"keys":{}}`, `{}`, ``,
		`{"x":"\u2028<>&","keys":[` + jwk("v1", secret) + `]}`,
		jwks(asymmetric(f, "v1", newSigner(f, "EdDSA")), asymmetric(f, "v2", newSigner(f, "ES256"), `"use":"sig","nbf":3`)),
		jwks(asymmetric(f, "v1", newSigner(f, "ES256").Public()), asymmetric(f, "b64/thumbprint", newSigner(f, "EdDSA").Public()), asymmetric(f, "rsa", rsaKey(f).Public(), `"alg":"PS256"`)),
		jwks(`{"kty":"OKP","kid":"v0.AAAAAAAA","revoked":true}`, `{"kty":"RSA","kid":"v1","n":"AQAB","e":"AQAB","d":"AQAB"}`),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, err := keyring.ParseKeys(data)
		if err != nil {
			wellSaid(t, err)
			for _, k := range secretsIn(data) {
				if strings.Contains(err.Error(), k) {
					t.Fatalf("the error holds a secret: %q", err)
				}
			}
			return
		}
		text, err := keyring.Rewrite(data)
		if err != nil {
			t.Fatal(err)
		}
		again, err := keyring.ParseKeys(text)
		if err != nil {
			t.Fatalf("written as %s: %v", text, err)
		}
		if got, want := describe(again), describe(keys); got != want {
			t.Fatalf("written and read: got %s, want %s", got, want)
		}
		if twice, err := keyring.Rewrite(text); string(twice) != string(text) || err != nil {
			t.Fatalf("written twice: got %s, %v, want %s", twice, err, text)
		}
	})
}

// FuzzPublicSet: no panic; a set that is accepted from an address is one that ParseKeys
// accepts, but for the keys that are passed over, and holds no secret.
func FuzzPublicSet(f *testing.F) {
	ed := newSigner(f, "EdDSA")
	for _, s := range []string{
		jwks(asymmetric(f, "v1", ed.Public())), jwks(asymmetric(f, "v1", ed)), jwks(jwk("v1", newSecret())), `<html>`,
		jwks(asymmetric(f, "a/b", rsaKey(f).Public(), `"alg":"PS256","use":"sig"`), `{"kty":"EC","crv":"P-521"}`, asymmetric(f, "v2", newSigner(f, "ES256").Public(), `"use":"enc"`)),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := keyring.Public(data); err != nil {
			wellSaid(t, err)
			return
		}
		var set struct{ Keys []map[string]any }
		if err := json.Unmarshal(data, &set); err != nil {
			t.Fatal(err)
		}
		for _, m := range set.Keys {
			if m["d"] != nil || m["k"] != nil || m["p"] != nil || m["kty"] == "oct" {
				t.Fatalf("a secret is accepted: %s", data)
			}
		}
	})
}

// secretsIn returns the members k and d in data that are long enough to be told from
// words, but for those that some kid repeats: kids are public and may be quoted.
func secretsIn(data []byte) []string {
	var set struct{ Keys []map[string]any }
	if json.Unmarshal(data, &set) != nil {
		return nil
	}
	var kids, secrets []string
	for _, m := range set.Keys {
		kid, _ := m["kid"].(string)
		kids = append(kids, kid)
	}
	all := strings.Join(kids, "\n")
	for _, m := range set.Keys {
		for _, name := range []string{"k", "d"} {
			if k, _ := m[name].(string); len(k) >= 24 && !strings.Contains(all, k) {
				secrets = append(secrets, k)
			}
		}
	}
	return secrets
}

// describe returns all that may be shown of keys.
func describe(keys []keyring.Key) string {
	k, err := keyring.New(keys...)
	if err != nil {
		return err.Error()
	}
	data, err := json.Marshal(k.List())
	if err != nil {
		return err.Error()
	}
	return string(data)
}

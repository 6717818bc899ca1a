package keyring_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/keyring"
)

// published is what k.ServeJWKS answers.
func published(t testing.TB, k *keyring.Keyring, method string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, "/.well-known/jwks.json", nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	k.ServeJWKS(w, r)
	return w
}

// publicView returns the keyring of the public keys of k, as others have it.
func publicView(t testing.TB, k *keyring.Keyring) *keyring.Keyring {
	t.Helper()
	return parse(t, published(t, k, "GET").Body.String())
}

// Every live public key is there under the kid of its tokens, and nothing else is:
// neither a secret nor a key that is one.
func TestServeJWKS(t *testing.T) {
	t.Parallel()
	ed, ec, gone, far := newSigner(t, "EdDSA"), newSigner(t, "ES256"), newSigner(t, "EdDSA"), newSigner(t, "ES256")
	rs, secret := rsaKey(t), newSecret()
	k := parse(t, jwks(
		asymmetric(t, "v5", far, `"nbf":4000000000`), asymmetric(t, "v4", ed), asymmetric(t, "v3/odd", ec, `"spare":true`), jwk("v2", secret),
		asymmetric(t, "v1", gone, `"exp":1`), asymmetric(t, "v0", newSigner(t, "EdDSA"), `"revoked":true`),
		`{"kty":"EC","kid":"v0.AAAAAAAA","revoked":1}`, asymmetric(t, "https://other.example.com/key", rs.Public(), `"alg":"PS256"`)))
	w := published(t, k, "GET")
	var set struct{ Keys []map[string]string }
	do(t, json.Unmarshal(w.Body.Bytes(), &set))
	ids := map[string]string{}
	for _, i := range k.List() {
		ids[i.Tag] = i.ID
	}
	var got []string
	for _, m := range set.Keys {
		got = append(got, m["kid"]+" "+m["alg"]+" "+m["use"])
		for name := range m {
			if !strings.Contains(" kty kid alg use crv x y n e ", " "+name+" ") {
				t.Errorf("%s has the member %s", m["kid"], name)
			}
		}
	}
	want := []string{ids["v5"] + " ES256 sig", ids["v4"] + " EdDSA sig", ids["v3-odd"] + " ES256 sig", "https://other.example.com/key PS256 sig"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("keys (-want +got):\n%s", d)
	}
	secrets := []string{secret, string(secretOf(t, ed)), string(secretOf(t, ec)), string(secretOf(t, far)), string(rs.D.Bytes()), string(rs.Primes[0].Bytes())}
	searchText(t, "the JWK Set", w.Body.String(), secrets)
	token := issue(t, k)
	if tag, err := verify(publicView(t, k), token); tag != "v4" || err != nil {
		t.Errorf("got %q, %v, want v4", tag, err)
	}
}

func TestServeJWKSHeaders(t *testing.T) {
	t.Parallel()
	k := must(keyring.New(signerKey(t, "v1", newSigner(t, "EdDSA"))))(t)
	w := published(t, k, "GET")
	for name, want := range map[string]string{"Content-Type": "application/jwk-set+json", "Cache-Control": "public, max-age=300", "X-Content-Type-Options": "nosniff"} {
		if got := w.Header().Get(name); got != want || w.Code != 200 {
			t.Errorf("%s: got %d, %q, want %q", name, w.Code, got, want)
		}
	}
	tag := w.Header().Get("ETag")
	for name, c := range map[string]struct {
		w    *httptest.ResponseRecorder
		code int
		body bool
	}{
		"HEAD":       {published(t, k, "HEAD"), 200, false},
		"unchanged":  {published(t, k, "GET", "If-None-Match", tag), 304, false},
		"changed":    {published(t, k, "GET", "If-None-Match", `"x"`), 200, true},
		"POST":       {published(t, k, "POST"), http.StatusMethodNotAllowed, true},
		"the same":   {published(t, k, "GET"), 200, true},
		"other keys": {published(t, must(keyring.New(signerKey(t, "v1", newSigner(t, "EdDSA"))))(t), "GET", "If-None-Match", tag), 200, true},
		"no keys":    {published(t, must(keyring.New(newKey(t, "v1")))(t), "GET"), 200, true},
		"zero value": {published(t, new(keyring.Keyring), "GET"), 200, true},
	} {
		if c.w.Code != c.code || (c.w.Body.Len() > 0) != c.body {
			t.Errorf("%s: got %d, %q, want %d, with a body: %v", name, c.w.Code, c.w.Body, c.code, c.body)
		}
		if name == "no keys" && c.w.Body.String() != "{\"keys\":[]}\n" {
			t.Errorf("%s: got %s", name, c.w.Body)
		}
	}
}

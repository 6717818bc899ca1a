package interop_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"
	"github.com/golang-jwt/jwt/v5"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
)

// Other libraries read the JWK Set that a service publishes, find in it by its kid the
// key of a token, and verify that.

// pairService is a Manager whose current key has a public half, and co-signers of
// either kind.
type pairService struct {
	*session.Manager
	keys *keyring.Keyring
	set  []byte // as it is published
}

// signerOf returns a new key for EdDSA or ES256.
func signerOf(t *testing.T, alg string) crypto.Signer {
	t.Helper()
	if alg == "ES256" {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	_, k, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newPairService(t *testing.T, alg, other string) pairService {
	t.Helper()
	signs, err := keyring.NewSigner("v3", signerOf(t, alg))
	if err != nil {
		t.Fatal(err)
	}
	cosigns, err := keyring.NewSigner("v2", signerOf(t, other))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keyring.New(signs, cosigns, newKey(t, "v1", newSecret()))
	if err != nil {
		t.Fatal(err)
	}
	m, err := session.New(session.Config{Keys: ring, Issuer: "https://id.example.com", Audience: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	ring.ServeJWKS(w, httptest.NewRequest("GET", "/.well-known/jwks.json", nil))
	return pairService{m, ring, w.Body.Bytes()}
}

// token returns an access token for alice, and one with another end.
func (s pairService) token(t *testing.T) (good, forged string) {
	t.Helper()
	tokens, err := s.Issue(t.Context(), session.Grant{Subject: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	good = tokens.AccessToken
	return good, good[:len(good)-20] + "AAAAAAAAAAAAAAAAAAAA"
}

// eachPair runs a test for each algorithm.
func eachPair(t *testing.T, do func(t *testing.T, alg string, s pairService)) {
	for alg, other := range map[string]string{"EdDSA": "ES256", "ES256": "EdDSA"} {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			do(t, alg, newPairService(t, alg, other))
		})
	}
}

func TestGoJOSEWithPublicKeys(t *testing.T) {
	t.Parallel()
	eachPair(t, func(t *testing.T, alg string, s pairService) {
		var set jose.JSONWebKeySet
		if err := json.Unmarshal(s.set, &set); err != nil || len(set.Keys) != 2 {
			t.Fatalf("our JWK Set: got %d keys, %v, want 2", len(set.Keys), err)
		}
		good, forged := s.token(t)
		parsed, err := josejwt.ParseSigned(good, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
		if err != nil {
			t.Fatal(err)
		}
		var claims josejwt.Claims
		if err := parsed.Claims(set, &claims); err != nil {
			t.Fatalf("our token: %v", err)
		}
		if err := claims.Validate(josejwt.Expected{Issuer: "https://id.example.com", AnyAudience: josejwt.Audience{"shop"}, Subject: "alice", Time: time.Now()}); err != nil {
			t.Errorf("our claims: %v", err)
		}
		if parsed, err = josejwt.ParseSigned(forged, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)}); err == nil && parsed.Claims(set, &claims) == nil {
			t.Error("a forged token is accepted")
		}
	})
}

// golang-jwt reads no JWK Set by itself: its users take another library for that, here
// go-jose.
func TestGolangJWTWithPublicKeys(t *testing.T) {
	t.Parallel()
	eachPair(t, func(t *testing.T, alg string, s pairService) {
		var set jose.JSONWebKeySet
		if err := json.Unmarshal(s.set, &set); err != nil {
			t.Fatal(err)
		}
		key := func(token *jwt.Token) (any, error) {
			kid, _ := token.Header["kid"].(string)
			keys := set.Key(kid)
			if len(keys) != 1 {
				t.Fatalf("got %d keys with the kid %q, want 1", len(keys), kid)
			}
			return keys[0].Key, nil
		}
		good, forged := s.token(t)
		parsed, err := jwt.Parse(good, key, jwt.WithValidMethods([]string{alg}), jwt.WithIssuer("https://id.example.com"), jwt.WithAudience("shop"))
		if err != nil {
			t.Fatalf("our token: %v", err)
		}
		if sub, _ := parsed.Claims.GetSubject(); sub != "alice" {
			t.Errorf("got subject %q, want alice", sub)
		}
		if _, err := jwt.Parse(forged, key, jwt.WithValidMethods([]string{alg})); err == nil {
			t.Error("a forged token is accepted")
		}
	})
}

// TestJWKOfGoJOSE: the keys that go-jose writes are read here, under any kid, and a
// token of another issuer is found by it.
func TestJWKOfGoJOSE(t *testing.T) {
	t.Parallel()
	for _, alg := range []string{"EdDSA", "ES256"} {
		signer, kid := signerOf(t, alg), "6f1c1c1e-9c5b-4a67-8d5a-0f4f3f1f9a10"
		set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: signer.Public(), KeyID: kid, Algorithm: alg, Use: "sig"}}})
		if err != nil {
			t.Fatal(err)
		}
		keys, err := keyring.ParseKeys(set)
		if err != nil {
			t.Fatal(err)
		}
		ring, err := keyring.New(keys...)
		if err != nil {
			t.Fatal(err)
		}
		m, err := session.New(session.Config{Keys: ring, Issuer: "https://id.example.com", Audience: "shop"})
		if err != nil {
			t.Fatal(err)
		}
		token := jwt.NewWithClaims(jwt.GetSigningMethod(alg), jwt.MapClaims(foreign()))
		token.Header["kid"], token.Header["typ"] = kid, "at+jwt"
		text, err := token.SignedString(signer)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := m.Verify(t.Context(), text); err != nil || c.Subject != "alice" {
			t.Errorf("%s: got %v, %v, want alice", alg, c, err)
		}
	}
}

// publicScript is what a program of another language is told, and answers.
type publicScript struct {
	Alg     string          `json:"alg,omitempty"`
	Token   string          `json:"token,omitempty"`  // to verify
	Forged  string          `json:"forged,omitempty"` // and not to
	Set     json.RawMessage `json:"set,omitempty"`    // with these keys
	Subject string          `json:"subject,omitempty"`
	Refused bool            `json:"refused,omitempty"`
	Keys    int             `json:"keys,omitempty"`
}

// run has a program of another language verify a token by the published keys.
func (s pairService) run(t *testing.T, alg, dir, name string, args ...string) {
	t.Helper()
	good, forged := s.token(t)
	got := tell(t, publicScript{Alg: alg, Token: good, Forged: forged, Set: s.set}, dir, name, args...)
	if got.Subject != "alice" || !got.Refused || got.Keys != 2 {
		t.Errorf("got subject %q, forged one refused %v, %d keys, want alice, true, 2", got.Subject, got.Refused, got.Keys)
	}
}

func TestPyJWTWithPublicKeys(t *testing.T) {
	t.Parallel()
	python := pyJWT(t)
	eachPair(t, func(t *testing.T, alg string, s pairService) { s.run(t, alg, ".", python, "pyjwt_public.py") })
}

func TestJOSEWithPublicKeys(t *testing.T) {
	t.Parallel()
	npmJOSE(t)
	eachPair(t, func(t *testing.T, alg string, s pairService) { s.run(t, alg, "jose", "node", "public.mjs") })
}

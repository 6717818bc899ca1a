package interop_test

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"
	"github.com/golang-jwt/jwt/v5"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
)

// service is a Manager with the secret of its current key.
type service struct {
	*session.Manager
	secret []byte
}

// newService returns a service with a current and a previous key, so that its
// tokens are co-signed.
func newService(t *testing.T) service {
	t.Helper()
	secret := newSecret()
	keys, err := keyring.New(newKey(t, "v2", secret), newKey(t, "v1", newSecret()))
	if err != nil {
		t.Fatal(err)
	}
	m, err := session.New(session.Config{Keys: keys, Issuer: "https://id.example.com", Audience: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	return service{m, secret}
}

// newSecret returns 64 hex digits; as everywhere, the text is the key.
func newSecret() []byte {
	raw := make([]byte, 32)
	rand.Read(raw)
	return []byte(hex.EncodeToString(raw))
}

func newKey(t *testing.T, tag string, secret []byte) keyring.Key {
	t.Helper()
	k, err := keyring.NewKey(tag, secret)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// issue returns tokens for alice.
func (s service) issue(t *testing.T) session.Tokens {
	t.Helper()
	tokens, err := s.Issue(t.Context(), session.Grant{Subject: "alice", Claims: map[string]any{"roles": []string{"admin"}}})
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// foreign is the claims of an access token that another library makes.
func foreign() map[string]any {
	now := time.Now().Unix()
	return map[string]any{
		"iss": "https://id.example.com", "aud": "shop", "sub": "alice", "sid": "session-1", "jti": "token-1",
		"iat": now, "exp": now + 600, "auth_time": now, "type": "access", "version": "v2",
	}
}

// verifies checks that a token of another library is accepted, and one of its
// forgeries is not.
func (s service) verifies(t *testing.T, token, forged string) {
	t.Helper()
	c, err := s.Verify(t.Context(), token)
	if err != nil {
		t.Fatalf("their token: %v", err)
	}
	if c.Subject != "alice" || c.SessionID != "session-1" || c.Tag != "v2" {
		t.Errorf("got %s, %s, %s, want alice, session-1, v2", c.Subject, c.SessionID, c.Tag)
	}
	if _, err := s.Verify(t.Context(), forged); !errors.Is(err, session.ErrInvalid) {
		t.Errorf("signed with another secret: got %v, want ErrInvalid", err)
	}
}

func TestGolangJWT(t *testing.T) {
	t.Parallel()
	s := newService(t)
	key := func(*jwt.Token) (any, error) { return s.secret, nil }
	for _, token := range []string{s.issue(t).AccessToken, s.issue(t).RefreshToken} {
		parsed, err := jwt.Parse(token, key, jwt.WithValidMethods([]string{"HS256"}), jwt.WithIssuer("https://id.example.com"), jwt.WithAudience("shop"))
		if err != nil {
			t.Fatalf("our token: %v", err)
		}
		if sub, _ := parsed.Claims.GetSubject(); sub != "alice" {
			t.Errorf("got subject %q, want alice", sub)
		}
	}
	sign := func(secret []byte) string {
		token := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims(foreign()))
		token.Header["kid"], token.Header["typ"] = "v2", "at+jwt"
		text, err := token.SignedString(secret)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	s.verifies(t, sign(s.secret), sign(newSecret()))
}

func TestGoJOSE(t *testing.T) {
	t.Parallel()
	s := newService(t)
	parsed, err := josejwt.ParseSigned(s.issue(t).AccessToken, []jose.SignatureAlgorithm{jose.HS256})
	if err != nil {
		t.Fatal(err)
	}
	var claims josejwt.Claims
	if err := parsed.Claims(s.secret, &claims); err != nil {
		t.Fatalf("our token: %v", err)
	}
	if err := claims.Validate(josejwt.Expected{Issuer: "https://id.example.com", AnyAudience: josejwt.Audience{"shop"}, Subject: "alice", Time: time.Now()}); err != nil {
		t.Errorf("our claims: %v", err)
	}
	sign := func(secret []byte) string {
		options := (&jose.SignerOptions{}).WithType("at+jwt").WithHeader("kid", "v2")
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: secret}, options)
		if err != nil {
			t.Fatal(err)
		}
		text, err := josejwt.Signed(signer).Claims(foreign()).Serialize()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	s.verifies(t, sign(s.secret), sign(newSecret()))
}

// script is what a program of another language is told, and answers.
type script struct {
	Token  string         `json:"token,omitempty"`  // to verify
	Secret string         `json:"secret,omitempty"` // with this
	Wrong  string         `json:"wrong,omitempty"`  // and not with that
	Sign   map[string]any `json:"sign,omitempty"`   // claims to sign with both

	Subject string `json:"subject,omitempty"`
	Refused bool   `json:"refused,omitempty"`
	Signed  string `json:"signed,omitempty"`
	Forged  string `json:"forged,omitempty"`
}

// tell gives a program of another language its task on standard input, and returns its
// answer, which has the same form.
func tell[T any](t *testing.T, task T, dir, name string, args ...string) (answer T) {
	t.Helper()
	in, err := json.Marshal(task)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Stdin, cmd.Stderr = dir, bytes.NewReader(in), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatalf("%s said %q: %v", name, out, err)
	}
	return answer
}

// run has a program of another language verify a token, and sign some.
func (s service) run(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	task := script{Token: s.issue(t).AccessToken, Secret: string(s.secret), Wrong: string(newSecret()), Sign: foreign()}
	got := tell(t, task, dir, name, args...)
	if got.Subject != "alice" || !got.Refused {
		t.Errorf("our token: got subject %q, wrong secret refused %v, want alice, true", got.Subject, got.Refused)
	}
	s.verifies(t, got.Signed, got.Forged)
}

// missing skips a test for want of something, or fails it where everything must
// be there.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("REQUIRE_SERVICES") == "1" {
		t.Fatalf("missing: %s", what)
	}
	t.Skipf("missing: %s", what)
}

// pyJWT returns the Python that has PyJWT, that of the system: Debian's python3-jwt is
// installed for no other.
func pyJWT(t *testing.T) string {
	t.Helper()
	const python = "/usr/bin/python3"
	_, err := exec.LookPath("python3")
	if err != nil || exec.Command(python, "-c", "import jwt").Run() != nil {
		missing(t, "PyJWT (Debian package python3-jwt)")
	}
	return python
}

// npmJOSE skips or fails a test where node or jose is not there.
func npmJOSE(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		missing(t, "node")
	}
	if _, err := os.Stat("jose/node_modules/jose"); err != nil {
		missing(t, "jose (npm install --no-package-lock in session/interop/jose)")
	}
}

func TestPyJWT(t *testing.T) {
	t.Parallel()
	newService(t).run(t, ".", pyJWT(t), "pyjwt.py")
}

func TestJOSE(t *testing.T) {
	t.Parallel()
	npmJOSE(t)
	newService(t).run(t, "jose", "node", "jose.mjs")
}

package contender_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sessionring/sessionring/session/benchmarks/contender"
)

var alice = contender.User{Subject: "user-0123456789", Custom: contender.Custom{Name: "Alice", Roles: []string{"admin", "editor"}}}

// setUp is a contender under test, with a ring of three keys and a stranger's.
type setUp struct {
	contender.Contender
	*contender.Service
	keys, strange []contender.Key
}

func newSetUp(t *testing.T, c contender.Contender) *setUp {
	t.Helper()
	keys, err := contender.NewKeys(3)
	if err != nil {
		t.Fatal(err)
	}
	strange, err := contender.NewKeys(1)
	if err != nil {
		t.Fatal(err)
	}
	return &setUp{c, service(t, c, keys), keys, strange}
}

func service(t *testing.T, c contender.Contender, keys []contender.Key) *contender.Service {
	t.Helper()
	s, err := c.New(keys)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sign returns a token that says c under a key, by hand or by the contender itself.
func (s *setUp) sign(t *testing.T, k contender.Key, c *contender.Claims) string {
	t.Helper()
	var token string
	var err error
	switch {
	case s.JWT:
		token, err = contender.SignUnder(k, c)
	case reflect.DeepEqual(k, s.keys[0]):
		token, err = s.Sign(c)
	default:
		token, err = service(t, s.Contender, []contender.Key{k}).Sign(c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// accepts wants a token accepted for what it says, by check and by the middleware.
func (s *setUp) accepts(t *testing.T, token string, want contender.Claims, check func(string) (any, error)) {
	t.Helper()
	claims, err := check(token)
	if err != nil {
		t.Errorf("refused: %v", err)
		return
	}
	if got, err := s.Read(claims); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func (s *setUp) refuses(t *testing.T, token string) {
	t.Helper()
	if claims, err := s.Verify(token); err == nil {
		t.Errorf("accepted %T", claims)
	}
	if code := s.through(t, token); code == http.StatusNoContent {
		t.Error("the middleware let it through")
	}
}

// through sends a request with a token through the middleware.
func (s *setUp) through(t *testing.T, token string) int {
	t.Helper()
	r, err := s.NewRequest(token)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	s.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })).ServeHTTP(w, r)
	return w.Code
}

// TestConformance holds all contenders to the same work, so that none is measured that
// does less.
func TestConformance(t *testing.T) {
	t.Parallel()
	for _, c := range contender.All() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			s := newSetUp(t, c)
			t.Run("issued", s.issued)
			t.Run("signed", s.signed)
			t.Run("legacy", s.legacy)
			t.Run("refused", s.refused)
		})
	}
}

// issued wants what the contender issues accepted by itself and, if it is a JWT, by the
// reference.
func (s *setUp) issued(t *testing.T) {
	token, err := s.Issue(alice)
	if err != nil {
		t.Fatal(err)
	}
	claims, err := s.Verify(token)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Read(claims)
	if err != nil || got.Subject != alice.Subject || !reflect.DeepEqual(got.Custom, alice.Custom) || len(got.SessionID) != 22 || len(got.TokenID) != 22 {
		t.Errorf("got %+v, %v", got, err)
	}
	if age := time.Since(time.Unix(got.IssuedAt, 0)); age > time.Minute || got.Expires-got.IssuedAt != 15*60 || got.AuthTime != got.IssuedAt {
		t.Errorf("got times %d, %d, %d", got.IssuedAt, got.Expires, got.AuthTime)
	}
	if code := s.through(t, token); code != http.StatusNoContent {
		t.Errorf("the middleware answers %d", code)
	}
	if !s.JWT && s.Name != "go-chi/jwtauth" {
		return
	}
	keys := s.keys
	if s.Name == "go-chi/jwtauth" {
		keys = []contender.Key{{Secret: s.keys[0].Secret}} // without a kid
	}
	if ref, err := contender.Accept(token, keys); err != nil || !reflect.DeepEqual(ref, got) {
		t.Errorf("the reference says %+v, %v, want %+v", ref, err, got)
	}
}

// signed wants tokens under each key accepted.
func (s *setUp) signed(t *testing.T) {
	for i, k := range s.keys {
		if i > 0 && s.OneKey {
			return
		}
		c := contender.NewClaims(alice, k.Tag)
		s.accepts(t, s.sign(t, k, c), *c, s.Verify)
	}
}

// legacy wants a token that names no key accepted, whichever key made it.
func (s *setUp) legacy(t *testing.T) {
	if s.Legacy == nil {
		return
	}
	for _, k := range append(s.keys, s.strange...) {
		c := contender.NewClaims(alice, k.Tag)
		token, err := contender.SignLegacy(k, c)
		if err != nil {
			t.Fatal(err)
		}
		if !s.JWT { // none of its tokens names a key
			token = s.sign(t, k, c)
		}
		if k.ID != s.strange[0].ID {
			s.accepts(t, token, *c, s.Legacy)
		} else if _, err := s.Legacy(token); err == nil {
			t.Error("accepted under a strange key")
		}
	}
}

// overlooksAlg has those that let the key decide on the algorithm, whatever the header
// says. A signature by the right key is needed nevertheless.
var overlooksAlg = map[string]bool{"jwx v2, jwt.Parse": true, "jwx v3, jwt.Parse": true, "go-chi/jwtauth": true}

func (s *setUp) refused(t *testing.T) {
	claims := func(edit func(*contender.Claims)) *contender.Claims {
		c := contender.NewClaims(alice, s.keys[0].Tag)
		edit(c)
		return c
	}
	good := s.sign(t, s.keys[0], claims(func(*contender.Claims) {}))
	middle := len(good) / 2
	bad := map[string]string{
		"empty":           "",
		"garbage":         strings.Repeat("x", 483),
		"dots":            strings.Repeat("x.y", 161),
		"cut":             good[:len(good)-1],
		"changed":         good[:middle] + other(good[middle]) + good[middle+1:],
		"expired":         s.sign(t, s.keys[0], claims(func(c *contender.Claims) { c.Expires = time.Now().Add(-5 * time.Minute).Unix() })),
		"wrong signature": good[:len(good)-10] + "AAAAAAAAAA",
	}
	if s.Name != "scs, memory store" {
		bad["strange key"] = s.sign(t, s.strange[0], claims(func(*contender.Claims) {}))
		bad["wrong issuer"] = s.sign(t, s.keys[0], claims(func(c *contender.Claims) { c.Issuer = "https://evil.example.com" }))
		bad["wrong audience"] = s.sign(t, s.keys[0], claims(func(c *contender.Claims) { c.Audience = "other" }))
	}
	for name, token := range s.badJWTs(t, good, claims(func(*contender.Claims) {})) {
		bad[name] = token
	}
	for name, token := range bad {
		if strings.HasPrefix(name, "alg ") && overlooksAlg[s.Name] {
			if _, err := s.Verify(token); err != nil && !strings.HasSuffix(name, "without kid") {
				t.Errorf("%s: refused: %v; does it look at alg now?", name, err)
			}
			continue
		}
		t.Run(name, func(t *testing.T) { s.refuses(t, token) })
	}
	if !s.OneKey { // the middleware of the others cannot be told
		t.Run("wrong kind", func(t *testing.T) {
			s.refuses(t, s.sign(t, s.keys[0], claims(func(c *contender.Claims) { c.Kind = "refresh" })))
		})
	}
}

// badJWTs are bad in ways that only a JWT can be.
func (s *setUp) badJWTs(t *testing.T, good string, c *contender.Claims) map[string]string {
	if !s.JWT && s.Name != "go-chi/jwtauth" {
		return nil
	}
	bad := map[string]string{}
	sign := func(name, header string, secret []byte) {
		token, err := contender.Sign(header, c, secret)
		if err != nil {
			t.Fatal(err)
		}
		bad[name] = token
	}
	kid := s.keys[0].ID
	sign("alg none without kid", `{"alg":"none","typ":"JWT"}`, s.keys[0].Secret)
	sign("alg none", fmt.Sprintf(`{"alg":"none","kid":%q,"typ":"at+jwt"}`, kid), s.keys[0].Secret)
	sign("alg RS256", fmt.Sprintf(`{"alg":"RS256","kid":%q,"typ":"at+jwt"}`, kid), s.keys[0].Secret)
	if s.JWT {
		sign("unknown kid", `{"alg":"HS256","kid":"v9.AAAAAAAA","typ":"at+jwt"}`, s.keys[0].Secret)
		sign("kid of another key", fmt.Sprintf(`{"alg":"HS256","kid":%q,"typ":"at+jwt"}`, kid), s.keys[1].Secret)
	}
	unsigned := bad["alg none"]
	bad["none and no signature"] = unsigned[:strings.LastIndexByte(unsigned, '.')+1]
	bad["no signature"] = good[:strings.LastIndexByte(good, '.')+1]
	return bad
}

// other is another character of base64url.
func other(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}

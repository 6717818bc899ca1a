package ring_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sessionring/sessionring/internal/ring"
)

// signatures says of every signature of a token whose it is and what the ring makes of it.
func signatures(t *testing.T, words, token string) string {
	t.Helper()
	e, err := ringOf(t, words).Explain(token)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, s := range e.Signatures {
		tag := "?"
		if s.Key != nil {
			tag = s.Key.Tag
			if name := s.Name; name != s.Key.ID() && name != s.Key.Fingerprint && name != "" {
				t.Errorf("got the key %s for the name %q", s.Key.ID(), name)
			}
		}
		list = append(list, fmt.Sprintf("%s %t", tag, s.Right))
	}
	return strings.Join(list, ", ")
}

// TestExplainSignatures: each signature is looked at by itself, whatever the state
// of its key is and whatever Open says.
func TestExplainSignatures(t *testing.T) {
	t.Parallel()
	honest := apart(t, issue(t, ringOf(t, "n a +s"), claims))
	forged := honest
	forged.signature = b64(make([]byte, 32))
	fill := placeholders(t, honest.token())
	swapped := honest
	swapped.payload = strings.Replace(honest.payload, fill.Replace("$a"), fill.Replace("$s"), 1)
	for _, c := range []struct{ name, ring, token, want string }{
		{"all held", "n a +s", honest.token(), "n true, a true, s true"},
		{"whatever the order", "s x a n", honest.token(), "n true, a true, s true"},
		{"two held", "a s", honest.token(), "? false, a true, s true"},
		{"none held", "x y", honest.token(), "? false, ? false, ? false"},
		{"retired, revoked, to come", "-n !a >s", honest.token(), "n true, a true, s true"},
		{"revoked, the secret gone", "?n a", honest.token(), "n false, a true, ? false"},
		{"ordinary signature altered", "n a +s", forged.token(), "n false, a true, s true"},
		{"one co-signature altered", "n a +s", swapped.token(), "n false, a false, s true"},
		{"one signer", "n a", issue(t, ringOf(t, "n"), claims), "n true"},
		{"without a kid", "x n a", legacyBy('z'), "? false"},
		{"without a kid, the key held", "x a", legacyBy('a'), "a true"},
		{"header refused", "n", signedText(`{"alg":"none"}`, b64([]byte(claims))), ""},
		{"algorithm of another", "a", sign(pattern('a'), `{"alg":"ES256","kid":"`+keyOf(t, "a").ID()+`"}`, claims), "a false"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := signatures(t, c.ring, c.token); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// legacyBy returns a token without a kid.
func legacyBy(tag byte) string {
	return sign(pattern(tag), `{"alg":"HS256","typ":"JWT"}`, claims)
}

// TestExplainClaims: members are given as they stand, but for the co-signatures.
func TestExplainClaims(t *testing.T) {
	t.Parallel()
	e, err := ringOf(t, "n").Explain(issue(t, ringOf(t, "n a"), `{"sub":"alice","x":{"y":1},"exp":1900000000}`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range append(e.Header, e.Claims...) {
		got = append(got, m.Name+"="+string(m.Raw))
	}
	if want := fmt.Sprintf(`alg="HS256" kid=%q typ="at+jwt" sub="alice" x={"y":1} exp=1900000000`, ringOf(t, "n").Keys()[0].ID()); strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if at, ok := e.Date("exp"); !ok || at.Unix() != 1900000000 || e.Text("sub") != "alice" || e.Text("x") != "" {
		t.Errorf("got %v, %v, %q", at, ok, e.Text("sub"))
	}
	if _, ok := e.Date("nbf"); ok {
		t.Error("a claim that is not there has a date")
	}
}

// TestExplainRefuses: what cannot be taken apart is an error that quotes nothing.
func TestExplainRefuses(t *testing.T) {
	t.Parallel()
	for _, token := range []string{
		"", "a.b", "a.b.c.d", strings.Repeat("a", ring.MaxToken) + ".b.c", "e30!.e30.x", "e30.e30!.x",
		b64([]byte("[]")) + ".e30.x", "e30." + b64([]byte(`{"a":1,"a":2}`)) + ".x", "e30." + b64([]byte("7")) + ".x",
	} {
		e, err := ringOf(t, "n").Explain(token)
		if err == nil || e.Header != nil || e.Claims != nil || e.Signatures != nil {
			t.Errorf("%.40q: got %v, %v, want nothing and an error", token, e, err)
		}
	}
}

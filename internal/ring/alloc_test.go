package ring_test

import (
	"strings"
	"testing"

	"github.com/sessionring/sessionring/internal/race"
	"github.com/sessionring/sessionring/internal/ring"
)

// TestAllocations: what costs an attacker nothing to send costs us no memory, and
// a genuine token little.
func TestAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("under the race detector a pool gives back less than was put into it")
	}
	alone, three := ringOf(t, "a"), ringOf(t, "c b a")
	genuine, cosigned := issue(t, alone, session), issue(t, ringOf(t, "n a +s"), session)
	forged := genuine[:len(genuine)-4] + "AAAA"
	foreign := issue(t, ringOf(t, "x"), session)
	p := apart(t, cosigned)
	p.payload = strings.Replace(p.payload, "user-0123456789", "user-9876543210", 1)
	pairs := signers(t)
	edRing, ecRing := newRing(t, signerKey(t, "v1", pairs[ring.EdDSA])), newRing(t, signerKey(t, "v1", pairs[ring.ES256]))
	flask := sign(pattern('a'), `{"alg":"HS256","typ":"JWT"}`, session)
	stranger := sign(pattern('x'), `{"alg":"HS256","typ":"JWT"}`, session)

	w := new(ring.Scratch)
	opens := func(r *ring.Ring, token string, want error) func() {
		return func() {
			check(t, openIn(r, w, token, false), want)
		}
	}
	legacy := func(r *ring.Ring, token string, want error) func() {
		return func() {
			check(t, openIn(r, w, token, true), want)
		}
	}
	signs := func(words string) func() {
		s := ringOf(t, words).Signers(now)
		payload := []byte(session)
		return func() { w.Tokens, _ = s.AppendToken(w.Tokens[:0], w, ring.Access, payload) }
	}
	for _, c := range []struct {
		name string
		most float64
		do   func()
	}{
		{"genuine", 0, opens(alone, genuine, nil)},
		{"genuine, under an older key", 0, opens(three, genuine, nil)},
		{"genuine, and co-signed by another", 0, opens(ringOf(t, "n a"), cosigned, nil)},
		{"genuine, by its co-signature", 0, opens(alone, cosigned, nil)},
		{"genuine, by EdDSA", 0, opens(edRing, issue(t, edRing, session), nil)},
		{"genuine, by ES256", 30, opens(ecRing, issue(t, ecRing, session), nil)},
		{"forged under a key that is held", 0, opens(three, forged, ring.ErrInvalid)},
		{"forged under a co-signer that is held", 0, opens(alone, p.token(), ring.ErrInvalid)},
		{"garbage", 0, opens(three, strings.Repeat("x", 300), ring.ErrInvalid)},
		{"garbage with dots", 0, opens(three, "x.y.z!", ring.ErrInvalid)},
		{"too long", 0, opens(three, strings.Repeat("x.", 3000), ring.ErrInvalid)},
		{"header not base64url", 0, opens(three, "?"+genuine, ring.ErrInvalid)},
		{"header with a line break", 0, opens(three, "\n"+genuine, ring.ErrInvalid)},
		{"under an unknown key", 5, opens(three, foreign, ring.ErrUnknownKey)},
		{"foreign header", 0, opens(three, b64([]byte(`{"alg":"none","typ":"JWT"}`))+genuine[strings.IndexByte(genuine, '.'):], ring.ErrInvalid)},
		{"foreign kid", 0, opens(three, b64([]byte(`{"alg":"RS256","kid":"123e4567-e89b-12d3-a456-426614174000","typ":"JWT"}`))+genuine[strings.IndexByte(genuine, '.'):], ring.ErrInvalid)},
		{"legacy", 0, legacy(alone, flask, nil)},
		{"legacy, two wrong keys before", 0, legacy(three, flask, nil)},
		{"legacy, three wrong keys", 0, legacy(three, stranger, ring.ErrInvalid)},
		{"sign, one key", 0, signs("a")},
		{"sign, two keys", 0, signs("b a")},
		{"sign, four keys", 0, signs("d c b a")},
		{"signers", 0, func() { three.Signers(now) }},
	} {
		got := testing.AllocsPerRun(100, c.do)
		t.Logf("%s: %v", c.name, got)
		if got > c.most {
			t.Errorf("%s: got %v allocations, want at most %v", c.name, got, c.most)
		}
	}
}

// session has the size of the claims of a session.
const session = `{"iss":"https://id.example.com","aud":"shop","sub":"user-0123456789","sid":"AAECAwQFBgcICQoLDA0ODw",` +
	`"jti":"EBESExQVFhcYGRobHB0eHw","iat":1899999100,"exp":1900000000,"auth_time":1899990000,"type":"access","version":"v2",` +
	`"roles":["admin","editor"]}`

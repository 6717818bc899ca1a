package ring_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"math/big"
	"strings"
	"testing"

	"github.com/sessionring/sessionring/internal/ring"
)

// signers returns a new signer of each algorithm.
func signers(t testing.TB) map[string]crypto.Signer {
	t.Helper()
	_, ed, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]crypto.Signer{ring.EdDSA: ed, ring.ES256: ec}
}

// newRSA returns a new RSA key.
func newRSA(t testing.TB, bits int) *rsa.PrivateKey {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// signerKey returns the key of s.
func signerKey(t testing.TB, tag string, s crypto.Signer) *ring.Key {
	t.Helper()
	k, err := ring.NewSigner(tag, s)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// publicKey returns the key of a public half.
func publicKey(t testing.TB, tag, alg string, pub crypto.PublicKey) *ring.Key {
	t.Helper()
	k, err := ring.NewPublic(tag, alg, pub)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// rsaToken is a token as an RSA key signs it.
func rsaToken(t testing.TB, s *rsa.PrivateKey, alg, kid string) string {
	t.Helper()
	input := b64([]byte(`{"alg":"`+alg+`","kid":"`+kid+`","typ":"at+jwt"}`)) + "." + b64([]byte(session))
	digest := sha256.Sum256([]byte(input))
	var sig []byte
	var err error
	if alg == ring.PS256 {
		sig, err = rsa.SignPSS(rand.Reader, s, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	} else {
		sig, err = rsa.SignPKCS1v15(nil, s, crypto.SHA256, digest[:])
	}
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + b64(sig)
}

// TestAsymmetric: the public half accepts what the private one signed and
// co-signed, in its one spelling, and makes nothing.
func TestAsymmetric(t *testing.T) {
	t.Parallel()
	for alg, s := range signers(t) {
		private, public := signerKey(t, "v1", s), publicKey(t, "v9", alg, s.Public())
		if private.Algorithm != alg || private.Fingerprint != public.Fingerprint || private.Identity != public.Identity {
			t.Errorf("%s: got %s %s and %s %s, want the same key", alg, private.Algorithm, private.ID(), public.Algorithm, public.ID())
		}
		verifier := newRing(t, public)
		if s := verifier.Signers(now); public.Signs() || s.Tag() != "" || public.Derive("x", 16) != nil || private.Derive("x", 16) != nil {
			t.Errorf("%s: the public half signs, or there is a secret", alg)
		}
		signed := issue(t, newRing(t, private), session)
		cosigned := issue(t, newRing(t, keyOf(t, "a"), private), session)
		for _, token := range []string{signed, cosigned} {
			got, err := verifier.Open(token, now, 0)
			check(t, err, nil)
			check(t, verifier.Audit(token, now), nil)
			if got.Type != ring.Access || !got.Sole {
				t.Errorf("%s: got %+v", alg, got)
			}
		}
		p := apart(t, signed)
		if !strings.HasPrefix(p.header, `{"alg":"`+alg+`","kid":"v1.`) || len(p.signature) != 86 {
			t.Errorf("%s: got the header %s and %d characters of signature, want 86", alg, p.header, len(p.signature))
		}
		check(t, onlyError(verifier.Open(signed[:len(signed)-3]+"AAA", now, 0)), ring.ErrInvalid)
		flipped := []byte(signed) // the last character has four bits that must be zero
		flipped[len(flipped)-1]++
		check(t, onlyError(verifier.Open(string(flipped), now, 0)), ring.ErrInvalid)
		for _, other := range []string{signed + "=", signed + "AA", signed[:len(signed)-1], signed[:len(signed)-1] + "\n"} {
			check(t, onlyError(verifier.Open(other, now, 0)), ring.ErrInvalid)
		}
		p = apart(t, cosigned)
		p.payload = strings.Replace(p.payload, "user-0123456789", "user-9876543210", 1)
		check(t, onlyError(verifier.Open(p.token(), now, 0)), ring.ErrInvalid)
	}
}

func onlyError(_ ring.Token, err error) error { return err }

// TestAsymmetricFingerprint: it is derived as the design says, from the public half.
func TestAsymmetricFingerprint(t *testing.T) {
	t.Parallel()
	for alg, s := range signers(t) {
		der, err := x509.MarshalPKIXPublicKey(s.Public())
		if err != nil {
			t.Fatal(err)
		}
		if got, want := signerKey(t, "v1", s).ID(), "v1."+fingerprint(der); got != want {
			t.Errorf("%s: got %s, want %s", alg, got, want)
		}
	}
}

// TestCosignatureForm: it is made over the label, a NUL, the header and the blank
// payload, and neither kind of signature passes for the other.
func TestCosignatureForm(t *testing.T) {
	t.Parallel()
	s := signers(t)[ring.EdDSA]
	token := issue(t, newRing(t, keyOf(t, "a"), signerKey(t, "v1", s)), session)
	head := token[:strings.IndexByte(token, '.')+1]
	payload := apart(t, token).payload
	end := strings.LastIndex(payload, `":"`) + 3
	mac, blank := payload[end:len(payload)-3], payload[:end]+payload[len(payload)-3:]
	sig, err := base64.RawURLEncoding.DecodeString(mac)
	if len(sig) != 64 || err != nil {
		t.Fatalf("got the co-signature %q", mac)
	}
	message := "sessionring co-signature v1\x00" + head + blank
	if !ed25519.Verify(s.Public().(ed25519.PublicKey), []byte(message), sig) {
		t.Error("the co-signature is over something else")
	}
	ordinary, err := s.Sign(nil, []byte(head+blank), crypto.Hash(0))
	if err != nil {
		t.Fatal(err)
	}
	forged := head + b64([]byte(payload[:end]+b64(ordinary)+payload[len(payload)-3:])) + token[strings.LastIndexByte(token, '.'):]
	check(t, onlyError(newRing(t, signerKey(t, "v1", s)).Open(forged, now, 0)), ring.ErrInvalid)
}

// TestRSA: such keys verify, and neither sign nor co-sign.
func TestRSA(t *testing.T) {
	t.Parallel()
	s := newRSA(t, 2048)
	for _, alg := range []string{ring.RS256, ring.PS256} {
		k := publicKey(t, "v1", alg, s.Public())
		r := newRing(t, k, keyOf(t, "a"))
		token := rsaToken(t, s, alg, k.ID())
		check(t, onlyError(r.Open(token, now, 0)), nil)
		check(t, onlyError(r.Open(token[:len(token)-4]+"AAAA", now, 0)), ring.ErrInvalid)
		check(t, onlyError(r.Open(token+"AA", now, 0)), ring.ErrInvalid)
		other := map[string]string{ring.RS256: ring.PS256, ring.PS256: ring.RS256}[alg]
		check(t, onlyError(r.Open(rsaToken(t, s, other, k.ID()), now, 0)), ring.ErrInvalid) // one key, one algorithm
		if got := apart(t, issue(t, r, session)).payload; got != session {
			t.Errorf("%s: an RSA key co-signed: %s", alg, got)
		}
	}
	if _, err := ring.New([]*ring.Key{publicKey(t, "a", ring.RS256, s.Public()), publicKey(t, "b", ring.PS256, s.Public())}); err == nil {
		t.Error("one RSA key with two algorithms is accepted")
	}
}

// TestKeyConfusion: the public half serves as no secret, and no key verifies by
// another algorithm than its own.
func TestKeyConfusion(t *testing.T) {
	t.Parallel()
	all := signers(t)
	rs := newRSA(t, 2048)
	keys := map[string]*ring.Key{ring.RS256: publicKey(t, "v1", ring.RS256, rs.Public()), ring.HS256: keyOf(t, "a")}
	for alg, s := range all {
		keys[alg] = signerKey(t, "v1", s)
	}
	for alg, k := range keys {
		r := newRing(t, k)
		for _, other := range []string{ring.HS256, ring.EdDSA, ring.ES256, ring.RS256, ring.PS256, "none"} {
			header := `{"alg":"` + other + `","kid":"` + k.ID() + `","typ":"at+jwt"}`
			if der, err := x509.MarshalPKIXPublicKey(k.Public()); err == nil && other != alg {
				check(t, onlyError(r.Open(sign(der, header, session), now, 0)), ring.ErrInvalid)
			}
			for _, s := range all {
				input := b64([]byte(header)) + "." + b64([]byte(session))
				sig, err := s.Sign(rand.Reader, sum([]byte(input)), crypto.SHA256)
				if err != nil {
					sig, _ = s.Sign(nil, []byte(input), crypto.Hash(0))
				}
				if other != alg {
					check(t, onlyError(r.Open(input+"."+b64(sig), now, 0)), ring.ErrInvalid)
				}
			}
		}
	}
}

// service is a signer elsewhere, as a key service.
type service struct {
	pub crypto.PublicKey
	do  func(digest []byte, opts crypto.SignerOpts) ([]byte, error)
}

func (s service) Public() crypto.PublicKey { return s.pub }
func (s service) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return s.do(digest, opts)
}

// TestSignerElsewhere: a key service signs, and what it signs wrongly is not used.
func TestSignerElsewhere(t *testing.T) {
	t.Parallel()
	down := errors.New("key service is down")
	for alg, s := range signers(t) {
		good := func(b []byte, opts crypto.SignerOpts) ([]byte, error) { return s.Sign(rand.Reader, b, opts) }
		token := issue(t, newRing(t, signerKey(t, "v1", service{s.Public(), good})), session)
		check(t, onlyError(newRing(t, publicKey(t, "v1", alg, s.Public())).Open(token, now, 0)), nil)
		for name, do := range map[string]func([]byte, crypto.SignerOpts) ([]byte, error){
			"is down":          func([]byte, crypto.SignerOpts) ([]byte, error) { return nil, down },
			"returns nothing":  func([]byte, crypto.SignerOpts) ([]byte, error) { return nil, nil },
			"returns zeros":    func([]byte, crypto.SignerOpts) ([]byte, error) { return make([]byte, 64), nil },
			"signs other text": func(b []byte, o crypto.SignerOpts) ([]byte, error) { return good(bytes.Repeat([]byte{1}, len(b)), o) },
			"adds a byte": func(b []byte, o crypto.SignerOpts) ([]byte, error) {
				sig, err := good(b, o)
				return append(sig, 0), err
			},
		} {
			for _, keys := range [][]*ring.Key{{signerKey(t, "v1", service{s.Public(), do})}, {keyOf(t, "a"), signerKey(t, "v1", service{s.Public(), do})}} {
				signers := newRing(t, keys...).Signers(now)
				if token, err := signers.Sign(ring.Access, []byte(session)); err == nil || token != "" {
					t.Errorf("%s, a service that %s: got %q, %v", alg, name, token, err)
				}
			}
		}
	}
}

// TestBadKeys: what is no good key is refused when it is made.
func TestBadKeys(t *testing.T) {
	t.Parallel()
	all := signers(t)
	ed, ec := all[ring.EdDSA].(ed25519.PrivateKey), all[ring.ES256].(*ecdsa.PrivateKey)
	_, other, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	swapped := append(bytes.Clone(ed[:32]), other[32:]...)
	for name, s := range map[string]crypto.Signer{
		"nil": nil, "short": ed[:40], "halves of two keys": ed25519.PrivateKey(swapped), "P-384": p384, "RSA": newRSA(t, 2048),
		"a key of another type": service{pub: "x"},
	} {
		if k, err := ring.NewSigner("v1", s); err == nil {
			t.Errorf("signer, %s: got %v", name, k.ID())
		}
	}
	point := func(text string) ed25519.PublicKey { b, _ := hex.DecodeString(text); return b }
	n := newRSA(t, 2048).N
	//lint:ignore SA1019 a point off the curve has no other way in
	off := ecdsa.PublicKey{Curve: elliptic.P256(), X: ec.X, Y: new(big.Int).Add(ec.Y, big.NewInt(1))}
	for name, c := range map[string]struct {
		alg string
		pub crypto.PublicKey
	}{
		"the other algorithm":    {ring.ES256, ed.Public()},
		"RSA for EdDSA":          {ring.EdDSA, &rsa.PublicKey{N: n, E: 65537}},
		"HS256":                  {ring.HS256, ed.Public()},
		"none":                   {"none", ed.Public()},
		"no point of P-256":      {ring.ES256, &off},
		"31 bytes":               {ring.EdDSA, ed25519.PublicKey(ed[33:])},
		"y = 2, no point":        {ring.EdDSA, point("0200000000000000000000000000000000000000000000000000000000000000")},
		"y = p, another 0":       {ring.EdDSA, point("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")},
		"order 1":                {ring.EdDSA, point("0100000000000000000000000000000000000000000000000000000000000000")},
		"order 2":                {ring.EdDSA, point("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")},
		"order 4":                {ring.EdDSA, point("0000000000000000000000000000000000000000000000000000000000000080")},
		"order 8":                {ring.EdDSA, point("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")},
		"order 8, again":         {ring.EdDSA, point("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")},
		"1024 bits":              {ring.RS256, &rsa.PublicKey{N: new(big.Int).SetBit(new(big.Int).Rsh(n, 1024), 0, 1), E: 65537}},
		"16384 bits":             {ring.RS256, &rsa.PublicKey{N: new(big.Int).SetBit(new(big.Int).Lsh(n, 14336), 0, 1), E: 65537}},
		"exponent 1":             {ring.RS256, &rsa.PublicKey{N: n, E: 1}},
		"exponent 3":             {ring.PS256, &rsa.PublicKey{N: n, E: 3}},
		"an even exponent":       {ring.RS256, &rsa.PublicKey{N: n, E: 65538}},
		"an even modulus":        {ring.RS256, &rsa.PublicKey{N: new(big.Int).SetBit(n, 0, 0), E: 65537}},
		"no modulus":             {ring.RS256, new(rsa.PublicKey)},
		"a nil key":              {ring.RS256, (*rsa.PublicKey)(nil)},
		"a nil key on no curve":  {ring.ES256, (*ecdsa.PublicKey)(nil)},
		"an empty key, no curve": {ring.ES256, new(ecdsa.PublicKey)},
	} {
		if k, err := ring.NewPublic("v1", c.alg, c.pub); err == nil {
			t.Errorf("%s: got %v", name, k.ID())
		}
	}
}

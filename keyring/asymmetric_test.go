package keyring_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
	"github.com/sessionring/sessionring/keyring"
)

// newSigner returns a new private key for alg.
func newSigner(t testing.TB, alg string) crypto.Signer {
	t.Helper()
	if alg == "ES256" {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		do(t, err)
		return k
	}
	_, k, err := ed25519.GenerateKey(nil)
	do(t, err)
	return k
}

// rsaKey is one RSA key for all tests, which take long to make.
func rsaKey(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	do(t, err)
	return k
}

// coordinates returns those of the point of a key, 32 bytes each.
func coordinates(p *ecdsa.PublicKey) (x, y []byte) {
	point, err := p.Bytes() // uncompressed: a 4, then both
	if err != nil {
		panic(err)
	}
	return point[1:33], point[33:]
}

// publicJWK returns the members of the JWK of a public half.
func publicJWK(pub any) string {
	switch p := pub.(type) {
	case ed25519.PublicKey:
		return fmt.Sprintf(`"kty":"OKP","crv":"Ed25519","x":%q`, b64([]byte(p)))
	case *ecdsa.PublicKey:
		x, y := coordinates(p)
		return fmt.Sprintf(`"kty":"EC","crv":"P-256","x":%q,"y":%q`, b64(x), b64(y))
	case *rsa.PublicKey:
		return fmt.Sprintf(`"kty":"RSA","n":%q,"e":%q`, b64(p.N.Bytes()), b64(big.NewInt(int64(p.E)).Bytes()))
	}
	panic("no public key")
}

// secretOf returns the private half as d holds it.
func secretOf(t testing.TB, s any) []byte {
	t.Helper()
	switch k := s.(type) {
	case ed25519.PrivateKey:
		return k.Seed()
	case *ecdsa.PrivateKey:
		b, err := k.Bytes()
		do(t, err)
		return b
	}
	t.Fatalf("no private key: %T", s)
	return nil
}

// asymmetric returns one key of a JWK Set: the private one of a signer, or a public
// half.
func asymmetric(t testing.TB, kid string, key any, more ...string) string {
	t.Helper()
	members := []string{fmt.Sprintf(`"kid":%q`, kid)}
	if s, ok := key.(crypto.Signer); ok {
		members = append(members, publicJWK(s.Public()), fmt.Sprintf(`"d":%q`, b64(secretOf(t, s))))
	} else {
		members = append(members, publicJWK(key))
	}
	return "{" + strings.Join(append(members, more...), ",") + "}"
}

// parse returns the keyring of a JWK Set.
func parse(t testing.TB, set string) *keyring.Keyring {
	t.Helper()
	keys, err := keyring.ParseKeys([]byte(set))
	do(t, err)
	return must(keyring.New(keys...))(t)
}

// signerKey returns the key of s.
func signerKey(t testing.TB, tag string, s crypto.Signer) keyring.Key {
	t.Helper()
	k, err := keyring.NewSigner(tag, s)
	do(t, err)
	return k
}

var asymmetricAlgorithms = []string{"EdDSA", "ES256"}

// A key is the same from the program and from a JWK, private or public.
func TestAsymmetricKeys(t *testing.T) {
	t.Parallel()
	for _, alg := range asymmetricAlgorithms {
		s := newSigner(t, alg)
		program := must(keyring.New(signerKey(t, "v1", s)))(t)
		private, public := parse(t, jwks(asymmetric(t, "v1", s))), parse(t, jwks(asymmetric(t, "v1", s.Public(), `"alg":"`+alg+`"`, `"key_ops":["verify"]`)))
		want := program.List()[0]
		if want.Algorithm != alg || want.State != "current" {
			t.Errorf("got %+v, want a current key for %s", want, alg)
		}
		if got := private.List()[0]; got != want {
			t.Errorf("from a JWK: got %+v, want %+v", got, want)
		}
		want.State = "previous" // nothing is current where nothing signs
		if got := public.List()[0]; got != want {
			t.Errorf("from a public JWK: got %+v, want %+v", got, want)
		}
		for _, k := range []*keyring.Keyring{program, private} {
			token := issue(t, k)
			for _, v := range []*keyring.Keyring{program, private, public} {
				if tag, err := verify(v, token); tag != "v1" || err != nil {
					t.Errorf("%s: got %q, %v, want v1", alg, tag, err)
				}
			}
		}
		signers := public.Live().Ring().Signers(time.Now())
		if token, err := signers.Sign(ring.Access, []byte(`{"exp":9999999999}`)); err == nil {
			t.Errorf("%s: a public key signed %q", alg, token)
		}
	}
}

func TestNewSignerRefuses(t *testing.T) {
	t.Parallel()
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	do(t, err)
	for name, c := range map[string]struct {
		tag  string
		s    crypto.Signer
		want []string
	}{
		"nil and a bad tag": {"v/1", nil, []string{"the tag is refused", "the signer is nil"}},
		"RSA":               {"v1", rsaKey(t), []string{"the signer is no key for ES256"}},
		"P-384":             {"v1", p384, []string{"the signer is on another curve than P-256"}},
	} {
		k, err := keyring.NewSigner(c.tag, c.s)
		refused(t, err, nil, c.want...)
		if k != (keyring.Key{}) {
			t.Errorf("%s: got a key together with an error", name)
		}
	}
}

func TestAsymmetricJWKs(t *testing.T) {
	t.Parallel()
	ed, ec, rs := newSigner(t, "EdDSA"), newSigner(t, "ES256"), &rsaKey(t).PublicKey
	for name, set := range map[string]string{
		"RS256 by default":        asymmetric(t, "v1", rs),
		"PS256":                   asymmetric(t, "v1", rs, `"alg":"PS256"`),
		"key_ops of a signer":     asymmetric(t, "v1", ed, `"key_ops":["sign"]`, `"use":"sig"`),
		"key_ops of both halves":  asymmetric(t, "v1", ec, `"key_ops":["verify","sign"]`),
		"members of certificates": asymmetric(t, "v1", rs, `"x5c":["AAAA"]`, `"x5t":"AAAA"`),
	} {
		k := parse(t, jwks(set)).List()[0]
		if want := map[bool]string{true: "PS256", false: "RS256"}[name == "PS256"]; strings.Contains(set, "RSA") && k.Algorithm != want {
			t.Errorf("%s: got %s, want %s", name, k.Algorithm, want)
		}
	}
	other, seed := newSigner(t, "EdDSA"), secretOf(t, ed)
	x := func(text string) string { return `{"kid":"v1","kty":"OKP","crv":"Ed25519","x":"` + text + `"}` }
	edX := b64([]byte(ed.Public().(ed25519.PublicKey)))
	short := ec.Public().(*ecdsa.PublicKey)
	shortX, shortY := coordinates(short)
	offY := append(bytes.Clone(shortY[:31]), shortY[31]^1)
	for name, c := range map[string]struct{ key, want string }{
		"no crv":                  {strings.Replace(asymmetric(t, "v1", ed), `"crv":"Ed25519",`, "", 1), `crv must be "Ed25519"`},
		"X25519":                  {strings.Replace(asymmetric(t, "v1", ed), "Ed25519", "X25519", 1), `crv must be "Ed25519"`},
		"P-384":                   {strings.Replace(asymmetric(t, "v1", ec), "P-256", "P-384", 1), `crv must be "P-256"`},
		"no y":                    {`{"kid":"v1","kty":"EC","crv":"P-256","x":"` + b64(shortX) + `"}`, "x and the members beside it are no public key"},
		"no x":                    {`{"kid":"v1","kty":"OKP","crv":"Ed25519"}`, "has no x: only a revoked key may lack it"},
		"only d":                  {`{"kid":"v1","kty":"OKP","crv":"Ed25519","d":"` + b64(seed) + `"}`, "x and the members beside it"},
		"x padded":                {x(edX + "="), "in the one spelling"},
		"x in another alphabet":   {x("+" + edX[1:]), "in the one spelling"},
		"x with stray bits":       {x(edX[:42] + "B"), "x "},
		"x too short":             {x(edX[:40]), "x "},
		"x too long":              {x(edX + "AAAA"), "x "},
		"no point":                {x(b64(append([]byte{2}, make([]byte, 31)...))), "x is no point of Ed25519"},
		"a point of small order":  {x(b64(make([]byte, 32))), "x is no point of Ed25519 that a key may have"},
		"no point of P-256":       {strings.Replace(asymmetric(t, "v1", short), b64(shortY), b64(offY), 1), "x is no point of the curve P-256"},
		"leading zeros of x":      {strings.Replace(asymmetric(t, "v1", short), `"x":"`, `"x":"AAAA`, 1), "in the one spelling"},
		"d of another key":        {strings.Replace(asymmetric(t, "v1", ed), b64(seed), b64(secretOf(t, other)), 1), "d is not the private half"},
		"d too short":             {strings.Replace(asymmetric(t, "v1", ec), b64(secretOf(t, ec)), b64(secretOf(t, ec)[:31]), 1), "d is 31 bytes long"},
		"d padded":                {strings.Replace(asymmetric(t, "v1", ed), b64(seed), b64(seed)+"=", 1), "d is not canonical"},
		"d is zero":               {strings.Replace(asymmetric(t, "v1", ec), b64(secretOf(t, ec)), b64(make([]byte, 32)), 1), "d is no private key on P-256"},
		"a regular d":             {asymmetric(t, "v1", ed25519.NewKeyFromSeed(make([]byte, 32))), "d is too regular"},
		"kid holds d":             {asymmetric(t, b64(seed), ed), "kid holds the secret itself"},
		"EdDSA with ES256":        {asymmetric(t, "v1", ed, `"alg":"ES256"`), `alg must be "EdDSA"`},
		"RSA with ES256":          {asymmetric(t, "v1", rs, `"alg":"ES256"`), `alg must be "RS256" or "PS256"`},
		"RSA with RS512":          {asymmetric(t, "v1", rs, `"alg":"RS512"`), `alg must be "RS256" or "PS256"`},
		"use enc":                 {asymmetric(t, "v1", rs, `"use":"enc"`), `use must be "sig"`},
		"key_ops of a public key": {asymmetric(t, "v1", rs, `"key_ops":["sign","verify"]`), `key_ops must be ["verify"]`},
		"key_ops of a signer":     {asymmetric(t, "v1", ed, `"key_ops":["verify"]`), `key_ops must be ["sign"]`},
		"a private RSA key":       {asymmetric(t, "v1", rs, `"d":"AQAB"`), "n is that of a private key: RSA keys only verify here"},
		"RSA with leading zeros":  {strings.Replace(asymmetric(t, "v1", rs), `"n":"`, `"n":"AAAA`, 1), "in the one spelling"},
		"1024 bits":               {asymmetric(t, "v1", &rsa.PublicKey{N: new(big.Int).SetBit(new(big.Int).Rsh(rs.N, 1024), 0, 1), E: 65537}), "n has 1024 bits"},
		"exponent 3":              {asymmetric(t, "v1", &rsa.PublicKey{N: rs.N, E: 3}), "n has the exponent 3"},
		"a huge exponent":         {strings.Replace(asymmetric(t, "v1", rs), `"e":"AQAB"`, `"e":"`+b64(rs.N.Bytes())+`"`, 1), "n "},
		"one key, two algorithms": {asymmetric(t, "v1", rs) + "," + asymmetric(t, "v2", rs, `"alg":"PS256"`), "are the same key"},
		"both halves, two kids":   {asymmetric(t, "v1", ed) + "," + asymmetric(t, "v2", ed.Public()), "are the same key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := keyring.ParseKeys([]byte(jwks(c.key)))
			refused(t, err, []string{b64(seed), b64(secretOf(t, ec)), b64(secretOf(t, other))}, c.want)
		})
	}
}

// readVectors decodes a file of public test vectors, which are not part of the
// project, from the folder that SESSIONRING_VECTORS names.
func readVectors(t *testing.T, name string, into any) {
	t.Helper()
	dir := os.Getenv("SESSIONRING_VECTORS")
	if dir == "" {
		t.Skip("SESSIONRING_VECTORS names no folder with public test vectors")
	}
	data, err := os.ReadFile(filepath.Join(dir, name))
	do(t, err)
	do(t, json.Unmarshal(data, into))
}

// jwsVectors is a file of Wycheproof: tokens by group, or sets of keys with a token.
type jwsVectors struct {
	TestGroups []struct {
		Comment         string
		Public, Private json.RawMessage
		Tests           []struct {
			TcID            int
			Comment, Result string
			JWS             json.RawMessage // a string, or an object: the JSON serialization
		}
	}
}

// TestWycheproofAsymmetric: of each group whose key is for EdDSA, ES256, RS256 or
// PS256 and for signing, what is valid is accepted; all else is refused, by the key or
// by the token. So are, against their label, 259 and 272, whose payload is empty and so
// no JSON object, and 346 and 350, tokens by PS384 under a key for PS256.
func TestWycheproofAsymmetric(t *testing.T) {
	t.Parallel()
	exceptions := map[int]bool{259: true, 272: true, 346: true, 350: true}
	valid, invalid, sets := 0, 0, 0
	for _, name := range []string{"signature", "key", "crypto"} {
		var file jwsVectors
		readVectors(t, "wycheproof_json_web_"+name+"_test.json", &file)
		for _, g := range file.TestGroups {
			if len(g.Public) == 0 {
				continue
			}
			set := string(g.Public)
			if !strings.Contains(set, `"keys"`) {
				set = jwks(set)
			}
			keys, keyErr := keyring.ParseKeys([]byte(set))
			if keyErr == nil {
				sets++
			}
			for _, c := range g.Tests {
				err := keyErr
				if err == nil {
					_, err = verify(must(keyring.New(keys...))(t), strings.Trim(string(c.JWS), `"`))
				}
				others := keyErr != nil && (strings.Contains(keyErr.Error(), "alg must be") || strings.Contains(keyErr.Error(), "crv must be"))
				switch {
				case c.Result == "valid" && err == nil:
					valid++
				case c.Result != "valid" && err != nil, others, exceptions[c.TcID] && name == "signature" && err != nil:
					invalid++
				default:
					t.Errorf("%s %d, %s: got %v, want %s", g.Comment, c.TcID, c.Comment, err, c.Result)
				}
			}
		}
	}
	if valid != 17 || invalid != 384 || sets != 12 {
		t.Errorf("got %d valid and %d invalid tokens under %d sets, want 17, 384 and 12", valid, invalid, sets)
	}
}

// TestCookbookRSA is RFC 7520, section 4.1.
func TestCookbookRSA(t *testing.T) {
	t.Parallel()
	var file struct {
		Input struct {
			Payload string
			Key     map[string]string
		}
		Output struct{ Compact string }
	}
	readVectors(t, "cookbook_jws_4_1.rsa_v15_signature.json", &file)
	public := map[string]string{}
	for name, text := range file.Input.Key {
		if strings.Contains(" kty kid use n e ", " "+name+" ") {
			public[name] = text
		}
	}
	data, err := json.Marshal(public)
	do(t, err)
	got, err := parse(t, jwks(string(data))).Live().Ring().Open(file.Output.Compact, time.Now(), 0)
	if err != nil || string(got.Payload) != file.Input.Payload {
		t.Errorf("got %q, %v", got.Payload, err)
	}
}

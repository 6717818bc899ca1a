package contender

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"
	"github.com/lestrrat-go/jwx/v2/jwt"
)

const jwx2Module = "github.com/lestrrat-go/jwx/v2"

func jwx2() []Contender {
	return []Contender{
		{
			Name: "jwx v2, jwt.Parse", Module: jwx2Module, JWT: true, Signers: 1,
			Does:  "As its documentation has it: signature, key by kid from a JWK Set, iss, aud, exp, nbf, iat; claims in its own Token.",
			Lacks: "alg of the header is not compared with that of the key, which decides alone; kind checked behind it. No revocation, no CSRF.",
			New:   newJWX2,
		},
		{
			Name: "jwx v2, jws.Verify", Module: jwx2Module, JWT: true, Signers: 1,
			Does:  "At its leanest: signature and algorithm, with a key; claims into a struct by encoding/json.",
			Lacks: "Key found by comparing the header with those it issues; iss, aud, exp and kind checked behind it. No revocation, no CSRF.",
			New:   newJWX2Lean,
		},
	}
}

func newJWX2(keys []Key) (*Service, error) {
	set := jwk.NewSet()
	for _, k := range keys {
		key, err := jwk.FromRaw(k.Secret)
		if err != nil {
			return nil, err
		}
		if err := fill2(key, k.ID); err != nil {
			return nil, err
		}
		if err := set.AddKey(key); err != nil {
			return nil, err
		}
	}
	current, _ := set.Key(0)
	checks := []jwt.ParseOption{jwt.WithIssuer(Issuer), jwt.WithAudience(Audience), jwt.WithAcceptableSkew(leeway), jwt.WithRequiredClaim(jwt.ExpirationKey)}
	check := func(token string, keys jwt.ParseOption) (any, error) {
		t, err := jwt.Parse([]byte(token), append([]jwt.ParseOption{keys}, checks...)...)
		if err != nil {
			return nil, err
		}
		if kind, ok := t.Get("type"); !ok || kind != "access" || t.Subject() == "" {
			return nil, errClaims
		}
		return t, nil
	}
	byKID := jwt.WithKeySet(set)
	each := jwt.WithKeySet(set, jws.WithRequireKid(false))
	s := signed(keys[0].Tag, func(c *Claims) (string, error) { return signJWX2(c, current) })
	s.Verify = func(token string) (any, error) { return check(token, byKID) }
	s.Legacy = func(token string) (any, error) { return check(token, each) }
	s.Read = readByJSON
	return s, nil
}

func fill2(key jwk.Key, kid string) error {
	if err := key.Set(jwk.KeyIDKey, kid); err != nil {
		return err
	}
	return key.Set(jwk.AlgorithmKey, jwa.HS256)
}

func signJWX2(c *Claims, key jwk.Key) (string, error) {
	t, err := jwt.NewBuilder().Issuer(c.Issuer).Audience([]string{c.Audience}).Subject(c.Subject).JwtID(c.TokenID).
		IssuedAt(time.Unix(c.IssuedAt, 0)).Expiration(time.Unix(c.Expires, 0)).
		Claim("sid", c.SessionID).Claim("auth_time", c.AuthTime).Claim("type", c.Kind).Claim("version", c.Version).
		Claim("name", c.Name).Claim("roles", c.Roles).Build()
	if err != nil {
		return "", err
	}
	token, err := jwt.Sign(t, jwt.WithKey(jwa.HS256, key))
	return string(token), err
}

// byHeader returns the secrets by the headers of their tokens: the cheapest way to find
// a key by its kid.
func byHeader(keys []Key) map[string][]byte {
	secrets := map[string][]byte{}
	for _, k := range keys {
		secrets[head(k.ID)] = k.Secret
	}
	return secrets
}

// readStruct reads and checks the claims of a token that was verified.
func readStruct(payload []byte, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	var c Claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return nil, err
	}
	return &c, c.good()
}

func newJWX2Lean(keys []Key) (*Service, error) {
	secrets := byHeader(keys)
	header := jws.NewHeaders()
	if err := errors.Join(header.Set(jws.KeyIDKey, keys[0].ID), header.Set(jws.TypeKey, "at+jwt")); err != nil {
		return nil, err
	}
	s := signed(keys[0].Tag, func(c *Claims) (string, error) {
		payload, err := json.Marshal(c)
		if err != nil {
			return "", err
		}
		token, err := jws.Sign(payload, jws.WithKey(jwa.HS256, keys[0].Secret, jws.WithProtectedHeaders(header)))
		return string(token), err
	})
	s.Verify = func(token string) (any, error) {
		head, _, _ := strings.Cut(token, ".")
		secret, ok := secrets[head]
		if !ok {
			return nil, errKey
		}
		return readStruct(jws.Verify([]byte(token), jws.WithKey(jwa.HS256, secret)))
	}
	s.Legacy = func(token string) (any, error) {
		for _, k := range keys {
			if payload, err := jws.Verify([]byte(token), jws.WithKey(jwa.HS256, k.Secret)); err == nil {
				return readStruct(payload, nil)
			}
		}
		return nil, errKey
	}
	return s, nil
}

package contender

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

const jwx3Module = "github.com/lestrrat-go/jwx/v3"

func jwx3() []Contender {
	return []Contender{
		{
			Name: "jwx v3, jwt.Parse", Module: jwx3Module, JWT: true, Signers: 1,
			Does:  "As its documentation has it: signature, key by kid from a JWK Set, iss, aud, exp, nbf, iat; claims in its own Token.",
			Lacks: "alg of the header is not compared with that of the key, which decides alone; kind checked behind it. No revocation, no CSRF.",
			New:   newJWX3,
		},
		{
			Name: "jwx v3, VerifyCompactFast", Module: jwx3Module, JWT: true, Signers: 1,
			Does:  "At its leanest: signature and algorithm, with a key, by a function that it calls experimental; claims into a struct by encoding/json.",
			Lacks: "Key found by comparing the header with those it issues; iss, aud, exp and kind checked behind it. No revocation, no CSRF.",
			New:   newJWX3Lean,
		},
	}
}

func newJWX3(keys []Key) (*Service, error) {
	set := jwk.NewSet()
	for _, k := range keys {
		key, err := jwk.Import(k.Secret)
		if err != nil {
			return nil, err
		}
		if err := fill3(key, k.ID); err != nil {
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
		var kind string
		if err := t.Get("type", &kind); err != nil || kind != "access" {
			return nil, errClaims
		}
		if subject, ok := t.Subject(); !ok || subject == "" {
			return nil, errClaims
		}
		return t, nil
	}
	byKID := jwt.WithKeySet(set)
	each := jwt.WithKeySet(set, jws.WithRequireKid(false))
	s := signed(keys[0].Tag, func(c *Claims) (string, error) { return signJWX3(c, current) })
	s.Verify = func(token string) (any, error) { return check(token, byKID) }
	s.Legacy = func(token string) (any, error) { return check(token, each) }
	s.Read = readByJSON
	return s, nil
}

func fill3(key jwk.Key, kid string) error {
	if err := key.Set(jwk.KeyIDKey, kid); err != nil {
		return err
	}
	return key.Set(jwk.AlgorithmKey, jwa.HS256())
}

func signJWX3(c *Claims, key jwk.Key) (string, error) {
	t, err := jwt.NewBuilder().Issuer(c.Issuer).Audience([]string{c.Audience}).Subject(c.Subject).JwtID(c.TokenID).
		IssuedAt(time.Unix(c.IssuedAt, 0)).Expiration(time.Unix(c.Expires, 0)).
		Claim("sid", c.SessionID).Claim("auth_time", c.AuthTime).Claim("type", c.Kind).Claim("version", c.Version).
		Claim("name", c.Name).Claim("roles", c.Roles).Build()
	if err != nil {
		return "", err
	}
	token, err := jwt.Sign(t, jwt.WithKey(jwa.HS256(), key))
	return string(token), err
}

func newJWX3Lean(keys []Key) (*Service, error) {
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
		token, err := jws.Sign(payload, jws.WithKey(jwa.HS256(), keys[0].Secret, jws.WithProtectedHeaders(header)))
		return string(token), err
	})
	s.Verify = func(token string) (any, error) {
		head, _, _ := strings.Cut(token, ".")
		secret, ok := secrets[head]
		if !ok {
			return nil, errKey
		}
		return readStruct(jws.VerifyCompactFast(secret, []byte(token), jwa.HS256()))
	}
	s.Legacy = func(token string) (any, error) {
		for _, k := range keys {
			if payload, err := jws.VerifyCompactFast(k.Secret, []byte(token), jwa.HS256()); err == nil {
				return readStruct(payload, nil)
			}
		}
		return nil, errKey
	}
	return s, nil
}

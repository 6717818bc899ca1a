package contender

import (
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// joseClaims is Claims as go-jose has them.
type joseClaims struct {
	jwt.Claims
	Private
}

func goJose() Contender {
	return Contender{
		Name: "go-jose v4", Module: "github.com/go-jose/go-jose/v4", JWT: true, Signers: 1,
		Does:  "Signature, algorithm, key by kid from a JWK Set, iss, aud, exp, nbf, iat; claims into a struct.",
		Lacks: "exp required and kind checked behind it. No revocation, no CSRF.",
		New:   newGoJose,
	}
}

func newGoJose(keys []Key) (*Service, error) {
	set := &jose.JSONWebKeySet{}
	for _, k := range keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.Secret, KeyID: k.ID, Algorithm: "HS256"})
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: keys[0].Secret},
		(&jose.SignerOptions{}).WithType("at+jwt").WithHeader("kid", keys[0].ID))
	if err != nil {
		return nil, err
	}
	s := signed(keys[0].Tag, func(c *Claims) (string, error) {
		return jwt.Signed(signer).Claims(&joseClaims{
			Claims: jwt.Claims{
				Issuer: c.Issuer, Subject: c.Subject, Audience: jwt.Audience{c.Audience}, ID: c.TokenID,
				IssuedAt: jwt.NewNumericDate(time.Unix(c.IssuedAt, 0)), Expiry: jwt.NewNumericDate(time.Unix(c.Expires, 0)),
			},
			Private: c.Private,
		}).Serialize()
	})
	s.Verify = func(token string) (any, error) { return verifyGoJose(token, set) }
	s.Legacy = func(token string) (any, error) {
		for _, k := range keys {
			if c, err := verifyGoJose(token, k.Secret); err == nil {
				return c, nil
			}
		}
		return nil, errKey
	}
	s.Read = readByJSON
	return s, nil
}

func verifyGoJose(token string, key any) (any, error) {
	t, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.HS256})
	if err != nil {
		return nil, err
	}
	var c joseClaims
	if err := t.Claims(key, &c); err != nil {
		return nil, err
	}
	if err := c.ValidateWithLeeway(jwt.Expected{Issuer: Issuer, AnyAudience: jwt.Audience{Audience}, Time: time.Now()}, leeway); err != nil {
		return nil, err
	}
	if c.Expiry == nil || c.Kind != "access" || c.Subject == "" {
		return nil, errClaims
	}
	return &c, nil
}

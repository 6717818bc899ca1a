package contender

import (
	"encoding/json"
	"time"

	"github.com/cristalhq/jwt/v4"
)

// cristalClaims is Claims as cristalhq/jwt has them.
type cristalClaims struct {
	jwt.RegisteredClaims
	Private
}

func cristalhq() Contender {
	return Contender{
		Name: "cristalhq/jwt v4", Module: "github.com/cristalhq/jwt/v4", JWT: true, Signers: 1,
		Does:  "Signature and algorithm; claims into a struct.",
		Lacks: "Key by kid, iss, aud, exp, nbf and kind checked behind it, in part by its methods. No revocation, no CSRF.",
		New:   newCristalhq,
	}
}

func newCristalhq(keys []Key) (*Service, error) {
	verifiers, err := byID(keys, func(k Key) (jwt.Verifier, error) { return jwt.NewVerifierHS(jwt.HS256, k.Secret) })
	if err != nil {
		return nil, err
	}
	signer, err := jwt.NewSignerHS(jwt.HS256, keys[0].Secret)
	if err != nil {
		return nil, err
	}
	builder := jwt.NewBuilder(signer, jwt.WithKeyID(keys[0].ID))
	s := signed(keys[0].Tag, func(c *Claims) (string, error) {
		t, err := builder.Build(&cristalClaims{
			RegisteredClaims: jwt.RegisteredClaims{
				Issuer: c.Issuer, Subject: c.Subject, Audience: jwt.Audience{c.Audience}, ID: c.TokenID,
				IssuedAt: jwt.NewNumericDate(time.Unix(c.IssuedAt, 0)), ExpiresAt: jwt.NewNumericDate(time.Unix(c.Expires, 0)),
			},
			Private: c.Private,
		})
		if err != nil {
			return "", err
		}
		return t.String(), nil
	})
	s.Verify = func(token string) (any, error) {
		t, err := jwt.ParseNoVerify([]byte(token))
		if err != nil {
			return nil, err
		}
		v, ok := verifiers[t.Header().KeyID]
		if !ok {
			return nil, errKey
		}
		if err := v.Verify(t); err != nil {
			return nil, err
		}
		return readCristalhq(t)
	}
	s.Legacy = func(token string) (any, error) {
		t, err := jwt.ParseNoVerify([]byte(token))
		if err != nil {
			return nil, err
		}
		for _, k := range keys {
			if verifiers[k.ID].Verify(t) == nil {
				return readCristalhq(t)
			}
		}
		return nil, errKey
	}
	s.Read = readByJSON
	return s, nil
}

// readCristalhq reads and checks the claims of a token that was verified.
func readCristalhq(t *jwt.Token) (any, error) {
	var c cristalClaims
	if err := json.Unmarshal(t.Claims(), &c); err != nil {
		return nil, err
	}
	now := time.Now()
	if !c.IsIssuer(Issuer) || !c.IsForAudience(Audience) || c.ExpiresAt == nil || !c.IsValidExpiresAt(now.Add(-leeway)) ||
		!c.IsValidNotBefore(now.Add(leeway)) || c.Kind != "access" || c.Subject == "" {
		return nil, errClaims
	}
	return &c, nil
}

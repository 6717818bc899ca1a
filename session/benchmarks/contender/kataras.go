package contender

import "github.com/kataras/jwt"

// katarasClaims is Claims as kataras/jwt has them.
type katarasClaims struct {
	jwt.Claims
	Private
}

func katarasJWT() Contender {
	return Contender{
		Name: "kataras/jwt", Module: "github.com/kataras/jwt", JWT: true, Signers: 1,
		Does:  "Signature, algorithm, key by kid, iss, aud, exp, nbf, iat; claims into a struct.",
		Lacks: "exp required and kind checked behind it; no leeway for expiry. No revocation here (it has a list in memory), no CSRF.",
		New:   newKataras,
	}
}

func newKataras(keys []Key) (*Service, error) {
	ring := jwt.Keys{}
	for _, k := range keys {
		ring.Register(jwt.HS256, k.ID, k.Secret, k.Secret)
	}
	expected := jwt.Expected{Issuer: Issuer, Audience: jwt.Audience{Audience}}
	s := signed(keys[0].Tag, func(c *Claims) (string, error) {
		token, err := ring.SignToken(keys[0].ID, &katarasClaims{
			Claims:  jwt.Claims{Issuer: c.Issuer, Subject: c.Subject, Audience: jwt.Audience{c.Audience}, ID: c.TokenID, IssuedAt: c.IssuedAt, Expiry: c.Expires},
			Private: c.Private,
		})
		return string(token), err
	})
	s.Verify = func(token string) (any, error) {
		var c katarasClaims
		if err := ring.VerifyToken([]byte(token), &c, expected); err != nil {
			return nil, err
		}
		return c.good()
	}
	s.Legacy = func(token string) (any, error) {
		for _, k := range keys {
			t, err := jwt.Verify(jwt.HS256, k.Secret, []byte(token), expected)
			if err != nil {
				continue
			}
			var c katarasClaims
			if err := t.Claims(&c); err != nil {
				return nil, err
			}
			return c.good()
		}
		return nil, errKey
	}
	s.Read = readByJSON
	return s, nil
}

func (c *katarasClaims) good() (any, error) {
	if c.Expiry == 0 || c.Kind != "access" || c.Subject == "" {
		return nil, errClaims
	}
	return c, nil
}

package contender

import (
	"net/http"

	"github.com/go-chi/jwtauth/v5"
	"github.com/lestrrat-go/jwx/v2/jwt"
)

func chiJWTAuth() Contender {
	return Contender{
		Name: "go-chi/jwtauth", Module: "github.com/go-chi/jwtauth/v5", OneKey: true, Signers: 1,
		Does:  "Signature, iss, aud, exp, nbf, iat; claims in a Token and a map. Has middleware, which is what is measured there.",
		Lacks: "One key: no rotation; alg of the header is not compared. Kind checked behind it (not in its middleware). No revocation, no CSRF.",
		New:   newJWTAuth,
	}
}

func newJWTAuth(keys []Key) (*Service, error) {
	auth := jwtauth.New("HS256", keys[0].Secret, nil, jwt.WithIssuer(Issuer), jwt.WithAudience(Audience),
		jwt.WithAcceptableSkew(leeway), jwt.WithRequiredClaim(jwt.ExpirationKey))
	s := signed(keys[0].Tag, func(c *Claims) (string, error) {
		_, token, err := auth.Encode(map[string]any{
			"iss": c.Issuer, "aud": c.Audience, "sub": c.Subject, "jti": c.TokenID, "iat": c.IssuedAt, "exp": c.Expires,
			"sid": c.SessionID, "auth_time": c.AuthTime, "type": c.Kind, "version": c.Version, "name": c.Name, "roles": c.Roles,
		})
		return token, err
	})
	s.Verify = func(token string) (any, error) {
		t, err := jwtauth.VerifyToken(auth, token)
		if err != nil {
			return nil, err
		}
		if kind, ok := t.Get("type"); !ok || kind != "access" || t.Subject() == "" {
			return nil, errClaims
		}
		return t, nil
	}
	s.Read = readByJSON
	s.Cookie = "jwt"
	s.Require = func(next http.Handler) http.Handler { return jwtauth.Verifier(auth)(jwtauth.Authenticator(auth)(next)) }
	return s, nil
}

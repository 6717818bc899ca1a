package contender

import (
	"encoding/json"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// golangClaims is Claims as golang-jwt has them.
type golangClaims struct {
	jwt.RegisteredClaims
	Private
}

// golangJWT is golang-jwt v5 with a struct for the claims.
func golangJWT() Contender {
	return Contender{
		Name: "golang-jwt v5", Module: "github.com/golang-jwt/jwt/v5", JWT: true, Signers: 1,
		Does:  "Signature, algorithm, iss, aud, exp, nbf; claims into a struct.",
		Lacks: "Keys are chosen by a function of the user. Kind checked behind it. Decodes before it verifies. No revocation, no CSRF.",
		New:   newGolangJWT,
	}
}

func newGolangJWT(keys []Key) (*Service, error) {
	secrets := map[string]any{}
	var all []jwt.VerificationKey
	for _, k := range keys {
		secrets[k.ID] = k.Secret
		all = append(all, k.Secret)
	}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithIssuer(Issuer), jwt.WithAudience(Audience),
		jwt.WithExpirationRequired(), jwt.WithLeeway(leeway))
	check := func(token string, key jwt.Keyfunc) (any, error) {
		var c golangClaims
		if _, err := parser.ParseWithClaims(token, &c, key); err != nil {
			return nil, err
		}
		if c.Kind != "access" || c.Subject == "" {
			return nil, errClaims
		}
		return &c, nil
	}
	byKID := func(t *jwt.Token) (any, error) {
		kid, _ := t.Header["kid"].(string)
		if secret, ok := secrets[kid]; ok {
			return secret, nil
		}
		return nil, errKey
	}
	each := func(*jwt.Token) (any, error) { return jwt.VerificationKeySet{Keys: all}, nil }
	s := signed(keys[0].Tag, func(c *Claims) (string, error) { return signGolangJWT(c, keys[0]) })
	s.Verify = func(token string) (any, error) { return check(token, byKID) }
	s.Legacy = func(token string) (any, error) { return check(token, each) }
	s.Read = readByJSON
	return s, nil
}

func signGolangJWT(c *Claims, k Key) (string, error) {
	t := jwt.NewWithClaims(jwt.SigningMethodHS256, &golangClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: c.Issuer, Subject: c.Subject, Audience: jwt.ClaimStrings{c.Audience}, ID: c.TokenID,
			IssuedAt: jwt.NewNumericDate(time.Unix(c.IssuedAt, 0)), ExpiresAt: jwt.NewNumericDate(time.Unix(c.Expires, 0)),
		},
		Private: c.Private,
	})
	t.Header["kid"] = k.ID
	return t.SignedString(k.Secret)
}

// readByJSON reads claims by what they encode to. An audience may be a list of one.
func readByJSON(claims any) (Claims, error) {
	data, err := json.Marshal(claims)
	if err != nil {
		return Claims{}, err
	}
	var members map[string]any
	if err := json.Unmarshal(data, &members); err != nil {
		return Claims{}, err
	}
	if list, ok := members["aud"].([]any); ok && len(list) == 1 {
		members["aud"] = list[0]
	}
	if data, err = json.Marshal(members); err != nil {
		return Claims{}, err
	}
	var c Claims
	return c, json.Unmarshal(data, &c)
}

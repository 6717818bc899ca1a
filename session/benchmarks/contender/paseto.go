package contender

import (
	"time"

	"aidanwoods.dev/go-paseto"
)

func pasetoLocal() Contender {
	return Contender{
		Name: "go-paseto v4.local", Module: "aidanwoods.dev/go-paseto", Signers: 1,
		Does:  "Encrypts (XChaCha20, BLAKE2b) as well; iss, aud, exp.",
		Lacks: "Key by the kid in the footer chosen by the user; kind checked behind it; no leeway. No revocation, no CSRF.",
		New:   newPaseto,
	}
}

func newPaseto(keys []Key) (*Service, error) {
	ring, err := byID(keys, func(k Key) (paseto.V4SymmetricKey, error) { return paseto.V4SymmetricKeyFromBytes(k.Secret) })
	if err != nil {
		return nil, err
	}
	parser := paseto.MakeParser([]paseto.Rule{paseto.NotExpired(), paseto.IssuedBy(Issuer), paseto.ForAudience(Audience)})
	s := signed(keys[0].Tag, func(c *Claims) (string, error) { return sealPaseto(c, keys[0].ID, ring[keys[0].ID]) })
	s.Verify = func(token string) (any, error) {
		kid, err := parser.UnsafeParseFooter(paseto.V4Local, token)
		if err != nil {
			return nil, err
		}
		key, ok := ring[string(kid)]
		if !ok {
			return nil, errKey
		}
		t, err := parser.ParseV4Local(key, token, nil)
		if err != nil {
			return nil, err
		}
		return readPaseto(t)
	}
	return s, nil
}

// sealPaseto returns a token whose footer is the kid.
func sealPaseto(c *Claims, kid string, key paseto.V4SymmetricKey) (string, error) {
	t := paseto.NewToken()
	t.SetIssuer(c.Issuer)
	t.SetAudience(c.Audience)
	t.SetSubject(c.Subject)
	t.SetJti(c.TokenID)
	t.SetIssuedAt(time.Unix(c.IssuedAt, 0))
	t.SetExpiration(time.Unix(c.Expires, 0))
	t.SetString("sid", c.SessionID)
	t.SetString("type", c.Kind)
	t.SetString("version", c.Version)
	t.SetString("name", c.Name)
	if err := t.Set("auth_time", c.AuthTime); err != nil {
		return "", err
	}
	if err := t.Set("roles", c.Roles); err != nil {
		return "", err
	}
	t.SetFooter([]byte(kid))
	return t.V4Encrypt(key, nil), nil
}

// readPaseto asks for every claim, one by one, as that library wants it.
func readPaseto(t *paseto.Token) (any, error) {
	var c Claims
	for _, m := range [...]struct {
		name string
		to   any
	}{
		{"iss", &c.Issuer}, {"aud", &c.Audience}, {"sub", &c.Subject}, {"jti", &c.TokenID}, {"sid", &c.SessionID}, {"type", &c.Kind},
		{"version", &c.Version}, {"name", &c.Name}, {"roles", &c.Roles}, {"auth_time", &c.AuthTime},
	} {
		if err := t.Get(m.name, m.to); err != nil {
			return nil, err
		}
	}
	issued, err := t.GetIssuedAt()
	if err != nil {
		return nil, err
	}
	expires, err := t.GetExpiration()
	if err != nil {
		return nil, err
	}
	if c.IssuedAt, c.Expires = issued.Unix(), expires.Unix(); c.Kind != "access" || c.Subject == "" {
		return nil, errClaims
	}
	return &c, nil
}

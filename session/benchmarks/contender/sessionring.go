package contender

import (
	"context"
	"net/http"
	"time"

	"github.com/sessionring/sessionring/cookie"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

const oursDoes = "Keys by kid, co-signatures, roll-back; iss, aud, kind, exp, nbf, auth_time; refuses doubled members and other spellings of a signature. Middleware: CSRF, several cookies of one name, ended sessions, cache headers."

// Ours are the ways to use sessionring.
func Ours() []Contender {
	return []Contender{
		{
			Name: "sessionring", JWT: true, Signers: 1, Does: oursDoes,
			Lacks: "Claims of the application are checked and left as text, as in a request that does not ask for them.",
			New:   func(keys []Key) (*Service, error) { return ours(keys, false) },
		},
		{
			Name: "sessionring, custom claims decoded", JWT: true, Signers: 1, Does: "The same, and Claims.Decode into a struct.",
			New: func(keys []Key) (*Service, error) { return ours(keys, true) },
		},
		{
			Name: "sessionring, co-signed twice", JWT: true, Signers: 3, Does: "The same with tokens of a ring of three keys: one signs, two co-sign.",
			Lacks: "Claims of the application as in the first row.",
			New:   func(keys []Key) (*Service, error) { return ours(keys, false) },
		},
	}
}

// Manager returns sessionring on a ring, with changes to the configuration that all
// measurements have.
func Manager(keys []Key, edit func(*session.Config)) (*session.Manager, error) {
	var list []keyring.Key
	for _, k := range keys {
		list = append(list, k.Key)
	}
	ring, err := keyring.New(list...)
	if err != nil {
		return nil, err
	}
	cfg := session.Config{Keys: ring, Cookies: cookie.SameSite(), Issuer: Issuer, Audience: Audience, AccessTTL: lifetime, Leeway: leeway}
	if edit != nil {
		edit(&cfg)
	}
	return session.New(cfg)
}

// ours issues and verifies without a store; its middleware has one in memory and asks
// it for ended sessions.
func ours(keys []Key, decode bool) (*Service, error) {
	m, err := Manager(keys, nil)
	if err != nil {
		return nil, err
	}
	legacy, err := Manager(keys, func(cfg *session.Config) { cfg.LegacyUntil = time.Now().Add(time.Hour) })
	if err != nil {
		return nil, err
	}
	stored, err := Manager(keys, func(cfg *session.Config) {
		cfg.Store, cfg.AdoptUntil = new(memstore.Store), time.Now().Add(time.Hour)
	})
	if err != nil {
		return nil, err
	}
	return &Service{
		PerIssue: 2,
		Issue: func(u User) (string, error) {
			t, err := m.Issue(context.Background(), session.Grant{Subject: u.Subject, Claims: &u.Custom})
			return t.AccessToken, err
		},
		Verify:  verifier(m, decode),
		Legacy:  verifier(legacy, decode),
		Read:    readOurs,
		Require: func(next http.Handler) http.Handler { return stored.Require(decoding(decode, next)) },
	}, nil
}

// asked is what a handler has that asks for the claims of the application.
type asked struct {
	*session.Claims
	custom Custom
}

func verifier(m *session.Manager, decode bool) func(token string) (any, error) {
	if !decode {
		return func(token string) (any, error) { return m.Verify(context.Background(), token) }
	}
	return func(token string) (any, error) {
		c, err := m.Verify(context.Background(), token)
		if err != nil {
			return nil, err
		}
		a := &asked{Claims: c}
		return a, c.Decode(&a.custom)
	}
}

// decoding is a handler that asks for the claims of the application.
func decoding(decode bool, next http.Handler) http.Handler {
	if !decode {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var custom Custom
		if err := session.FromContext(r.Context()).Decode(&custom); err != nil {
			http.Error(w, "bad claims", http.StatusInternalServerError)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// readOurs leaves out what Claims does not show, because it was checked: iss, aud, type.
func readOurs(claims any) (Claims, error) {
	var custom Custom
	c, ok := claims.(*session.Claims)
	if a, is := claims.(*asked); is {
		c, custom, ok = a.Claims, a.custom, true
	} else if ok {
		if err := c.Decode(&custom); err != nil {
			return Claims{}, err
		}
	}
	if !ok || c == nil {
		return Claims{}, errClaims
	}
	return Claims{
		Issuer: Issuer, Audience: Audience, Subject: c.Subject, TokenID: c.TokenID, IssuedAt: c.IssuedAt.Unix(), Expires: c.ExpiresAt.Unix(),
		Private: Private{SessionID: c.SessionID, AuthTime: c.AuthTime.Unix(), Kind: "access", Version: c.Tag, Custom: custom},
	}, nil
}

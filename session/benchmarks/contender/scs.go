package contender

import (
	"context"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
)

func alexSCS() Contender {
	return Contender{
		Name: "scs, memory store", Module: "github.com/alexedwards/scs/v2", OneKey: true, Signers: 1,
		Does:  "A random id in the cookie and the claims in a store, in gob as is its default; ends sessions at once. Has middleware, which is what is measured there.",
		Lacks: "No keys, so none to rotate; one process, or a store between. iss, aud and kind say nothing there. No CSRF. Its sweeping of expired sessions is off here.",
		New:   newSCS,
	}
}

func newSCS([]Key) (*Service, error) {
	store := memstore.NewWithCleanupInterval(0)
	m := scs.New()
	m.Store, m.Lifetime, m.Cookie.Name = store, lifetime, accessCookie
	s := signed("", func(c *Claims) (string, error) {
		ctx, err := m.Load(context.Background(), "")
		if err != nil {
			return "", err
		}
		m.Put(ctx, "sub", c.Subject)
		m.Put(ctx, "sid", c.SessionID)
		m.Put(ctx, "jti", c.TokenID)
		m.Put(ctx, "iat", c.IssuedAt)
		m.Put(ctx, "exp", c.Expires)
		m.Put(ctx, "auth_time", c.AuthTime)
		m.Put(ctx, "type", c.Kind)
		m.Put(ctx, "version", c.Version)
		m.Put(ctx, "name", c.Name)
		m.Put(ctx, "roles", c.Roles)
		m.SetDeadline(ctx, time.Unix(c.Expires, 0))
		token, _, err := m.Commit(ctx)
		return token, err
	})
	s.Verify = func(token string) (any, error) {
		ctx, err := m.Load(context.Background(), token)
		if err != nil {
			return nil, err
		}
		return readSCS(ctx, m)
	}
	s.Require = func(next http.Handler) http.Handler {
		return m.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if m.GetString(r.Context(), "sub") == "" {
				http.Error(w, "not signed in", http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r)
		}))
	}
	return s, nil
}

// readSCS reads what a session says; a session that is new says nothing.
func readSCS(ctx context.Context, m *scs.SessionManager) (any, error) {
	roles, _ := m.Get(ctx, "roles").([]string)
	c := Claims{
		Issuer: Issuer, Audience: Audience, Subject: m.GetString(ctx, "sub"), TokenID: m.GetString(ctx, "jti"),
		IssuedAt: m.GetInt64(ctx, "iat"), Expires: m.GetInt64(ctx, "exp"),
		Private: Private{
			SessionID: m.GetString(ctx, "sid"), AuthTime: m.GetInt64(ctx, "auth_time"), Kind: m.GetString(ctx, "type"),
			Version: m.GetString(ctx, "version"), Custom: Custom{Name: m.GetString(ctx, "name"), Roles: roles},
		},
	}
	return &c, c.good()
}

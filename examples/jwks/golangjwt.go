package main

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/sessionring/sessionring/examples/internal/server"
)

// golangJWT is a service that verifies with golang-jwt, and fetches the keys at an
// interval, as many gateways do. It knows nothing of co-signatures: a token is good if
// the key that its header names has signed it, and is here.
type golangJWT struct {
	address string
	client  http.Client
	parser  *jwt.Parser
	keys    atomic.Pointer[map[string]ed25519.PublicKey] // by kid
}

// newGolangJWT returns the service, with the keys of an issuer.
func newGolangJWT(ctx context.Context, issuer string) (*golangJWT, error) {
	s := &golangJWT{
		address: issuer + jwksPath,
		client:  http.Client{Timeout: 5 * time.Second},
		parser: jwt.NewParser(jwt.WithValidMethods([]string{"EdDSA"}), jwt.WithIssuer(issuer), jwt.WithAudience(audience),
			jwt.WithExpirationRequired(), jwt.WithLeeway(time.Minute)),
	}
	return s, s.fetch(ctx)
}

// follow fetches the keys at an interval, until ctx ends. Those it has stay if it fails.
// In earnest do so too when a token names an unknown key, but seldom: after an emergency
// a new key signs at once. It is left out here, to show what the lead is for.
func (s *golangJWT) follow(ctx context.Context, every time.Duration, log *slog.Logger) {
	for tick := time.NewTicker(every); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
			if err := s.fetch(ctx); err != nil && ctx.Err() == nil {
				log.Warn("the keys cannot be fetched", "error", err)
			}
		}
	}
}

// fetch fetches the keys. They come from the address in the configuration, which is
// https in earnest, never from one that a token names.
func (s *golangJWT) fetch(ctx context.Context) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.address, nil)
	if err != nil {
		return err
	}
	answer, err := s.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered with status %d", s.address, answer.StatusCode)
	}
	data, err := io.ReadAll(http.MaxBytesReader(nil, answer.Body, 256<<10))
	if err != nil {
		return err
	}
	keys, err := parseSet(data)
	if err != nil {
		return err
	}
	s.keys.Store(&keys)
	return nil
}

// parseSet returns the Ed25519 keys of a JWK Set (RFC 7517, RFC 8037), by kid.
func parseSet(data []byte) (map[string]ed25519.PublicKey, error) {
	var set struct {
		Keys []struct{ Kid, Kty, Crv, X string }
	}
	if err := json.Unmarshal(data, &set); err != nil {
		return nil, err
	}
	keys := map[string]ed25519.PublicKey{}
	for _, k := range set.Keys {
		if k.Kid == "" || k.Kty != "OKP" || k.Crv != "Ed25519" {
			continue
		}
		x, err := base64.RawURLEncoding.DecodeString(k.X)
		if err != nil || len(x) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("the key %q is no Ed25519 key", k.Kid)
		}
		keys[k.Kid] = x
	}
	if len(keys) == 0 {
		return nil, errors.New("the set has no Ed25519 key")
	}
	return keys, nil
}

var errUnknownKey = errors.New("the key is not known here")

// key returns the key that the header of a token names. Refresh tokens are signed with
// the same key, so typ is looked at.
func (s *golangJWT) key(t *jwt.Token) (any, error) {
	if t.Header["typ"] != "at+jwt" {
		return nil, errors.New("no access token")
	}
	kid, _ := t.Header["kid"].(string)
	if key, known := (*s.keys.Load())[kid]; known {
		return key, nil
	}
	return nil, errUnknownKey
}

// ServeHTTP answers GET /api/me.
func (s *golangJWT) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var said struct {
		jwt.RegisteredClaims
		Version string `json:"version"`
	}
	switch token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); {
	case r.URL.Path != "/api/me" || r.Method != http.MethodGet:
		server.NotFound(w, r)
	case !bearer:
		server.Refuse(w, http.StatusUnauthorized, "no_token")
	default:
		_, err := s.parser.ParseWithClaims(token, &said, s.key)
		switch {
		case errors.Is(err, errUnknownKey):
			server.Refuse(w, http.StatusUnauthorized, "unknown_key")
		case err != nil:
			server.Refuse(w, http.StatusUnauthorized, "invalid")
		default:
			server.JSON(w, http.StatusOK, verified{said.Subject, said.Version, slices.Sorted(maps.Keys(*s.keys.Load()))})
		}
	}
}

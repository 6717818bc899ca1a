// Package contender has the libraries that sessionring is measured beside, each set up
// as its users do, to do the same work: carry one session in a token, accept it under
// any key of a ring, and refuse what is forged, expired or meant for others.
//
// What a library does not check is checked behind it, so that none is fast by leaving
// something out; what it cannot do at all is said in Contender.Lacks.
package contender

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/sessionring/sessionring/keyring"
)

// What every token of the workload says of where it is from and for whom.
const (
	Issuer   = "https://id.example.com"
	Audience = "shop"
	lifetime = 15 * time.Minute
	leeway   = time.Minute
)

// The cookies of a browser that is signed in.
const (
	accessCookie  = "__Host-access"
	refreshCookie = "__Host-refresh"
)

// User is whom a token is issued for.
type User struct {
	Subject string
	Custom  Custom
}

// Custom are the claims of the application.
type Custom struct {
	Name  string   `json:"name"`
	Roles []string `json:"roles"`
}

// Private are the claims of the workload that no registry has.
type Private struct {
	SessionID string `json:"sid"`
	AuthTime  int64  `json:"auth_time"`
	Kind      string `json:"type"`
	Version   string `json:"version"`
	Custom
}

// Claims is what a token of the workload says.
type Claims struct {
	Issuer   string `json:"iss"`
	Audience string `json:"aud"`
	Subject  string `json:"sub"`
	TokenID  string `json:"jti"`
	IssuedAt int64  `json:"iat"`
	Expires  int64  `json:"exp"`
	Private
}

// Key is one of a ring, by the name that all contenders use for it.
type Key struct {
	keyring.Key
	Tag, ID string
	Secret  []byte
}

// NewKeys returns n random keys, newest first.
func NewKeys(n int) ([]Key, error) {
	var list []Key
	for i := range n {
		k := Key{Tag: fmt.Sprint("v", n-i), Secret: make([]byte, 32)}
		rand.Read(k.Secret)
		key, err := keyring.NewKey(k.Tag, k.Secret)
		if err != nil {
			return nil, err
		}
		ring, err := keyring.New(key)
		if err != nil {
			return nil, err
		}
		k.Key, k.ID = key, ring.List()[0].ID
		list = append(list, k)
	}
	return list, nil
}

// Contender is one library, or one way to use it.
type Contender struct {
	Name   string
	Module string // where its version is found; "" for sessionring itself
	JWT    bool   // its tokens are JWTs with a kid, which any other may have issued
	OneKey bool   // it has no ring: there is no previous key
	Does   string // what it does for what it costs
	Lacks  string // what it does not do, or what was added behind it
	// New sets it up with a ring, newest key first. The newest signs, all verify.
	New func(keys []Key) (*Service, error)
	// Signers is how many keys are in the ring that issues. The others of the workload
	// then only verify.
	Signers int
}

// Service is a contender at work.
type Service struct {
	// Issue returns a token of a new session.
	Issue func(u User) (string, error)
	// PerIssue is how many tokens Issue makes; what it costs is shared among them.
	PerIssue int
	// Sign returns a token that says c; nil where tokens can only be issued.
	Sign func(c *Claims) (string, error)
	// Verify checks a token, and returns what it says in the way of the library.
	Verify func(token string) (any, error)
	// Legacy checks a token that names no key, under each key in turn; nil: it cannot.
	Legacy func(token string) (any, error)
	// Read makes Claims of what Verify returns, for comparison.
	Read func(claims any) (Claims, error)
	// Require lets requests with a good token through; nil: Guard.
	Require func(next http.Handler) http.Handler
	// Cookie is the name under which Require looks for the token; "": that of the workload.
	Cookie string
}

// sessionKey is the context key of what Verify returns.
type sessionKey struct{}

// Guard is the middleware that people write around a library that has none.
func Guard(s *Service, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cookie, err := r.Cookie(accessCookie)
		if err != nil {
			http.Error(w, "no token", http.StatusUnauthorized)
			return
		}
		claims, err := s.Verify(cookie.Value)
		if err != nil {
			http.Error(w, "bad token", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), sessionKey{}, claims)))
	})
}

// Handler is next behind the middleware of the service.
func (s *Service) Handler(next http.Handler) http.Handler {
	if s.Require != nil {
		return s.Require(next)
	}
	return Guard(s, next)
}

// NewRequest is a request as a browser sends it, with the cookies of a session.
func (s *Service) NewRequest(token string) (*http.Request, error) {
	r, err := http.NewRequest(http.MethodGet, "https://shop.example.com/api/me", nil)
	if err != nil {
		return nil, err
	}
	name := accessCookie
	if s.Cookie != "" {
		name = s.Cookie
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.AddCookie(&http.Cookie{Name: "theme", Value: "dark"})
	r.AddCookie(&http.Cookie{Name: name, Value: token})
	r.AddCookie(&http.Cookie{Name: refreshCookie, Value: token})
	return r, nil
}

var (
	errKey    = errors.New("no such key")
	errClaims = errors.New("the claims are not for this service, or no longer")
)

// newID is a random id, as sessions and tokens have.
func newID() string {
	var id [16]byte
	rand.Read(id[:])
	return base64.RawURLEncoding.EncodeToString(id[:])
}

// NewClaims returns the claims of a new session.
func NewClaims(u User, version string) *Claims {
	now := time.Now()
	return &Claims{
		Issuer: Issuer, Audience: Audience, Subject: u.Subject, TokenID: newID(),
		IssuedAt: now.Unix(), Expires: now.Add(lifetime).Unix(), Private: newPrivate(u, version, now),
	}
}

func newPrivate(u User, version string, now time.Time) Private {
	return Private{SessionID: newID(), AuthTime: now.Unix(), Kind: "access", Version: version, Custom: u.Custom}
}

// good checks by hand what a library does not: where the token is from, for whom, of
// which kind, and until when.
func (c *Claims) good() error {
	if c.Issuer != Issuer || c.Audience != Audience || c.Kind != "access" || c.Subject == "" {
		return errClaims
	}
	return c.unexpired()
}

func (c *Claims) unexpired() error {
	if time.Now().After(time.Unix(c.Expires, 0).Add(leeway)) {
		return errClaims
	}
	return nil
}

// signed makes a Service of what most libraries have.
func signed(version string, sign func(*Claims) (string, error)) *Service {
	return &Service{
		PerIssue: 1, Sign: sign,
		Issue: func(u User) (string, error) { return sign(NewClaims(u, version)) },
		Read:  func(claims any) (Claims, error) { return *claims.(*Claims), nil },
	}
}

// byID returns the keys of a ring by kid, each made into what a library wants.
func byID[T any](keys []Key, of func(Key) (T, error)) (map[string]T, error) {
	all := map[string]T{}
	for _, k := range keys {
		v, err := of(k)
		if err != nil {
			return nil, err
		}
		all[k.ID] = v
	}
	return all, nil
}

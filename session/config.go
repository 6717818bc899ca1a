package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/sessionring/sessionring/keyring"
)

// Config says how sessions live. Only Keys is required; every zero value is the
// safe default. New copies it.
type Config struct {
	// Keys signs and verifies. With public keys only, the Manager verifies and
	// cannot issue.
	Keys *keyring.Keyring
	// Cookies carries tokens between server and browser; nil: tokens travel in
	// the Authorization header only.
	Cookies Cookies
	// Store keeps a record of every session; nil: stateless, without revocation (but
	// for Revocations), detection of stolen refresh tokens, and lists of devices.
	Store Store

	// Issuer and Audience are put into tokens and demanded from them, when set
	// (RFC 7519, sections 4.1.1 and 4.1.3). A token that was issued without them, or
	// with others, is invalid where they are set: to set or change them while people
	// are signed in signs these out.
	Issuer, Audience string

	// AccessTTL is how long an access token lives. Default 15 minutes.
	AccessTTL time.Duration
	// RefreshTTL is how long a session lives without being refreshed. Default 7 days.
	RefreshTTL time.Duration
	// SessionTTL is how long a session lives in all, from its sign-in. Default 90
	// days; negative: unlimited. Those of the three that are left at zero adapt to
	// those that are set.
	SessionTTL time.Duration
	// Leeway is the difference of clocks that expiry allows. Default 60 seconds;
	// negative: none.
	Leeway time.Duration

	// RefreshGrace is the time in which racing refreshes of one session get the same
	// refresh token; best at least four times the longest one-way delay. Default
	// 60 seconds, or a quarter of AccessTTL if that is shorter. Stores only.
	RefreshGrace time.Duration

	// Revocation says how a check learns that a session was ended. Default Cached.
	Revocation Revocation
	// Revocations tells services that only verify which sessions have ended: with a
	// Store, by ServeRevocations, and without one, from there. Leeway here must not
	// be longer than there. Zero: those services take an access token until it expires.
	Revocations RevocationFeed
	// RevocationLag is the oldest view that Cached serves. Default 1 second, or 2
	// with a Revocations.URL, which is asked about once a second. A view of five
	// times that age is an outage.
	RevocationLag time.Duration
	// FailOpenFor is how long Cached serves on through an outage of the store, or of
	// Revocations.URL. Default 0: checks fail with ErrUnavailable (503) then.
	FailOpenFor time.Duration

	// VerifiedCache is how many access tokens that were verified by a key with a public
	// half are remembered, so that one that comes again costs a look into memory, and
	// not another check of its signature. Default 0: none. Set it to twice as many as are
	// in use at once; each takes about as much memory as its text and 400 bytes. Expiry
	// and revocation are asked every time, and a change of the keys forgets all. Tokens
	// under HS256 are checked as quickly and not remembered.
	VerifiedCache int

	// SilentRefresh makes Require and Optional refresh by cookie on their own: for
	// server-rendered pages.
	SilentRefresh bool

	// OnRefresh, if set, is asked before each refresh and returns the custom claims
	// of the next tokens; nil, also a nil pointer or map, keeps those of the session.
	// An error wrapping ErrRevoked ends the session, any other leaves it as it is
	// (503).
	OnRefresh func(ctx context.Context, c *Claims) (claims any, err error)

	// Refuse, if set, writes status and body of a refusal; headers are set already.
	// The default is Status(err) with {"error": Reason(err)}.
	Refuse func(w http.ResponseWriter, r *http.Request, err error)

	// AdoptUntil is the end of the time in which genuine refresh tokens from before
	// there was a Store get a record; zero: they are refused (401).
	AdoptUntil time.Time
	// LegacyUntil is the end of the time in which tokens without a kid, as other
	// systems issue them, are tried against all keys; zero: refused.
	LegacyUntil time.Time
	// LegacySubject is the claim that names the user in such tokens; it is also
	// written into new ones. Default "sub".
	LegacySubject string

	// Logger gets the events of this package; nil: silent. Tokens and secrets are
	// never logged.
	Logger *slog.Logger
}

// Cookies carries tokens between server and browser. A *cookie.Policy is one.
type Cookies interface {
	// Token returns the n-th candidate for a token of that kind, "access" or
	// "refresh"; ok is false behind the last.
	Token(r *http.Request, kind string, n int) (token string, ok bool)
	// Set writes both tokens, or nothing and an error. A zero time means until the
	// browser closes; an empty token is left as it is.
	Set(w http.ResponseWriter, r *http.Request, access, refresh string, accessUntil, refreshUntil time.Time) error
	// Clear removes both tokens under every name and attribute they may have been
	// set with.
	Clear(w http.ResponseWriter, r *http.Request)
	// Check refuses requests that a foreign page caused.
	Check(r *http.Request) error
}

// Default lifetimes.
const (
	defaultAccess  = 15 * time.Minute
	defaultRefresh = 7 * 24 * time.Hour
	defaultSession = 90 * 24 * time.Hour
	defaultLeeway  = 60 * time.Second
	defaultGrace   = 60 * time.Second
	defaultLag     = time.Second
	defaultFarLag  = 2 * time.Second
)

// maxVerified is the most that Config.VerifiedCache may be.
const maxVerified = 1 << 24

// forEver is longer than any outage, and leaves room for sums.
const forEver = 100 * 365 * 24 * time.Hour

// check returns cfg with its defaults, or all its faults.
func (cfg Config) check() (Config, error) {
	cfg.LegacySubject = cmp.Or(cfg.LegacySubject, "sub")
	if err := errors.Join(slices.Concat(cfg.faults(), cfg.lifetimeFaults(), cfg.storeFaults(), cfg.feedFaults())...); err != nil {
		return Config{}, err
	}
	cfg.adapt()
	cfg.RefreshGrace = cmp.Or(cfg.RefreshGrace, min(defaultGrace, cfg.AccessTTL/4))
	if cfg.Revocations.URL != "" {
		cfg.RevocationLag = cmp.Or(cfg.RevocationLag, defaultFarLag)
	}
	cfg.RevocationLag = cmp.Or(cfg.RevocationLag, defaultLag)
	cfg.FailOpenFor = min(cfg.FailOpenFor, forEver)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return cfg, nil
}

// faults collects what is wrong with a Config or a Grant.
type faults []error

func (f *faults) add(bad bool, format string, args ...any) {
	if bad {
		*f = append(*f, fmt.Errorf("session: "+format, args...))
	}
}

// faults returns what is wrong with cfg, but for its lifetimes.
func (cfg Config) faults() (f faults) {
	f.add(cfg.Keys == nil || cfg.Keys.Live() == nil, "Config.Keys is required: use keyring.FromEnv or keyring.FromFile")
	f.add(!utf8.ValidString(cfg.Issuer) || !utf8.ValidString(cfg.Audience), "Config.Issuer and Config.Audience must be UTF-8")
	f.add(cfg.VerifiedCache < 0 || cfg.VerifiedCache > maxVerified, "Config.VerifiedCache is %d: it must be 0 to %d", cfg.VerifiedCache, maxVerified)
	f.add(cfg.SilentRefresh && cfg.Cookies == nil, "Config.SilentRefresh needs Config.Cookies: it refreshes by cookie")
	f.add(cfg.LegacySubject != "sub" && (!validClaimName([]byte(cfg.LegacySubject)) || reserved([]byte(cfg.LegacySubject))),
		"Config.LegacySubject %q cannot name a claim of the application", cfg.LegacySubject)
	return f
}

// lifetimeFaults returns the contradictions among the lifetimes that are set.
func (cfg Config) lifetimeFaults() (f faults) {
	f.add(cfg.AccessTTL < 0 || cfg.AccessTTL > 0 && cfg.AccessTTL < time.Second,
		"Config.AccessTTL is %v: it must be at least 1s, or 0 for the default", cfg.AccessTTL)
	f.add(cfg.RefreshTTL < 0 || cfg.RefreshTTL > 0 && cfg.RefreshTTL < 2*time.Second,
		"Config.RefreshTTL is %v: it must be at least 2s, or 0 for the default", cfg.RefreshTTL)
	f.add(cfg.SessionTTL > 0 && cfg.SessionTTL < 2*time.Second,
		"Config.SessionTTL is %v: it must be at least 2s, 0 for the default, or negative for no limit", cfg.SessionTTL)
	f.add(cfg.AccessTTL > 0 && cfg.RefreshTTL > 0 && cfg.AccessTTL >= cfg.RefreshTTL,
		"Config.AccessTTL (%v) must be shorter than Config.RefreshTTL (%v)", cfg.AccessTTL, cfg.RefreshTTL)
	f.add(cfg.SessionTTL > 0 && cfg.RefreshTTL > cfg.SessionTTL,
		"Config.RefreshTTL (%v) must not be longer than Config.SessionTTL (%v)", cfg.RefreshTTL, cfg.SessionTTL)
	f.add(cfg.SessionTTL > 0 && cfg.AccessTTL >= cfg.SessionTTL,
		"Config.AccessTTL (%v) must be shorter than Config.SessionTTL (%v)", cfg.AccessTTL, cfg.SessionTTL)
	return f
}

// storeFaults returns what is wrong among what goes with a store.
func (cfg Config) storeFaults() (f faults) {
	_, hasFeed := cfg.Store.(Feed)
	f.add(cfg.Revocation < Cached || cfg.Revocation > Off, "Config.Revocation is none of Cached, Strict and Off")
	f.add(cfg.Store == nil && cfg.Revocation == Strict, "Config.Revocation is Strict, which needs Config.Store")
	f.add(cfg.Store != nil && cfg.Revocation == Cached && !hasFeed,
		"Config.Store has no feed, which Cached revocation needs: use Strict or Off")
	access := cfg.adapted().AccessTTL
	f.add(cfg.RefreshGrace < 0, "Config.RefreshGrace is negative: leave it at 0 for the default")
	f.add(cfg.RefreshGrace > 0 && cfg.RefreshGrace >= access, "Config.RefreshGrace (%v) must be shorter than Config.AccessTTL (%v)", cfg.RefreshGrace, access)
	f.add(cfg.RevocationLag < 0, "Config.RevocationLag is negative: leave it at 0 for the default")
	f.add(cfg.FailOpenFor < 0, "Config.FailOpenFor is negative: leave it at 0 to fail closed")
	return f
}

// adapted returns cfg with its lifetimes filled in.
func (cfg Config) adapted() Config {
	cfg.adapt()
	return cfg
}

// adapt fills in the lifetimes that are not set, so that access < refresh <=
// session holds whatever the others are.
func (cfg *Config) adapt() {
	if cfg.SessionTTL == 0 {
		cfg.SessionTTL = max(defaultSession, cfg.RefreshTTL, 2*cfg.AccessTTL)
	}
	if cfg.RefreshTTL == 0 {
		cfg.RefreshTTL = max(defaultRefresh, 2*cfg.AccessTTL)
		if cfg.SessionTTL > 0 {
			cfg.RefreshTTL = min(cfg.RefreshTTL, cfg.SessionTTL)
		}
	}
	if cfg.AccessTTL == 0 {
		cfg.AccessTTL = min(defaultAccess, cfg.RefreshTTL/2)
	}
	if cfg.Leeway == 0 {
		cfg.Leeway = defaultLeeway
	}
	cfg.Leeway = max(cfg.Leeway, 0)
}

// validClaimName reports whether name is 1 to 64 characters of A-Z a-z 0-9 _ . : / -.
func validClaimName(name []byte) bool {
	for _, c := range name {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (c < '-' || c > ':') && c != '_' { // - . / 0 to 9 : follow each other
			return false
		}
	}
	return len(name) > 0 && len(name) <= 64
}

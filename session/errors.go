package session

import (
	"errors"
	"net/http"

	"github.com/sessionring/sessionring/internal/ring"
)

// The nine refusals, each the word of [Reason] that errors.Is finds in every
// error of this package that is a refusal. Finer causes are in the error text,
// which never holds any part of a token or secret.
//
// A Store that is down is ErrUnavailable. What Sessions, Redeem and the methods that
// revoke return where there is none, or none that can do it, is [errors.ErrUnsupported]
// as well.
var (
	ErrNoToken     = errors.New("session: no token")                  // 401: nobody is signed in
	ErrExpired     = ring.ErrExpired                                  // 401: refresh, or sign in again
	ErrInvalid     = ring.ErrInvalid                                  // 401: malformed, forged, of the wrong kind or for others
	ErrUnknownKey  = ring.ErrUnknownKey                               // 503, on access and on refresh: no key of this ring vouches for it; nothing is cleared
	ErrRevoked     = ring.ErrRevoked                                  // 401: ended before its time
	ErrReused      = ring.Refine("session: token reused", ErrRevoked) // 401: used up before; wraps ErrRevoked
	ErrCrossOrigin = errors.New("session: foreign origin")            // 403: caused by a page of another origin
	ErrForbidden   = errors.New("session: not allowed")               // 403: refused by the function given to RequireFunc
	ErrUnavailable = errors.New("session: cannot tell now")           // 503: store or key source down; nobody is signed out
)

type reason struct {
	err    error
	word   string
	status int
}

// reasons are the sentinels in the order in which they are looked for: a fault
// before any refusal that may be its cause, the finer before what it wraps.
var reasons = []reason{
	{ErrUnavailable, "unavailable", http.StatusServiceUnavailable},
	{ErrCrossOrigin, "cross_origin", http.StatusForbidden},
	{ErrForbidden, "forbidden", http.StatusForbidden},
	{ErrUnknownKey, "unknown_key", http.StatusServiceUnavailable},
	{ErrReused, "reused", http.StatusUnauthorized},
	{ErrRevoked, "revoked", http.StatusUnauthorized},
	{ErrExpired, "expired", http.StatusUnauthorized},
	{ErrInvalid, "invalid", http.StatusUnauthorized},
	{ErrNoToken, "no_token", http.StatusUnauthorized},
}

// Status returns the HTTP status for err: 401, 403 or 503, and 200 for nil.
//
// What is no refusal is 503, so that a fault signs nobody out. What cookies refuse has
// a method HTTPStatus, of which two statuses count: 403, for a page of another origin
// and as good as ErrCrossOrigin, so the error of a policy's Check can be given as it is;
// and 421, by which a policy for localhost answers other hosts.
func Status(err error) int {
	if err == nil {
		return http.StatusOK
	}
	if r := reasonOf(err); r != nil {
		return r.status
	}
	if ownStatus(err) == http.StatusMisdirectedRequest {
		return http.StatusMisdirectedRequest
	}
	return http.StatusServiceUnavailable
}

// ownStatus returns the status that err has of itself, 0 if it has none.
func ownStatus(err error) int {
	var s interface{ HTTPStatus() int }
	if !errors.As(err, &s) {
		return 0
	}
	return s.HTTPStatus()
}

// Reason returns the word for err that JSON, logs and metrics use: no_token,
// expired, invalid, unknown_key, revoked, reused, cross_origin, forbidden or
// unavailable; ok for nil. The list is closed: what is no refusal is unavailable.
func Reason(err error) string {
	if err == nil {
		return "ok"
	}
	if r := reasonOf(err); r != nil {
		return r.word
	}
	return "unavailable"
}

// reasonOf returns the refusal that err is, nil if it is none. The errors that are met
// on the way of every request are found by comparison.
func reasonOf(err error) *reason {
	for i := range reasons {
		if err == reasons[i].err {
			return &reasons[i]
		}
	}
	if r, ok := err.(*ring.Refined); ok {
		return reasonOf(r.Unwrap())
	}
	for i := range reasons {
		if errors.Is(err, reasons[i].err) {
			return &reasons[i]
		}
	}
	if ownStatus(err) == http.StatusForbidden {
		return reasonOf(ErrCrossOrigin)
	}
	return nil
}

// invalid returns an ErrInvalid with its cause.
func invalid(cause string) error { return ring.Refine("session: invalid token: "+cause, ErrInvalid) }

// Causes of ErrInvalid that are met on the way of every request; made once.
var (
	errClaims   = invalid("claims refused")
	errMissing  = invalid("a required claim is missing")
	errKind     = invalid("wrong kind of token")
	errIssuer   = invalid("wrong issuer")
	errAudience = invalid("wrong audience")
	errNotYet   = invalid("not valid yet")
	errFuture   = invalid("signed in after it was issued")
	errNoBearer = invalid("Authorization header has no Bearer token")
	errHeaders  = invalid("more than one Authorization header")
	errDisagree = invalid("two good cookies disagree")
	errFlood    = invalid("too many cookies of one name")
	errSkew     = ring.Refine("session: cannot tell now: issued more than 10 minutes ahead of this clock", ErrUnavailable)
)

package ring

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sessionring/sessionring/internal/strictjson"
)

// MaxToken is the longest token that is looked at, in bytes.
const MaxToken = 4096

// The refusals of a ring. Package session exports them, hence the prefix.
var (
	ErrInvalid    = errors.New("session: invalid token")
	ErrExpired    = errors.New("session: token expired")
	ErrRevoked    = errors.New("session: revoked")
	ErrUnknownKey = errors.New("session: unknown key")
)

// Causes of ErrInvalid. They are made once: a forged token costs no allocation.
var (
	errSize        = fmt.Errorf("%w: longer than %d bytes", ErrInvalid, MaxToken)
	errForm        = fmt.Errorf("%w: not three parts", ErrInvalid)
	errBase64      = fmt.Errorf("%w: a part is not canonical base64url", ErrInvalid)
	errHeader      = fmt.Errorf("%w: header refused", ErrInvalid)
	errAlgorithm   = fmt.Errorf("%w: algorithm is not that of the key", ErrInvalid)
	errKID         = fmt.Errorf("%w: kid is none of ours", ErrInvalid)
	errSignature   = fmt.Errorf("%w: wrong signature", ErrInvalid)
	errCosignature = fmt.Errorf("%w: wrong co-signature", ErrInvalid)
	errPayload     = fmt.Errorf("%w: payload refused", ErrInvalid)
	errRevokedKey  = fmt.Errorf("%w: every key of the token is revoked", ErrRevoked)

	// ErrNoKID is returned for a token whose header has no kid: OpenLegacy may take it.
	ErrNoKID = fmt.Errorf("%w: no kid", ErrInvalid)
	// ErrMismatch is returned by Audit: one of the keys that vouch for a token
	// did not sign it, so another of them is in wrong hands.
	ErrMismatch = fmt.Errorf("%w: signatures disagree", ErrInvalid)
)

// Token is what a ring has found genuine. Nothing but the signature has been
// checked yet.
type Token struct {
	Key     *Key   // the live key that vouches for it
	Type    Type   // type in the header, "" if absent
	Payload []byte // what was signed
	Sole    bool   // no other live key of the ring vouches for it
	KID     string // set with ErrUnknownKey alone: the key that it names, unverified
}

// parts is a token taken apart.
type parts struct {
	head      string // header segment with its dot
	input     string // signing input
	payload   string // payload segment
	signature string
}

// split takes a token apart (RFC 7515, section 7.1: exactly two dots).
func split(token string) (parts, error) {
	if len(token) > MaxToken {
		return parts{}, errSize
	}
	first, last := strings.IndexByte(token, '.'), strings.LastIndexByte(token, '.')
	if first <= 0 || last == first {
		return parts{}, errForm
	}
	p := parts{token[:first+1], token[:last], token[first+1 : last], token[last+1:]}
	if p.payload == "" || p.signature == "" || strings.IndexByte(p.payload, '.') >= 0 {
		return parts{}, errForm
	}
	return p, nil
}

// Open checks who vouches for token at the time now.
//
// A live key that the header names decides alone; there is no falling back from
// it. Otherwise the first co-signature by a live key decides. If no key that the
// token names is held, it is ErrRevoked if all of them are revoked, ErrExpired if
// even by its own unverified words it has ended leeway ago, else ErrUnknownKey.
// Everything else is ErrInvalid.
func (r *Ring) Open(token string, now time.Time, leeway time.Duration) (Token, error) {
	p, err := split(token)
	if err != nil {
		return Token{}, err
	}
	h, err := r.header(p.head)
	if err != nil {
		return Token{}, err
	}
	if k := r.live(h.kid, now); k != nil {
		t, err := k.open(h, p)
		t.Sole = err == nil && r.sole(k, t.Payload, now)
		return t, err
	}
	k, payload, err := r.byCosignature(p, now)
	if err != nil {
		return Token{}, err
	}
	if k == nil {
		return Token{KID: h.kid}, r.unknown(h.kid, payload, now.Add(-leeway))
	}
	return Token{Key: k, Type: h.typ, Payload: payload, Sole: r.sole(k, payload, now)}, nil
}

// header reads a header segment: by comparison with the constant ones of the
// ring, which leaves no algorithm to choose, or else strictly.
func (r *Ring) header(head string) (header, error) {
	if h, ok := r.headers[head]; ok {
		return h, nil
	}
	h, err := parseHeader(head)
	if err != nil {
		return header{}, err
	}
	if !r.wellFormed(h.kid) {
		return header{}, errKID
	}
	return h, nil
}

// open checks the ordinary signature by k.
func (k *Key) open(h header, p parts) (Token, error) {
	if h.alg != k.Algorithm {
		return Token{}, errAlgorithm
	}
	if !k.verify(p.input, p.signature) {
		return Token{}, errSignature
	}
	payload, err := decode(p.payload)
	if err != nil {
		return Token{}, err
	}
	return Token{Key: k, Type: h.typ, Payload: payload}, nil
}

// OpenLegacy is Open for tokens without a kid, as other systems issue them: HS256,
// typ absent or JWT. The live keys are tried in order.
func (r *Ring) OpenLegacy(token string, now time.Time) (Token, error) {
	p, err := split(token)
	if err != nil {
		return Token{}, err
	}
	h, err := parseHeader(p.head)
	switch {
	case !errors.Is(err, ErrNoKID):
		return Token{}, errHeader
	case h.alg != HS256:
		return Token{}, errAlgorithm
	}
	for _, k := range r.keys {
		if k.Live(now) && k.Algorithm == HS256 && k.verify(p.input, p.signature) {
			payload, err := decode(p.payload)
			if err != nil {
				return Token{}, err
			}
			return Token{Key: k, Payload: payload, Sole: true}, nil
		}
	}
	return Token{}, errSignature
}

// Audit checks every signature in token that a live key of the ring should have
// made; one that it did not make is ErrMismatch. The token must have passed Open.
func (r *Ring) Audit(token string, now time.Time) error {
	p, err := split(token)
	if err != nil {
		return err
	}
	h, err := r.header(p.head)
	if err != nil {
		return err
	}
	if k := r.live(h.kid, now); k != nil && !k.verify(p.input, p.signature) {
		return ErrMismatch
	}
	payload, err := decode(p.payload)
	if err != nil {
		return err
	}
	return r.auditList(p.head, string(payload), now)
}

// auditList is Audit for the co-signatures.
func (r *Ring) auditList(head, payload string, now time.Time) error {
	l, _ := parseList(payload)
	for _, e := range l.entries[:l.n] {
		k := r.livePrint(e.print, now)
		if k != nil && !k.coverifies(head, l.blank(payload), e.text) {
			return ErrMismatch
		}
	}
	return nil
}

// unknown returns why a token is refused that no live key of the ring vouches
// for. What it reads of the token is unverified, and serves for nothing else.
func (r *Ring) unknown(kid string, payload []byte, latest time.Time) error {
	members, err := strictjson.Object(payload)
	if err != nil {
		return errPayload
	}
	exp, ok := Expiry(members)
	switch {
	case !ok:
		return errPayload
	case r.allRevoked(kid, string(payload)):
		return errRevokedKey
	case !latest.Before(exp):
		return ErrExpired
	}
	return ErrUnknownKey
}

// allRevoked reports whether every key that a token names is one that the ring
// knows as revoked.
func (r *Ring) allRevoked(kid, payload string) bool {
	if k := r.Find(kid); k == nil || !k.Revoked {
		return false
	}
	l, _ := parseList(payload)
	for _, e := range l.entries[:l.n] {
		if k := r.byPrint[e.print]; k == nil || !k.Revoked {
			return false
		}
	}
	return true
}

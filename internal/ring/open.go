package ring

import (
	"bytes"
	"encoding/base64"
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
	errSize        = invalid("longer than %d bytes", MaxToken)
	errForm        = invalid("not three parts")
	errBase64      = invalid("a part is not canonical base64url")
	errHeader      = invalid("header refused")
	errAlgorithm   = invalid("algorithm is not that of the key")
	errKID         = invalid("kid is none of ours")
	errSignature   = invalid("wrong signature")
	errCosignature = invalid("wrong co-signature")
	errPayload     = invalid("payload refused")
	errRevokedKey  = Refine("session: revoked: every key of the token is revoked", ErrRevoked)

	// ErrNoKID is returned for a token whose header has no kid: OpenLegacy may take it.
	ErrNoKID = invalid("no kid")
	// ErrMismatch is returned by Audit: one of the keys that vouch for a token
	// did not sign it, so another of them is in wrong hands.
	ErrMismatch = invalid("signatures disagree")
)

func invalid(format string, args ...any) error {
	return Refine("session: invalid token: "+fmt.Sprintf(format, args...), ErrInvalid)
}

// Refined is an error with a text of its own that is also another error.
type Refined struct {
	text string
	err  error
}

// Refine returns the error err with that text.
func Refine(text string, err error) error { return &Refined{text, err} }

func (e *Refined) Error() string { return e.text }

// Unwrap returns the error that e is also.
func (e *Refined) Unwrap() error { return e.err }

// Token is what a ring has found genuine. Nothing but the signature has been
// checked yet.
type Token struct {
	Key     *Key   // the live key that vouches for it
	Type    Type   // type in the header, "" if absent
	Payload []byte // what was signed
	Sole    bool   // no other live key of the ring vouches for it
}

// Scratch is the memory that an operation works in, kept for the next one. Its zero
// value is ready. It serves one operation at a time, and what that returns may lie in
// it.
type Scratch struct {
	// At is when the operation takes place; zero: now, by the clock, which is read when
	// it is first asked for. It has to be set for every operation.
	At time.Time
	// Opening is what most payloads begin with.
	Opening Opening
	// Body and Tokens are for the caller, to make a payload and tokens in.
	Body, Tokens []byte

	token   []byte // what is signed of a token, and the signature behind it
	payload []byte
	message []byte // what a co-signature is made over
	texts   []byte // co-signatures
}

// Opening is a beginning that many payloads share, with its encoding, so that it is made
// only once. The zero value is none.
type Opening struct {
	plain   []byte
	encoded string
}

// NewOpening returns the opening of payloads that begin with text.
func NewOpening(text []byte) Opening {
	whole := text[:len(text)/3*3] // the rest is encoded together with what follows
	return Opening{whole, base64.RawURLEncoding.EncodeToString(whole)}
}

// encode appends what payload is in base64url to dst.
func (o *Opening) encode(dst, payload []byte) []byte {
	if rest, ok := bytes.CutPrefix(payload, o.plain); ok {
		dst, payload = append(dst, o.encoded...), rest
	}
	return Encode(dst, payload)
}

// Now returns when the operation takes place.
func (s *Scratch) Now() time.Time {
	if s.At.IsZero() {
		s.At = time.Now()
	}
	return s.At
}

// parts is a token taken apart.
type parts struct {
	head      string // header segment with its dot
	input     string // signing input
	payload   string // payload segment
	signature string
}

// split takes a token apart (RFC 7515, section 7.1: exactly two dots).
func (p *parts) split(token string) error {
	if len(token) > MaxToken {
		return errSize
	}
	head := strings.IndexByte(token, '.') + 1
	body := strings.IndexByte(token[head:], '.')
	if head <= 1 || body <= 0 {
		return errForm
	}
	p.head, p.input, p.payload, p.signature = token[:head], token[:head+body], token[head:head+body], token[head+body+1:]
	if p.signature == "" || strings.IndexByte(p.signature, '.') >= 0 {
		return errForm
	}
	return nil
}

// Sealed is a token taken apart, for one ring. Nothing of it is verified.
type Sealed struct {
	ring *Ring
	parts
	header
}

// Look takes token apart and reads its header, which is all it takes to refuse what
// other systems, and most attackers, send. If the header has no kid, it is ErrNoKID,
// and t is good for OpenLegacy; other errors are ErrInvalid.
func (t *Sealed) Look(r *Ring, token string) error {
	t.ring = r
	if err := foreign(token); err != nil {
		return err
	}
	if err := t.split(token); err != nil {
		return err
	}
	return r.header(&t.header, t.head)
}

// Open checks who vouches for token at the time now.
//
// A live key that the header names decides alone; there is no falling back from
// it. Otherwise the first co-signature by a live key decides. If no key that the
// token names is held, it is ErrRevoked if all of them are revoked, ErrExpired if
// even by its own unverified words it has ended leeway ago, else ErrUnknownKey.
// Everything else is ErrInvalid.
func (r *Ring) Open(token string, now time.Time, leeway time.Duration) (Token, error) {
	var t Sealed
	if err := t.Look(r, token); err != nil {
		return Token{}, err
	}
	return t.Open(&Scratch{At: now}, leeway)
}

// Open is Ring.Open in the memory of s, where the payload lies until s is used again.
func (t *Sealed) Open(s *Scratch, leeway time.Duration) (Token, error) {
	if t.key.live(s) {
		return t.openWith(s)
	}
	k, sole, err := t.byCosignature(s)
	if err != nil {
		return Token{}, err
	}
	if k == nil {
		return Token{}, t.unknown(s.payload, s.Now().Add(-leeway))
	}
	return Token{Key: k, Type: t.typ, Payload: s.payload, Sole: sole}, nil
}

// KID returns the kid of a token that Open has refused, unverified, "" if it has none.
func KID(token string) string {
	head, _, _ := strings.Cut(token, ".")
	h, _ := parseHeader(head)
	return h.kid
}

// openWith checks the ordinary signature by the key that the header names.
func (t *Sealed) openWith(s *Scratch) (Token, error) {
	if t.alg != t.key.Algorithm {
		return Token{}, errAlgorithm
	}
	if !t.key.verify(t.signed(s)) {
		return Token{}, errSignature
	}
	if err := s.decode(t.payload); err != nil {
		return Token{}, err
	}
	return Token{Key: t.key, Type: t.typ, Payload: s.payload, Sole: t.ring.sole(s, t.key)}, nil
}

// signed returns the signing input and the signature, as bytes.
func (p *parts) signed(s *Scratch) (input, signature []byte) {
	s.token = append(append(s.token[:0], p.input...), p.signature...)
	return s.token[:len(p.input)], s.token[len(p.input):]
}

// decode decodes the payload segment of a token.
func (s *Scratch) decode(segment string) (err error) {
	s.payload = s.payload[:0]
	if rest, ok := strings.CutPrefix(segment, s.Opening.encoded); ok {
		s.payload, segment = append(s.payload, s.Opening.plain...), rest
	}
	s.payload, err = decode(s.payload, []byte(segment))
	return err
}

// OpenLegacy is Open for tokens without a kid, as other systems issue them: HS256,
// typ absent or JWT. The live keys are tried in order.
func (r *Ring) OpenLegacy(token string, now time.Time) (Token, error) {
	var t Sealed
	switch err := t.Look(r, token); err {
	case ErrNoKID:
		return t.OpenLegacy(&Scratch{At: now})
	case errSize, errForm:
		return Token{}, err
	}
	return Token{}, errHeader
}

// OpenLegacy is Ring.OpenLegacy in the memory of s, where the payload lies until s is
// used again.
func (t *Sealed) OpenLegacy(s *Scratch) (Token, error) {
	if t.alg != HS256 {
		return Token{}, errAlgorithm
	}
	input, signature := t.signed(s)
	for _, k := range t.ring.keys {
		if k.live(s) && k.Algorithm == HS256 && k.verify(input, signature) {
			if err := s.decode(t.payload); err != nil {
				return Token{}, err
			}
			return Token{Key: k, Payload: s.payload, Sole: true}, nil
		}
	}
	return Token{}, errSignature
}

// Audit checks every signature in token that a live key of the ring should have
// made; one that it did not make is ErrMismatch. The token must have passed Open.
func (r *Ring) Audit(token string, now time.Time) error {
	var t Sealed
	if err := t.Look(r, token); err != nil {
		return err
	}
	s := &Scratch{At: now}
	if t.key.live(s) && !t.key.verify(t.signed(s)) {
		return ErrMismatch
	}
	if err := s.decode(t.payload); err != nil {
		return err
	}
	return r.auditList(s, t.head)
}

// auditList is Audit for the co-signatures.
func (r *Ring) auditList(s *Scratch, head string) error {
	l, _ := parseList(s.payload)
	message := s.cosigned(head, &l)
	for _, e := range l.entries[:l.n] {
		k := r.livePrint(s, e.print)
		if k != nil && !k.coverifies(message, e.text) {
			return ErrMismatch
		}
	}
	return nil
}

// unknown returns why a token is refused that no live key of the ring vouches
// for. What it reads of the token is unverified, and serves for nothing else.
func (t *Sealed) unknown(payload []byte, latest time.Time) error {
	members, err := strictjson.Object(payload)
	if err != nil {
		return errPayload
	}
	exp, ok := Expiry(members)
	switch {
	case !ok:
		return errPayload
	case t.allRevoked(payload):
		return errRevokedKey
	case !latest.Before(exp):
		return ErrExpired
	}
	return ErrUnknownKey
}

// allRevoked reports whether every key that the token names is one that the ring
// knows as revoked.
func (t *Sealed) allRevoked(payload []byte) bool {
	if t.key == nil || !t.key.Revoked {
		return false
	}
	l, _ := parseList(payload)
	for _, e := range l.entries[:l.n] {
		if k := t.ring.printed(e.print); k == nil || !k.Revoked {
			return false
		}
	}
	return true
}

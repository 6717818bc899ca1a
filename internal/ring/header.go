package ring

import (
	"bytes"
	"encoding/base64"
	"strings"

	"github.com/sessionring/sessionring/internal/strictjson"
)

// header is what is read of a token header.
type header struct {
	kid string // "" where it was looked up already
	alg string
	typ Type
	key *Key  // the key that it names; nil: not held
	err error // why it is refused, if it is
}

// algorithmOf returns the algorithm of that name, "" if no key may have it: "none" is no
// algorithm (RFC 8725, section 3.2).
func algorithmOf(name []byte) string {
	for _, alg := range algorithms {
		if string(name) == alg {
			return alg
		}
	}
	return ""
}

// algorithms are all that keys may have.
var algorithms = []string{HS256, EdDSA, ES256, RS256, PS256}

// refused are header members that would change how the token is read, or name a
// key of the sender's choice. The payload is always encoded and no extension is
// understood (RFC 7515, section 4.1.11; RFC 7797), so a token that has one of
// them is not for us. Other unknown members are ignored, as section 4 says.
var refused = map[string]bool{"crit": true, "b64": true, "jku": true, "jwk": true, "x5u": true, "x5c": true, "x5t": true, "x5t#S256": true}

// noKID are the headers without a kid as other systems usually write them.
var noKID = []string{encodeHeader(`{"alg":"HS256","typ":"JWT"}`), encodeHeader(`{"typ":"JWT","alg":"HS256"}`)}

// encodeHeader returns a header segment with its dot.
func encodeHeader(text string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(text)) + "."
}

// header reads a header segment with its dot: by comparison with the constant ones of
// the ring, which leaves no algorithm to choose, or else strictly. It returns ErrNoKID,
// and the rest of the header, if only the kid is missing.
func (r *Ring) header(h *header, head string) error {
	if own := r.constant(head); own != nil {
		*h = *own
		return h.err
	}
	var buf [128]byte
	kid, err := h.read(buf[:0], head)
	switch {
	case err != nil:
		return err
	case !r.wellFormed(kid):
		return errKID
	}
	h.key = r.find(kid)
	return nil
}

// constant returns what a constant header of the ring says, nil for another one.
func (r *Ring) constant(head string) *header {
	for i := range r.latest {
		if c := &r.latest[i]; c.head == head {
			return c.header
		}
	}
	return r.headers[head]
}

// constant is a constant header segment, and what it says.
type constant struct {
	head   string
	header *header
}

// foreign returns why a token is none of ours, if its first characters say so: most
// garbage ends there, and much that other systems issue, and "none".
func foreign(token string) error {
	switch {
	case !opensObject(token):
		return errHeader
	case foreignAlgorithm(token):
		return errAlgorithm
	}
	return nil
}

// opensObject reports whether a token may begin with a JSON object, by the first six bits:
// those of a brace, or of the white space that may stand before one.
func opensObject(token string) bool {
	if token == "" {
		return false
	}
	switch token[0] {
	case 'e', 'I', 'C', 'D':
		return true
	}
	return false
}

// foreignAlgorithm reports whether a header begins with an algorithm that begins with a
// letter with which none of ours does, by the characters of base64url that say so.
func foreignAlgorithm(token string) bool {
	return len(token) > algAt && token[:algAt] == algBegin && strings.IndexByte(algLetters, token[algAt]) < 0
}

// A header that begins with the algorithm has these characters before the one that says
// which of 64 letters is its first. A backslash may begin any.
const (
	algBegin = "eyJhbGciOiJ" // {"alg":" and that a byte from @ to DEL follows
	algAt    = len(algBegin)
)

var algLetters = func() (letters string) {
	for _, alg := range append([]string{`\`}, algorithms...) {
		letters += encodeHeader(`{"alg":"` + alg)[algAt : algAt+1]
	}
	return letters
}()

// parseHeader is header without a ring, and with the kid.
func parseHeader(head string) (header, error) {
	var h header
	kid, err := h.read(nil, head)
	h.kid = string(kid)
	return h, err
}

// read reads a header segment by its text, which it appends to buf, and returns the kid,
// which may lie there.
func (h *header) read(buf []byte, head string) (kid []byte, err error) {
	data, err := decode(buf, []byte(strings.TrimSuffix(head, ".")))
	if err != nil {
		return nil, err
	}
	m, ok := plainMembers(data)
	if !ok {
		if m, err = strictMembers(bytes.Clone(data)); err != nil { // a copy, so that buf need not live longer
			return nil, err
		}
	}
	return h.judge(&m)
}

// members are the members of a header that count, nil for absent.
type members [3][]byte

const (
	alg = iota
	kid
	typ
	others
)

// memberOf returns which of them name is.
func memberOf(name []byte) int {
	switch string(name) {
	case "alg":
		return alg
	case "kid":
		return kid
	case "typ":
		return typ
	}
	return others
}

// plainMembers reads a header that has nothing but members that count, each once and
// not empty, without spaces and escapes, as nearly all have it. It reports false for
// any other, good or bad, which is for strictMembers to judge: whatever it takes, that
// takes too, and finds the same in it.
func plainMembers(data []byte) (m members, ok bool) {
	if len(data) == 0 || data[0] != '{' {
		return m, false
	}
	for data = data[1:]; ; data = data[1:] {
		name, rest, ok := strictjson.CutPlain(data)
		which := memberOf(name)
		if !ok || which == others || m[which] != nil || len(rest) == 0 || rest[0] != ':' {
			return m, false
		}
		m[which], data, ok = strictjson.CutPlain(rest[1:])
		if !ok || len(m[which]) == 0 || len(data) == 0 {
			return m, false
		}
		if data[0] != ',' {
			return m, data[0] == '}' && len(data) == 1
		}
	}
}

// strictMembers reads any header.
func strictMembers(data []byte) (m members, err error) {
	all, err := strictjson.Object(data)
	if err != nil {
		return m, errHeader
	}
	for _, one := range all {
		if refused[one.Name] {
			return m, errHeader
		}
		if which := memberOf([]byte(one.Name)); which != others {
			text, ok := strictjson.String(one.Raw)
			if !ok || text == "" {
				return m, errHeader
			}
			m[which] = []byte(text)
		}
	}
	return m, nil
}

// headerText returns the header in the clear.
func headerText(alg, kid string, t Type) string {
	return `{"alg":"` + alg + `","kid":"` + kid + `","typ":"` + string(t) + `"}`
}

// judge takes what the members of a header say, and returns the kid.
func (h *header) judge(m *members) ([]byte, error) {
	alg := algorithmOf(m[alg])
	switch {
	case alg == "":
		return nil, errAlgorithm
	case m[kid] == nil && m[typ] != nil && string(m[typ]) != "JWT":
		return nil, errHeader
	case m[kid] == nil:
		h.alg = alg
		return nil, ErrNoKID
	case m[typ] == nil:
		h.alg = alg
		return m[kid], nil
	}
	for _, t := range types { // a media type: without regard to case (RFC 2045, section 5.1)
		if bytes.EqualFold(m[typ], []byte(t)) || bytes.EqualFold(m[typ], []byte("application/"+t)) {
			h.alg, h.typ = alg, t
			return m[kid], nil
		}
	}
	return nil, errHeader
}

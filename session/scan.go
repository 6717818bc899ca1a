package session

import (
	"bytes"
	"encoding/binary"
	"time"
)

// scanPayload reads a payload in the form in which this library writes it: compact
// JSON in ASCII without escapes, each member of ours once, those of the application
// side by side, the co-signatures last. It reports false for anything else, good or
// bad, which is for parsePayload to judge: whatever it takes, that takes too, and finds
// the same in it. What p holds then lies in data.
//
// Reading JSON is most of what a check costs, and nearly all tokens have this form.
func scanPayload(data []byte, legacySubject string, p *payload) bool {
	s := scanner{text: data}
	if !plain(data) || !s.skip('{') {
		return false
	}
	for more := true; more; more = s.skip(',') {
		if !s.member(legacySubject, p) {
			return false
		}
	}
	if !s.skip('}') || s.pos != len(s.text) {
		return false
	}
	if s.n > 0 {
		p.custom = s.text[s.from:s.to]
	}
	return true
}

// scanner goes through a payload.
type scanner struct {
	text     []byte
	pos      int
	seen     uint32           // our members, a bit each
	from, to int              // the members of the application
	names    [maxInObject]int // where their names begin
	n        int
}

// plain reports whether data is printable ASCII without escapes: eight bytes at a time,
// by the bit that is set in each byte where it, or a difference or sum of it, has left
// the range. What one byte lends to the next is set off by that bit alone.
func plain(data []byte) bool {
	const each, top = 0x0101010101010101, 0x80
	var bad uint64
	for ; len(data) >= 8; data = data[8:] {
		x := binary.LittleEndian.Uint64(data)
		bad |= x | (x - ' '*each) | (x + each) | (x ^ '\\'*each - each)
	}
	for _, c := range data {
		if c < ' ' || c > '~' || c == '\\' {
			return false
		}
	}
	return bad&(top*each) == 0
}

// Bounds of what is scanned. More is for the strict reader.
const (
	maxInObject = 16
	maxScan     = 6  // depth of a value
	maxDigits   = 15 // of a number, which float64 holds exactly
)

// skip goes behind c and reports whether it was there.
func (s *scanner) skip(c byte) bool {
	if s.pos < len(s.text) && s.text[s.pos] == c {
		s.pos++
		return true
	}
	return false
}

// member reads one member.
func (s *scanner) member(legacySubject string, p *payload) (ok bool) {
	start := s.pos
	name, ok := s.str()
	if !ok || !s.skip(':') {
		return false
	}
	switch string(name) {
	case "iss":
		p.iss, ok = s.textOnce(0)
	case "sub":
		p.sub, ok = s.textOnce(1)
	case "sid":
		p.sid, ok = s.textOnce(2)
	case "jti":
		p.jti, ok = s.textOnce(3)
	case "type":
		p.kind, ok = s.textOnce(4)
	case "version":
		p.version, ok = s.textOnce(5)
	case "purpose":
		p.purpose, ok = s.textOnce(6)
	case "aud":
		p.audience, ok = s.textOnce(7)
	case "iat":
		p.iat, ok = s.date(8)
	case "exp":
		p.exp, ok = s.date(9)
	case "auth_time":
		p.authTime, ok = s.date(10)
	case "session_end":
		p.end, ok = s.date(11)
	case "gen":
		p.gen, ok = s.number(12)
		ok = ok && p.gen > 0
	case "act":
		p.actor, ok = s.actor(15)
	case "forget":
		p.forget, ok = s.literal("true"), s.first(16)
		ok = ok && (p.forget || s.literal("false"))
	case "cs":
		ok = s.first(13) && s.value(1) && s.pos == len(s.text)-1
	case legacySubject:
		p.legacySub, ok = s.textOnce(14)
		ok = ok && len(p.legacySub) > 0
	default:
		ok = s.custom(start, name, legacySubject) && s.value(1)
		s.to = s.pos
	}
	return ok
}

// first reports whether a member of ours is there for the first time.
func (s *scanner) first(bit uint) bool {
	again := s.seen&(1<<bit) != 0
	s.seen |= 1 << bit
	return !again
}

// textOnce reads a string that is there once.
func (s *scanner) textOnce(bit uint) ([]byte, bool) {
	text, ok := s.str()
	return text, ok && s.first(bit)
}

// date reads a date that is there once, in whole seconds.
func (s *scanner) date(bit uint) (time.Time, bool) {
	n, ok := s.number(bit)
	if !ok || n > farFuture.Unix() {
		return time.Time{}, false
	}
	return time.Unix(n, 0), true
}

// number reads a whole number, not negative, that is there once.
func (s *scanner) number(bit uint) (n int64, ok bool) {
	start := s.pos
	for s.pos < len(s.text) && s.text[s.pos] >= '0' && s.text[s.pos] <= '9' && s.pos-start <= maxDigits {
		n = n*10 + int64(s.text[s.pos]-'0')
		s.pos++
	}
	digits := s.pos - start
	simple := digits == 1 || digits > 1 && digits <= maxDigits && s.text[start] != '0'
	return n, simple && s.first(bit)
}

// actor reads act, an object with nothing but sub, that is there once.
func (s *scanner) actor(bit uint) (name []byte, ok bool) {
	if s.literal(`{"sub":`) {
		name, ok = s.str()
	}
	return name, ok && len(name) > 0 && s.skip('}') && s.first(bit)
}

// str reads a string, which is plain.
func (s *scanner) str() ([]byte, bool) {
	if !s.skip('"') {
		return nil, false
	}
	rest := s.text[s.pos:]
	n := bytes.IndexByte(rest, '"')
	if n < 0 {
		return nil, false
	}
	s.pos += n + 1
	return rest[:n:n], true
}

// custom notes that a member of the application stands at start. All of them must
// stand side by side, under names that an application can use, each once.
func (s *scanner) custom(start int, name []byte, legacySubject string) bool {
	if s.n == maxInObject || s.n > 0 && start != s.to+1 || !validClaimName(name) || reservedFold(name) || equalFold(name, legacySubject) {
		return false
	}
	if s.n == 0 {
		s.from = start
	}
	quoted := s.text[start : start+len(name)+2] // which no other begins with
	for _, other := range s.names[:s.n] {
		if bytes.HasPrefix(s.text[other:], quoted) {
			return false
		}
	}
	s.names[s.n] = start
	s.n++
	return true
}

// equalFold is strings.EqualFold.
func equalFold(name []byte, s string) bool { return bytes.EqualFold(name, []byte(s)) }

// reservedFold is reserved without the copy of a name in other case.
func reservedFold(name []byte) bool {
	var lower [64]byte
	n := copy(lower[:], name)
	for i, c := range lower[:n] {
		if c >= 'A' && c <= 'Z' {
			lower[i] = c + 'a' - 'A'
		}
	}
	return len(name) > len(lower) || ours[string(lower[:n])]
}

// value goes behind a value at a depth.
func (s *scanner) value(depth int) bool {
	if s.pos == len(s.text) || depth > maxScan {
		return false
	}
	switch s.text[s.pos] {
	case '"':
		_, ok := s.str()
		return ok
	case '{':
		return s.object(depth)
	case '[':
		return s.array(depth)
	}
	return s.literal("true") || s.literal("false") || s.literal("null") || s.digits()
}

// literal goes behind a word.
func (s *scanner) literal(word string) bool {
	end := s.pos + len(word)
	if end > len(s.text) || string(s.text[s.pos:end]) != word {
		return false
	}
	s.pos = end
	return true
}

// digits goes behind a whole number, which may be negative.
func (s *scanner) digits() bool {
	s.skip('-')
	start := s.pos
	for s.pos < len(s.text) && s.text[s.pos] >= '0' && s.text[s.pos] <= '9' {
		s.pos++
	}
	n := s.pos - start
	return n == 1 || n > 1 && s.text[start] != '0'
}

// array goes behind an array.
func (s *scanner) array(depth int) bool {
	s.skip('[')
	if s.skip(']') {
		return true
	}
	for more := true; more; more = s.skip(',') {
		if !s.value(depth + 1) {
			return false
		}
	}
	return s.skip(']')
}

// object goes behind an object with distinct names.
func (s *scanner) object(depth int) bool {
	s.skip('{')
	if s.skip('}') {
		return true
	}
	var names [maxInObject]int
	for n := 0; ; n++ {
		start := s.pos
		name, ok := s.str()
		if !ok || n == maxInObject || !s.skip(':') {
			return false
		}
		quoted := s.text[start : start+len(name)+2]
		for _, other := range names[:n] {
			if bytes.HasPrefix(s.text[other:], quoted) {
				return false
			}
		}
		names[n] = start
		if !s.value(depth + 1) {
			return false
		}
		if !s.skip(',') {
			return s.skip('}')
		}
	}
}

package session

import (
	"strings"
	"time"
)

// scanPayload reads a payload in the form in which this library writes it: compact
// JSON in ASCII without escapes, each member of ours once, those of the application
// side by side, the co-signatures last. It reports false for anything else, good or
// bad, which is for parsePayload to judge: whatever it takes, that takes too, and finds
// the same in it.
//
// Reading JSON is most of what a check costs, and nearly all tokens have this form.
func scanPayload(data []byte, legacySubject string, p *payload) bool {
	s := scanner{text: string(data)}
	if !s.skip('{') {
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
	p.customText = s.text[s.from:s.to]
	return true
}

// scanner goes through a payload.
type scanner struct {
	text     string
	pos      int
	seen     uint32              // our members, a bit each
	from, to int                 // the members of the application
	names    [maxInObject]string // their names
	n        int
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
	switch name {
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
		ok = ok && p.legacySub != ""
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

// text1 reads a string that is there once.
func (s *scanner) textOnce(bit uint) (string, bool) {
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
	plain := digits == 1 || digits > 1 && digits <= maxDigits && s.text[start] != '0'
	return n, plain && s.first(bit)
}

// actor reads act, an object with nothing but sub, that is there once.
func (s *scanner) actor(bit uint) (name string, ok bool) {
	if s.literal(`{"sub":`) {
		name, ok = s.str()
	}
	return name, ok && name != "" && s.skip('}') && s.first(bit)
}

// str reads a string of printable ASCII without escapes.
func (s *scanner) str() (string, bool) {
	if !s.skip('"') {
		return "", false
	}
	for start := s.pos; s.pos < len(s.text); s.pos++ {
		switch c := s.text[s.pos]; {
		case c == '"':
			s.pos++
			return s.text[start : s.pos-1], true
		case c < ' ' || c > '~' || c == '\\':
			return "", false
		}
	}
	return "", false
}

// custom notes that a member of the application stands at start. All of them must
// stand side by side, under names that an application can use, each once.
func (s *scanner) custom(start int, name, legacySubject string) bool {
	if s.n == maxInObject || s.n > 0 && start != s.to+1 || !validClaimName(name) || reservedFold(name) || strings.EqualFold(name, legacySubject) {
		return false
	}
	if s.n == 0 {
		s.from = start
	}
	for _, other := range s.names[:s.n] {
		if other == name {
			return false
		}
	}
	s.names[s.n] = name
	s.n++
	return true
}

// reservedFold is reserved without the copy of a name in other case.
func reservedFold(name string) bool {
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
	if !strings.HasPrefix(s.text[s.pos:], word) {
		return false
	}
	s.pos += len(word)
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
	var names [maxInObject]string
	for n := 0; ; n++ {
		name, ok := s.str()
		if !ok || n == maxInObject || !s.skip(':') || !s.value(depth+1) {
			return false
		}
		for _, other := range names[:n] {
			if other == name {
				return false
			}
		}
		names[n] = name
		if !s.skip(',') {
			return s.skip('}')
		}
	}
}

package session

import (
	"bytes"
	"encoding/binary"
	"math/bits"
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
	next     int              // the member of ours that the writer has next
	seen     uint32           // those that were there, a bit each
	from, to int              // the members of the application
	names    [maxInObject]int // where their names begin
	n        int
}

// Eight bytes are looked at together, by the top bit of each: what one lends to the next
// when something is taken from it shows only above one whose own bit is set.
const (
	each = 0x0101010101010101
	top  = 0x80 * each
)

// plain reports whether data is printable ASCII without escapes: no byte has its top bit
// set, has it when a space is taken from it or one is added, or is a backslash.
func plain(data []byte) bool {
	var bad uint64
	for ; len(data) >= 16; data = data[16:] {
		x, y := binary.LittleEndian.Uint64(data), binary.LittleEndian.Uint64(data[8:])
		bad |= x | (x - ' '*each) | (x + each) | (x ^ '\\'*each - each)
		bad |= y | (y - ' '*each) | (y + each) | (y ^ '\\'*each - each)
	}
	for _, c := range data {
		if c < ' ' || c > '~' || c == '\\' {
			return false
		}
	}
	return bad&top == 0
}

// quote returns where the first quotation mark is in data, -1 if there is none.
func quote(data []byte) int {
	i := 0
	for ; len(data)-i >= 8; i += 8 {
		x := binary.LittleEndian.Uint64(data[i:]) ^ '"'*each
		if found := (x - each) &^ x & top; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for ; i < len(data); i++ {
		if data[i] == '"' {
			return i
		}
	}
	return -1
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

// The members of ours, in the order in which they are written.
const (
	claimIss = iota
	claimAud
	claimSub
	claimSid
	claimJti
	claimIat
	claimExp
	claimAuthTime
	claimKind
	claimPurpose
	claimVersion
	claimAct
	claimGen
	claimSessionEnd
	claimForget
	claimCs
	claimOther
)

var written = [...]string{
	claimIss: `"iss":`, claimAud: `"aud":`, claimSub: `"sub":`, claimSid: `"sid":`, claimJti: `"jti":`, claimIat: `"iat":`, claimExp: `"exp":`, claimAuthTime: `"auth_time":`,
	claimKind: `"type":`, claimPurpose: `"purpose":`, claimVersion: `"version":`, claimAct: `"act":`, claimGen: `"gen":`, claimSessionEnd: `"session_end":`, claimForget: `"forget":`, claimCs: `"cs":`,
}

// ours goes behind the name of a member of ours and returns which it is. It looks first
// where the writer has it.
func (s *scanner) ours() int {
	rest := s.text[s.pos:]
	if len(rest) < 2 {
		return claimOther
	}
	which := s.next
	for range written {
		name := written[which]
		which = (which + 1) % len(written)
		if name[1] == rest[1] && len(rest) >= len(name) && string(rest[:len(name)]) == name {
			s.pos += len(name)
			s.next = which
			return (which + len(written) - 1) % len(written)
		}
	}
	return claimOther
}

// member reads one member.
func (s *scanner) member(legacySubject string, p *payload) (ok bool) {
	start, which := s.pos, s.ours()
	if which != claimOther && s.again(which) {
		return false
	}
	switch which {
	case claimIss:
		p.iss, ok = s.str()
	case claimAud:
		p.audience, ok = s.str()
	case claimSub:
		p.sub, ok = s.str()
	case claimSid:
		p.sid, ok = s.str()
	case claimJti:
		p.jti, ok = s.str()
	case claimKind:
		p.kind, ok = s.str()
	case claimVersion:
		p.version, ok = s.str()
	case claimPurpose:
		p.purpose, ok = s.str()
	case claimIat:
		p.iat, ok = s.date()
	case claimExp:
		p.exp, ok = s.date()
	case claimAuthTime:
		p.authTime, ok = s.date()
	case claimSessionEnd:
		p.end, ok = s.date()
	case claimGen:
		p.gen, ok = s.number()
		ok = ok && p.gen > 0
	case claimAct:
		p.actor, ok = s.actor()
	case claimForget:
		p.forget = s.literal("true")
		ok = p.forget || s.literal("false")
	case claimCs:
		ok = s.value(1) && s.pos == len(s.text)-1
	default:
		ok = s.other(start, legacySubject, p)
	}
	return ok
}

// other reads a member that is not ours.
func (s *scanner) other(start int, legacySubject string, p *payload) (ok bool) {
	name, ok := s.str()
	if !ok || !s.skip(':') {
		return false
	}
	if string(name) == legacySubject {
		if s.again(claimOther) {
			return false
		}
		p.legacySub, ok = s.str()
		return ok && len(p.legacySub) > 0
	}
	ok = s.custom(start, name, legacySubject) && s.value(1)
	s.to = s.pos
	return ok
}

// again reports whether a member of ours has been there already.
func (s *scanner) again(which int) bool {
	again := s.seen&(1<<which) != 0
	s.seen |= 1 << which
	return again
}

// date reads a date, in whole seconds.
func (s *scanner) date() (time.Time, bool) {
	n, ok := s.number()
	if !ok || n > farFuture.Unix() {
		return time.Time{}, false
	}
	return time.Unix(n, 0), true
}

// number reads a whole number, not negative.
func (s *scanner) number() (n int64, ok bool) {
	rest := s.text[s.pos:]
	digits := 0
	for digits < len(rest) && digits <= maxDigits && rest[digits] >= '0' && rest[digits] <= '9' {
		n = n*10 + int64(rest[digits]-'0')
		digits++
	}
	s.pos += digits
	return n, digits == 1 || digits > 1 && digits <= maxDigits && rest[0] != '0'
}

// actor reads act, an object with nothing but sub.
func (s *scanner) actor() (name []byte, ok bool) {
	if s.literal(`{"sub":`) {
		name, ok = s.str()
	}
	return name, ok && len(name) > 0 && s.skip('}')
}

// str reads a string, which is plain.
func (s *scanner) str() ([]byte, bool) {
	if !s.skip('"') {
		return nil, false
	}
	rest := s.text[s.pos:]
	n := quote(rest)
	if n < 0 {
		return nil, false
	}
	s.pos += n + 1
	return rest[:n:n], true
}

// custom notes that a member of the application stands at start. All of them must
// stand side by side, under names that an application can use, each once.
func (s *scanner) custom(start int, name []byte, legacySubject string) bool {
	if s.n == maxInObject || s.n > 0 && start != s.to+1 || !validClaimName(name) || reservedFold(name) || bytes.EqualFold(name, []byte(legacySubject)) {
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

package session

import (
	"bytes"
	"time"

	"github.com/sessionring/sessionring/internal/strictjson"
)

// scanPayload reads a payload in the form in which this library writes it: compact
// JSON, in ASCII without escapes but for the issuer and the audience that are expected,
// each member of ours once, those of the application side by side, the co-signatures
// last. It reports false for anything else, good or bad, which is for parsePayload to
// judge: whatever it takes, that takes too, and finds the same in it. What p holds then
// lies in data.
//
// Reading JSON is most of what a check costs, and nearly all tokens have this form.
func scanPayload(data []byte, x *expected, p *payload) bool {
	s := scanner{text: data}
	if !s.open(x, p) {
		return false
	}
	s.first(p)
	for more := true; more; more = s.skip(',') {
		if !s.member(x.legacySubject, p) {
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

// expected is what a Manager knows of payloads beforehand.
type expected struct {
	legacySubject    string
	issuer, audience []byte
	opening          []byte // what those of its own begin with, the name of the subject included
}

// expect returns what is expected under a configuration.
func expect(cfg *Config) *expected {
	return &expected{cfg.LegacySubject, []byte(cfg.Issuer), []byte(cfg.Audience), cfg.opening()}
}

// scanner goes through a payload.
type scanner struct {
	text     []byte
	pos      int
	seen     uint32           // the members of ours that were there, a bit each
	from, to int              // the members of the application
	names    [maxInObject]int // where their names begin
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

// written are the names of these members as they stand in a payload.
var written = [claimOther]memberName{
	claimIss: nameOf(`"iss":`), claimAud: nameOf(`"aud":`), claimSub: nameOf(`"sub":`), claimSid: nameOf(`"sid":`),
	claimJti: nameOf(`"jti":`), claimIat: nameOf(`"iat":`), claimExp: nameOf(`"exp":`), claimAuthTime: nameOf(`"auth_time":`),
	claimKind: nameOf(`"type":`), claimPurpose: nameOf(`"purpose":`), claimVersion: nameOf(`"version":`), claimAct: nameOf(`"act":`),
	claimGen: nameOf(`"gen":`), claimSessionEnd: nameOf(`"session_end":`), claimForget: nameOf(`"forget":`), claimCs: nameOf(`"cs":`),
}

// open goes behind the opening bracket, and behind the issuer and the audience if they
// are the expected ones, which are UTF-8: what JSON makes of them is read as they are.
func (s *scanner) open(x *expected, p *payload) bool {
	if !bytes.HasPrefix(s.text, x.opening) {
		return s.skip('{')
	}
	s.pos = len(x.opening) - written[claimSub].size
	if len(x.issuer) > 0 {
		p.iss, s.seen = x.issuer, s.seen|1<<claimIss
	}
	if len(x.audience) > 0 {
		p.audience, s.seen = x.audience, s.seen|1<<claimAud
	}
	return true
}

// first reads what every token of ours goes on with, in that order, as far as it is there.
// What is left is passed on from one to the next, and not by way of s: that it need not
// be read from memory again is most of what is gained.
func (s *scanner) first(p *payload) {
	rest := s.next(s.text[s.pos:], claimSub, &p.sub)
	rest = s.frame(rest, p)
	rest = s.next(rest, claimKind, &p.kind)
	rest = s.next(rest, claimVersion, &p.version)
	s.pos = len(s.text) - len(rest)
}

// next reads a text of ours, if it stands at the beginning of rest, before another member.
// It returns where that one begins.
func (s *scanner) next(rest []byte, which int, value *[]byte) []byte {
	if !written[which].begins(twoWords(rest)) {
		return rest
	}
	found, after, ok := strictjson.CutPlain(rest[written[which].size:])
	if !ok || len(after) == 0 || after[0] != ',' {
		return rest
	}
	*value = found
	s.seen |= 1 << which
	return after[1:]
}

// ours goes behind the name of a member of ours and returns which it is.
func (s *scanner) ours() int {
	words := twoWords(s.text[s.pos:])
	for _, which := range byInitial[byte(words[0]>>8)&(initials-1)] {
		if name := &written[which]; name.begins(words) {
			s.pos += name.size
			return which
		}
	}
	return claimOther
}

// byInitial are the members of ours by the last bits of their first letter.
var byInitial = func() (list [initials][]int) {
	for which, name := range written {
		initial := byte(name.text[0]>>8) & (initials - 1)
		list[initial] = append(list[initial], which)
	}
	return list
}()

const initials = 32

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
func (s *scanner) date() (t time.Time, ok bool) {
	t, rest, ok := cutDate(s.text[s.pos:])
	s.pos = len(s.text) - len(rest)
	return t, ok
}

// number reads a whole number, not negative.
func (s *scanner) number() (n int64, ok bool) {
	n, rest, ok := cutNumber(s.text[s.pos:])
	s.pos = len(s.text) - len(rest)
	return n, ok
}

// actor reads act, an object with nothing but sub.
func (s *scanner) actor() (name []byte, ok bool) {
	if s.literal(`{"sub":`) {
		name, ok = s.str()
	}
	return name, ok && len(name) > 0 && s.skip('}')
}

// str reads a plain string.
func (s *scanner) str() (text []byte, ok bool) {
	text, rest, ok := strictjson.CutPlain(s.text[s.pos:])
	s.pos = len(s.text) - len(rest)
	return text, ok
}

// custom notes that a member of the application stands at start. All of them must
// stand side by side, under names that an application can use, each once.
func (s *scanner) custom(start int, name []byte, legacySubject string) bool {
	if s.n == maxInObject || s.n > 0 && start != s.to+1 || !usable(name, legacySubject) {
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

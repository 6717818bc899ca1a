package session

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
	"github.com/sessionring/sessionring/internal/strictjson"
)

// The kinds of tokens, by the claim type.
const (
	kindAccess  = "access"
	kindRefresh = "refresh"
	kindPurpose = "purpose"
)

// headerType returns the header type that goes with a kind.
func headerType(kind string) ring.Type {
	switch kind {
	case kindAccess:
		return ring.Access
	case kindRefresh:
		return ring.Refresh
	}
	return ring.Purpose
}

// maxAhead is how far ahead of this clock a token may have been issued: the
// clocks of instances differ, and that must not sign anyone out.
const maxAhead = 10 * time.Minute

// payload is a payload as it was read. Absent members are zero. Its texts may lie in
// memory that is used again.
type payload struct {
	iss, sub, sid, jti, kind, version, actor, purpose, legacySub []byte

	audience                     []byte   // if aud is one
	aud                          []string // if it is several
	iat, exp, nbf, authTime, end time.Time
	forget                       bool
	gen                          int64
	custom                       []byte // the members of the application, without braces
}

// fields reads the members of a payload that are ours. A reader reports whether
// the value is of the right type and in range.
var fields = map[string]func(*payload, json.RawMessage) bool{
	"iss":         text(func(p *payload) *[]byte { return &p.iss }),
	"sub":         (*payload).readSubject,
	"sid":         text(func(p *payload) *[]byte { return &p.sid }),
	"jti":         text(func(p *payload) *[]byte { return &p.jti }),
	"type":        text(func(p *payload) *[]byte { return &p.kind }),
	"version":     text(func(p *payload) *[]byte { return &p.version }),
	"purpose":     text(func(p *payload) *[]byte { return &p.purpose }),
	"iat":         date(func(p *payload) *time.Time { return &p.iat }),
	"exp":         date(func(p *payload) *time.Time { return &p.exp }),
	"nbf":         date(func(p *payload) *time.Time { return &p.nbf }),
	"auth_time":   date(func(p *payload) *time.Time { return &p.authTime }),
	"session_end": date(func(p *payload) *time.Time { return &p.end }),
	"aud":         (*payload).readAudience,
	"act":         (*payload).readActor,
	"forget":      (*payload).readForget,
	"gen":         (*payload).readGeneration,
	"cs":          func(*payload, json.RawMessage) bool { return true },
}

// text reads a string.
func text(field func(*payload) *[]byte) func(*payload, json.RawMessage) bool {
	return func(p *payload, raw json.RawMessage) bool {
		s, ok := strictjson.String(raw)
		*field(p) = []byte(s)
		return ok
	}
}

// date reads a NumericDate.
func date(field func(*payload) *time.Time) func(*payload, json.RawMessage) bool {
	return func(p *payload, raw json.RawMessage) (ok bool) {
		*field(p), ok = ring.Date(raw)
		return ok
	}
}

// readAudience reads aud: a string, or an array of strings (RFC 7519, section 4.1.3).
func (p *payload) readAudience(raw json.RawMessage) bool {
	if one, ok := strictjson.String(raw); ok {
		p.audience = []byte(one)
		return true
	}
	var list []*string
	if err := json.Unmarshal(raw, &list); err != nil || len(list) == 0 {
		return false
	}
	for _, s := range list {
		if s == nil {
			return false
		}
		p.aud = append(p.aud, *s)
	}
	return true
}

// readActor reads act: an object with the member sub (RFC 8693, section 4.1).
func (p *payload) readActor(raw json.RawMessage) bool {
	members, err := strictjson.Object(raw)
	if err != nil {
		return false
	}
	for _, m := range members {
		if m.Name == "sub" {
			name, _ := strictjson.String(m.Raw)
			p.actor = []byte(name)
		}
	}
	return len(p.actor) > 0
}

// readForget reads forget: true or false.
func (p *payload) readForget(raw json.RawMessage) bool {
	p.forget = string(raw) == "true"
	return p.forget || string(raw) == "false"
}

// readGeneration reads gen: a positive whole number.
func (p *payload) readGeneration(raw json.RawMessage) bool {
	n, err := strconv.ParseInt(string(raw), 10, 64)
	p.gen = n
	return err == nil && n > 0 && n < 1<<53
}

// readPayload reads a verified payload into p, by scanPayload where that can.
func readPayload(data []byte, x *expected, p *payload) error {
	if scanPayload(data, x, p) {
		return nil
	}
	strict, err := parsePayload(data, x.legacySubject)
	if err != nil {
		return err
	}
	*p = *strict
	return nil
}

// parsePayload reads a verified payload: one UTF-8 JSON object without repeated
// names, every member of ours of its type and in range. A member that an
// application could not have given, such as SUB, is ignored.
func parsePayload(data []byte, legacySubject string) (*payload, error) {
	members, err := strictjson.Object(data)
	if err != nil {
		return nil, errClaims
	}
	p, custom := new(payload), members[:0]
	for _, m := range members {
		read, known := fields[m.Name]
		switch {
		case known:
			if !read(p, m.Raw) {
				return nil, errClaims
			}
		case m.Name == legacySubject:
			if !p.readLegacySubject(m.Raw) {
				return nil, errClaims
			}
		case usable([]byte(m.Name), legacySubject):
			custom = append(custom, m)
		}
	}
	p.custom = joinMembers(custom)
	return p, nil
}

// readSubject reads sub. A number is that of a legacy token, and no other has a
// subject then.
func (p *payload) readSubject(raw json.RawMessage) (ok bool) {
	sub, ok := strictjson.String(raw)
	p.sub = []byte(sub)
	return ok || p.readLegacySubject(raw)
}

// readLegacySubject reads the claim that names the user in tokens of other
// systems. Many of them number their users, so an integer will do.
func (p *payload) readLegacySubject(raw json.RawMessage) bool {
	name, ok := strictjson.String(raw)
	if !ok {
		var n int64
		ok = json.Unmarshal(raw, &n) == nil && string(raw) != "null"
		name = string(raw)
	}
	if !ok || name == "" || len(p.legacySub) > 0 && string(p.legacySub) != name {
		return false
	}
	p.legacySub = []byte(name)
	return true
}

// check makes all checks of a payload but that of its expiry, in the order of the
// design: what it must have, whom it is from and for, its kind, its time.
func (m *Manager) check(p *payload, t ring.Token, kind string, now time.Time) error {
	switch {
	case !p.complete(kind):
		return errMissing
	case m.cfg.Issuer != "" && string(p.iss) != m.cfg.Issuer:
		return errIssuer
	case m.cfg.Audience != "" && string(p.audience) != m.cfg.Audience && !slices.Contains(p.aud, m.cfg.Audience):
		return errAudience
	case string(p.kind) != kind || t.Type != "" && t.Type != headerType(kind):
		return errKind
	case laterBy(p.iat, now, maxAhead):
		return errSkew
	case laterBy(p.nbf, now, m.cfg.Leeway):
		return errNotYet
	case laterBy(p.authTime, p.iat, 2*maxAhead): // a lifetime that counts from it would have no end
		return errFuture
	}
	return nil
}

// laterBy reports whether t is later than d, which is not negative, after at. That its
// second lies before is quickly seen, and usual.
func laterBy(t, at time.Time, d time.Duration) bool {
	return t.Unix() >= at.Unix() && t.After(at.Add(d))
}

// complete reports whether p has what a token of that kind must have.
func (p *payload) complete(kind string) bool {
	if p.exp.Unix() <= 0 || p.iat.Unix() <= 0 || len(p.sub) == 0 || len(p.jti) == 0 || len(p.kind) == 0 {
		return false // absent dates lie before 1970, and some writers mean absent by 0
	}
	return kind == kindPurpose || len(p.sid) > 0 && !p.authTime.IsZero()
}

// adoptLegacy fills in what tokens of other systems lack.
//
// The session id is the same at every instance: the first 16 bytes of an HMAC
// under a derived key over what such a token does say.
func (p *payload) adoptLegacy(k *ring.Key) error {
	if len(p.sub) > 0 && len(p.legacySub) > 0 && !bytes.Equal(p.sub, p.legacySub) {
		return errClaims
	}
	if len(p.legacySub) > 0 {
		p.sub = p.legacySub
	}
	if len(p.sid) == 0 {
		what, _ := json.Marshal([]any{string(p.sub), p.iat.Unix(), p.exp.Unix(), string(p.kind)})
		h := hmac.New(sha256.New, k.Derive("sessionring legacy session v1", 32))
		h.Write(what)
		p.sid = base64.RawURLEncoding.AppendEncode(nil, h.Sum(nil)[:16])
	}
	if len(p.jti) == 0 {
		p.jti = p.sid
	}
	if p.authTime.IsZero() {
		p.authTime = p.iat
	}
	return nil
}

// claims returns p as Claims, vouched for by k.
func (p *payload) claims(k *ring.Key, current *ring.Key) *Claims {
	c := &Claims{
		Tag: k.Tag, Previous: current != nil && k != current,
		IssuedAt: p.iat, ExpiresAt: p.exp, AuthTime: p.authTime,
		end: p.end, forget: p.forget, gen: p.gen,
	}
	version := p.version
	if string(version) == k.Tag || !ring.ValidTag(string(version)) {
		version = nil
	}
	p.keep(c, version)
	return c
}

// keep copies the texts of p that c is to keep into one string, of which each is a part.
func (p *payload) keep(c *Claims, version []byte) {
	var room [256]byte // most need no more
	text := append(append(append(room[:0], p.sub...), p.sid...), p.jti...)
	if len(p.actor) > 0 || len(version) > 0 { // seldom
		text = append(append(text, p.actor...), version...)
	}
	if len(p.custom) > 0 {
		text = append(append(append(text, '{'), p.custom...), '}')
	}
	rest := string(text)
	c.Subject, rest = rest[:len(p.sub)], rest[len(p.sub):]
	c.SessionID, rest = rest[:len(p.sid)], rest[len(p.sid):]
	c.TokenID, rest = rest[:len(p.jti)], rest[len(p.jti):]
	c.Actor, rest = rest[:len(p.actor)], rest[len(p.actor):]
	if len(version) > 0 {
		c.Tag, rest = rest[:len(version)], rest[len(version):]
	}
	c.custom = rest
}

package session

import (
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

// headerTypes are the header types that go with each kind.
var headerTypes = map[string]ring.Type{kindAccess: ring.Access, kindRefresh: ring.Refresh, kindPurpose: ring.Purpose}

// maxAhead is how far ahead of this clock a token may have been issued: the
// clocks of instances differ, and that must not sign anyone out.
const maxAhead = 10 * time.Minute

// payload is a payload as it was read. Absent members are zero.
type payload struct {
	iss, sub, sid, jti, kind, version, actor, purpose, legacySub string

	audience                     string   // if aud is one
	aud                          []string // if it is several
	iat, exp, nbf, authTime, end time.Time
	forget                       bool
	gen                          int64
	custom                       []strictjson.Member // of the application
	customText                   string              // the same as scanPayload finds them, without braces
}

// fields reads the members of a payload that are ours. A reader reports whether
// the value is of the right type and in range.
var fields = map[string]func(*payload, json.RawMessage) bool{
	"iss":         text(func(p *payload) *string { return &p.iss }),
	"sub":         (*payload).readSubject,
	"sid":         text(func(p *payload) *string { return &p.sid }),
	"jti":         text(func(p *payload) *string { return &p.jti }),
	"type":        text(func(p *payload) *string { return &p.kind }),
	"version":     text(func(p *payload) *string { return &p.version }),
	"purpose":     text(func(p *payload) *string { return &p.purpose }),
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
func text(field func(*payload) *string) func(*payload, json.RawMessage) bool {
	return func(p *payload, raw json.RawMessage) (ok bool) {
		*field(p), ok = strictjson.String(raw)
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
		p.audience = one
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
			p.actor, _ = strictjson.String(m.Raw)
		}
	}
	return p.actor != ""
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
func readPayload(data []byte, legacySubject string, p *payload) error {
	if scanPayload(data, legacySubject, p) {
		return nil
	}
	strict, err := parsePayload(data, legacySubject)
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
	p := new(payload)
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
		case nameFault(m.Name, legacySubject, nil) == nil:
			p.custom = append(p.custom, m)
		}
	}
	return p, nil
}

// readSubject reads sub. A number is that of a legacy token, and no other has a
// subject then.
func (p *payload) readSubject(raw json.RawMessage) (ok bool) {
	p.sub, ok = strictjson.String(raw)
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
	if !ok || name == "" || p.legacySub != "" && p.legacySub != name {
		return false
	}
	p.legacySub = name
	return true
}

// check makes all checks of a payload but that of its expiry, in the order of the
// design: what it must have, whom it is from and for, its kind, its time.
func (m *Manager) check(p *payload, t ring.Token, kind string, now time.Time) error {
	switch {
	case !p.complete(kind):
		return errMissing
	case m.cfg.Issuer != "" && p.iss != m.cfg.Issuer:
		return errIssuer
	case m.cfg.Audience != "" && p.audience != m.cfg.Audience && !slices.Contains(p.aud, m.cfg.Audience):
		return errAudience
	case p.kind != kind || t.Type != "" && t.Type != headerTypes[kind]:
		return errKind
	case p.iat.After(now.Add(maxAhead)):
		return errSkew
	case p.nbf.After(now.Add(m.cfg.Leeway)):
		return errNotYet
	case p.authTime.After(p.iat.Add(2 * maxAhead)): // a lifetime that counts from it would have no end
		return errFuture
	}
	return nil
}

// complete reports whether p has what a token of that kind must have.
func (p *payload) complete(kind string) bool {
	if p.exp.Unix() <= 0 || p.iat.Unix() <= 0 || p.sub == "" || p.jti == "" || p.kind == "" {
		return false // absent dates lie before 1970, and some writers mean absent by 0
	}
	return kind == kindPurpose || p.sid != "" && !p.authTime.IsZero()
}

// adoptLegacy fills in what tokens of other systems lack.
//
// The session id is the same at every instance: the first 16 bytes of an HMAC
// under a derived key over what such a token does say.
func (p *payload) adoptLegacy(k *ring.Key) error {
	if p.sub != "" && p.legacySub != "" && p.sub != p.legacySub {
		return errClaims
	}
	if p.legacySub != "" {
		p.sub = p.legacySub
	}
	if p.sid == "" {
		what, _ := json.Marshal([]any{p.sub, p.iat.Unix(), p.exp.Unix(), p.kind})
		h := hmac.New(sha256.New, k.Derive("sessionring legacy session v1", 32))
		h.Write(what)
		p.sid = base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:16])
	}
	if p.jti == "" {
		p.jti = p.sid
	}
	if p.authTime.IsZero() {
		p.authTime = p.iat
	}
	return nil
}

// customObject returns the members of the application as an object, nil if there are
// none.
func (p *payload) customObject() json.RawMessage {
	if p.customText != "" {
		return json.RawMessage("{" + p.customText + "}")
	}
	return joinMembers(p.custom)
}

// claims returns p as Claims, vouched for by k.
func (p *payload) claims(k *ring.Key, current *ring.Key) *Claims {
	c := &Claims{
		Subject: p.sub, SessionID: p.sid, TokenID: p.jti, Actor: p.actor,
		Tag: k.Tag, Previous: current != nil && k != current,
		IssuedAt: p.iat, ExpiresAt: p.exp, AuthTime: p.authTime,
		custom: p.customObject(), end: p.end, forget: p.forget, gen: p.gen,
	}
	if ring.ValidTag(p.version) {
		c.Tag = p.version
	}
	return c
}

package session

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sessionring/sessionring/internal/ring"
)

// Grant is what a sign-in grants.
type Grant struct {
	Subject  string        // required: the user
	Claims   any           // custom claims: a struct or map, its members at the top level of the token
	Actor    string        // who acts as Subject (impersonation; RFC 8693, section 4.1)
	MaxAge   time.Duration // cap on this session, below Config.SessionTTL; 0: none
	Forget   bool          // not remembered: cookies end with the browser, refresh does not prolong them
	AuthTime time.Time     // when the user last proved who they are, from which Config.SessionTTL counts; default now
	Label    string        // device name for Sessions; of a User-Agent, which SignIn takes, only browser and system are kept
}

// Sizes in bytes. Issuing counts co-signatures at their largest, the longest tag
// and the longest cookie name, whatever the ring and the policy are now, so that
// a token that fits today fits under any.
const (
	maxTag            = 32
	roomForCosigners  = 512
	roomForCookieName = 64
	maxHeader         = 128
	maxSignature      = 86
)

// grant is a session as it is carried by its tokens.
type grant struct {
	subject, sid, actor string
	label               string    // device name
	gen                 int64     // of the refresh token, where a store counts them; 0: none
	refreshID           string    // and its id
	custom              string    // as an object; "" if none
	authTime, end       time.Time // end: cap beside Config.SessionTTL, zero if none
	forget              bool
}

// issued is a pair of tokens with what cookies need to know of them.
type issued struct {
	access, refresh           string
	accessUntil, refreshUntil time.Time
	claims                    *Claims
	kept                      bool // the refresh token is the one that was presented
	cause                     move // what a store made of the refresh
}

// Issue starts a session whose tokens the caller delivers. It is the one place
// where tokens may go into a body; SignIn is for browsers.
//
// Custom claims must encode as a JSON object whose names are 1 to 64 characters
// of A-Z a-z 0-9 _ . : / - and none of ours. A grant that is incomplete, or whose
// claims do not fit into a cookie, is an error that says so and no refusal;
// nothing has been issued then. Issue is safe for concurrent use.
func (m *Manager) Issue(ctx context.Context, g Grant) (Tokens, error) {
	pair, err := m.start(ctx, g)
	if err != nil {
		return Tokens{}, err
	}
	m.began(ctx, pair)
	return pair.tokens(), nil
}

// start makes the first tokens of a session.
func (m *Manager) start(ctx context.Context, g Grant) (*issued, error) {
	now := time.Now()
	custom, err := m.checkGrant(&g, now)
	if err != nil {
		return nil, err
	}
	s := &grant{subject: g.Subject, sid: newID(), actor: g.Actor, custom: custom, authTime: g.AuthTime, forget: g.Forget, label: labelOf(g.Label)}
	if g.MaxAge > 0 {
		s.end = now.Add(g.MaxAge)
	}
	if g.Forget {
		s.end = earlier(s.end, now.Add(m.cfg.RefreshTTL))
	}
	if m.cfg.Store != nil {
		return m.startStored(ctx, s)
	}
	return m.issue(s, now)
}

// began reports that the session of pair has begun.
func (m *Manager) began(ctx context.Context, pair *issued) {
	m.emit(ctx, hookSignedIn, event("signed in", pair.claims, nil))
}

// checkGrant fills in the defaults of g and returns its encoded claims, or all
// its faults.
func (m *Manager) checkGrant(g *Grant, now time.Time) (string, error) {
	if g.AuthTime.IsZero() {
		g.AuthTime = now
	}
	var f faults
	f.add(g.Subject == "", "Grant.Subject is required: the name or id of the user")
	f.add(!utf8.ValidString(g.Subject) || !utf8.ValidString(g.Actor), "Grant.Subject and Grant.Actor must be UTF-8")
	f.add(m.cfg.Store != nil && strings.Contains(g.Subject, "\x00"), "Grant.Subject has NUL, which no record can be found by")
	f.add(g.MaxAge < 0 || g.MaxAge > 0 && g.MaxAge < time.Second, "Grant.MaxAge must be at least 1s, or 0 for no cap of its own")
	f.add(g.AuthTime.Unix() < 0, "Grant.AuthTime lies before 1970")
	f.add(g.AuthTime.After(now.Add(maxAhead)), "Grant.AuthTime lies in the future")
	f.add(!m.endOf(g.AuthTime, time.Time{}).After(now), "Grant.AuthTime is longer ago than Config.SessionTTL: the user must sign in again")
	custom, err := encodeCustom(g.Claims, m.cfg.LegacySubject)
	if f == nil && err == nil {
		return custom, nil
	}
	return custom, errors.Join(append(f, err)...)
}

// endOf returns the absolute end of a session that began at authTime and is
// capped at limit, zero for no cap. Refresh cannot move either.
func (m *Manager) endOf(authTime, limit time.Time) time.Time {
	if m.cfg.SessionTTL < 0 {
		return earlier(limit, farFuture)
	}
	return earlier(limit, authTime.Add(m.cfg.SessionTTL))
}

// farFuture is later than any date a token may have.
var farFuture = time.Unix(253402300799, 0)

// earlier returns the earlier of a and b, where a zero a is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// stamp is what is particular to one token.
type stamp struct {
	id            string
	issued, until time.Time
}

// issue makes the tokens of s without a store. A generation that a store counts is
// left as it is, so that instances with and without one may run side by side.
func (m *Manager) issue(s *grant, now time.Time) (*issued, error) {
	signers := m.live.Ring().Signers(now)
	end := m.endOf(s.authTime, s.end)
	access := stamp{newID(), now, earlier(end, now.Add(m.cfg.AccessTTL))}
	refresh := stamp{cmp.Or(s.refreshID, newID()), now, earlier(end, now.Add(m.cfg.RefreshTTL))}
	return m.pair(s, &signers, access, refresh)
}

// pair makes and signs the two tokens of s.
func (m *Manager) pair(s *grant, signers *ring.Signers, access, refresh stamp) (*issued, error) {
	p := &issued{accessUntil: access.until.Truncate(time.Second), refreshUntil: refresh.until.Truncate(time.Second)}
	w := m.scratch.Get().(*ring.Scratch)
	defer m.scratch.Put(w)
	var err error
	if p.access, err = m.seal(w, s, signers, kindAccess, access); err != nil {
		return nil, err
	}
	if p.refresh, err = m.seal(w, s, signers, kindRefresh, refresh); err != nil {
		return nil, err
	}
	p.claims = &Claims{
		Subject: s.subject, SessionID: s.sid, TokenID: access.id, Actor: s.actor, Tag: signers.Tag(),
		IssuedAt: access.issued.Truncate(time.Second), ExpiresAt: p.accessUntil, AuthTime: s.authTime.Truncate(time.Second),
		custom: s.custom, end: s.end, forget: s.forget,
		sole: m.issuedBy(signers, access.issued, refresh.until),
	}
	return p, nil
}

// seal makes and signs one token of s.
func (m *Manager) seal(w *ring.Scratch, s *grant, signers *ring.Signers, kind string, t stamp) (string, error) {
	w.Body = s.encode(w.Body[:0], m, kind, signers.Tag(), t)
	return m.sign(w, signers, headerType(kind), w.Body, s.custom)
}

// sign signs a payload that fits, and names the claims of one that does not.
func (m *Manager) sign(w *ring.Scratch, signers *ring.Signers, t ring.Type, payload []byte, custom string) (string, error) {
	payloadSize := len(payload) - len(signers.Tag()) + maxTag
	size := maxHeader + base64.RawURLEncoding.EncodedLen(payloadSize) + maxSignature + roomForCosigners + roomForCookieName
	if size > ring.MaxToken {
		return "", fmt.Errorf("session: the token would be %d bytes too long for a cookie: shorten the subject or the custom claims %s",
			size-ring.MaxToken, claimNames(custom))
	}
	token, err := signers.SignIn(w, t, payload)
	if err != nil {
		return "", fmt.Errorf("session: cannot issue: %w", err)
	}
	return token, nil
}

// encode appends the payload of one token to b, which is empty: compact JSON in a
// fixed order, without the co-signatures.
func (s *grant) encode(b builder, m *Manager, kind, tag string, t stamp) []byte {
	b.textIf("iss", m.cfg.Issuer)
	b.textIf("aud", m.cfg.Audience)
	b.text("sub", s.subject)
	if m.cfg.LegacySubject != "sub" {
		b.text(m.cfg.LegacySubject, s.subject)
	}
	b.text("sid", s.sid)
	b.text("jti", t.id)
	b.number("iat", t.issued.Unix())
	b.number("exp", t.until.Unix())
	b.number("auth_time", s.authTime.Unix())
	b.text("type", kind)
	b.text("version", tag)
	if s.actor != "" {
		b.name("act")
		b = append(b, `{"sub":`...)
		b.quote(s.actor)
		b = append(b, '}')
	}
	if kind == kindRefresh && s.gen > 0 {
		b.number("gen", s.gen)
	}
	if kind == kindRefresh && !s.end.IsZero() {
		b.number("session_end", s.end.Unix())
	}
	if kind == kindRefresh && s.forget {
		b.raw("forget", []byte("true"))
	}
	return b.with(s.custom).object()
}

// builder is a JSON object under construction, without its closing brace.
type builder []byte

// name appends a member name that needs no escaping.
func (b *builder) name(name string) {
	*b = append(append(append(*b, "{,"[min(1, len(*b))], '"'), name...), `":`...)
}

func (b *builder) raw(name string, value []byte) {
	b.name(name)
	*b = append(*b, value...)
}

func (b *builder) number(name string, n int64) {
	b.name(name)
	*b = strconv.AppendInt(*b, n, 10)
}

func (b *builder) text(name, s string) {
	b.name(name)
	b.quote(s)
}

// quote appends a string as encoding/json does, by itself if nothing needs an escape.
func (b *builder) quote(s string) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, _ := json.Marshal(s) // a string always encodes
			*b = append(*b, quoted...)
			return
		}
	}
	*b = append(append(append(*b, '"'), s...), '"')
}

// id appends a new id.
func (b *builder) id(name string) {
	var random [16]byte
	rand.Read(random[:])
	b.name(name)
	*b = append(base64.RawURLEncoding.AppendEncode(append(*b, '"'), random[:]), '"')
}

func (b *builder) textIf(name, s string) {
	if s != "" {
		b.text(name, s)
	}
}

// with appends the members of a JSON object.
func (b builder) with(object string) builder {
	if len(object) <= len("{}") {
		return b
	}
	return append(append(b, ','), object[1:len(object)-1]...)
}

// object closes the object.
func (b builder) object() []byte { return append(b, '}') }

package session

import (
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
	accessID, refreshID string    // of the tokens
	custom              []byte    // as an object; nil if none
	authTime, end       time.Time // end: cap beside Config.SessionTTL, zero if none
	forget              bool
}

// issued is a session with a pair of its tokens.
type issued struct {
	grant
	tag                           string // of the key that signed them
	access, refresh               string
	at, accessUntil, refreshUntil time.Time
	kept                          bool // the refresh token is the one that was presented
	cause                         move // what a store made of the refresh
}

// claims returns what the access token says.
func (p *issued) claims() *Claims {
	return &Claims{
		Subject: p.subject, SessionID: p.sid, TokenID: p.accessID, Actor: p.actor, Tag: p.tag,
		IssuedAt: p.at.Truncate(time.Second), ExpiresAt: p.accessUntil, AuthTime: p.authTime.Truncate(time.Second),
		custom: string(p.custom), end: p.end, forget: p.forget,
	}
}

// event returns the event of a name about p.
func (p *issued) event(name string) Event {
	return Event{Name: name, Subject: p.subject, SessionID: p.sid, Tag: p.tag, Cause: string(p.cause), Reason: Reason(nil)}
}

// Issue starts a session whose tokens the caller delivers. It is the one place
// where tokens may go into a body; SignIn is for browsers.
//
// Custom claims must encode as a JSON object whose names are 1 to 64 characters
// of A-Z a-z 0-9 _ . : / - and none of ours. A grant that is incomplete, or whose
// claims do not fit into a cookie, is an error that says so and no refusal;
// nothing has been issued then. Issue is safe for concurrent use.
func (m *Manager) Issue(ctx context.Context, g Grant) (Tokens, error) {
	var pair issued
	if err := m.start(ctx, &pair, g); err != nil {
		return Tokens{}, err
	}
	m.began(ctx, &pair)
	return pair.tokens(), nil
}

// start makes the first tokens of a session.
func (m *Manager) start(ctx context.Context, pair *issued, g Grant) error {
	now := time.Now()
	custom, err := m.checkGrant(&g, now)
	if err != nil {
		return err
	}
	pair.grant = grant{subject: g.Subject, actor: g.Actor, custom: custom, authTime: g.AuthTime, forget: g.Forget, label: g.Label}
	pair.sid, pair.accessID, pair.refreshID = newIDs()
	if g.MaxAge > 0 {
		pair.end = now.Add(g.MaxAge)
	}
	if g.Forget {
		pair.end = earlier(pair.end, now.Add(m.cfg.RefreshTTL))
	}
	if m.cfg.Store != nil {
		return m.startStored(ctx, pair)
	}
	return m.issue(pair, now)
}

// began reports that the session of pair has begun.
func (m *Manager) began(ctx context.Context, pair *issued) {
	m.emit(ctx, hookSignedIn, pair.event("signed in"))
}

// checkGrant fills in the defaults of g and returns its encoded claims, or all
// its faults.
func (m *Manager) checkGrant(g *Grant, now time.Time) ([]byte, error) {
	given := !g.AuthTime.IsZero()
	if !given {
		g.AuthTime = now
	}
	var f faults
	f.add(g.Subject == "", "Grant.Subject is required: the name or id of the user")
	f.add(!utf8.ValidString(g.Subject) || !utf8.ValidString(g.Actor), "Grant.Subject and Grant.Actor must be UTF-8")
	f.add(m.cfg.Store != nil && strings.Contains(g.Subject, "\x00"), "Grant.Subject has NUL, which no record can be found by")
	f.add(g.MaxAge < 0 || g.MaxAge > 0 && g.MaxAge < time.Second, "Grant.MaxAge must be at least 1s, or 0 for no cap of its own")
	f.add(g.AuthTime.Unix() < 0, "Grant.AuthTime lies before 1970")
	if given {
		m.checkAuthTime(&f, g.AuthTime, now)
	}
	custom, err := encodeCustom(g.Claims, m.cfg.LegacySubject)
	if f == nil && err == nil {
		return custom, nil
	}
	return custom, errors.Join(append(f, err)...)
}

// checkAuthTime adds what is wrong with a time of authentication beside the time now.
func (m *Manager) checkAuthTime(f *faults, at, now time.Time) {
	f.add(at.After(now.Add(maxAhead)), "Grant.AuthTime lies in the future")
	f.add(!m.endOf(at, time.Time{}).After(now), "Grant.AuthTime is longer ago than Config.SessionTTL: the user must sign in again")
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

// issue makes the tokens of p without a store. A generation that a store counts is
// left as it is, so that instances with and without one may run side by side.
func (m *Manager) issue(p *issued, now time.Time) error {
	signers := m.live.Ring().Signers(now)
	end := m.endOf(p.authTime, p.end)
	access := stamp{p.accessID, now, earlier(end, now.Add(m.cfg.AccessTTL))}
	refresh := stamp{p.refreshID, now, earlier(end, now.Add(m.cfg.RefreshTTL))}
	return m.pair(p, &signers, access, refresh)
}

// pair makes and signs the two tokens of p.
func (m *Manager) pair(p *issued, signers *ring.Signers, access, refresh stamp) error {
	p.tag, p.at, p.accessUntil, p.refreshUntil = signers.Tag(), access.issued, access.until.Truncate(time.Second), refresh.until.Truncate(time.Second)
	w := m.scratch.Get().(*ring.Scratch)
	defer m.scratch.Put(w)
	w.Tokens = w.Tokens[:0]
	opening := p.opening(w.Body[:0], m) // which both have
	w.Body = p.encode(opening, kindAccess, p.tag, access)
	if err := m.sign(w, signers, ring.Access, p.custom); err != nil {
		return err
	}
	n := len(w.Tokens)
	w.Body = p.encode(opening, kindRefresh, p.tag, refresh)
	if err := m.sign(w, signers, ring.Refresh, p.custom); err != nil {
		return err
	}
	both := string(w.Tokens) // in one piece of memory
	p.access, p.refresh = both[:n], both[n:]
	m.issuedBy(signers, access.issued, refresh.until)
	return nil
}

// sign signs the payload in w if it fits, and names the claims of one that does not. It
// appends the token to those in w.
func (m *Manager) sign(w *ring.Scratch, signers *ring.Signers, t ring.Type, custom []byte) (err error) {
	payloadSize := len(w.Body) - len(signers.Tag()) + maxTag
	size := maxHeader + base64.RawURLEncoding.EncodedLen(payloadSize) + maxSignature + roomForCosigners + roomForCookieName
	if size > ring.MaxToken {
		return fmt.Errorf("session: the token would be %d bytes too long for a cookie: shorten the subject or the custom claims %s",
			size-ring.MaxToken, claimNames(custom))
	}
	if w.Tokens, err = signers.AppendToken(w.Tokens, w, t, w.Body); err != nil {
		return fmt.Errorf("session: cannot issue: %w", err)
	}
	return nil
}

// opening appends to b, which is empty, what both tokens of a session begin with: compact
// JSON in a fixed order.
func (s *grant) opening(b builder, m *Manager) builder {
	b = append(b, m.expected.opening...).quote(s.subject)
	if m.cfg.LegacySubject != "sub" {
		b = append(append(append(b, `,"`...), m.cfg.LegacySubject...), `":`...).quote(s.subject)
	}
	return append(b, `,"sid":`...).quote(s.sid)
}

// encode appends the rest of the payload of one token to its opening, without the
// co-signatures.
func (s *grant) encode(b builder, kind, tag string, t stamp) []byte {
	b = append(b, `,"jti":`...).quote(t.id)
	b = append(b, `,"iat":`...).date(t.issued)
	b = append(b, `,"exp":`...).date(t.until)
	b = append(b, `,"auth_time":`...).date(s.authTime)
	b = append(append(append(b, `,"type":"`...), kind...), `","version":`...).quote(tag)
	if s.actor != "" {
		b = append(append(b, `,"act":{"sub":`...).quote(s.actor), '}')
	}
	if kind == kindRefresh && s.gen > 0 {
		b = append(b, `,"gen":`...).number(s.gen)
	}
	if kind == kindRefresh && !s.end.IsZero() {
		b = append(b, `,"session_end":`...).date(s.end)
	}
	if kind == kindRefresh && s.forget {
		b = append(b, `,"forget":true`...)
	}
	return b.close(s.custom)
}

// builder is a JSON object under construction.
type builder []byte

// opening returns what the payload of every token begins with, up to its subject.
func (c *Config) opening() []byte {
	b := builder("{")
	if c.Issuer != "" {
		b = append(append(b, `"iss":`...).quote(c.Issuer), ',')
	}
	if c.Audience != "" {
		b = append(append(b, `"aud":`...).quote(c.Audience), ',')
	}
	return append(b, `"sub":`...)
}

func (b builder) number(n int64) builder { return strconv.AppendInt(b, n, 10) }

// quote appends a string as encoding/json does, by itself if nothing needs an escape.
func (b builder) quote(s string) builder {
	if !bare(s) {
		quoted, _ := json.Marshal(s) // a string always encodes
		return append(b, quoted...)
	}
	return append(append(append(b, '"'), s...), '"')
}

// close appends the members of a JSON object, nil for none, and closes the object.
func (b builder) close(object []byte) []byte {
	if len(object) <= len("{}") {
		return append(b, '}')
	}
	return append(append(b, ','), object[1:]...)
}

// id appends a new id.
func (b builder) id() builder { return append(appendIDs(append(b, '"'), 1), '"') }

// Sizes of ids: 128 random bits, where a UUID has 122, and their text.
const (
	idBytes = 16
	idLen   = 22
)

// appendIDs appends n new ids, three at most.
func appendIDs(dst []byte, n int) []byte {
	var random [3 * idBytes]byte
	rand.Read(random[:n*idBytes])
	for i := range n {
		dst = ring.Encode(dst, random[i*idBytes:(i+1)*idBytes])
	}
	return dst
}

// newIDs returns three ids, in one piece of memory.
func newIDs() (a, b, c string) {
	var room [3 * idLen]byte
	all := string(appendIDs(room[:0], 3))
	return all[:idLen], all[idLen : 2*idLen], all[2*idLen:]
}

// newID returns one id.
func newID() string { return string(appendIDs(nil, 1)) }

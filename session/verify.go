package session

import (
	"context"
	"log/slog"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
)

// Verify checks an access token and returns its claims, or nil and an error.
//
// The checks and their order are fixed: size and form, header, signature or
// co-signature, claims, issuer and audience, kind, time, and last, with a Store, that
// the session was not ended, as Config.Revocation says. They are the same whichever
// key vouches for the token. Expiry allows Config.Leeway.
//
// Errors are ErrExpired, ErrInvalid, ErrRevoked, ErrUnknownKey, and ErrUnavailable:
// the token is from more than ten minutes ahead, or the Store cannot tell. Verify is
// safe for concurrent use. It does not extend the session.
func (m *Manager) Verify(ctx context.Context, token string) (*Claims, error) {
	c, now, err := m.verify(ctx, token, kindAccess, "")
	m.checked(ctx, c, now, err)
	return c, err
}

// verify checks a token of a kind, access or refresh, that came in a header, a cookie or
// neither. It returns when it did, if the token is good.
func (m *Manager) verify(ctx context.Context, token, kind, transport string) (*Claims, time.Time, error) {
	c, now, err := m.known(token, kind, transport)
	if c == nil {
		c, now, err = m.genuine(ctx, token, kind, transport)
	}
	if err != nil {
		return nil, now, err
	}
	if c, err = m.unexpired(c, now); err != nil {
		return nil, now, err
	}
	if err := m.alive(ctx, c, now); err != nil {
		return nil, now, err
	}
	m.vouched(ctx, c, m.live.Ring(), now)
	return c, now, nil
}

// known returns the claims of an access token that was found genuine before, nil if it
// is not remembered.
func (m *Manager) known(token, kind, transport string) (*Claims, time.Time, error) {
	if m.verified == nil || kind != kindAccess {
		return nil, time.Time{}, nil
	}
	now := time.Now()
	return m.verified.get(token, transport, m.live.Ring(), now), now, nil
}

// unexpired returns c, or nil and ErrExpired. Tokens are refused at their expiry
// and after it, each later by the leeway (RFC 7519, section 4.1.4), which is never
// negative: that the second of the expiry has not come is quickly seen, and usual.
func (m *Manager) unexpired(c *Claims, now time.Time) (*Claims, error) {
	if now.Unix() >= c.ExpiresAt.Unix() && !now.Before(c.ExpiresAt.Add(m.cfg.Leeway)) {
		return nil, ErrExpired
	}
	return c, nil
}

// genuine is verify for a token that may have expired: enough to end its session,
// and for nothing else. It returns when it looked.
func (m *Manager) genuine(ctx context.Context, token, kind, transport string) (*Claims, time.Time, error) {
	version, r := m.live.Version(), m.live.Ring()
	var sealed ring.Sealed
	err := sealed.Look(r, token)
	legacy := err == ring.ErrNoKID && !m.cfg.LegacyUntil.IsZero()
	if err != nil && !legacy { // the most that attackers send ends here, and costs next to nothing
		return nil, time.Time{}, err
	}
	w := m.scratch.Get().(*ring.Scratch)
	defer m.scratch.Put(w)
	w.At = time.Time{}
	var t ring.Token
	switch {
	case legacy && !w.Now().Before(m.cfg.LegacyUntil):
		return nil, w.At, err
	case legacy:
		t, err = sealed.OpenLegacy(w)
	default:
		if t, err = sealed.Open(w, m.cfg.Leeway); err == ErrUnknownKey {
			t, r, err = m.openAgain(ctx, w, token, ring.KID(token), version, r)
		}
	}
	if err != nil {
		return nil, w.At, m.refused(ctx, token, err, w)
	}
	c, err := m.read(t, kind, legacy, r, w.Now())
	if err != nil {
		return nil, w.At, m.refused(ctx, token, err, w)
	}
	c.Transport = transport
	if m.verified != nil && kind == kindAccess && t.Key.Public() != nil {
		m.verified.put(token, r, c, w.At)
	}
	return c, w.At, nil
}

// openAgain opens a token that names a key which the ring r of that version does not
// hold, where others may have come. It returns the ring that has the last word.
func (m *Manager) openAgain(ctx context.Context, w *ring.Scratch, token, kid string, version uint64, r *ring.Ring) (t ring.Token, _ *ring.Ring, err error) {
	if !m.live.Awaken(ctx, kid, version) {
		return t, r, ErrUnknownKey
	}
	r, w.At = m.live.Ring(), time.Time{} // it has taken a while
	t, err = openIn(w, r, token, m.cfg.Leeway)
	m.noticeKeys(ctx)
	return t, r, err
}

// read returns the claims of a token whose signature is good.
func (m *Manager) read(t ring.Token, kind string, legacy bool, r *ring.Ring, now time.Time) (*Claims, error) {
	var p payload
	if err := readPayload(t.Payload, m.expected, &p); err != nil {
		return nil, err
	}
	if legacy {
		if err := p.adoptLegacy(t.Key); err != nil {
			return nil, err
		}
	}
	if err := m.check(&p, t, kind, now); err != nil {
		return nil, err
	}
	c := p.claims(t.Key, r.Current(now))
	c.legacy = legacy
	if t.Sole {
		c.sole = t.Key.Fingerprint
	}
	return c, nil
}

// refused reports the refusals that an operator should hear of, and returns err. The
// ring and check return these two errors as they are.
func (m *Manager) refused(ctx context.Context, token string, err error, w *ring.Scratch) error {
	switch err {
	case ErrUnknownKey:
		m.unheld.add(token, w.Now())
		if m.unknownLog.pass(w.Now()) {
			m.cfg.Logger.WarnContext(ctx, "unknown key", "ring", m.live.Ring().Fingerprint())
		}
	case errSkew:
		m.ahead.add(token, w.Now())
		if m.skewLog.pass(w.Now()) {
			m.cfg.Logger.WarnContext(ctx, "clock skew", "error", err)
		}
	}
	return err
}

// checked reports the check of an access token, which was good at the time now if c is
// not nil.
func (m *Manager) checked(ctx context.Context, c *Claims, now time.Time, err error) {
	if c != nil && c.Previous && m.cfg.Logger.Enabled(ctx, slog.LevelInfo) && m.previousLog.pass(now) {
		m.cfg.Logger.InfoContext(ctx, "token validated with previous secret", "version", c.Tag)
	}
	list := m.hooks.checked.Load()
	if list == nil { // nobody listens
		return
	}
	e := Event{Name: "token checked", Reason: "ok"}
	switch {
	case c != nil:
		e.Subject, e.SessionID, e.Tag, e.Previous = c.Subject, c.SessionID, c.Tag, c.Previous
	case err == errSkew:
		e.Name = "clock skew"
		fallthrough
	default:
		e.Reason, e.Err = Reason(err), err
	}
	for _, f := range *list {
		f(ctx, e)
	}
}

package session

import (
	"context"
	"errors"
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
	c, err := m.verify(ctx, token, kindAccess)
	m.checked(ctx, c, err)
	return c, err
}

// verify checks a token of a kind, access or refresh.
func (m *Manager) verify(ctx context.Context, token, kind string) (*Claims, error) {
	now := time.Now()
	c, err := m.genuine(ctx, token, kind, now)
	if err != nil {
		return nil, err
	}
	if c, err = m.unexpired(c, now); err != nil {
		return nil, err
	}
	if err := m.alive(ctx, c); err != nil {
		return nil, err
	}
	m.vouched(ctx, c, m.live.Ring(), now)
	return c, nil
}

// unexpired returns c, or nil and ErrExpired. Tokens are refused at their expiry
// and after it, each later by the leeway (RFC 7519, section 4.1.4).
func (m *Manager) unexpired(c *Claims, now time.Time) (*Claims, error) {
	if !now.Before(c.ExpiresAt.Add(m.cfg.Leeway)) {
		return nil, ErrExpired
	}
	return c, nil
}

// genuine is verify for a token that may have expired: enough to end its session,
// and for nothing else.
func (m *Manager) genuine(ctx context.Context, token, kind string, now time.Time) (*Claims, error) {
	version, r := m.live.Version(), m.live.Ring()
	t, err := r.Open(token, now, m.cfg.Leeway)
	if errors.Is(err, ErrUnknownKey) && m.live.Awaken(ctx, t.KID, version) {
		r = m.live.Ring()
		t, err = r.Open(token, now, m.cfg.Leeway)
		m.noticeKeys(ctx)
	}
	legacy := errors.Is(err, ring.ErrNoKID) && now.Before(m.cfg.LegacyUntil)
	if legacy {
		t, err = r.OpenLegacy(token, now)
	}
	if err != nil {
		return nil, m.refused(ctx, token, err, now)
	}
	var p payload
	if err := readPayload(t.Payload, m.cfg.LegacySubject, &p); err != nil {
		return nil, err
	}
	if legacy {
		if err := p.adoptLegacy(t.Key); err != nil {
			return nil, err
		}
	}
	if err := m.check(&p, t, kind, now); err != nil {
		return nil, m.refused(ctx, token, err, now)
	}
	c := p.claims(t.Key, r.Current(now))
	c.legacy = legacy
	if t.Sole {
		c.sole = t.Key.Fingerprint
	}
	return c, nil
}

// refused reports the refusals that an operator should hear of, and returns err.
func (m *Manager) refused(ctx context.Context, token string, err error, now time.Time) error {
	switch {
	case errors.Is(err, ErrUnknownKey):
		m.unheld.add(token, now)
		if m.unknownLog.pass(now) {
			m.cfg.Logger.WarnContext(ctx, "unknown key", "ring", m.live.Ring().Fingerprint())
		}
	case errors.Is(err, errSkew):
		m.ahead.add(token, now)
		if m.skewLog.pass(now) {
			m.cfg.Logger.WarnContext(ctx, "clock skew", "error", err)
		}
	}
	return err
}

// checked reports the check of an access token.
func (m *Manager) checked(ctx context.Context, c *Claims, err error) {
	if c != nil && c.Previous && m.previousLog.pass(time.Now()) {
		m.cfg.Logger.InfoContext(ctx, "token validated with previous secret", "version", c.Tag)
	}
	name := "token checked"
	if errors.Is(err, errSkew) {
		name = "clock skew"
	}
	m.emit(ctx, hookChecked, event(name, c, err))
}

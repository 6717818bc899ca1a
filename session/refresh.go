package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
)

// Refresh trades a refresh token for new tokens of the same session, signed by
// the current key. Racing callers all succeed. The session ends when it would
// have ended, however often it is refreshed: at Config.SessionTTL after its
// sign-in, or at its Grant.MaxAge.
//
// Every signature in the token that a key of the ring should have made is
// checked; if one is wrong, the token is ErrInvalid and the event "signer
// mismatch" says that a key has leaked. Errors are those of Verify, and with a Store
// ErrReused: the token was used up long ago, and the session has ended. Config.OnRefresh
// can add ErrRevoked. An error of any other kind is 503 and leaves the session as it
// is. Refresh is safe for concurrent use.
func (m *Manager) Refresh(ctx context.Context, token string) (Tokens, error) {
	c, err := m.checkRefresh(ctx, token)
	var pair issued
	if err := m.trade(ctx, &pair, c, err); err != nil {
		return Tokens{}, err
	}
	if pair.kept {
		pair.refresh = token
	}
	return pair.tokens(), nil
}

// trade makes the next tokens of the session of c, unless err says that its
// refresh token is refused, and reports what came of it.
func (m *Manager) trade(ctx context.Context, pair *issued, c *Claims, err error) error {
	if err == nil {
		err = m.renew(ctx, pair, c)
	}
	switch {
	case err == nil:
		m.emit(ctx, hookRefreshed, pair.event("session refreshed"))
	default:
		m.emit(ctx, hookRefreshed, event("refresh refused", c, err))
	}
	return err
}

// checkRefresh checks a refresh token and every signature in it.
func (m *Manager) checkRefresh(ctx context.Context, token string) (*Claims, error) {
	c, _, err := m.verify(ctx, token, kindRefresh, "")
	if err != nil {
		return nil, err
	}
	if err := m.live.Ring().Audit(token, time.Now()); errors.Is(err, ring.ErrMismatch) {
		m.cfg.Logger.ErrorContext(ctx, "signer mismatch", "subject", c.Subject, "session", c.SessionID, "version", c.Tag)
		m.emit(ctx, hookKey, event("signer mismatch", c, err))
		return nil, err
	}
	if !time.Now().Before(m.endOf(c.AuthTime, c.end)) {
		return nil, ErrExpired
	}
	return c, nil
}

// renew issues the next tokens of the session of c.
func (m *Manager) renew(ctx context.Context, pair *issued, c *Claims) error {
	if m.cfg.Store != nil {
		return m.renewStored(ctx, pair, c)
	}
	if err := m.nextGrant(ctx, &pair.grant, c); err != nil {
		return err
	}
	if c.gen > 0 {
		pair.gen, pair.refreshID = c.gen, c.TokenID
	}
	if err := m.issue(pair, time.Now()); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}

// nextGrant makes s the session of c as its next tokens carry it. If the application
// says that it is over, it ends here.
func (m *Manager) nextGrant(ctx context.Context, s *grant, c *Claims) error {
	custom, err := m.askAgain(ctx, c)
	if errors.Is(err, ErrRevoked) && !errors.Is(err, ErrUnavailable) {
		return errors.Join(err, m.end(ctx, c, "application", err))
	}
	if err != nil {
		return err
	}
	if custom == nil {
		custom = []byte(c.custom)
	}
	*s = grant{subject: c.Subject, sid: c.SessionID, actor: c.Actor, custom: custom, authTime: c.AuthTime, end: c.end, forget: c.forget}
	s.accessID, s.refreshID, _ = newIDs()
	return nil
}

// askAgain returns the custom claims that Config.OnRefresh gives the session of c,
// nil to keep those it has.
func (m *Manager) askAgain(ctx context.Context, c *Claims) ([]byte, error) {
	if m.cfg.OnRefresh == nil {
		return nil, nil
	}
	claims, err := m.cfg.OnRefresh(ctx, c)
	switch {
	case errors.Is(err, ErrRevoked):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w: Config.OnRefresh: %w", ErrUnavailable, err)
	}
	custom, err := encodeCustom(claims, m.cfg.LegacySubject)
	if err != nil {
		return nil, fmt.Errorf("%w: claims from Config.OnRefresh: %w", ErrUnavailable, err)
	}
	return custom, nil
}

// end ends the session of c for a cause, in the store if there is one, and reports
// it. If the store is down, Run tries again.
func (m *Manager) end(ctx context.Context, c *Claims, cause string, why error) error {
	e := ending{
		sid: c.SessionID, subject: c.Subject, tag: c.Tag, previous: c.Previous, cause: cause, why: why, authTime: c.AuthTime, capAt: c.end,
	}
	if m.cfg.Store == nil {
		m.ended(ctx, e)
		return nil
	}
	err := m.revoke(ctx, e)
	if err != nil {
		m.told.postpone(said{ending: e})
	}
	return err
}

// ended reports that a session is over.
func (m *Manager) ended(ctx context.Context, e ending) {
	m.cfg.Logger.InfoContext(ctx, "session revoked", "subject", e.subject, "session", e.sid, "version", e.tag, "cause", e.cause)
	m.emit(ctx, hookRevoked, Event{
		Name: "session revoked", Subject: e.subject, SessionID: e.sid, Tag: e.tag, Previous: e.previous,
		Cause: e.cause, Reason: Reason(e.why), Err: e.why,
	})
}

package session

import (
	"context"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
)

var (
	errRevokedSession = ring.Refine("session: revoked: the session was ended", ErrRevoked)
	errStale          = ring.Refine("session: cannot tell now: the list of ended sessions is out of date", ErrUnavailable)
)

// alive is the last check of a token: that its session was not ended.
func (m *Manager) alive(ctx context.Context, c *Claims, now time.Time) error {
	switch {
	case m.follow.feed == nil && m.cfg.Store == nil || m.cfg.Revocation == Off:
		return nil
	case m.cfg.Revocation == Strict:
		return m.aliveInStore(ctx, c)
	}
	err := m.viewInForce(ctx, now)
	if m.follow.set.has(c) {
		return errRevokedSession
	}
	return err
}

// viewInForce brings the view of ended sessions up to date where it can, and returns
// errStale if it is too old to serve.
func (m *Manager) viewInForce(ctx context.Context, now time.Time) error {
	if m.follow.fresh(ctx, now) > outageAfter*m.cfg.RevocationLag+m.cfg.FailOpenFor {
		return errStale
	}
	return nil
}

// Ready reports whether this Manager can answer: nil if its store does, the other
// instances have been told of this one and, with Cached, the view of ended sessions is
// loaded; else an error that wraps ErrUnavailable. Without a Store only that view counts,
// and without Config.Revocations too it is nil. It is for readiness probes, and safe for
// concurrent use.
func (m *Manager) Ready(ctx context.Context) error {
	if m.follow.feed != nil && m.cfg.Revocation == Cached {
		if err := m.viewInForce(ctx, time.Now()); err != nil {
			return err
		}
	}
	if m.cfg.Store == nil {
		return nil
	}
	if !m.reporter.done.Load() {
		return m.report(ctx)
	}
	_, _, err := m.store.Get(ctx, allCut)
	return unavailable(err)
}

// aliveInStore asks the store whether the session of c was ended.
func (m *Manager) aliveInStore(ctx context.Context, c *Claims) error {
	r, _, now, err := m.load(ctx, c.SessionID)
	switch {
	case err != nil:
		return err
	case r == nil:
		if err := m.aliveWithoutRecord(ctx, c, now); err != nil {
			return err
		}
	case r.Revoked != 0:
		return errRevokedSession
	}
	return m.afterCut(ctx, c)
}

// aliveWithoutRecord judges a session that the store does not know: one from
// before there was a store is good while such are adopted.
func (m *Manager) aliveWithoutRecord(ctx context.Context, c *Claims, now time.Time) error {
	switch {
	case c.legacy || now.Before(m.cfg.AdoptUntil):
		return m.adoptable(ctx, c)
	case now.Sub(c.IssuedAt) < newBorn:
		return errNewBorn
	}
	return errMissRec
}

// afterCut checks that the session of c began after all were ended, as this instance
// or the store knows.
func (m *Manager) afterCut(ctx context.Context, c *Claims) error {
	if c.AuthTime.Unix() < m.follow.set.before.Load() {
		return errRevokedSession
	}
	_, at, err := m.cutAt(ctx, allCut)
	if err == nil && c.AuthTime.Unix() < at.Unix() {
		return errRevokedSession
	}
	return err
}

package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
)

// Bounds of what a Manager does with its store.
const (
	maxSwaps  = 32               // attempts at one compare-and-swap
	newBorn   = 30 * time.Second // how long a record may be late to appear, at a replica or after a failover
	cutKept   = 10 * time.Minute // longer than any sign-in takes
	lastLeap  = 5 * time.Second  // added to the life of a feed entry
	contended = 3                // refreshes by an older token in a row that are an event
)

// unavailable makes a fault of the store one that signs nobody out.
func unavailable(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: store: %w", ErrUnavailable, err)
}

// errContended is what remains when every swap was lost.
var errContended = fmt.Errorf("%w: too many changes of one record at once", ErrUnavailable)

// load returns the record of a session, nil if there is none, and the store's time.
func (m *Manager) load(ctx context.Context, sid string) (r *record, data []byte, now time.Time, err error) {
	data, now, err = m.store.Get(ctx, sessionID(sid))
	if err != nil {
		return nil, nil, now, unavailable(err)
	}
	if data == nil {
		return nil, nil, now, nil
	}
	r, err = decodeRecord(data)
	return r, data, now, err
}

// save replaces the record old of a session by r and reports whether it did.
func (m *Manager) save(ctx context.Context, sid string, old []byte, r *record) (bool, error) {
	ok, err := m.store.Swap(ctx, sessionID(sid), old, r.encode(), groupOf(r.Subject), r.label(), r.expires(m.cfg.Leeway))
	return ok, unavailable(err)
}

// startStored begins a session with a record.
//
// It reads the cut of the user, writes the record, and reads the cut again, and
// RevokeSubject writes the cut before it lists the records. So of a sign-in with an old
// password and a change of that password one always sees the other.
func (m *Manager) startStored(ctx context.Context, pair *issued) error {
	before, now, err := m.store.Get(ctx, cutID(pair.subject))
	if err != nil {
		return unavailable(err)
	}
	r := &record{Subject: pair.subject, Key: newSessionKey(), AuthTime: pair.authTime.Unix(), Device: labelOf(pair.label), chain: newChain()}
	r.End = m.endOf(pair.authTime, pair.end).Unix()
	if err := m.issueStored(pair, r, now, moveBegin); err != nil {
		return err
	}
	ok, err := m.save(ctx, pair.sid, nil, r)
	switch {
	case err != nil: // which may have been written
		return errors.Join(err, m.forgo(ctx, pair, "not delivered"))
	case !ok:
		return errContended
	}
	after, _, err := m.store.Get(ctx, cutID(pair.subject))
	if err != nil {
		return errors.Join(unavailable(err), m.forgo(ctx, pair, "not delivered"))
	}
	if overtaken(before, after, now) {
		return errors.Join(errCutOff, m.forgo(ctx, pair, "subject"))
	}
	return nil
}

// overtaken reports whether the cut of a user, as it was before and after a sign-in
// that began at the time now, was written meanwhile. A cut of that very moment may be
// written twice alike.
func overtaken(before, after []byte, now time.Time) bool {
	at, ok := decodeCut(after)
	return after != nil && !bytes.Equal(before, after) || ok && !at.Before(now.Truncate(time.Millisecond))
}

// errCutOff is the error of a sign-in that RevokeSubject overtook.
var errCutOff = fmt.Errorf("%w: the sessions of this user were ended during the sign-in", ErrUnavailable)

// forgo takes back a session whose tokens are not delivered. If the store is down,
// Run tries again.
func (m *Manager) forgo(ctx context.Context, pair *issued, cause string) error {
	if m.cfg.Store == nil {
		return nil
	}
	e := ending{sid: pair.sid, subject: pair.subject, cause: cause}
	err := m.revoke(ctx, e)
	if err != nil {
		m.told.postpone(said{ending: e})
	}
	return err
}

// issueStored makes the tokens of p as its record r says, and brings r up to what
// the move did. If r is not written again, the access token lives no longer than r
// says: from that a revocation knows how long to be told.
func (m *Manager) issueStored(p *issued, r *record, now time.Time, did move) error {
	signers := m.live.Ring().Signers(now)
	end := m.endOf(p.authTime, time.Unix(r.End, 0))
	if did != moveSame && did != moveExtend {
		r.Issued, r.RefreshUntil = now.Unix(), earlier(end, now.Add(m.cfg.RefreshTTL)).Unix()
		r.signedBy(&signers)
	}
	if did != moveSame {
		r.AccessUntil = max(r.AccessUntil, earlier(end, now.Add(m.cfg.AccessTTL+m.cfg.RefreshGrace)).Unix())
	}
	p.gen = r.Gen
	return m.pair(p, &signers,
		stamp{p.accessID, now, earlier(earlier(end, time.Unix(r.AccessUntil, 0)), now.Add(m.cfg.AccessTTL))},
		stamp{r.tokenID(p.sid, r.Gen), time.Unix(r.Issued, 0), time.Unix(r.RefreshUntil, 0)})
}

// renewStored is a refresh with a store: one read and one write; one read for those
// who come second inside the grace; and a read more, after the write that was lost, for
// those who are overtaken between the two. What Strict and Off read on top comes before.
func (m *Manager) renewStored(ctx context.Context, pair *issued, c *Claims) error {
	for attempt := range maxSwaps {
		r, old, now, err := m.load(ctx, c.SessionID)
		if err != nil {
			return err
		}
		if m.cfg.Revocation == Off { // the other ways have looked already
			if err := m.afterCut(ctx, c); err != nil {
				return err
			}
		}
		next, did, err := m.advance(ctx, c, r, now)
		if err != nil {
			return err
		}
		if attempt == 0 { // asked once, however many swaps it takes
			if err := m.nextGrant(ctx, &pair.grant, c); err != nil {
				return err
			}
		}
		if done, err := m.move(ctx, pair, c, old, next, did, now); done || err != nil {
			return err
		}
	}
	return errContended
}

// move writes the record next in place of old, and makes the tokens that go with
// it. It is not done if another was quicker.
func (m *Manager) move(ctx context.Context, pair *issued, c *Claims, old []byte, next *record, did move, now time.Time) (done bool, err error) {
	if err := m.issueStored(pair, next, now, did); err != nil {
		return false, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if did != moveSame {
		if ok, err := m.save(ctx, c.SessionID, old, next); err != nil || !ok {
			return false, err
		}
	}
	if (did == moveSibling || did == moveExtend) && next.Contended >= contended {
		m.cfg.Logger.WarnContext(ctx, "session contended", "subject", c.Subject, "session", c.SessionID, "in_a_row", next.Contended)
		m.emit(ctx, hookRefreshed, event("session contended", c, nil))
	}
	pair.kept, pair.cause = c.gen == next.Gen, did
	m.moved[did].Add(1)
	return true, nil
}

// advance decides on a refresh by c and returns the record as it shall be.
func (m *Manager) advance(ctx context.Context, c *Claims, r *record, now time.Time) (*record, move, error) {
	if r == nil {
		next, err := m.adopt(c, now)
		if err == nil {
			err = m.adoptable(ctx, c)
		}
		return next, moveAdopt, err
	}
	next := *r
	gen := max(c.gen, 1) // what began before there was a store counts as the first generation
	switch {
	case r.Revoked != 0:
		return nil, "", errEnded
	case !now.Before(m.endOf(time.Unix(r.AuthTime, 0), time.Unix(r.End, 0))):
		return nil, "", ErrExpired
	case !r.issued(c):
		return nil, moveForged, m.forged(ctx, c)
	}
	var did move
	next.chain, did = r.chain.decide(gen, now, m.cfg.RefreshGrace)
	switch did {
	case moveReuse:
		return nil, did, m.reused(ctx, c)
	case moveSibling, moveExtend:
		next.Contended++
	case moveChoose, moveAdopt:
		next.Contended = 0
	}
	return &next, did, nil
}

var (
	errEnded   = ring.Refine("session: revoked: the session has ended", ErrRevoked)
	errMissRec = ring.Refine("session: revoked: the store has no such session", ErrRevoked)
	errOutside = ring.Refine("session: revoked: from before there was a store, and Config.AdoptUntil has passed", ErrRevoked)
	errNewBorn = fmt.Errorf("%w: the record of a new session is not there yet", ErrUnavailable)
	errForged  = invalid("the session did not issue this token")
)

// adopt returns the record of a session from before there was a store.
func (m *Manager) adopt(c *Claims, now time.Time) (*record, error) {
	switch {
	case c.gen > 0 && now.Sub(c.IssuedAt) < newBorn:
		return nil, errNewBorn
	case c.gen > 0:
		return nil, errMissRec
	case !c.legacy && !now.Before(m.cfg.AdoptUntil):
		return nil, errOutside
	}
	end := m.endOf(c.AuthTime, c.end)
	if !now.Before(end) {
		return nil, ErrExpired
	}
	return &record{
		Subject: c.Subject, Key: newSessionKey(), AuthTime: c.AuthTime.Unix(), End: end.Unix(),
		AccessUntil: c.ExpiresAt.Unix(), Adopted: true, chain: adoptedChain(now.UnixMilli()),
	}, nil
}

// forged reports a token that is well signed and that its session never issued:
// a signing key is in wrong hands. The session itself is left alone.
func (m *Manager) forged(ctx context.Context, c *Claims) error {
	m.moved[moveForged].Add(1)
	m.cfg.Logger.ErrorContext(ctx, "refresh token forged", "subject", c.Subject, "session", c.SessionID, "version", c.Tag)
	m.emit(ctx, hookKey, event("refresh token forged", c, errForged))
	return errForged
}

// reused ends a session of which a used-up refresh token came back.
func (m *Manager) reused(ctx context.Context, c *Claims) error {
	m.moved[moveReuse].Add(1)
	if err := m.end(ctx, c, "reuse", ErrReused); err != nil {
		return err
	}
	m.cfg.Logger.WarnContext(ctx, "refresh token reused", "subject", c.Subject, "session", c.SessionID, "version", c.Tag)
	m.emit(ctx, hookReused, event("refresh token reused", c, ErrReused))
	return ErrReused
}

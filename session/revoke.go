package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ending is the end of one session before its time.
type ending struct {
	sid, subject, tag, cause string
	previous                 bool  // for the event
	why                      error // for the event
	reported                 bool  // it was written before

	authTime time.Time // for a session without a record; zero: then there is nothing to end
	capAt    time.Time // cap on such a session, zero if none
}

// errNeedsStore is the error of methods that need Config.Store or what it can do.
var (
	errNeedsStore = fmt.Errorf("%w: %w: this needs Config.Store", ErrUnavailable, errors.ErrUnsupported)
	errNeedsIndex = fmt.Errorf("%w: %w: this needs a Config.Store that is also an Index", ErrUnavailable, errors.ErrUnsupported)
)

// Revoke ends one session of a user. A session that is gone, or somebody else's,
// is left alone and no error, so an id may come from a URL.
//
// A refresh is refused at once, everywhere. The access token is refused at once here
// and within Config.RevocationLag at others (Cached), at once everywhere (Strict), or
// nowhere before it expires, not even here (Off). Errors wrap ErrUnavailable. It is
// safe for concurrent use.
func (m *Manager) Revoke(ctx context.Context, subject, sessionID string) error {
	if m.cfg.Store == nil {
		return errNeedsStore
	}
	if !storable(sessionID) {
		return nil // no session has such an id
	}
	return m.revoke(ctx, ending{sid: sessionID, subject: subject, cause: "revoked"})
}

// revoke writes the end of a session into its record and into the feed.
func (m *Manager) revoke(ctx context.Context, e ending) error {
	for range maxSwaps {
		r, old, now, err := m.load(ctx, e.sid)
		if err != nil {
			return err
		}
		if r == nil {
			if r = m.tombstone(e); r == nil {
				return nil
			}
		}
		if r.Subject != e.subject {
			return nil
		}
		already := r.Revoked != 0
		if !already {
			r.Revoked, r.Cause = now.UnixMilli(), e.cause
		}
		n := notice{Session: e.sid, Until: m.keptUntil(r)}
		if already && !e.reported && (n.Until <= now.Unix() || m.follow.set.knows(e.sid)) {
			return nil // whoever signs out again and again writes nothing
		}
		ok, err := m.saveAndTell(ctx, e.sid, old, r, n)
		if err != nil {
			return err
		}
		if ok {
			m.follow.set.add(n)
			if !already && !e.reported {
				e.tag = cmp.Or(r.Tag, e.tag)
				m.ended(ctx, e)
			}
			m.told.add(e.writtenIn(r, m.cfg.Leeway))
			return nil
		}
	}
	return errContended
}

// writtenIn is e as it is remembered when r says so in the store: with what it takes to write r
// again if that is lost.
func (e ending) writtenIn(r *record, leeway time.Duration) said {
	e.reported, e.authTime, e.capAt = true, time.Unix(r.AuthTime, 0), time.Unix(r.End, 0)
	return said{ending: e, at: time.Now(), until: r.expires(leeway)}
}

// tombstone returns the record of a session that ends without having had one,
// because it began before there was a store. It keeps the session from being
// adopted. Nil means that nothing is known of such a session.
func (m *Manager) tombstone(e ending) *record {
	if e.authTime.IsZero() {
		return nil
	}
	end := m.endOf(e.authTime, e.capAt).Unix()
	latest := time.Now().Add(max(m.cfg.RefreshTTL, m.cfg.AccessTTL) + m.cfg.Leeway).Unix()
	return &record{
		Subject: e.subject, Key: newSessionKey(), AuthTime: e.authTime.Unix(), End: end,
		RefreshUntil: end, AccessUntil: min(end, latest), chain: newChain(),
	}
}

// keptUntil returns how long the feed must tell of the end of r: as long as an
// access token of it may be about, and another instance late to read.
func (m *Manager) keptUntil(r *record) int64 {
	return time.Unix(r.AccessUntil, 0).Add(m.cfg.Leeway + m.cfg.RevocationLag + lastLeap).Unix()
}

// saveAndTell writes a record and a notice, in one operation where there is a feed.
func (m *Manager) saveAndTell(ctx context.Context, sid string, old []byte, r *record, n notice) (bool, error) {
	ok, err := m.store.swapAppend(ctx, sessionID(sid), old, r.encode(), groupOf(r.Subject), r.label(), r.expires(m.cfg.Leeway), n)
	return ok, unavailable(err)
}

// RevokeSubject ends all sessions of a user, except those named: after a change of
// password, or when an account is closed. A sign-in that is under way with what
// was good before gives up. A session from before there was a store, of which there is
// no record yet, cannot be refreshed any more; its access token is refused at once
// with Strict alone.
//
// It needs a Store that is an Index. On an error some sessions may have ended; call
// it again. Errors wrap ErrUnavailable. It is safe for concurrent use.
func (m *Manager) RevokeSubject(ctx context.Context, subject string, except ...string) error {
	if m.index == nil {
		return errNeedsIndex
	}
	if err := m.raise(ctx, cut{id: cutID(subject), spared: strings.Join(except, " ")}); err != nil { // for sign-ins to read
		return err
	}
	list, err := m.index.List(ctx, groupOf(subject))
	if err != nil {
		return unavailable(err)
	}
	var errs []error
	for id := range list {
		sid := sidOf(id)
		if !slices.Contains(except, sid) {
			errs = append(errs, m.revoke(ctx, ending{sid: sid, subject: subject, cause: "subject"}))
		}
	}
	return errors.Join(errs...)
}

// mostAhead is how far ahead all sessions may be ended: clocks differ a little.
const mostAhead = 5 * time.Minute

// cut is the time before which sessions have ended, in a record of its own.
type cut struct {
	id     string    // of the record
	at     time.Time // zero: when it is written
	spared string    // ids of sessions, separated by spaces
}

// allCut is the record for the sessions of everybody.
const allCut = "cut"

// adoptable checks that the session of c, which has no record yet, was not among
// those of its user when they were ended.
func (m *Manager) adoptable(ctx context.Context, c *Claims) error {
	data, at, err := m.cutAt(ctx, cutID(c.Subject))
	if err == nil && !c.AuthTime.After(at) && !slices.Contains(strings.Fields(string(data))[1:], c.SessionID) {
		return errRevokedSession
	}
	return err
}

// RevokeBefore ends all sessions of everybody that began before t: after a break-in.
//
// Tokens are refused as by Revoke, but that with Cached others may refresh such a
// session until they have read of its end, within Config.RevocationLag. It is kept in
// the store until no such session can be left. A time more than five minutes ahead is
// refused: nobody could sign in until then, and an earlier one does not take it back.
// Other errors wrap ErrUnavailable. It is safe for concurrent use.
func (m *Manager) RevokeBefore(ctx context.Context, t time.Time) error {
	if m.cfg.Store == nil {
		return errNeedsStore
	}
	if ahead := time.Until(t); ahead > mostAhead {
		return fmt.Errorf("session: RevokeBefore: %v is %v ahead: nobody could sign in until then", t.UTC(), ahead.Round(time.Second))
	}
	if err := m.raise(ctx, cut{id: allCut, at: t}); err != nil {
		return err
	}
	m.follow.set.add(notice{Before: t.Unix()})
	return nil
}

// raise writes c, and for all sessions appends it to the feed. A later one stays, with
// what it spares.
func (m *Manager) raise(ctx context.Context, c cut) error {
	for range maxSwaps {
		old, now, err := m.store.Get(ctx, c.id)
		if err != nil {
			return unavailable(err)
		}
		at := c.at
		if at.IsZero() {
			at = now
		}
		data := fmt.Appendf(nil, "%d %s", at.UnixMilli(), c.spared)
		if was, ok := decodeCut(old); ok && was.After(at) {
			data = old
		}
		until := m.cutUntil(c.id, now)
		ok, err := m.saveCut(ctx, c.id, old, data, until, at)
		if err != nil {
			return err
		}
		if ok {
			c.at = at.Truncate(time.Millisecond)
			m.told.add(said{cut: c, at: time.Now(), until: until})
			return nil
		}
	}
	return errContended
}

// cutUntil returns how long a cut made now is kept: that of one user until sign-ins
// which began before it are over, and while sessions from before there was a store are
// adopted, as that of everybody, as long as one that it ends may turn up.
func (m *Manager) cutUntil(id string, now time.Time) time.Time {
	if id == allCut || now.Before(m.cfg.AdoptUntil) || now.Before(m.cfg.LegacyUntil) {
		return m.endOf(now, time.Time{})
	}
	return now.Add(cutKept)
}

// saveCut is saveAndTell for cuts.
func (m *Manager) saveCut(ctx context.Context, id string, old, data []byte, until, at time.Time) (ok bool, err error) {
	if id == allCut {
		ok, err = m.store.swapAppend(ctx, id, old, data, "", "", until, notice{Before: at.Unix(), Until: until.Unix()})
	} else {
		ok, err = m.store.Swap(ctx, id, old, data, "", "", until)
	}
	return ok, unavailable(err)
}

// cutAt returns a cut and its time, nil and zero if there is none. One that cannot be
// read is a fault: sessions may have ended by it.
func (m *Manager) cutAt(ctx context.Context, id string) (data []byte, at time.Time, err error) {
	data, _, err = m.store.Get(ctx, id)
	if err != nil || data == nil {
		return nil, time.Time{}, unavailable(err)
	}
	at, ok := decodeCut(data)
	if !ok {
		return nil, time.Time{}, errUnreadable
	}
	return data, at, nil
}

// decodeCut reads the time of a cut, which stands before the first space.
func decodeCut(data []byte) (time.Time, bool) {
	text, _, _ := strings.Cut(string(data), " ")
	ms, err := strconv.ParseInt(text, 10, 64)
	return time.UnixMilli(ms), err == nil
}

// Sessions lists the live sessions of a user, newest first: those that can still be
// refreshed, Config.Leeway included. It needs a Store that is an Index. Errors wrap
// ErrUnavailable. It is safe for concurrent use.
func (m *Manager) Sessions(ctx context.Context, subject string) ([]Info, error) {
	if m.index == nil {
		return nil, errNeedsIndex
	}
	list, err := m.index.List(ctx, groupOf(subject))
	if err != nil {
		return nil, unavailable(err)
	}
	_, began, err := m.cutAt(ctx, allCut) // the earliest that still live
	if err != nil {
		return nil, err
	}
	infos := []Info{}
	for id, data := range list {
		r, err := decodeRecord(data)
		if err != nil {
			return nil, err
		}
		if r.Revoked == 0 && r.AuthTime >= began.Unix() {
			infos = append(infos, r.info(sidOf(id)))
		}
	}
	slices.SortFunc(infos, newestFirst)
	return infos, nil
}

package keyring

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
)

// Shared configures a keyring that is kept in a store, sealed there, and shared by
// all instances on that store.
type Shared struct {
	// Store is required. Every session.Store is one.
	Store Store
	// KEK is required: the secret that seals the keyring, under the rules for
	// SESSION_SECRET. To replace it, list the new one first and the old one behind
	// it, comma separated, in every instance; after the next change of the keyring,
	// such as a rotation, the old one is of no use any more.
	KEK string
	// RotateEvery is how old the current key grows. Default 90 days; negative: it is
	// replaced by Rotate only.
	RotateEvery time.Duration
	// Algorithm is that of new keys. Default, and so far the only one, "HS256".
	Algorithm string
}

// Store is what FromStore needs: the Get and Swap of session.Store.
type Store interface {
	Get(ctx context.Context, id string) (data []byte, now time.Time, err error)
	Swap(ctx context.Context, id string, old, data []byte, group, label string, expires time.Time) (bool, error)
}

const (
	sharedID      = "keyring"
	sharedWhere   = "the keyring in the store"
	defaultRotate = 90 * 24 * time.Hour
	minRotate     = time.Hour
	maxSwaps      = 32 // attempts at one change
)

// FromStore returns the keyring that all instances on one store share. If there is
// none, it makes the first key; of instances that start at once one does, and it is
// never done because of an error of the store.
//
// The keyring is read now, and again by Reload and every 10 seconds while
// session.Manager.Run runs; on any error the keys in force stay. Whoever finds the
// current key older than RotateEvery makes the next one, once for all. Rotate,
// Revoke, Retire and Drop change it for all instances, which see it within 10 seconds.
//
// All faults of s are reported at once.
func FromStore(ctx context.Context, s Shared) (*Keyring, error) {
	seals, err := newSealer(s.KEK)
	if err := errors.Join(err, s.faults()); err != nil {
		return nil, err
	}
	d := &sharedDoc{store: s.Store, seals: seals, rotateEvery: cmp.Or(s.RotateEvery, defaultRotate)}
	k := newKeyring(nil, "")
	k.live.Interval = fileInterval
	k.live.Load, k.live.Home = d.load, s.Store
	k.edit = d.edit
	return k.loaded(ctx)
}

// faults returns what is wrong with s besides its KEK.
func (s Shared) faults() error {
	var f faults
	if s.Store == nil {
		f.addf("Shared.Store is required: the store that all instances share")
	}
	if s.RotateEvery > 0 && s.RotateEvery < minRotate {
		f.addf("Shared.RotateEvery is %v: use at least %v, or a negative value to rotate by hand", s.RotateEvery, minRotate)
	}
	if s.Algorithm != "" && s.Algorithm != ring.HS256 {
		f.addf("Shared.Algorithm is %q: use %q", s.Algorithm, ring.HS256)
	}
	return f.err()
}

// sharedDoc is the document in the store that holds the keyring.
type sharedDoc struct {
	store       Store
	seals       *sealer
	rotateEvery time.Duration
	last        atomic.Pointer[[]byte] // the set that was last seen in the store; nil: none yet
}

// load returns the ring in the store. It makes the keyring if there is none, and
// rotates it if that is due.
func (d *sharedDoc) load(ctx context.Context) (*ring.Ring, error) {
	var last *ring.Ring
	err := d.update(ctx, func(s *set, now time.Time) error {
		if !d.due(s, now) {
			return errNoChange
		}
		s.rotate(now)
		return nil
	}, &last)
	return last, err
}

// due reports whether the current key is older than it should grow.
func (d *sharedDoc) due(s *set, now time.Time) bool {
	k := s.ring.Current(now)
	return d.rotateEvery > 0 && k != nil && !k.Made.IsZero() && now.Sub(k.Made) >= d.rotateEvery
}

// edit makes a change that an operator asks for.
func (d *sharedDoc) edit(ctx context.Context, c change) error {
	var r *ring.Ring
	return d.update(ctx, c, &r)
}

// update makes a change to what is in the store by compare-and-swap, again if
// another was quicker, and sets r to the ring that is then in the store.
func (d *sharedDoc) update(ctx context.Context, c change, r **ring.Ring) error {
	for range maxSwaps {
		old, now, err := d.store.Get(ctx, sharedID)
		if err != nil {
			return fmt.Errorf("keyring: %s cannot be read: %w", sharedWhere, err)
		}
		next, err := d.changed(old, c, now, r)
		if errors.Is(err, errNoChange) {
			return nil
		}
		if err != nil {
			return err
		}
		ok, err := d.store.Swap(ctx, sharedID, old, d.seals.seal(next), "", "", time.Time{})
		if err != nil {
			return fmt.Errorf("keyring: %s cannot be written: %w", sharedWhere, err)
		}
		if ok {
			return d.parse(next, now, r)
		}
	}
	return fmt.Errorf("keyring: %s is being changed by too many at once: try again", sharedWhere)
}

// changed returns the set in old, which is nil if there is none, with a change
// made. It sets r to the ring of what is there.
func (d *sharedDoc) changed(old []byte, c change, now time.Time, r **ring.Ring) ([]byte, error) {
	plain, err := d.open(old, now)
	if err != nil {
		return nil, err
	}
	if old != nil {
		if err := d.parse(plain, now, r); err != nil {
			return nil, err
		}
	}
	next, err := changed(sharedWhere, plain, func(s *set, _ time.Time) error { return c(s, now) })
	if old == nil && errors.Is(err, errNoChange) {
		return plain, nil
	}
	return next, err
}

// open returns the set in old. If the store has none, it is the one that was there
// before, since a store that lost it must not cost anybody a session; else a new
// one, with one fresh key.
func (d *sharedDoc) open(old []byte, now time.Time) ([]byte, error) {
	if old != nil {
		return d.seals.open(old)
	}
	if last := d.last.Load(); last != nil {
		return *last, nil
	}
	s := set{where: sharedWhere, entries: []entry{newEntry(firstTag, now)}}
	return s.encode()
}

// parse notes the set in data, which is in the store, and sets r to its ring.
func (d *sharedDoc) parse(data []byte, now time.Time, r **ring.Ring) error {
	s, err := parseSet(sharedWhere, data)
	if err != nil {
		return err
	}
	if *r, err = s.signing(now); err == nil {
		d.last.Store(&data)
	}
	return err
}

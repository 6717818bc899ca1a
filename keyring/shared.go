package keyring

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
)

// Shared configures a keyring that is kept in a store, sealed there, and shared by
// all instances on that store. It prints without its KEK; only in an unexported field of
// another struct fmt cannot know that, so log no such struct whole.
type Shared struct {
	// Store is required. Every session.Store is one.
	Store Store
	// KEK is required: the secret that seals the keyring, under the rules for
	// SESSION_SECRET. Several are comma separated; the first seals, all open. To
	// replace it, list the new one behind the old one in every instance, then before
	// it; after the next change of the keyring, such as a rotation, the old one is of
	// no use any more.
	KEK string
	// RotateEvery is how old the current key grows. Default 90 days; negative: it is
	// replaced by Rotate only.
	RotateEvery time.Duration
	// Algorithm is that of new keys: "HS256", "EdDSA" or "ES256". Default: that of the
	// newest key, and "HS256" for the first. To change it makes no new key by itself.
	Algorithm string
}

// String returns the word "shared": the KEK does not show.
func (s Shared) String() string { return "shared" }

// Format writes what String returns, whatever the verb.
func (s Shared) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// MarshalText returns what String does. Encoders of JSON and of logs use it.
func (s Shared) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

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
// current key older than RotateEvery makes the next one, once for all; if that
// cannot be written, the keys are read all the same and Reload returns the error.
// Rotate, Revoke, Retire and Drop change the keyring for all instances, which see it
// within 10 seconds. A rotation removes the keys that retired more than 30 days ago.
//
// A store that lost the keyring, or went back to an older one, gets it back from the
// first instance that has seen the newer: no session is lost, and a revoked key stays
// revoked. If others have gone on from the older one by then, both are put together: the
// keys of both are live, and what one of them has revoked, retired or dropped remains so.
// To go back on purpose, stop all instances first.
//
// All faults of s are reported at once.
func FromStore(ctx context.Context, s Shared) (*Keyring, error) {
	seals, err := newSealer(s.KEK)
	if err := errors.Join(err, s.faults()); err != nil {
		return nil, err
	}
	d := &sharedDoc{store: s.Store, seals: seals, algorithm: s.Algorithm, rotateEvery: cmp.Or(s.RotateEvery, defaultRotate)}
	k := newKeyring(nil, "")
	k.live.Interval = fileInterval
	k.live.Load, k.live.Home, k.live.RotateEvery = d.load, s.Store, max(d.rotateEvery, 0)
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
	if s.Algorithm != "" && !signs(s.Algorithm) {
		f.addf("Shared.Algorithm is %q: use %s", s.Algorithm, algorithms)
	}
	return f.err()
}

// sharedDoc is the document in the store that holds the keyring: a JWK Set with the
// member serial, which every change raises, and the member dropped, which names the keys
// that are gone for good. By these a set is told from one that a store went back to.
type sharedDoc struct {
	store       Store
	seals       *sealer
	algorithm   string
	rotateEvery time.Duration

	mu   sync.Mutex // held while the store is asked
	last []byte     // the newest set that was seen in it; nil: none yet
}

// load returns the ring in the store. It makes the keyring if there is none, and
// rotates it if that is due. If only that fails, it returns both ring and error.
func (d *sharedDoc) load(ctx context.Context) (*ring.Ring, error) {
	return d.update(ctx, func(s *set, now time.Time) error {
		if !d.due(s, now) {
			return errNoChange
		}
		_, err := s.rotate(now, activationLead)
		s.forgetRetired(now)
		return err
	})
}

// forgetAfter is how long a retired key is kept, in case that it is missed.
const forgetAfter = 30 * 24 * time.Hour

// forgetRetired removes the keys that retired long ago: the set must not grow forever.
func (s *set) forgetRetired(now time.Time) {
	s.entries = slices.DeleteFunc(s.entries, func(e entry) bool {
		retired := e.key.Retires
		return !e.key.Revoked && !retired.IsZero() && now.Sub(retired) > forgetAfter
	})
}

// due reports whether the current key is older than it should grow, and no successor
// waits for its activation. A rotation that is shorter than that would pile them up.
func (d *sharedDoc) due(s *set, now time.Time) bool {
	current := s.ring.Current(now)
	if d.rotateEvery <= 0 || current == nil {
		return false
	}
	for _, k := range s.keys() { // newest first
		young := k.Made.IsZero() || now.Sub(k.Made) < d.rotateEvery
		waits := now.Before(k.Activates) && k.Activates.Sub(now) <= activationLead
		if k.Signs() && k.Live(now) && (!k.Spare || k == current) && (young || waits) {
			return false
		}
		if k == current {
			break
		}
	}
	return true
}

// edit makes a change that an operator asks for.
func (d *sharedDoc) edit(ctx context.Context, c change) error {
	_, err := d.update(ctx, c)
	return err
}

// update makes a change to what is in the store by compare-and-swap, again if
// another was quicker. It returns the ring that is then in the store, or beside an
// error the one that was read there; nil if there is none that may be put in force.
func (d *sharedDoc) update(ctx context.Context, c change) (r *ring.Ring, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for range maxSwaps {
		old, now, err := d.store.Get(ctx, sharedID)
		if err != nil {
			return r, fmt.Errorf("keyring: %s cannot be read: %w", sharedWhere, err)
		}
		var next []byte
		if next, r, err = d.next(old, c, now); next == nil {
			return r, err
		}
		ok, err := d.store.Swap(ctx, sharedID, old, d.seals.seal(next), "", "", time.Time{})
		if err != nil {
			return r, fmt.Errorf("keyring: %s cannot be written: %w", sharedWhere, err)
		}
		if ok {
			return d.accept(next, now)
		}
	}
	return r, fmt.Errorf("keyring: %s is being changed by too many at once: try again", sharedWhere)
}

// next returns the set to write in the place of old, which is nil if the store has
// none; nil if there is nothing to write. It returns the ring of old too, unless
// that is not the newest we know.
func (d *sharedDoc) next(old []byte, c change, now time.Time) (next []byte, r *ring.Ring, err error) {
	var have []byte
	if old != nil {
		if have, err = d.seals.open(old); err != nil {
			return nil, nil, err
		}
	}
	base, err := d.base(have, now)
	if err != nil {
		return nil, nil, err
	}
	kept := old != nil && bytes.Equal(base, have)
	if kept {
		if r, err = d.accept(have, now); err != nil {
			return nil, nil, err
		}
	}
	next, err = changed(sharedWhere, base, now, counted(d.byAlgorithm(c)))
	switch {
	case !errors.Is(err, errNoChange):
		return next, r, err
	case kept:
		return nil, r, nil
	default:
		return base, nil, nil
	}
}

// byAlgorithm returns c for a set whose new keys are for the algorithm of d.
func (d *sharedDoc) byAlgorithm(c change) change {
	return func(s *set, now time.Time) error {
		s.algorithm = d.algorithm
		return c(s, now)
	}
}

// base returns the set that the next one is made of: have, which is in the store, if
// there is nothing in what we know that it lacks. A store that lost the keyring, or went
// back to an older one, gets back what we know, also where others have gone on from the
// older one: it must neither cost anybody a session nor give a revoked key its life back.
// Only if there never was a set, it is a new one, with one key.
func (d *sharedDoc) base(have []byte, now time.Time) ([]byte, error) {
	switch {
	case have == nil && d.last == nil:
		s := &set{where: sharedWhere, entries: []entry{newEntry(cmp.Or(d.algorithm, ring.HS256), firstTag, now)}}
		s.count(0)
		return s.encode()
	case have == nil:
		return d.last, nil
	case d.last == nil || bytes.Equal(have, d.last):
		return have, nil
	}
	return d.joined(have, now)
}

// joined returns the set of all that is known by have and by us; have itself if it is
// the newer one and lacks nothing.
func (d *sharedDoc) joined(have []byte, now time.Time) ([]byte, error) {
	stored, err := parseSet(sharedWhere, have)
	if err != nil {
		return nil, err
	}
	known, err := parseSet(sharedWhere, d.last)
	if err != nil {
		return nil, err
	}
	newer, other := known, stored
	if stored.serial() > known.serial() {
		newer, other = stored, known
	}
	if !newer.join(other, now) && newer == stored {
		return have, nil
	}
	if err := newer.keepSigning(now, d.algorithm); err != nil {
		return nil, err
	}
	return newer.encode()
}

// accept notes the set in data, which is in the store, and returns its ring.
func (d *sharedDoc) accept(data []byte, now time.Time) (*ring.Ring, error) {
	s, err := parseSet(sharedWhere, data)
	if err != nil {
		return nil, err
	}
	r, err := s.signing(now)
	if err == nil {
		d.last = data
	}
	return r, err
}

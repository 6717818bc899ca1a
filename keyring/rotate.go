package keyring

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
	"github.com/sessionring/sessionring/internal/strictjson"
)

// ErrInUse is returned by Drop for a key that live tokens may still need, and by
// Retire for one that new tokens need.
var ErrInUse = errors.New("keyring: key is still in use")

// ErrFixed is returned by Rotate, Revoke, Retire and Drop of a keyring whose keys are
// changed elsewhere: in the environment, or where a function gets them. The error says
// where.
var ErrFixed = errors.New("keyring: the keys cannot be changed from here")

// errNoChange is returned by a change for which there is nothing to do.
var errNoChange = errors.New("keyring: nothing to change")

// Rotate makes a new current key and returns its tag; the others stay live and
// co-sign until they retire. The tag follows that of the newest key: v3 after v2,
// blue-2 after blue. So does its algorithm, or Shared.Algorithm decides.
//
// A new EdDSA or ES256 key only co-signs for 24 hours, longer than the set of
// ServeJWKS is kept anywhere, and is current then.
//
// On a keyring that follows a file the file is changed, in one step that others see
// whole or not at all, whoever else changes it at the same time. Members that we do
// not know are kept, and so are mode and owner. Then the file is read again. The
// keys of other keyrings are changed where they come from, as the error says.
//
// Rotate is safe for concurrent use, in this process and in several.
func (k *Keyring) Rotate(ctx context.Context) (tag string, err error) {
	return k.rotate(ctx, "")
}

// RotateTo is Rotate with a key for another algorithm: "HS256", "EdDSA" or "ES256".
// Later rotations keep to it.
//
// A way back to HS256 leaves behind who verifies by the keys of ServeJWKS: the new key
// is not among them, and signs at once. FromURL goes by the co-signatures of the older
// keys, as long as these are live; other libraries know nothing of them.
func (k *Keyring) RotateTo(ctx context.Context, algorithm string) (tag string, err error) {
	if !signs(algorithm) {
		return "", errAlgorithm(algorithm)
	}
	return k.rotate(ctx, algorithm)
}

// rotate is RotateTo, where "" leaves the algorithm to the set.
func (k *Keyring) rotate(ctx context.Context, algorithm string) (tag string, err error) {
	err = k.change(ctx, func(s *set, now time.Time) error {
		s.algorithm = cmp.Or(algorithm, s.algorithm)
		tag, err = s.rotate(now, activationLead)
		return err
	})
	if err != nil {
		return "", err
	}
	return tag, nil
}

// Revoke withdraws a key; a current key is replaced first. For stolen keys.
//
// The key is named by its kid, or by its tag if no other key has that. It proves
// nothing any more, here from now and in other processes when they read the file
// again. Tokens for which another key has vouched too stay valid. If it was the
// current key, or no other but a spare would be left, a successor is made in the
// same step, which signs at once. Revoking a key again does nothing. The file is
// changed as by Rotate.
//
// Services that verify by the keys of ServeJWKS accept what the key has signed until
// they have fetched the set again: one with FromURL within 5 minutes, or when it
// meets a token of the successor, but up to 24 hours later if it cannot fetch. Where
// that is too long, start them again when the key is revoked.
func (k *Keyring) Revoke(ctx context.Context, tag string) error {
	return k.change(ctx, func(s *set, now time.Time) error { return s.revoke(tag, now) })
}

// Retire lets the time of a key end now: it neither signs nor vouches for any token
// any more, and can be dropped. For old keys and spares that nothing needs.
//
// The key is named as for Revoke. The current key, and the last that is live and no
// spare, is ErrInUse: Rotate first. Retiring a retired or revoked key does nothing.
// Retire does not ask whether live tokens need the key. Those that another key has
// vouched for stay valid; the others are of an unknown key from then on, which ends
// no session: they are good again where the key is live again, its exp removed. For
// stolen keys there is Revoke. The file is changed as by Rotate.
func (k *Keyring) Retire(ctx context.Context, tag string) error {
	return k.change(ctx, func(s *set, now time.Time) error { return s.retire(tag, now) })
}

// Drop removes a key that is retired or revoked; any other is ErrInUse.
//
// The key is named as for Revoke. Of a revoked key the secret is removed and the kid
// kept, for good, so that its tokens are still known as revoked; dropping it again
// does nothing. The file is changed as by Rotate.
func (k *Keyring) Drop(ctx context.Context, tag string) error {
	return k.change(ctx, func(s *set, now time.Time) error { return s.drop(tag, now) })
}

// change changes the source and reads it again.
func (k *Keyring) change(ctx context.Context, c change) error {
	if k.edit == nil {
		return fmt.Errorf("%w: %w", ErrFixed, k.fixed())
	}
	err := k.edit(ctx, c)
	again := k.Reload(ctx)
	if err == nil && again != nil {
		err = errors.Join(errUnread, again)
	}
	return err
}

// errUnread stands before the reason.
var errUnread = errors.New("keyring: the keys are changed, but cannot be read again, so the change is not in force here yet: repair that, and do not change them again")

// editFile changes the set in a file. What we would not read is not written.
func editFile(ctx context.Context, path string, c change) error {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return fmt.Errorf("keyring: cannot change the keys: %w", err)
	}
	p, err := newPending(ctx, target)
	if err != nil {
		return err
	}
	defer p.abandon()
	data, info, err := readFile(target)
	if err != nil {
		return err
	}
	data, err = changed(path, data, time.Now(), c)
	if errors.Is(err, errNoChange) {
		return nil
	}
	if err != nil {
		return err
	}
	return p.replace(target, data, info)
}

// changed returns the set in data with a change made, if it can be read again.
func changed(where string, data []byte, now time.Time, c change) ([]byte, error) {
	s, err := parseSet(where, data)
	if err != nil {
		return nil, err
	}
	if err := c(s, now); err != nil {
		return nil, err
	}
	data, err = s.encode()
	if err != nil {
		return nil, err
	}
	if s, err = parseSet(where, data); err != nil {
		return nil, err
	}
	if _, err := s.signing(now); err != nil {
		return nil, err
	}
	return data, nil
}

// revoke withdraws a key, and puts another in its place if need be.
func (s *set) revoke(name string, now time.Time) error {
	k, err := s.find(name)
	if err != nil {
		return err
	}
	if k.Revoked {
		return errNoChange
	}
	if s.needed(k, now) {
		if _, err := s.rotate(now, 0); err != nil {
			return err
		}
	}
	e := s.entry(k)
	e.members = with(e.members, "revoked", seconds(now))
	return nil
}

// needed reports whether k is the current key, or the last that is live and no spare.
func (s *set) needed(k *ring.Key, now time.Time) bool {
	others := slices.ContainsFunc(s.keys(), func(o *ring.Key) bool { return o != k && o.Live(now) && !o.Spare })
	return k.Live(now) && (!others || s.ring.Current(now) == k)
}

// retire ends the time of a key, unless new tokens need it.
func (s *set) retire(name string, now time.Time) error {
	k, err := s.find(name)
	switch {
	case err != nil:
		return err
	case !k.Live(now):
		return errNoChange
	case s.needed(k, now):
		return fmt.Errorf("%w: %s is the current key, or the last live one beside spares: rotate first, then retire it", ErrInUse, k.ID())
	}
	e := s.entry(k)
	e.members = with(e.members, "exp", seconds(now))
	return nil
}

// drop removes a key that is good for nothing any more.
func (s *set) drop(name string, now time.Time) error {
	k, err := s.find(name)
	if err != nil {
		return err
	}
	switch state := s.ring.State(k, now); {
	case state == "retired":
		s.entries = slices.DeleteFunc(s.entries, func(e entry) bool { return e.key == k })
	case state != "revoked":
		return fmt.Errorf("%w: %s is %s; it can be dropped when it has retired, or has been revoked", ErrInUse, k.ID(), state)
	case k.Identity == "":
		return errNoChange
	default:
		s.entry(k).forget(k.ID())
	}
	return nil
}

// forget removes the secret of a revoked key, and all but what is kept for good.
func (e *entry) forget(id string) {
	kept := []strictjson.Member{text("kid", id)}
	for _, m := range e.members {
		if m.Name == "kty" || m.Name == "alg" || m.Name == "iat" || m.Name == "revoked" {
			kept = append(kept, m)
		}
	}
	e.members = kept
}

// find returns the one key that name names. A name that is none is not quoted: it
// may be a secret.
func (s *set) find(name string) (*ring.Key, error) {
	switch found := find(s.keys(), name); len(found) {
	case 0:
		return nil, fmt.Errorf("keyring: %s: no key has that kid or tag; there are %s", s.where, kids(s.keys()))
	case 1:
		return found[0], nil
	default:
		return nil, fmt.Errorf("keyring: %s: several keys have that tag; write the whole kid, one of %s", s.where, kids(found))
	}
}

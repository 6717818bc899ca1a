package keyring

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
)

// Keyring is a live handle on the keys of one service. It is safe for concurrent
// use and prints as tags only. Its zero value holds no keys and is of no use.
type Keyring struct {
	live *ring.Live
	edit func(context.Context, change) error // changes the source; nil if we cannot
	home string                              // where the keys are changed otherwise, for messages
}

// change changes a JWK Set at a time, or returns errNoChange.
type change func(s *set, now time.Time) error

// funcInterval is how often a function is asked for its keys. It is longer than
// for a file, because an answer may cost money; a token that names a key we do
// not hold has it asked at once.
const funcInterval = time.Minute

// New returns a keyring that never changes by itself. The first key signs, the
// others verify; keys from ParseKeys keep their dates and states.
//
// No key at all, no live key, the zero Key, and keys that are equal or equivalent
// for HMAC are refused, all faults at once. The slice is not kept.
func New(keys ...Key) (*Keyring, error) {
	r, err := ringOf(keys)
	if err != nil {
		return nil, err
	}
	return newKeyring(r, "the keys are part of the program: change them there"), nil
}

// FromFunc returns a keyring that follows load: a secret manager, a database,
// anything. It returns the keys newest first.
//
// The function is called now, and its error is returned; later by Reload, every
// minute while session.Manager.Run runs, and when a token names an unknown key,
// one call at a time. If it fails then, or its keys are refused as by New, those in
// force stay.
func FromFunc(ctx context.Context, load func(context.Context) ([]Key, error)) (*Keyring, error) {
	if load == nil {
		return nil, errors.New("keyring: FromFunc needs a function")
	}
	k := newKeyring(nil, "the keys come from a function of the program: change them where it gets them, then Reload")
	k.live.Interval = funcInterval
	k.live.Load = func(ctx context.Context) (*ring.Ring, error) {
		keys, err := load(ctx)
		if err != nil {
			return nil, fmt.Errorf("keyring: the function that gets the keys: %w", err)
		}
		return ringOf(keys)
	}
	return k.loaded(ctx)
}

// newKeyring returns the keyring that starts with r, which may be nil until it is
// loaded, and is changed at home.
func newKeyring(r *ring.Ring, home string) *Keyring {
	k := &Keyring{live: &ring.Live{}, home: home}
	k.live.Swap(r)
	return k
}

// loaded returns k with its source loaded for the first time.
func (k *Keyring) loaded(ctx context.Context) (*Keyring, error) {
	if err := k.Reload(ctx); k.ring() == nil {
		return nil, err
	}
	return k, nil // what else has failed the next Reload reports
}

// ringOf returns the ring of keys. It numbers them in their sources, on copies,
// since a key may be in several keyrings.
func ringOf(keys []Key) (*ring.Ring, error) {
	var f faults
	var own []*ring.Key
	for i, k := range keys {
		if k.k == nil {
			f.addf("key %d of %d is the zero Key: make it with NewKey, NewSigner or ParseKeys", i+1, len(keys))
			continue
		}
		c := *k.k
		c.Source = fmt.Sprintf("key %d (%s)", i+1, k)
		own = append(own, &c)
	}
	r, err := ring.New(own)
	f.add(err)
	if f == nil && !anyLive(own, time.Now()) {
		f.addf("there is no live key: give at least one that is neither retired nor revoked")
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	return r, nil
}

// anyLive reports whether one of keys is live at the time now.
func anyLive(keys []*ring.Key, now time.Time) bool {
	for _, k := range keys {
		if k.Live(now) {
			return true
		}
	}
	return false
}

// KeyInfo is what may be shown of a key: its names and dates, never its material.
type KeyInfo struct {
	Tag       string    `json:"tag"`       // version label
	ID        string    `json:"id"`        // kid: tag, dot, fingerprint
	Algorithm string    `json:"algorithm"` // "" if only the kid of a revoked key is known
	State     string    `json:"state"`     // "current", "previous", "spare", "retired" or "revoked"
	Made      time.Time `json:"made,omitzero"`
	Activates time.Time `json:"activates,omitzero"` // until then it only co-signs
	Retires   time.Time `json:"retires,omitzero"`
}

// List describes every key, newest first, without its material. Revoked keys of
// which only the kid is left are listed too. Times are UTC, zero if unknown or none.
// The slice is the caller's.
func (k *Keyring) List() []KeyInfo {
	r, now := k.ring(), time.Now()
	var list []KeyInfo
	for _, key := range held(r) {
		list = append(list, KeyInfo{
			Tag: key.Tag, ID: key.ID(), Algorithm: key.Algorithm, State: r.State(key, now),
			Made: key.Made.UTC(), Activates: key.Activates.UTC(), Retires: key.Retires.UTC(),
		})
	}
	return list
}

// Reload reads the source again; on any error the keys in force stay, unless they were
// read and only the rotation that was due could not be written. A keyring from New or
// from the environment has nothing to reload, which is an error.
func (k *Keyring) Reload(ctx context.Context) error {
	if k.live == nil || k.live.Load == nil {
		return k.fixed()
	}
	_, err := k.live.Reload(ctx)
	return err
}

// Live is for the other packages of this module: the engine that signs, verifies
// and swaps. It is nil for the zero Keyring.
func (k *Keyring) Live() *ring.Live { return k.live }

// fixed returns the error that says where the keys of k are changed.
func (k *Keyring) fixed() error {
	if k.home == "" {
		return errors.New("keyring: the zero Keyring holds no keys: use New, FromEnv, FromFile, FromFunc, FromStore or FromURL")
	}
	return errors.New("keyring: " + k.home)
}

// ring returns the ring in force, nil for the zero Keyring.
func (k *Keyring) ring() *ring.Ring {
	if k.live == nil {
		return nil
	}
	return k.live.Ring()
}

// held returns the keys of r, none if it is nil.
func held(r *ring.Ring) []*ring.Key {
	if r == nil {
		return nil
	}
	return r.Keys()
}

// String returns the tags of the keys, newest first.
func (k Keyring) String() string {
	var tags []string
	for _, key := range held(k.ring()) {
		tags = append(tags, key.Tag)
	}
	return "keyring(" + strings.Join(tags, " ") + ")"
}

// Format writes the tags of the keys, whatever the verb.
func (k Keyring) Format(f fmt.State, _ rune) { io.WriteString(f, k.String()) }

// MarshalText returns the tags of the keys. Encoders of JSON and of logs use it.
func (k Keyring) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/sessionring/sessionring/keyring"
)

// place is where keys are kept and changed: a file, or running instances.
type place interface {
	report(context.Context) (*report, error)
	rotate(ctx context.Context, alg string) (named, error)
	revoke(ctx context.Context, key string) (named, error)
	drop(ctx context.Context, key string, force bool) (named, error)
}

// place returns the one that the flags of the call name.
func (c *call) place() (place, error) {
	if c.server != "" {
		return newServer(c)
	}
	return &keyFile{c.file, c.lifetime}, nil
}

// named is a key that was changed.
type named struct {
	Tag         string    `json:"tag"`
	KID         string    `json:"kid"`
	Activates   time.Time `json:"activates,omitzero"`    // a new key that only co-signs until then
	NeededUntil time.Time `json:"needed_until,omitzero"` // a key that was dropped by force before this date
	Forced      bool      `json:"forced,omitempty"`      // and whether tokens may have needed it
}

// generate prints a new secret and nothing else.
func generate(_ context.Context, c *call) error {
	secret := newSecret()
	if c.json {
		return writeJSON(c.out, map[string]string{"secret": secret})
	}
	_, err := fmt.Fprintln(c.out, secret)
	return err
}

// newSecret returns 32 random bytes in hex.
func newSecret() string {
	raw := make([]byte, 32)
	rand.Read(raw) // never fails
	return hex.EncodeToString(raw)
}

// initFile makes a keyring file; it never overwrites one.
func initFile(ctx context.Context, c *call) error {
	if err := keyring.InitFileFor(c.file, cmp.Or(c.alg, "HS256")); err != nil {
		return err
	}
	return afterwards(c.file+" is made", listKeys(ctx, c))
}

// listKeys shows the keys, newest first.
func listKeys(ctx context.Context, c *call) error {
	p, err := c.place()
	if err != nil {
		return err
	}
	r, err := p.report(ctx)
	if err != nil {
		return err
	}
	if c.json {
		return writeJSON(c.out, map[string]any{"keys": r.Keys})
	}
	return writeKeys(c.out, r.Keys)
}

// rotate adds a key that is current from now on, or from its activation.
func rotate(ctx context.Context, c *call) error {
	return c.change("is the current key now; the others stay as they are", func(p place) (named, error) { return p.rotate(ctx, c.alg) })
}

// revoke withdraws a key.
func revoke(ctx context.Context, c *call) error {
	return c.change("is revoked", func(p place) (named, error) { return p.revoke(ctx, c.key) })
}

// drop removes a key that nothing needs any more.
func drop(ctx context.Context, c *call) error {
	return c.change("is dropped", func(p place) (named, error) { return p.drop(ctx, c.key, c.force) })
}

// change makes a change and says so.
func (c *call) change(what string, change func(place) (named, error)) error {
	p, err := c.place()
	if err != nil {
		return err
	}
	k, err := change(p)
	if err != nil {
		return err
	}
	switch {
	case k.Forced:
		what = "is dropped by force: who holds a token for which no other live key has vouched must sign in again"
	case !k.Activates.IsZero():
		what = "co-signs now, and is the current key from " + k.Activates.Format(time.RFC3339) + " on"
	}
	what = plain(k.KID) + " " + what
	if c.json {
		err = writeJSON(c.out, k)
	} else {
		_, err = fmt.Fprintln(c.out, what)
	}
	return afterwards(what, err)
}

package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sessionring/sessionring/keyring"
)

// keyFile is a keyring file, and the longest lifetime of tokens under its keys.
type keyFile struct {
	path     string
	lifetime time.Duration
}

// report says what can be said by the dates in the file.
func (f *keyFile) report(context.Context) (*report, error) {
	keys, err := keyring.FromFile(f.path)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	return &report{Time: now.UTC().Truncate(time.Second), Version: current(keys), Keys: dated(keys.List(), f.lifetime, now)}, nil
}

// current returns the tag of the current key.
func current(keys *keyring.Keyring) string {
	for _, k := range keys.List() {
		if k.State == "current" {
			return k.Tag
		}
	}
	return ""
}

func (f *keyFile) rotate(ctx context.Context, alg string) (named, error) {
	keys, err := keyring.FromFile(f.path)
	if err != nil {
		return named{}, err
	}
	rotate := keys.Rotate
	if alg != "" {
		rotate = func(ctx context.Context) (string, error) { return keys.RotateTo(ctx, alg) }
	}
	tag, err := rotate(ctx)
	if err != nil {
		return named{}, err
	}
	k := nameOf(keys, tag)
	for _, i := range keys.List() {
		if i.ID == k.KID && i.State == "spare" {
			k.Activates = i.Activates
		}
	}
	return k, nil
}

func (f *keyFile) revoke(ctx context.Context, key string) (named, error) {
	keys, err := keyring.FromFile(f.path)
	if err != nil {
		return named{}, err
	}
	if err := keys.Revoke(ctx, key); err != nil {
		return named{}, err
	}
	return nameOf(keys, key), nil
}

// nameOf returns the names of the one key that key names.
func nameOf(keys *keyring.Keyring, key string) named {
	if k := keys.Live().Ring().Find(key); k != nil {
		return named{Tag: k.Tag, KID: k.ID()}
	}
	return named{KID: key}
}

// drop removes a key if no token needs it, by the dates in the file, or if it must.
func (f *keyFile) drop(ctx context.Context, key string, force bool) (named, error) {
	keys, err := keyring.FromFile(f.path)
	if err != nil {
		return named{}, err
	}
	list := dated(keys.List(), f.lifetime, time.Now())
	name := nameOf(keys, key)
	i := slices.IndexFunc(list, func(k keyState) bool { return k.ID == name.KID })
	if i < 0 {
		return name, keys.Drop(ctx, key) // which says what is wrong with the name
	}
	if err := f.needed(list[i]); err != nil {
		if !force || list[i].State == "current" {
			return named{}, err
		}
		name.Forced, name.NeededUntil = true, list[i].DroppableFrom
	}
	if err := keys.Retire(ctx, name.KID); err != nil {
		return named{}, err
	}
	return name, keys.Drop(ctx, name.KID)
}

// needed returns why k must stay, or nil if it may go.
func (f *keyFile) needed(k keyState) error {
	switch {
	case k.Droppable == "yes":
		return nil
	case k.State == "current":
		return &failure{status: refused, Word: "in_use", Message: fmt.Sprintf("keyring: %s is the current key: rotate first, and drop it from the date on that list shows then", k.ID)}
	case k.Droppable == "unknown":
		return unsure("%s may still be needed: it, or the key after it, has no date (iat) in %s, so it cannot be told since when tokens have another key; drop -force removes it all the same", k.ID, f.path)
	case k.DroppableFrom.IsZero():
		return &failure{status: refused, Word: "in_use", Message: fmt.Sprintf(
			"keyring: %s becomes the current key on %s, so from when it may go can only be said when a newer key has taken its place; drop -force removes it now, and who holds a token for which no other live key has vouched must sign in again",
			k.ID, date(k.Activates))}
	}
	return &failure{status: refused, Word: "in_use", DroppableFrom: k.DroppableFrom, Message: fmt.Sprintf(
		"keyring: %s may still be needed by tokens for which no other live key has vouched: drop it from %s on, or now with -force, and who holds such a token must sign in again",
		k.ID, dateFrom(k.DroppableFrom))}
}

package session

import (
	"context"
	"errors"
	"reflect"
	"time"

	"github.com/sessionring/sessionring/keyring"
)

// retire lets the time of those keys end that no token needs any more. It does so for
// a keyring in the store of this Manager only: all who issue tokens under its keys
// report there. A file may serve others too, of whom nothing is known here.
func (m *Manager) retire(ctx context.Context, l *ledger, now time.Time) error {
	if !same(m.live.Home, m.cfg.Store) {
		return nil
	}
	for _, k := range m.cfg.Keys.List() {
		known := l.Keys[m.live.Ring().Find(k.ID).Fingerprint]
		if k.State != "previous" || known == nil || now.Before(time.Unix(known.Until, 0).Add(afterLast)) {
			continue
		}
		if err := m.retireOne(ctx, k); err != nil {
			return err
		}
	}
	return nil
}

// retireOne lets the time of one key end, unless live sessions need it.
func (m *Manager) retireOne(ctx context.Context, k keyring.KeyInfo) error {
	from, lost, err := m.SafeToDrop(ctx, k.ID)
	if err != nil || lost > 0 || time.Now().Before(from) {
		return err
	}
	if err := m.cfg.Keys.Retire(ctx, k.ID); err != nil && !errors.Is(err, keyring.ErrInUse) {
		return unavailable(err)
	}
	m.cfg.Logger.InfoContext(ctx, "key retired", "version", k.Tag, "kid", k.ID)
	m.emit(ctx, hookKey, Event{Name: "key retired", Tag: k.Tag})
	m.noticeKeys(ctx)
	return nil
}

// same reports whether a and b are one and the same store.
func same(a, b any) bool {
	t := reflect.TypeOf(a)
	return t != nil && t == reflect.TypeOf(b) && t.Comparable() && a == b
}

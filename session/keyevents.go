package session

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
)

// seenKeys is the keys as they were reported last: no more of them than events tell.
type seenKeys struct {
	mu      sync.Mutex
	print   string // fingerprint of the ring
	current string // fingerprint of the key that signed, "" if none did
	keys    []seenKey
}

// seenKey is one of them.
type seenKey struct {
	print, tag, kid string
	revoked         bool
	present         bool // with its material: of a revoked key the kid may be left alone
}

// keyEvent is what has become of a key.
type keyEvent struct {
	name string
	key  seenKey
}

// noticeKeys reports what has become of the keys since the last time, once, whoever
// loaded them, and also if only time has passed.
func (m *Manager) noticeKeys(ctx context.Context) {
	r, others, list := m.seenKeys.look(m.live)
	if others {
		m.evidence.join(r, nil, time.Now())
		m.cfg.Logger.InfoContext(ctx, "keyring reloaded", "ring", r.Fingerprint(), "tags", tags(r))
		m.emit(ctx, hookKey, Event{Name: "keyring reloaded", Tag: m.Version()})
	}
	for _, e := range list {
		m.cfg.Logger.InfoContext(ctx, e.name, "version", e.key.tag, "kid", e.key.kid)
		m.emit(ctx, hookKey, Event{Name: e.name, Tag: e.key.tag})
	}
}

// look returns the ring in force, whether its keys are others than at the last look, and
// what has become of single ones. The ring and the time are those of the turn, so that
// a look which had to wait for another takes nothing back.
func (s *seenKeys) look(live *ring.Live) (r *ring.Ring, others bool, list []keyEvent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, now := live.Ring(), time.Now()
	var keys []seenKey
	for _, k := range r.Keys() {
		keys = append(keys, seen(k))
	}
	if !slices.Equal(s.keys, keys) {
		list = gone(s.keys, keys)
	}
	current := ""
	if k := r.Current(now); k != nil {
		if current = k.Fingerprint; current != s.current {
			list = append(list, keyEvent{"key activated", seen(k)})
		}
	}
	print := r.Fingerprint()
	others = print != s.print
	s.print, s.current, s.keys = print, current, keys
	return r, others, list
}

// seen returns what is kept of k.
func seen(k *ring.Key) seenKey {
	return seenKey{print: k.Fingerprint, tag: k.Tag, kid: k.ID(), revoked: k.Revoked, present: k.Identity != ""}
}

// gone returns which keys are revoked now and were not before, and which were dropped.
func gone(before, now []seenKey) (list []keyEvent) {
	was, is := byPrint(before), byPrint(now)
	for _, k := range now {
		if k.revoked && !was[k.print].revoked {
			list = append(list, keyEvent{"key revoked", k})
		}
	}
	for _, k := range before {
		if k.present && !is[k.print].present {
			list = append(list, keyEvent{"key dropped", k})
		}
	}
	return list
}

// byPrint returns keys by their fingerprints, which no two have.
func byPrint(keys []seenKey) map[string]seenKey {
	m := map[string]seenKey{}
	for _, k := range keys {
		m[k.print] = k
	}
	return m
}

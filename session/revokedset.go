package session

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
)

// sessionKey is a session id as it is held in memory: its 16 bytes.
type sessionKey [16]byte

// keyOf returns the key of a session id. Ids of other issuers, which may have any
// form, are hashed; of those that are spelled otherwise, too: they are other ids.
func keyOf(sid string) sessionKey {
	if k, ok := ring.DecodeID(sid); ok {
		return k
	}
	sum := sha256.Sum256([]byte(sid))
	return sessionKey(sum[:16])
}

// revokedSet is the sessions that have ended, in memory. Checks look into it without a
// lock; it is sharded, so that what is made anew while it grows stays small. A million
// ids take some 50 MB.
type revokedSet struct {
	shards [256]endedShard
	before atomic.Int64 // sessions that began before this have ended; Unix seconds
}

// endedShard is a hash table with open addressing. It is written under the lock, and
// replaced by a larger one before it is too full.
type endedShard struct {
	mu    sync.Mutex
	taken int
	slots atomic.Pointer[[]endedSlot] // a power of two of them, a quarter of them free; nil: none
}

// endedSlot is an ended session, or free while until is 0. Its key is written before
// until is, and never after.
type endedSlot struct {
	key   sessionKey
	until atomic.Int64 // Unix seconds
}

// leastSlots is how many slots a table begins with.
const leastSlots = 8

// slotOf returns the slot of k among slots, or the free one that would be its own, and
// what until was when that was decided: a free one may be another's a moment later.
func slotOf(slots []endedSlot, k sessionKey) (slot *endedSlot, until int64) {
	sum := binary.LittleEndian.Uint64(k[:8]) ^ bits.RotateLeft64(binary.LittleEndian.Uint64(k[8:]), 32)
	for i := int(sum * 0x9e3779b97f4a7c15 >> 33); ; i++ {
		slot = &slots[i&(len(slots)-1)]
		if until = slot.until.Load(); until == 0 || slot.key == k {
			return slot, until
		}
	}
}

// put notes k in slots, and reports whether it is new there.
func put(slots []endedSlot, k sessionKey, until int64) (added bool) {
	slot, had := slotOf(slots, k)
	if added = had == 0; added {
		slot.key = k
	}
	raise(&slot.until, max(until, 1))
	return added
}

// add notes what n says.
func (s *revokedSet) add(n notice) {
	raise(&s.before, n.Before)
	if n.Session == "" {
		return
	}
	k := keyOf(n.Session)
	shard := &s.shards[k[0]]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	slots := shard.slots.Load()
	if slots == nil || 4*(shard.taken+1) > 3*len(*slots) {
		slots = shard.renew(2*shard.taken, 0)
	}
	if put(*slots, k, n.Until) {
		shard.taken++
	}
}

// renew makes a table with room for size sessions of those that last beyond a time, and
// puts it in the place of the old one.
func (s *endedShard) renew(size int, beyond int64) *[]endedSlot {
	n := leastSlots
	for 4*size > 3*n {
		n *= 2
	}
	slots, taken := make([]endedSlot, n), 0
	if old := s.slots.Load(); old != nil {
		for i := range *old {
			if slot := &(*old)[i]; slot.until.Load() > beyond {
				put(slots, slot.key, slot.until.Load())
				taken++
			}
		}
	}
	s.taken = taken
	s.slots.Store(&slots)
	return &slots
}

// has reports whether the session of c has ended.
func (s *revokedSet) has(c *Claims) bool {
	if c.AuthTime.Unix() < s.before.Load() {
		return true
	}
	return s.knows(c.SessionID)
}

// knows reports whether a session was ended by itself.
func (s *revokedSet) knows(sid string) bool {
	k := keyOf(sid)
	slots := s.shards[k[0]].slots.Load()
	if slots == nil {
		return false
	}
	_, until := slotOf(*slots, k)
	return until != 0
}

// sweep forgets the sessions of which no token can be about any more. Each shard
// is locked for its own part only, and made anew, so that memory is given back.
func (s *revokedSet) sweep(now time.Time) {
	for i := range s.shards {
		s.shards[i].sweep(now.Unix())
	}
}

func (s *endedShard) sweep(now int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	slots := s.slots.Load()
	if slots == nil {
		return
	}
	kept := 0
	for i := range *slots {
		if (*slots)[i].until.Load() > now {
			kept++
		}
	}
	switch {
	case kept == 0:
		s.taken = 0
		s.slots.Store(nil)
	case kept < s.taken:
		s.renew(kept+1, now)
	}
}

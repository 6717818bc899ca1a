package keyring

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
)

// serial returns how often the set has been changed since there is one, by its member
// serial; 0 if it has none, or one that is no number to count on.
func (s *set) serial() int64 {
	for _, m := range s.members {
		if n, err := strconv.ParseInt(string(m.Raw), 10, 32); m.Name == "serial" && err == nil {
			return n
		}
	}
	return 0
}

// count raises the serial, above that of another set too.
func (s *set) count(other int64) {
	s.members = with(s.members, "serial", strconv.AppendInt(nil, max(s.serial(), other)+1, 10))
}

// counted returns a change that raises the serial as well, and notes what it removes.
func counted(c change) change {
	return func(s *set, now time.Time) error {
		before := slices.Clone(s.entries)
		if err := c(s, now); err != nil {
			return err
		}
		var gone []string
		for _, e := range before {
			if s.index(e.key) < 0 {
				gone = append(gone, e.key.Fingerprint)
			}
		}
		s.bury(gone)
		s.count(0)
		return nil
	}
}

// maxDropped is how many keys that are gone a set remembers. They are many years'.
const maxDropped = 1024

// dropped returns the fingerprints of the keys that have been removed, by the member
// dropped. A key that s lacks and does not name there is one that s never held.
func (s *set) dropped() (prints []string) {
	for _, m := range s.members {
		if m.Name == "dropped" && json.Unmarshal(m.Raw, &prints) != nil {
			return nil
		}
	}
	return prints
}

// bury adds to the keys that have been removed. The oldest are forgotten in the end.
func (s *set) bury(prints []string) {
	all := s.dropped()
	for _, p := range prints {
		if !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	if len(all) > 0 {
		raw, _ := json.Marshal(all[max(0, len(all)-maxDropped):]) // strings always have an encoding
		s.members = with(s.members, "dropped", raw)
	}
}

// index returns where s holds k, by its fingerprint; -1 if it does not.
func (s *set) index(k *ring.Key) int {
	return slices.IndexFunc(s.entries, func(e entry) bool { return e.key.Fingerprint == k.Fingerprint })
}

// join adds to s what other knows of keys, whichever is newer and whether one was made
// of the other or both of a third: keys that s never held, ends that keys have come to,
// and removals. All of these go one way only, so sets that are joined in any order come
// to hold the same. It reports whether there was anything to add.
func (s *set) join(other *set, now time.Time) bool {
	added, gone := false, s.dropped()
	for _, e := range other.entries {
		i := s.index(e.key)
		switch {
		case i < 0 && (e.key.Revoked || !slices.Contains(gone, e.key.Fingerprint)):
			s.entries, added = append(s.entries, e), true
		case i >= 0 && stage(e.key, now) > stage(s.entries[i].key, now):
			s.entries[i], added = e, true
		}
	}
	gone, n := other.dropped(), len(s.entries)
	s.entries = slices.DeleteFunc(s.entries, func(e entry) bool { // a revoked key is remembered
		return !e.key.Revoked && slices.Contains(gone, e.key.Fingerprint)
	})
	s.bury(gone)
	s.count(other.serial())
	return added || len(s.entries) < n
}

// keepSigning makes a key if none is left to sign with: each of two sets that are joined
// may have ended the time of the other's current key.
func (s *set) keepSigning(now time.Time, algorithm string) (err error) {
	if s.ring, err = ring.New(s.keys()); err != nil || s.ring.Current(now) != nil {
		return err
	}
	s.algorithm = algorithm
	_, err = s.rotate(now, 0)
	return err
}

// The stages of a key, which it passes in one direction only.
const (
	live = iota
	retired
	revoked
	forgotten // revoked, and its secret gone
)

func stage(k *ring.Key, now time.Time) int {
	switch {
	case k.Live(now):
		return live
	case !k.Revoked:
		return retired
	case k.Identity != "":
		return revoked
	}
	return forgotten
}

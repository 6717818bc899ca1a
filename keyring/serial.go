package keyring

import (
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

// counted returns a change that raises the serial as well.
func counted(c change) change {
	return func(s *set, now time.Time) error {
		if err := c(s, now); err != nil {
			return err
		}
		s.count(0)
		return nil
	}
}

// join adds to s what other, a set that is not newer, knows of all the same: keys that
// are newer than those of s, and ends that keys have come to. An older key that s
// lacks has been dropped.
func (s *set) join(other *set, now time.Time) {
	newest := slices.MaxFunc(s.keys(), func(a, b *ring.Key) int { return a.Made.Compare(b.Made) }).Made
	for _, e := range other.entries {
		i := slices.IndexFunc(s.entries, func(have entry) bool { return have.key.Fingerprint == e.key.Fingerprint })
		switch {
		case i < 0 && !e.key.Made.Before(newest):
			s.entries = append(s.entries, e)
		case i >= 0 && stage(e.key, now) > stage(s.entries[i].key, now):
			s.entries[i] = e
		}
	}
	s.count(other.serial())
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

package main

import (
	"slices"
	"time"

	"github.com/sessionring/sessionring/keyring"
)

// margin is added to the longest lifetime of a token: servers come by a new key
// later than it is made.
const margin = 24 * time.Hour

// keyState is a key and whether it may go.
type keyState struct {
	keyring.KeyInfo
	LastNeeded    time.Time `json:"last_needed,omitzero"`
	NeededHour    int       `json:"needed_hour,omitempty"` // tokens that needed it in the last hour
	Droppable     string    `json:"droppable,omitempty"`   // yes, no or unknown
	DroppableFrom time.Time `json:"droppable_from,omitzero"`
	SessionsLost  *int      `json:"sessions_lost,omitempty"` // by dropping it now
}

// dated says of every key, newest first, whether it may go by the dates of the others.
func dated(list []keyring.KeyInfo, lifetime time.Duration, now time.Time) []keyState {
	keys := make([]keyState, len(list))
	for i, k := range list {
		keys[i].KeyInfo = k
		keys[i].Droppable, keys[i].DroppableFrom = mayGo(list, i, lifetime, now)
		keys[i].undate(now)
	}
	return keys
}

// undate takes the date away from which a key may go if it will be the current key by
// then, and cannot: when it may go cannot be said before it has a successor.
func (k *keyState) undate(now time.Time) {
	if k.waits(now) && k.Droppable == "no" && !k.DroppableFrom.Before(k.Activates) {
		k.DroppableFrom = time.Time{}
	}
}

// waits reports whether k only co-signs now, and will be the current key.
func (k *keyState) waits(now time.Time) bool { return k.State == "spare" && now.Before(k.Activates) }

// mayGo reports whether the key i may go, and from when.
//
// Since the key after it was made, all tokens for which it vouches have that one
// too; what was issued before has ended when the longest lifetime has passed.
func mayGo(list []keyring.KeyInfo, i int, lifetime time.Duration, now time.Time) (droppable string, from time.Time) {
	k := list[i]
	switch k.State {
	case "retired", "revoked":
		return "yes", time.Time{}
	case "current":
		return "no", time.Time{}
	}
	after := successor(list, i)
	if k.Made.IsZero() || after.Made.IsZero() {
		return "unknown", time.Time{}
	}
	if from = after.Made.Add(lifetime + margin); now.Before(from) {
		return "no", from
	}
	return "yes", from
}

// successor returns the key that vouches for what the key i vouches for: the next
// newer one that is live and no spare, else the current one. A spare vouches beside
// the current one only.
func successor(list []keyring.KeyInfo, i int) keyring.KeyInfo {
	if list[i].State == "previous" {
		for _, k := range slices.Backward(list[:i]) {
			if k.State == "current" || k.State == "previous" {
				return k
			}
		}
	}
	for _, k := range list {
		if k.State == "current" {
			return k
		}
	}
	return keyring.KeyInfo{}
}

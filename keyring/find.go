package keyring

import (
	"strings"

	"github.com/sessionring/sessionring/internal/ring"
)

// find returns the keys that name names: by the whole kid of a JWK Set, by the
// fingerprint in a kid of the form tag.fingerprint, or by their tag. More than one
// means that name is ambiguous.
func find(keys []*ring.Key, name string) []*ring.Key {
	if name == "" {
		return nil
	}
	if found := those(keys, func(k *ring.Key) bool { return k.SetKID == name }); found != nil {
		return found
	}
	if w, ok := ring.Withdrawn(name); ok {
		if found := those(keys, func(k *ring.Key) bool { return k.Fingerprint == w.Fingerprint }); found != nil {
			return found
		}
	}
	return those(keys, func(k *ring.Key) bool { return k.Tag == name })
}

// those returns the keys that have a property.
func those(keys []*ring.Key, have func(*ring.Key) bool) []*ring.Key {
	var found []*ring.Key
	for _, k := range keys {
		if have(k) {
			found = append(found, k)
		}
	}
	return found
}

// kids lists the kids of keys for a message.
func kids(keys []*ring.Key) string {
	var list []string
	for _, k := range keys {
		list = append(list, k.ID())
	}
	return strings.Join(list, ", ")
}

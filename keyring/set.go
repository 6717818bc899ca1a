package keyring

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
	"github.com/sessionring/sessionring/internal/strictjson"
)

// set is a JWK Set (RFC 7517, section 5) with all that stands in it, so that it can
// be written again.
type set struct {
	where     string              // for messages
	members   []strictjson.Member // of the whole
	entries   []entry             // its keys, in order
	ring      *ring.Ring          // of those keys
	algorithm string              // of new keys; "": that of the newest
}

// entry is one key of a set.
type entry struct {
	members []strictjson.Member
	key     *ring.Key
}

// maxSet is the size of the largest set, in bytes.
const maxSet = 1 << 20

// parseSet reads a set. It says of every fault where it is.
func parseSet(where string, data []byte) (*set, error) { return parseSetBy(where, data, parseEntry) }

// parseSetBy is parseSet with another reader of its entries.
func parseSetBy(where string, data []byte, parse func(source string, raw json.RawMessage) (entry, error)) (*set, error) {
	s := &set{where: where}
	var f faults
	raws, err := s.open(data)
	if err != nil {
		f.addf("%s %w", where, err)
	}
	for i, raw := range raws {
		e, err := parse(fmt.Sprintf("%s: key %d", where, i+1), raw)
		f.add(err)
		s.entries = append(s.entries, e)
	}
	s.clashes(&f)
	s.ring, err = ring.New(s.keys())
	f.add(err)
	return s, f.err()
}

var errEmptySet = errors.New("holds no key")

// open reads the members of the whole, and returns its keys as they stand.
func (s *set) open(data []byte) ([]json.RawMessage, error) {
	if len(data) > maxSet {
		return nil, fmt.Errorf("is larger than %d bytes", maxSet)
	}
	var err error
	if s.members, err = strictjson.Object(data); err != nil {
		return nil, fmt.Errorf("is no JWK Set: %w", err)
	}
	i := slices.IndexFunc(s.members, func(m strictjson.Member) bool { return m.Name == "keys" })
	if i < 0 || s.members[i].Raw[0] != '[' {
		return nil, errors.New(`is no JWK Set: it must have an array "keys" (RFC 7517, section 5)`)
	}
	var raws []json.RawMessage
	if err := json.Unmarshal(s.members[i].Raw, &raws); err != nil {
		return nil, fmt.Errorf("is no JWK Set: %w", strictjson.ErrSyntax)
	}
	if len(raws) == 0 {
		return nil, errEmptySet
	}
	return raws, nil
}

// clashes notes keys whose names are those of others: a kid must select one key.
func (s *set) clashes(f *faults) {
	byKID, byID := map[string]*ring.Key{}, map[string]*ring.Key{}
	for _, k := range s.keys() {
		if first := byKID[k.SetKID]; first != nil && k.SetKID != "" {
			f.addf("%s has the kid of %s: give each key its own", k.Source, first.Source)
			continue
		}
		byKID[k.SetKID], byID[k.ID()] = k, k
	}
	for _, k := range s.keys() {
		if other := byID[k.SetKID]; other != nil && other.Fingerprint != k.Fingerprint && byKID[k.SetKID] == k {
			f.addf("%s has a kid that means %s, whose tag and fingerprint it is: give it its own", k.Source, other.Source)
		}
	}
}

// keys returns the keys, newest first: by the date they were made if all have one
// that still have their material, else as they stand.
func (s *set) keys() []*ring.Key {
	var keys []*ring.Key
	dated := true
	for _, e := range s.entries {
		if e.key != nil { // nil if it is at fault
			keys = append(keys, e.key)
			dated = dated && (!e.key.Made.IsZero() || e.key.Identity == "")
		}
	}
	if dated {
		slices.SortStableFunc(keys, func(a, b *ring.Key) int { return b.Made.Compare(a.Made) })
	}
	return keys
}

// signing returns the ring of s, which must have a key that can sign, or else only
// public ones, one of them live.
func (s *set) signing(now time.Time) (*ring.Ring, error) {
	if s.ring.Current(now) == nil && !(s.public() && anyLive(s.keys(), now)) {
		return nil, fmt.Errorf("keyring: %s has no key left to sign with: all are retired or revoked; add a new one", s.where)
	}
	return s.ring, nil
}

// public reports whether s holds no secret, whatever has become of its key.
func (s *set) public() bool {
	return !slices.ContainsFunc(s.keys(), func(k *ring.Key) bool { return k.Identity != "" && (k.Signs() || k.Public() == nil) })
}

// entry returns the entry of k.
func (s *set) entry(k *ring.Key) *entry {
	return &s.entries[slices.IndexFunc(s.entries, func(e entry) bool { return e.key == k })]
}

// encode returns the set as it is written to a file.
func (s *set) encode() ([]byte, error) {
	var keys bytes.Buffer
	for i, e := range s.entries {
		keys.WriteByte("[,"[min(i, 1)])
		writeObject(&keys, e.members)
	}
	keys.WriteByte(']')
	var all, pretty bytes.Buffer
	writeObject(&all, with(s.members, "keys", keys.Bytes()))
	if err := json.Indent(&pretty, all.Bytes(), "", "  "); err != nil {
		return nil, err
	}
	pretty.WriteByte('\n')
	return pretty.Bytes(), nil
}

// writeObject writes members as one object.
func writeObject(b *bytes.Buffer, members []strictjson.Member) {
	for i, m := range members {
		b.WriteByte("{,"[min(i, 1)])
		name, _ := json.Marshal(m.Name) // a string always has an encoding
		b.Write(name)
		b.WriteByte(':')
		b.Write(m.Raw)
	}
	b.WriteByte('}')
}

// with returns members with one of them set to raw.
func with(members []strictjson.Member, name string, raw json.RawMessage) []strictjson.Member {
	members = slices.Clone(members)
	for i, m := range members {
		if m.Name == name {
			members[i].Raw = raw
			return members
		}
	}
	return append(members, strictjson.Member{Name: name, Raw: raw})
}

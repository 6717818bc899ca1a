package dashboard

import (
	"encoding/json"
	"maps"
)

// Kinds of what is counted.
const (
	verified = "verified" // access tokens that were accepted, by tag
	refused  = "refused"  // tokens that were not, by reason
	verdicts = "health"   // answers of the health handler, by status
	living   = "sessions" // live sessions by tag, as counted last
)

// tally is what happened in one interval: by kind, then by name.
type tally map[string]map[string]int64

// maxNames bounds the names of one kind, and so the size of a tally.
const (
	maxNames = 16
	others   = "others" // what all further names are counted under
)

// add adds n of a kind under a name.
func (t tally) add(kind, name string, n int64) {
	if n <= 0 {
		return
	}
	if t[kind] == nil {
		t[kind] = map[string]int64{}
	}
	if _, known := t[kind][name]; !known && len(t[kind]) >= maxNames {
		name = others
	}
	t[kind][name] += n
}

// merge adds a later tally to t. Of sessions the later count stands.
func (t tally) merge(later tally) {
	for kind, names := range later {
		if kind == living {
			t[living] = nil
		}
		for name, n := range names {
			t.add(kind, name, n)
		}
	}
}

// decodeTally reads a tally. What cannot be read counts nothing: a history is no
// reason to fail.
func decodeTally(data []byte) tally {
	read := tally{}
	if json.Unmarshal(data, &read) != nil {
		return tally{}
	}
	t := tally{}
	t.merge(read) // which holds it to its bounds
	return t
}

func (t tally) encode() []byte {
	kept := maps.Clone(t)
	maps.DeleteFunc(kept, func(_ string, names map[string]int64) bool { return names == nil })
	data, _ := json.Marshal(kept) // strings and numbers always encode
	return data
}

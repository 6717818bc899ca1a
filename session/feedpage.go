package session

import (
	"encoding/base64"
	"encoding/json"
	"errors"

	"github.com/sessionring/sessionring/internal/strictjson"
)

// Bounds of one answer of the feed, in bytes. An entry of ours has about 45.
const (
	pageSize = 1 << 20 // of entries, or a single entry that is longer
	maxPage  = 2 << 20 // of an answer that is read
	maxPlace = 16 << 10
	maxSID   = 4 << 10
)

// page is one answer of ServeRevocations, as JSON.
type page struct {
	Entries []json.RawMessage `json:"entries"` // as a notice encodes
	After   string            `json:"after"`   // where to go on
	More    bool              `json:"more"`    // at once, since there is more already
}

func (p page) encode() []byte {
	if p.Entries == nil {
		p.Entries = []json.RawMessage{}
	}
	data, err := json.Marshal(p)
	if err != nil {
		panic("session: " + err.Error()) // the entries have been read before
	}
	return data
}

var errPage = errors.New("answered with something else than ended sessions")

// decodePage reads a page: one object with these three members, of entries that are
// all understood. One that is not might be the end of a session.
func decodePage(data []byte) (p page, err error) {
	members, err := strictjson.Object(data)
	if err != nil || len(members) != 3 {
		return p, errPage
	}
	for _, m := range members {
		var into any
		switch m.Name {
		case "entries":
			into = &p.Entries
		case "after":
			into = &p.After
		case "more":
			into = &p.More
		}
		if into == nil || string(m.Raw) == "null" || json.Unmarshal(m.Raw, into) != nil {
			return p, errPage
		}
	}
	for _, e := range p.Entries {
		if _, ok := decodeNotice(e); !ok {
			return p, errPage
		}
	}
	if p.After == "" || len(p.After) > maxPlace {
		return p, errPage
	}
	return p, nil
}

// place is where a reader of the feed is: behind a cursor of the store, or on the way
// through the pages of one long reading.
type place struct {
	Cursor []byte `json:"c,omitempty"`
	Last   []byte `json:"l,omitempty"` // the last entry of the pages so far, in their order
	Next   []byte `json:"n,omitempty"` // the cursor behind them all
}

// String returns the place as others send it back, which is never "".
func (p place) String() string {
	data, _ := json.Marshal(p) // bytes always encode
	return base64.RawURLEncoding.EncodeToString(data)
}

// parsePlace undoes String. Any other text is the start.
func parsePlace(text string) (p place) {
	if len(text) > maxPlace {
		return place{}
	}
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(data, &p) != nil || p.String() != text {
		return place{}
	}
	return p
}

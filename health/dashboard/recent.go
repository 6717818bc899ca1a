package dashboard

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sessionring/sessionring/session"
)

// incident is something that happened and that an operator should hear of. One that
// repeats itself within ten minutes stays one, and is counted.
type incident struct {
	Name    string `json:"name"` // that of the event
	Tag     string `json:"tag,omitempty"`
	Subject string `json:"subject,omitempty"`
	Session string `json:"session,omitempty"`
	Cause   string `json:"cause,omitempty"`
	Text    string `json:"text,omitempty"`
	By      string `json:"by,omitempty"` // whose request did it
	Time    int64  `json:"time"`         // of the last time, Unix seconds
	Times   int    `json:"times"`
}

// Bounds of what is kept. It is so many of each name, that many of one do not drive out
// the few of another.
const (
	incidentsKept  = 8 * 24 * time.Hour
	incidentsOfOne = 10
	namesOfThem    = 20 // there are fewer
	repeats        = 10 * 60
	maxText        = 160 // bytes
)

// recent is the incidents that are not yet written.
type recent struct {
	mu   sync.Mutex
	list []incident
}

// heard notes an event, and who brought it about, if that is known.
func (r *recent) heard(ctx context.Context, e session.Event) {
	i := incident{Name: e.Name, Tag: e.Tag, Subject: e.Subject, Session: e.SessionID, Cause: e.Cause, By: doer(ctx)}
	if e.Err != nil {
		i.Text = e.Err.Error()
	}
	r.note(i)
}

// doer returns whose request it is, "" if nobody's.
func doer(ctx context.Context) string {
	if c := session.FromContext(ctx); c != nil {
		return c.Subject
	}
	return ""
}

// revoked notes the end of a session, unless its user wanted it, or the return of a
// used token tells of it already.
func (r *recent) revoked(ctx context.Context, e session.Event) {
	if e.Cause != "sign-out" && e.Cause != "sign-in" && e.Cause != "reuse" {
		r.heard(ctx, e)
	}
}

// note notes an incident of now.
func (r *recent) note(i incident) {
	for _, text := range []*string{&i.Tag, &i.Subject, &i.Session, &i.Text, &i.By} {
		*text = cut(*text)
	}
	i.Time, i.Times = time.Now().Unix(), 1
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = joined(r.list, []incident{i}, i.Time)
}

// cut returns text of bounded length, in UTF-8.
func cut(text string) string {
	if len(text) > maxText {
		text = text[:maxText] + "…"
	}
	return strings.ToValidUTF8(text, "")
}

// joined returns the incidents of both lists, newest first like these, within the bounds.
// Of the same second those of b are the newer.
func joined(a, b []incident, now int64) []incident {
	all := append(slices.Clone(b), a...)
	slices.Reverse(all)
	slices.SortStableFunc(all, func(a, b incident) int { return cmp.Compare(a.Time, b.Time) })
	list, last := []incident{}, map[incident]int{} // where the last of each kind is
	for _, i := range all {
		kind := i
		kind.Time, kind.Times = 0, 0
		if n, seen := last[kind]; seen && i.Time-list[n].Time < repeats {
			list[n].Time, list[n].Times = i.Time, list[n].Times+i.Times
			continue
		}
		last[kind] = len(list)
		list = append(list, i)
	}
	slices.Reverse(list)
	slices.SortStableFunc(list, func(a, b incident) int { return cmp.Compare(b.Time, a.Time) })
	ofOne := map[string]int{}
	return slices.DeleteFunc(list, func(i incident) bool {
		ofOne[i.Name]++
		return ofOne[i.Name] > incidentsOfOne || len(ofOne) > namesOfThem || i.Time < now-int64(incidentsKept/time.Second)
	})
}

const recentID = "history:recent"

// writeRecent adds to the store what happened here.
func (h *history) writeRecent(ctx context.Context) error {
	h.recent.mu.Lock()
	list := h.recent.list
	h.recent.list = nil
	h.recent.mu.Unlock()
	if len(list) == 0 {
		return nil
	}
	now := time.Now()
	err := h.update(ctx, recentID, "", now.Add(incidentsKept), func(old []byte) []byte {
		data, _ := json.Marshal(joined(decodeIncidents(old), list, now.Unix())) // strings and numbers always encode
		return data
	})
	if err != nil { // for the next time
		h.recent.mu.Lock()
		h.recent.list = joined(list, h.recent.list, now.Unix())
		h.recent.mu.Unlock()
	}
	return err
}

// incidents returns what happened lately, newest first: what the store has, and what is
// not yet written.
func (h *history) incidents(ctx context.Context) ([]incident, error) {
	data, _, err := h.store.Get(ctx, recentID)
	h.recent.mu.Lock()
	defer h.recent.mu.Unlock()
	return joined(decodeIncidents(data), h.recent.list, time.Now().Unix()), err
}

// decodeIncidents reads incidents; what cannot be read is none.
func decodeIncidents(data []byte) (list []incident) {
	if json.Unmarshal(data, &list) != nil {
		return nil
	}
	return list
}

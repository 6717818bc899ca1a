package dashboard

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
)

// status is what an operator sees.
type status struct {
	Time      time.Time          `json:"time"`
	Version   string             `json:"version"` // tag of the key that signs
	Keys      []key              `json:"keys"`    // newest first
	Sessions  map[string]int     `json:"sessions,omitempty"`
	Refreshes map[string]int64   `json:"refreshes"`
	Health    map[string]int64   `json:"health,omitempty"`
	Instances []session.Instance `json:"instances"`
	Alerts    []session.Alert    `json:"alerts"`
	Error     string             `json:"error,omitempty"` // why some of it is missing
}

// key is one key.
type key struct {
	keyring.KeyInfo
	LastIssued    time.Time `json:"last_issued,omitzero"` // tokens that it signs; absent: not known
	LastNeeded    time.Time `json:"last_needed,omitzero"`
	NeededHour    int       `json:"needed_hour"`             // tokens that need it, in the last hour, here
	Droppable     string    `json:"droppable"`               // yes, no or unknown
	DroppableFrom time.Time `json:"droppable_from,omitzero"` // absent: unknown, or never
	SessionsLost  *int      `json:"sessions_lost,omitempty"` // if it went now; absent: unknown
}

// status answers GET.
func (b *board) status(w http.ResponseWriter, r *http.Request) {
	stats, err := b.cfg.Sessions.Stats(r.Context())
	if err == nil { // a store that hangs is not waited for twice
		b.history.write(r.Context(), stats.Sessions)
	}
	answer(w, http.StatusOK, b.statusOf(stats, err))
}

// statusOf says what an operator sees, of which err says that some is missing.
func (b *board) statusOf(stats session.Stats, err error) status {
	now := time.Now()
	s := status{
		Time: now.UTC().Truncate(time.Second), Version: b.cfg.Sessions.Version(), Keys: []key{},
		Sessions: stats.Sessions, Refreshes: stats.Refreshes,
		Instances: append([]session.Instance{}, stats.Instances...), Alerts: append([]session.Alert{}, stats.Alerts...),
	}
	if err != nil {
		s.Error = session.Reason(err)
	}
	issued := b.history.lastIssued()
	for _, k := range stats.Keys {
		d := describe(k, stats.Needs[k.ID], now)
		if at := issued[k.Tag]; at != 0 {
			d.LastIssued = time.Unix(at, 0).UTC()
			delete(issued, k.Tag) // of two keys with one tag the newest signs
		}
		s.Keys = append(s.Keys, d)
	}
	if b.cfg.Health != nil {
		s.Health = b.cfg.Health.Counts()
	}
	return s
}

// describe says what is known of a key at the time now.
func describe(k keyring.KeyInfo, n session.Need, now time.Time) key {
	d := key{KeyInfo: k, LastNeeded: n.Last, NeededHour: n.Hour, DroppableFrom: n.From}
	switch {
	case k.State == "retired" || k.State == "revoked":
		d.Droppable, d.SessionsLost = "yes", new(int)
	case n.From.IsZero():
		d.Droppable = "unknown"
	case k.State != "current" && !now.Before(n.From) && n.Sessions == 0:
		d.Droppable, d.SessionsLost = "yes", &n.Sessions
	default:
		d.Droppable, d.SessionsLost = "no", &n.Sessions
	}
	if k.State == "current" {
		d.Droppable, d.DroppableFrom = "no", time.Time{}
	}
	return d
}

// figures is the last report of the Manager. To make one it reads every record of the
// store, so pages that ask often share one: at most one part in twenty of the time is
// spent on it.
type figures struct {
	mu   sync.Mutex
	last session.Stats
	next time.Time
}

const figuresShare = 20

// of returns the report of m, made now unless that would be too often.
func (f *figures) of(ctx context.Context, m *session.Manager) (session.Stats, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	began := time.Now()
	if began.Before(f.next) {
		return f.last, nil
	}
	stats, err := m.Stats(ctx)
	f.last, f.next = stats, time.Time{}
	if err == nil {
		now := time.Now()
		f.next = now.Add((figuresShare - 1) * now.Sub(began))
	}
	return stats, err
}

// forget has the next report made anew.
func (f *figures) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next = time.Time{}
}

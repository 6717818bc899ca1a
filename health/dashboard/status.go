package dashboard

import (
	"context"
	"net/http"
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
	stats, err := b.report(r.Context())
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
	if k.State == "current" || signsBy(n.From, k, now) {
		d.Droppable, d.DroppableFrom = "no", time.Time{}
	}
	return d
}

// signsBy reports whether k is to become the current key, and will be when it might go:
// so when it may go cannot be said before it has a successor.
func signsBy(from time.Time, k keyring.KeyInfo, now time.Time) bool {
	return k.State == "spare" && now.Before(k.Activates) && !from.Before(k.Activates)
}

// figures is the last report of the Manager. To make one it reads every record of the
// store, so all who ask share one: at most one part in twenty of the time is spent on
// it, and a store that hangs is waited for once.
type figures struct {
	turn chan struct{} // holds one value while a report is made or looked at
	keys string        // that it was made for
	last session.Stats
	err  error
	next time.Time
}

const (
	figuresShare = 20
	figuresTime  = 10 * time.Second
)

// report returns the figures of the Manager for the keys that are in force.
func (b *board) report(ctx context.Context) (session.Stats, error) {
	keys := b.cfg.Sessions.Version()
	if b.cfg.Keys != nil {
		for _, k := range b.cfg.Keys.List() {
			keys += " " + k.ID + " " + k.State
		}
	}
	return b.figures.of(ctx, b.cfg.Sessions, keys)
}

// of returns the report of m, made now unless that would be too often and the keys are
// the same. Those who come while one is made that fails get that.
func (f *figures) of(ctx context.Context, m *session.Manager, keys string) (session.Stats, error) {
	came := time.Now()
	f.turn <- struct{}{}
	defer func() { <-f.turn }()
	began := time.Now()
	if came.Before(f.next) && keys == f.keys {
		return f.last, f.err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), figuresTime) // it is not for this one alone
	defer cancel()
	f.keys = keys
	f.last, f.err = m.Stats(ctx)
	f.next = time.Now()
	if f.err == nil {
		f.next = f.next.Add((figuresShare - 1) * f.next.Sub(began))
	}
	return f.last, f.err
}

// forget has the next report made anew.
func (f *figures) forget() {
	f.turn <- struct{}{}
	defer func() { <-f.turn }()
	f.next = time.Time{}
}

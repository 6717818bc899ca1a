package dashboard

import (
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
	LastNeeded    time.Time `json:"last_needed,omitzero"`
	NeededHour    int       `json:"needed_hour"`             // tokens that need it, in the last hour, here
	Droppable     string    `json:"droppable"`               // yes, no or unknown
	DroppableFrom time.Time `json:"droppable_from,omitzero"` // absent: unknown, or never
	SessionsLost  *int      `json:"sessions_lost,omitempty"` // if it went now; absent: unknown
}

// status answers GET.
func (b board) status(w http.ResponseWriter, r *http.Request) {
	stats, err := b.cfg.Sessions.Stats(r.Context())
	now := time.Now()
	s := status{
		Time: now.UTC().Truncate(time.Second), Version: b.cfg.Sessions.Version(), Keys: []key{},
		Sessions: stats.Sessions, Refreshes: stats.Refreshes,
		Instances: append([]session.Instance{}, stats.Instances...), Alerts: append([]session.Alert{}, stats.Alerts...),
	}
	if err != nil {
		s.Error = session.Reason(err)
	}
	for _, k := range stats.Keys {
		s.Keys = append(s.Keys, describe(k, stats.Needs[k.ID], now))
	}
	if b.cfg.Health != nil {
		s.Health = b.cfg.Health.Counts()
	}
	answer(w, http.StatusOK, s)
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

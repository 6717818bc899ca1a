package metrics

import (
	"context"
	"time"

	"github.com/sessionring/sessionring/session"
)

// sample is what a Manager said of itself and its fleet, and when.
type sample struct {
	at time.Time
	session.Stats
}

// alerts are the names of session.Alert, which are shown while they are not in force too.
var alerts = []string{
	"clock_step", "drop_too_early", "health_failures", "key_overdue", "key_retiring_needed", "needed_key_missing",
	"no_shared_key", "reload_failing", "store_down", "unknown_kid_rate", "weak_secret",
}

// sampled keeps a sample for the next scrapes.
func (c *collector) sampled(_ context.Context, s session.Stats) {
	c.last.Store(&sample{time.Now(), s})
	var held []string
	for _, k := range s.Keys {
		held = append(held, k.Tag)
	}
	c.counts.accepted.keep(held)
}

// write sends the sample.
func (s *sample) write(out sink) {
	out.date("sample_timestamp_seconds", s.at)
	for result, n := range s.Reloads {
		out.counter("keyring_reloads_total", float64(n), result)
	}
	s.writeKeys(out)
	s.writeFleet(out)
	active := map[string]float64{}
	for _, a := range s.Alerts {
		active[a.Name] = 1
	}
	for _, name := range alerts {
		out.gauge("alert_active", active[name], name)
	}
}

// writeKeys sends what is known of the keys, the newest of them if there are many.
func (s *sample) writeKeys(out sink) {
	for _, k := range s.Keys[:min(len(s.Keys), maxTags)] {
		out.gauge("key_info", 1, k.ID, k.Tag, k.Algorithm, k.State)
		out.date("key_made_timestamp_seconds", k.Made, k.ID, k.Tag)
		out.date("key_retires_timestamp_seconds", k.Retires, k.ID, k.Tag)
		n, live := s.Needs[k.ID]
		if !live {
			continue
		}
		out.date("key_last_needed_timestamp_seconds", n.Last, k.ID, k.Tag)
		out.date("key_droppable_timestamp_seconds", n.From, k.ID, k.Tag)
		if !n.From.IsZero() {
			out.gauge("key_sole_sessions", float64(n.Sessions), k.ID, k.Tag)
		}
	}
}

// writeFleet sends what the store knows of the fleet.
func (s *sample) writeFleet(out sink) {
	if s.Instances != nil {
		rings := map[string]bool{}
		for _, i := range s.Instances {
			rings[i.Fingerprint] = true
		}
		out.gauge("instances", float64(len(s.Instances)))
		out.gauge("rings", float64(len(rings)))
	}
	for tag, n := range s.sessions() {
		out.gauge("live_sessions", float64(n), tag)
	}
}

// sessions returns the live sessions by tag, those of tags without a label together.
// A tag that is held has a number, if there are any.
func (s *sample) sessions() map[string]int {
	if s.Sessions == nil {
		return nil
	}
	byTag := map[string]int{}
	for _, k := range s.Keys[:min(len(s.Keys), maxTags)] {
		byTag[k.Tag] = 0
	}
	for tag, n := range s.Sessions {
		if _, held := byTag[tag]; !held {
			tag = other
		}
		byTag[tag] += n
	}
	return byTag
}

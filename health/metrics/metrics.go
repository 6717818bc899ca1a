package metrics

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sessionring/sessionring/health"
	"github.com/sessionring/sessionring/session"
)

// New returns the metrics of m, which must not be nil, and of h, which may be. It
// observes m from now on. It is safe for concurrent use.
func New(m *session.Manager, h *health.Handler) prometheus.Collector {
	c := &collector{health: h, counts: newCounts()}
	c.descs = newDescs()
	hooks := c.counts.hooks()
	hooks.Sampled = c.sampled
	m.Observe(hooks)
	return c
}

// collector is what New returns.
type collector struct {
	health *health.Handler
	counts *counts
	last   atomic.Pointer[sample]
	descs  map[string]*prometheus.Desc // by name without its prefix
}

// prefix begins the name of every metric.
const prefix = "sessionring_"

// described is every metric: its name without the prefix, its help, and its labels.
var described = []struct {
	name, help string
	labels     []string
}{
	{"verifications_total", "Access tokens that were accepted.", []string{"tag", "state"}},
	{"refusals_total", "Access tokens that were refused.", []string{"reason"}},
	{"sign_ins_total", "Sessions that began.", nil},
	{"refreshes_total", "Refreshes that went well, by what the store made of them.", []string{"cause"}},
	{"refresh_refusals_total", "Refreshes that were refused.", []string{"reason"}},
	{"token_reuses_total", "Refresh tokens that came back used up, or were never issued.", []string{"cause"}},
	{"revocations_total", "Sessions that ended before their time.", []string{"cause"}},
	{"key_events_total", "What an operator should hear of the keys.", []string{"event"}},
	{"health_verdicts_total", "Answers of the token-health handler.", []string{"status"}},
	{"tag_last_used_timestamp_seconds", "When a token of the tag was last accepted here.", []string{"tag"}},
	{"sample_timestamp_seconds", "When the last sample was made.", nil},
	{"keyring_reloads_total", "How often the keys were read from their source, with what result.", []string{"result"}},
	{"key_info", "One for each key.", []string{"kid", "tag", "algorithm", "state"}},
	{"key_made_timestamp_seconds", "When the key was made.", []string{"kid", "tag"}},
	{"key_retires_timestamp_seconds", "When the time of the key ends.", []string{"kid", "tag"}},
	{"key_last_needed_timestamp_seconds", "When a token was last seen that only this key vouches for.", []string{"kid", "tag"}},
	{"key_droppable_timestamp_seconds", "From when the key may go.", []string{"kid", "tag"}},
	{"key_sole_sessions", "Live sessions that would be lost without the key.", []string{"kid", "tag"}},
	{"live_sessions", "Live sessions of the fleet, by the newest key that vouches for them.", []string{"tag"}},
	{"instances", "Live instances of the fleet.", nil},
	{"rings", "Different sets of keys among the live instances.", nil},
	{"alert_active", "One while the alert is in force.", []string{"alert"}},
}

func newDescs() map[string]*prometheus.Desc {
	descs := map[string]*prometheus.Desc{}
	for _, d := range described {
		descs[d.name] = prometheus.NewDesc(prefix+d.name, d.help, d.labels, nil)
	}
	return descs
}

// Describe sends the descriptions of all metrics.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		ch <- d
	}
}

// Collect sends all metrics. It asks no store.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	out := sink{c.descs, ch}
	c.counts.write(out)
	if c.health != nil {
		for status, n := range c.health.Counts() {
			out.counter("health_verdicts_total", float64(n), status)
		}
	}
	if s := c.last.Load(); s != nil {
		s.write(out)
	}
}

// sink takes the values of metrics.
type sink struct {
	descs map[string]*prometheus.Desc
	ch    chan<- prometheus.Metric
}

func (s sink) counter(name string, v float64, labels ...string) {
	s.ch <- prometheus.MustNewConstMetric(s.descs[name], prometheus.CounterValue, v, labels...)
}

func (s sink) gauge(name string, v float64, labels ...string) {
	s.ch <- prometheus.MustNewConstMetric(s.descs[name], prometheus.GaugeValue, v, labels...)
}

// date sends a point in time, unless that is unknown.
func (s sink) date(name string, t time.Time, labels ...string) {
	if !t.IsZero() {
		s.gauge(name, float64(t.Unix()), labels...)
	}
}

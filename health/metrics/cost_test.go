package metrics_test

import (
	"context"
	"crypto/rand"
	"slices"
	"testing"
	"time"

	"github.com/sessionring/sessionring/health"
	"github.com/sessionring/sessionring/health/dashboard"
	"github.com/sessionring/sessionring/health/metrics"
	"github.com/sessionring/sessionring/internal/race"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
)

// managerOf returns a Manager with keys, the newest first.
func managerOf(t testing.TB, list ...keyring.Key) *session.Manager {
	t.Helper()
	keys, err := keyring.New(list...)
	if err != nil {
		t.Fatal(err)
	}
	m, err := session.New(session.Config{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// checker returns a check of good tokens, of the tags in turn: alone, or with all there is
// that observes it, the metrics and the dashboard with its history.
func checker(t testing.TB, observed bool, tags ...string) func() {
	t.Helper()
	var list []keyring.Key
	var tokens []string
	for _, tag := range tags {
		key, err := keyring.NewKey(tag, []byte(rand.Text()+rand.Text()))
		if err != nil {
			t.Fatal(err)
		}
		pair, err := managerOf(t, key).Issue(t.Context(), session.Grant{Subject: "alice"})
		if err != nil {
			t.Fatal(err)
		}
		list, tokens = append(list, key), append(tokens, pair.AccessToken)
	}
	m := managerOf(t, list...)
	if observed {
		h := health.New(m)
		metrics.New(m, h)
		if _, err := dashboard.New(dashboard.Config{Sessions: m, Health: h, Allow: func(*session.Claims) error { return nil }}); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	return func() {
		n++
		if _, err := m.Verify(context.Background(), tokens[n%len(tokens)]); err != nil {
			t.Error(err)
		}
	}
}

// steady and rotating are the tags of a service: between two rotations, and in one.
var steady, rotating = []string{"v1"}, []string{"v2", "v1"}

// skipWithRaceDetector skips a test of what a check costs.
func skipWithRaceDetector(t *testing.T) {
	t.Helper()
	if race.Enabled {
		t.Skip("the race detector costs more, and under it a pool gives back less than was put into it")
	}
}

// Observing adds no allocation to a check.
func TestAllocations(t *testing.T) {
	skipWithRaceDetector(t)
	for _, tags := range [][]string{steady, rotating} {
		with, without := testing.AllocsPerRun(100, checker(t, true, tags...)), testing.AllocsPerRun(100, checker(t, false, tags...))
		if with > without {
			t.Errorf("%v: got %v allocations observed and %v alone", tags, with, without)
		}
	}
}

// turn is how many checks are timed together.
const turn = 50

// contest times checks that are observed and checks that are not, in turns, so that what
// else the machine does holds up both alike.
type contest struct {
	alone, observed func()
	times           [2][]time.Duration
}

func newContest(t testing.TB, tags []string) *contest {
	return &contest{alone: checker(t, false, tags...), observed: checker(t, true, tags...)}
}

func (c *contest) run() {
	for i, check := range []func(){c.alone, c.observed} {
		began := time.Now()
		for range turn {
			check()
		}
		c.times[i] = append(c.times[i], time.Since(began))
	}
}

// fastest returns what a check takes in nanoseconds, by the turns that nothing has held
// up.
func (c *contest) fastest() (alone, observed float64) {
	return nanoseconds(slices.Min(c.times[0])), nanoseconds(slices.Min(c.times[1]))
}

// medians returns what a check takes in nanoseconds, by the median of the turns.
func (c *contest) medians() (alone, observed float64) {
	median := func(times []time.Duration) float64 {
		slices.Sort(times)
		return nanoseconds(times[len(times)/2])
	}
	return median(c.times[0]), median(c.times[1])
}

func nanoseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / turn }

// BenchmarkCheck says what observing adds to a check: at most 5 %.
func BenchmarkCheck(b *testing.B) {
	for name, tags := range map[string][]string{"steady": steady, "rotating": rotating} {
		b.Run(name, func(b *testing.B) { observing(b, newContest(b, tags)) })
	}
}

func observing(b *testing.B, c *contest) {
	for b.Loop() {
		c.run()
	}
	least, most := c.fastest()
	b.ReportMetric(100*(most/least-1), "%more-fastest")
	alone, observed := c.medians()
	b.ReportMetric(alone, "ns/alone")
	b.ReportMetric(observed, "ns/observed")
	b.ReportMetric(100*(observed/alone-1), "%more-median")
	b.ReportMetric(testing.AllocsPerRun(100, c.alone), "allocs/alone")
	b.ReportMetric(testing.AllocsPerRun(100, c.observed), "allocs/observed")
}

package session

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
)

// Instance is a live server process: one whose Manager has reported lately.
type Instance struct {
	ID          string    `json:"id"`          // random, new with every start
	Fingerprint string    `json:"fingerprint"` // of its ring
	Tags        []string  `json:"tags"`        // of its keys, newest first
	Version     string    `json:"version"`     // tag of the key that signs
	Started     time.Time `json:"started"`
	Seen        time.Time `json:"seen"` // when it last reported, by the clock of the store
}

// report is what an instance says of itself in the store.
type report struct {
	Instance
	Live    []string `json:"live"`              // fingerprints of the keys that are live there
	Signers []string `json:"signers,omitempty"` // of those that vouch for what is issued there
}

// accepts reports whether r accepts what o issues.
func (r report) accepts(o report) bool {
	return len(o.Signers) == 0 || len(common(r.Live, o.Signers)) > 0
}

// How often instances report, and when one that does not is gone.
const (
	reportEvery = 10 * time.Second
	reportLives = 40 * time.Second
	instances   = "instances" // the group of their records
	idPrefix    = "instance:"
)

// reporter tells the store of this instance, and what it sees of the others.
type reporter struct {
	id      string
	started time.Time
	alerts  alarm
	done    atomic.Bool  // the first report
	failed  atomic.Int64 // reports of Run in a row that could not be made
	drift   atomic.Int64 // how far the clock of the store is ahead, at least

	turn chan struct{} // holds one value during a report
	data []byte        // what the store has of this instance
}

// report tells the store that this instance is there, brings the ledger of the keys
// up to date, and looks for what an operator must know.
func (m *Manager) report(ctx context.Context) error {
	select {
	case m.reporter.turn <- struct{}{}:
		defer func() { <-m.reporter.turn }()
	case <-ctx.Done():
		return unavailable(ctx.Err())
	}
	began := time.Now()
	l, now, err := m.updateLedger(ctx)
	if err != nil {
		return err
	}
	m.reporter.drift.Store(int64(drift(now, began, time.Now())))
	r := m.live.Ring()
	m.evidence.join(r, l, now)
	if err := m.announce(ctx, r, now); err != nil {
		return err
	}
	others, err := m.others(ctx)
	if err != nil {
		return err
	}
	m.compare(r, others, now)
	counts, err := m.count(ctx)
	if err != nil {
		return err
	}
	m.alert(ctx, m.fleetAlerts(r, l, others, counts, now), now)
	m.reporter.done.Store(true)
	return m.retire(ctx, l, now)
}

// announce writes the record of this instance.
func (m *Manager) announce(ctx context.Context, r *ring.Ring, now time.Time) error {
	data, _ := json.Marshal(m.self(r, now)) // always encodes
	id := idPrefix + m.reporter.id
	for range maxSwaps {
		ok, err := m.store.Swap(ctx, id, m.reporter.data, data, instances, "", now.Add(reportLives))
		if err != nil {
			return unavailable(err)
		}
		if ok {
			m.reporter.data = data
			return nil
		}
		if m.reporter.data, _, err = m.store.Get(ctx, id); err != nil {
			return unavailable(err)
		}
	}
	return errContended
}

// self is the report of this instance.
func (m *Manager) self(r *ring.Ring, now time.Time) report {
	signers := r.Signers(now)
	return report{
		Instance: Instance{
			ID: m.reporter.id, Fingerprint: r.Fingerprint(), Tags: tags(r), Version: m.Version(),
			Started: m.reporter.started.UTC().Truncate(time.Second), Seen: now.UTC().Truncate(time.Second),
		},
		Live: livePrints(r, now), Signers: prints(signers.Keys()),
	}
}

// prints returns the fingerprints of keys.
func prints(keys []*ring.Key) []string {
	list := []string{}
	for _, k := range keys {
		list = append(list, k.Fingerprint)
	}
	return list
}

// livePrints returns the fingerprints of the live keys of r.
func livePrints(r *ring.Ring, now time.Time) []string {
	return prints(slices.DeleteFunc(slices.Clone(r.Keys()), func(k *ring.Key) bool { return !k.Live(now) }))
}

// leave tells what is left to tell and removes the record of this instance, which ends
// in good order. What fails is not missed: the record expires.
func (m *Manager) leave() {
	m.reporter.turn <- struct{}{}
	defer func() { <-m.reporter.turn }()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	m.updateLedger(ctx)
	if m.reporter.data != nil {
		m.store.Swap(ctx, idPrefix+m.reporter.id, m.reporter.data, nil, instances, "", time.Time{})
		m.reporter.data = nil
	}
}

// others returns the reports of the live instances but this one, oldest first.
func (m *Manager) others(ctx context.Context) ([]report, error) {
	list, err := m.reports(ctx)
	return slices.DeleteFunc(list, func(o report) bool { return o.ID == m.reporter.id }), err
}

// reports returns the reports of all live instances, oldest first.
func (m *Manager) reports(ctx context.Context) ([]report, error) {
	if m.index == nil {
		return nil, nil
	}
	records, err := m.index.List(ctx, instances)
	if err != nil {
		return nil, unavailable(err)
	}
	var list []report
	for _, data := range records {
		var r report
		if json.Unmarshal(data, &r) == nil && r.ID != "" {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b report) int { return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.ID, b.ID)) })
	return list, nil
}

// compare notes for which keys this instance depends on others: while one has but a
// single live key in common with it, the tokens of that one need this key here.
func (m *Manager) compare(r *ring.Ring, others []report, now time.Time) {
	mine := livePrints(r, now)
	for _, o := range others {
		if both := common(mine, o.Live); len(both) == 1 && len(mine) > 1 {
			m.evidence.of(both[0]).note(now, now)
		}
	}
}

// common returns what a and b have in common.
func common(a, b []string) (both []string) {
	for _, s := range a {
		if slices.Contains(b, s) {
			both = append(both, s)
		}
	}
	return both
}

package session

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
)

// Alarm adds an alert to those that Run judges every ten seconds: judge returns what is
// the matter and what to do, "" if nothing is, and is not called twice at once. A later
// one of the same name takes its place. It is safe for concurrent use, and for packages
// that know what this one does not, such as health.
func (m *Manager) Alarm(name string, judge func(now time.Time) string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.judges[name] = judge
}

// watcher is what watch remembers from one time to the next.
type watcher struct {
	mu    sync.Mutex // held while judging
	stale int        // times in a row that the view of revocations was too old
	clock clock
}

// watch reports what has become of the keys, and judges what this instance knows by
// itself. Two at once would call judges twice.
func (m *Manager) watch(ctx context.Context) {
	m.noticeKeys(ctx)
	m.watcher.mu.Lock()
	defer m.watcher.mu.Unlock()
	now, r := time.Now(), m.live.Ring()
	texts := map[string]string{
		"key_overdue":      m.overdue(r, now),
		"unknown_kid_rate": m.unknownKids(now),
		"reload_failing":   m.reloadFailing(),
		"weak_secret":      m.weakSecret(),
		"store_down":       m.storeDown(),
		"clock_step":       m.clockStep(now),
	}
	if m.index == nil { // else reports know more
		maps.Copy(texts, m.endAlerts(r, m.ownNeeds(), now))
	}
	m.mu.Lock()
	judges := maps.Clone(m.judges)
	m.mu.Unlock()
	for name, judge := range judges {
		texts[name] = judge(now)
	}
	m.alert(ctx, texts, now)
}

// endAlerts judges the ends that keys of r are to have.
func (m *Manager) endAlerts(r *ring.Ring, needs map[string]Need, now time.Time) map[string]string {
	return map[string]string{
		"key_retiring_needed": retiringNeeded(r, needs, now),
		"drop_too_early":      m.tooEarly(r, needs, now),
	}
}

// retiringNeeded tells of a key that is needed and retires soon.
func retiringNeeded(r *ring.Ring, needs map[string]Need, now time.Time) string {
	for _, k := range slices.Backward(r.Keys()) {
		n := needs[k.ID()]
		if k.Live(now) && !k.Retires.IsZero() && k.Retires.Before(now.Add(afterLast)) && n.Sessions+n.Hour > 0 {
			return fmt.Sprintf("%s retires at %s and is needed: live sessions that would be lost: %d, tokens of the last hour: %d; give it a later end, or none",
				k.ID(), k.Retires.UTC().Format(time.RFC3339), n.Sessions, n.Hour)
		}
	}
	return ""
}

// tooEarly tells of a key that is to retire before it may go: by SafeToDrop, or without
// an Index before the last token expires that was seen here.
func (m *Manager) tooEarly(r *ring.Ring, needs map[string]Need, now time.Time) string {
	for _, k := range slices.Backward(r.Keys()) {
		from := needs[k.ID()].From
		if from.IsZero() {
			from = time.Unix(m.evidence.of(k.Fingerprint).until.Load(), 0).UTC()
		}
		if k.Live(now) && !k.Retires.IsZero() && k.Retires.Before(from) {
			return fmt.Sprintf("%s is to retire at %s and may go at %s: tokens may need it until then; give it that end, or none",
				k.ID(), k.Retires.UTC().Format(time.RFC3339), from.Format(time.RFC3339))
		}
	}
	return ""
}

// maxOverdue is how late a rotation may be, or a tenth of its interval if that is less.
const maxOverdue = time.Hour

// overdue tells of a current key that should have had a successor.
func (m *Manager) overdue(r *ring.Ring, now time.Time) string {
	k, age := r.Current(now), m.live.RotateEvery
	if age == 0 || k == nil || k.Made.IsZero() || now.Sub(k.Made) < age+min(age/10, maxOverdue) {
		return ""
	}
	return fmt.Sprintf("%s should have been replaced at %s: the log says why it was not, or rotate it by hand", k.ID(), k.Made.Add(age).UTC().Format(time.RFC3339))
}

// manyUnknown is how many different tokens in five minutes are many.
const manyUnknown = 10

// unknownKids tells of tokens that are refused because no key of theirs is held.
func (m *Manager) unknownKids(now time.Time) string {
	n := m.unheld.size(now)
	if n < manyUnknown {
		return ""
	}
	return fmt.Sprintf("at least %d different tokens of the last five minutes name keys that are not held here. Nobody can tell whether they are good: if a key was removed, or another release issues under others, put a common key back", n)
}

// A reload may fail once, and for a moment: tokens of unknown keys cause many, and a file
// may be read while it is written.
const (
	fewFailures = 1
	soonOver    = 15 * time.Second
)

// reloadFailing tells of keys that cannot be read again.
func (m *Manager) reloadFailing() string {
	f := m.live.Failing()
	if f == nil || f.Times <= fewFailures || f.Last.Sub(f.Since) < soonOver {
		return ""
	}
	return fmt.Sprintf("the keys cannot be read since %s, as the log says: those in force stay, and new or revoked ones are not seen", f.Since.UTC().Format(time.RFC3339))
}

// weakSecret tells of a secret that was refused. None is ever in force.
func (m *Manager) weakSecret() string {
	if f := m.live.Failing(); f == nil || !errors.Is(f.Err, ring.ErrWeak) {
		return ""
	}
	return "the source of the keys has a secret that is short, regular, published or a placeholder. It is not in force, and the next start will refuse it: replace it"
}

// fewTimes is how often in a row the store may be found not to answer: after a process
// has been stopped for a while, all is old for a moment.
const fewTimes = 1

// storeDown tells of a store that does not answer, or not as it should.
func (m *Manager) storeDown() string {
	if m.follow.feed != nil && m.cfg.Revocation == Cached && m.follow.age(time.Now()) > outageAfter*m.cfg.RevocationLag {
		m.watcher.stale++
	} else {
		m.watcher.stale = 0
	}
	if m.watcher.stale <= fewTimes && m.reporter.failed.Load() <= fewTimes {
		return ""
	}
	if m.cfg.Store == nil {
		return "the revocation feed does not answer, as the log says: nobody is signed out, and checks are answered as Config.FailOpenFor says"
	}
	return "the store does not answer, as the log says: nobody can sign in or refresh, nobody is signed out, and checks are answered as Config.Revocation says"
}

// leastStep is a difference of clocks that is none.
const leastStep = 10 * time.Second

// clock is what is known of the clock of this machine.
type clock struct {
	ahead time.Duration // how much more time has passed on it than really, since the start
	step  time.Duration // by how much it was set last
	told  time.Time     // until when that is told
}

// stepTold is how long a clock that was set is told of.
const stepTold = 10 * time.Minute

// look compares the clock with the time that has really passed since the start, and
// notes a difference to the last time of more than least.
func (c *clock) look(ahead, least time.Duration, now time.Time) {
	if step := ahead - c.ahead; step.Abs() > least {
		c.step, c.told = step.Round(time.Second), now.Add(stepTold)
	}
	c.ahead = ahead
}

// clockStep tells of a clock that is not that of the others, or was not its own.
func (m *Manager) clockStep(now time.Time) string {
	d, least, c := time.Duration(m.reporter.drift.Load()).Round(time.Second), max(leastStep, m.cfg.Leeway), &m.watcher.clock
	start := m.reporter.started
	c.look(now.Round(0).Sub(start.Round(0))-now.Sub(start), least, now) // Round leaves the clock on the wall
	switch {
	case d.Abs() > least:
		return fmt.Sprintf("the clock of the store is %v ahead of this one: set both by NTP", d)
	case now.Before(c.told):
		return fmt.Sprintf("this clock was set by %v within seconds, or the machine has slept: tokens end earlier or later by as much; let NTP keep the clocks of all instances, which moves them slowly", c.step)
	case m.ahead.size(now) > 0:
		return "good tokens of the last five minutes were issued more than ten minutes ahead of this clock: set the clocks of all instances by NTP"
	}
	return ""
}

// drift returns how far the clock of the store is ahead, at least, if it said now at
// some time between two.
func drift(now, began, ended time.Time) time.Duration {
	switch {
	case now.Before(began):
		return now.Sub(began)
	case now.After(ended):
		return now.Sub(ended)
	}
	return 0
}

package session

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
)

// Alert is something an operator should see to. It begins and ends by itself, with
// what it tells of. Run judges all of them every ten seconds, Ready those that compare
// instances.
type Alert struct {
	// Name is one of a fixed set, or what Alarm has added:
	//
	//	no_shared_key        two live instances have no live key in common, so each
	//	                     refuses the tokens of the other
	//	needed_key_missing   live sessions need a key that this instance does not
	//	                     hold live
	//	key_retiring_needed  a key that is still needed retires within a day
	//	drop_too_early       a key is to retire before the date of SafeToDrop
	//	key_overdue          the current key is older than Shared.RotateEvery
	//	unknown_kid_rate     many tokens name keys that are not held here
	//	reload_failing       the keys cannot be read again
	//	weak_secret          the source of the keys has one now that is short, published
	//	                     or a placeholder; it is refused, and so would be a start
	//	store_down           the Store, or the feed of Config.Revocations, does not answer
	//	clock_step           this clock is not that of the Store or of other instances,
	//	                     or was set by more than the leeway within ten minutes
	//	health_failures      many answers of package health are failures
	Name  string    `json:"name"`
	Text  string    `json:"text"` // what is the matter and what to do; without secrets
	Since time.Time `json:"since"`
}

// alarm is the alerts in force.
type alarm struct {
	mu   sync.Mutex
	list map[string]Alert // by name
}

// alert brings the alerts that were judged up to texts, by name, of which "" is none,
// and reports those that begin and end.
func (m *Manager) alert(ctx context.Context, texts map[string]string, now time.Time) {
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		text := texts[name]
		switch m.reporter.alerts.put(name, text, now) {
		case begins:
			m.cfg.Logger.WarnContext(ctx, "alert", "name", name, "text", text)
			m.emit(ctx, hookKey, Event{Name: "alert", Cause: name, Reason: "unavailable", Err: errors.New("session: " + text)})
		case ends:
			m.cfg.Logger.InfoContext(ctx, "alert over", "name", name)
			m.emit(ctx, hookKey, Event{Name: "alert over", Cause: name, Reason: "ok"})
		}
	}
}

// What a judgement changes.
const (
	stays = iota
	begins
	ends
)

// put puts an alert in force, or with no text out of it.
func (a *alarm) put(name, text string, now time.Time) (change int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	old, present := a.list[name]
	switch {
	case text == "" && !present:
		return stays
	case text == "":
		delete(a.list, name)
		return ends
	case !present:
		old, change = Alert{Name: name, Since: now.UTC().Truncate(time.Second)}, begins
	}
	if a.list == nil {
		a.list = map[string]Alert{}
	}
	old.Text = text
	a.list[name] = old
	return change
}

// current returns the alerts in force, by name.
func (a *alarm) current() []Alert {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := slices.Collect(maps.Values(a.list))
	slices.SortFunc(list, func(a, b Alert) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// fleetAlerts judges what instances know of each other and of the sessions.
func (m *Manager) fleetAlerts(r *ring.Ring, l *ledger, others []report, counts map[string]int, now time.Time) map[string]string {
	texts := map[string]string{
		"no_shared_key":      m.strangers(r, others, now),
		"needed_key_missing": missingKeys(r, l, counts, now),
	}
	if m.index != nil {
		maps.Copy(texts, m.endAlerts(r, m.needsBy(r, l, counts, now), now))
	}
	return texts
}

// strangers tells of two live instances that share no live key.
func (m *Manager) strangers(r *ring.Ring, others []report, now time.Time) string {
	all := append([]report{m.self(r, now)}, others...)
	for i, a := range all {
		for _, b := range all[:i] {
			names := fmt.Sprintf("instances %s (keys %s) and %s (keys %s)", a.ID, strings.Join(a.Tags, " "), b.ID, strings.Join(b.Tags, " "))
			switch {
			case len(common(a.Live, b.Live)) == 0:
				return names + " share no key: each refuses the sessions of the other; give one of them a key of the other"
			case !a.accepts(b) || !b.accepts(a):
				return names + " share no key that vouches for the sessions of both: at most four do, so one refuses those of the other; drop old keys, or give the one a newer key of the other"
			}
		}
	}
	return ""
}

// missingKeys tells of live sessions that no live key of r vouches for. Those that
// only revoked keys vouch for are meant to be refused.
func missingKeys(r *ring.Ring, l *ledger, counts map[string]int, now time.Time) string {
	sessions, missing := 0, map[string]bool{}
	for label, n := range counts {
		prints := strings.Split(label, ",")
		if len(common(prints, livePrints(r, now))) > 0 {
			continue
		}
		unrevoked := slices.DeleteFunc(prints, func(p string) bool { k := keyWith(r, p); return k != nil && k.Revoked })
		for _, p := range unrevoked {
			missing[l.name(p)] = true
		}
		if len(unrevoked) > 0 {
			sessions += n
		}
	}
	if sessions == 0 {
		return ""
	}
	return fmt.Sprintf("%s must come back: live sessions that need a key which is not live here: %d", strings.Join(slices.Sorted(maps.Keys(missing)), " or "), sessions)
}

// keyWith returns the key of r with a fingerprint, or nil.
func keyWith(r *ring.Ring, print string) *ring.Key {
	for _, k := range r.Keys() {
		if k.Fingerprint == print {
			return k
		}
	}
	return nil
}

// name returns the kid of the key with a fingerprint, as far as it is known.
func (l *ledger) name(print string) string {
	if k := l.Keys[print]; k != nil {
		return k.KID
	}
	return "the key with fingerprint " + print
}

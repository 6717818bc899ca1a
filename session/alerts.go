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
// what it tells of.
type Alert struct {
	// Name is one of a fixed set:
	//
	//	no_shared_key       two live instances have no live key in common, so each
	//	                    refuses the tokens of the other
	//	needed_key_missing  live sessions need a key that this instance does not
	//	                    hold live
	Name  string    `json:"name"`
	Text  string    `json:"text"` // what is the matter and what to do; without secrets
	Since time.Time `json:"since"`
}

// alarm is the alerts in force.
type alarm struct {
	mu   sync.Mutex
	list map[string]Alert // by name
}

// alert puts the alerts of texts, by name, in force, and reports those that are new.
func (m *Manager) alert(ctx context.Context, texts map[string]string, now time.Time) {
	for _, a := range m.reporter.alerts.replace(texts, now) {
		m.cfg.Logger.WarnContext(ctx, "alert", "name", a.Name, "text", a.Text)
		m.emit(ctx, hookKey, Event{Name: "alert", Cause: a.Name, Reason: "unavailable", Err: errors.New("session: " + a.Text)})
	}
}

// replace makes the alerts those of texts, and returns the new ones.
func (a *alarm) replace(texts map[string]string, now time.Time) (fresh []Alert) {
	a.mu.Lock()
	defer a.mu.Unlock()
	next := map[string]Alert{}
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		old, present := a.list[name]
		if !present {
			old = Alert{Name: name, Since: now.UTC().Truncate(time.Second)}
		}
		old.Text = texts[name]
		next[name] = old
		if !present {
			fresh = append(fresh, old)
		}
	}
	a.list = next
	return fresh
}

// current returns the alerts in force, by name.
func (a *alarm) current() []Alert {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := slices.Collect(maps.Values(a.list))
	slices.SortFunc(list, func(a, b Alert) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// alarms returns the text of every alert that is due, by name.
func (m *Manager) alarms(r *ring.Ring, l *ledger, others []report, counts map[string]int, now time.Time) map[string]string {
	texts := map[string]string{}
	if text := m.strangers(r, others, now); text != "" {
		texts["no_shared_key"] = text
	}
	if text := missingKeys(r, l, counts, now); text != "" {
		texts["needed_key_missing"] = text
	}
	return texts
}

// strangers tells of two live instances that share no live key.
func (m *Manager) strangers(r *ring.Ring, others []report, now time.Time) string {
	all := append([]report{{Instance: m.self(r, now), Live: livePrints(r, now)}}, others...)
	for i, a := range all {
		for _, b := range all[:i] {
			if len(common(a.Live, b.Live)) == 0 {
				return fmt.Sprintf("instances %s (keys %s) and %s (keys %s) share no key: each refuses the sessions of the other; give one of them a key of the other",
					a.ID, strings.Join(a.Tags, " "), b.ID, strings.Join(b.Tags, " "))
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

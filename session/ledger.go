package session

import (
	"context"
	"encoding/json"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
)

// ledger is what all instances together know of the keys, in the store: when each
// joined, and until when tokens may need it.
type ledger struct {
	Keys map[string]*ledgerKey `json:"keys"` // by fingerprint
}

// ledgerKey is what is known of one key. Its times are Unix seconds, by the clock of
// the store or of an instance, whichever is later.
type ledgerKey struct {
	KID   string `json:"kid"`
	First int64  `json:"first"` // when an instance first held it
	Held  int64  `json:"held"`  // when one last did
	Sole  int64  `json:"sole"`  // when a token was last issued or verified that needs it
	Until int64  `json:"until"` // until when such tokens are good
}

const ledgerID = "keys:ledger"

// How exact the ledger is. SafeToDrop adds a day, so minutes do no harm, and each
// spares the store a write.
const (
	soleStep = 60      // seconds
	heldStep = 60 * 60 // seconds
	kept     = 24 * 60 * 60
)

// updateLedger adds what this process knows to the ledger, and returns it with the
// store's time. Most often there is nothing to add.
func (m *Manager) updateLedger(ctx context.Context) (*ledger, time.Time, error) {
	for range maxSwaps {
		old, now, err := m.store.Get(ctx, ledgerID)
		if err != nil {
			return nil, now, unavailable(err)
		}
		l, err := decodeLedger(old)
		if err != nil || !l.merge(m.live.Ring(), &m.evidence, now) {
			return l, now, err
		}
		if ok, err := m.store.Swap(ctx, ledgerID, old, l.encode(), "", "", time.Time{}); err != nil || ok {
			return l, now, unavailable(err)
		}
	}
	return nil, time.Time{}, errContended
}

func decodeLedger(data []byte) (*ledger, error) {
	l := &ledger{Keys: map[string]*ledgerKey{}}
	if data == nil {
		return l, nil
	}
	if err := json.Unmarshal(data, l); err != nil {
		return nil, errUnreadable
	}
	for print, k := range l.Keys {
		if k == nil {
			delete(l.Keys, print)
		}
	}
	return l, nil
}

func (l *ledger) encode() []byte {
	data, _ := json.Marshal(l) // strings and numbers always encode
	return data
}

// merge adds what e says of the keys of r, and reports whether that is news. The one
// live key of a ring is needed as long as an instance holds that ring, whether or not
// it lives to tell of the tokens that it issues.
func (l *ledger) merge(r *ring.Ring, e *evidence, at time.Time) (news bool) {
	now := at.Unix()
	if live := livePrints(r, at); len(live) == 1 {
		raise(&e.of(live[0]).last, now)
	}
	for _, k := range r.Keys() {
		if k.Live(at) && l.update(k, e, now) {
			news = true
		}
	}
	for print, k := range l.Keys {
		if k.Held+kept < now && k.Until+kept < now {
			delete(l.Keys, print)
			news = true
		}
	}
	return news
}

// update adds what e says of the key k. A key that is new here may have been in use
// before anybody kept a ledger, so it counts as needed now.
func (l *ledger) update(k *ring.Key, e *evidence, now int64) (news bool) {
	longest, n := e.longest.Load(), e.of(k.Fingerprint)
	old := l.Keys[k.Fingerprint]
	if old == nil {
		old = &ledgerKey{KID: k.ID(), First: now, Held: now, Sole: now, Until: now + longest}
		l.Keys[k.Fingerprint], news = old, true
	}
	if old.Held+heldStep <= now {
		old.Held, news = now, true
	}
	if last := n.last.Load(); last >= old.Sole+soleStep || last > old.Sole && news {
		old.Sole, news = last, true
	}
	if until := max(old.Sole+longest, n.until.Load()); until >= old.Until+soleStep || until > old.Until && news {
		old.Until, news = until, true
	}
	return news
}

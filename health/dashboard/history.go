package dashboard

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sessionring/sessionring/health"
	"github.com/sessionring/sessionring/session"
)

// indexed is a store that can also list.
type indexed interface {
	session.Store
	session.Index
}

// history is what happened lately, in the whole fleet if it shares a store: sums over
// intervals, and events. Sums come from counters in memory, once a minute. If a process
// dies, its last minute is missing; if the answer of the store is lost, it may count
// twice. Nothing but what is shown depends on it.
type history struct {
	store    indexed
	health   *health.Handler // nil: none
	counters *counters
	recent   recent

	turn    chan struct{}    // holds one value during a write
	told    map[string]int64 // the verdicts that are counted already
	issued  map[string]int64 // when tokens were last issued, by tag, Unix seconds
	waiting map[slot]tally   // what is not yet written

	found atomic.Pointer[map[string]int64] // issued, as the last write found it; never changes
}

// span is a length of interval, and how long sums over it are kept.
type span struct {
	group      string // of its records
	step, kept time.Duration
}

// fine is for hours, coarse for days.
var (
	fine   = span{"history:5m", 5 * time.Minute, 25 * time.Hour}
	coarse = span{"history:1h", time.Hour, 8 * 24 * time.Hour}
)

// slot is one interval, which begins at a time in Unix seconds.
type slot struct {
	span
	begins int64
}

// at returns the interval of a length that a time is in.
func (s span) at(t time.Time) slot { return slot{s, t.Truncate(s.step).Unix()} }

func (s slot) id() string         { return s.group + ":" + strconv.FormatInt(s.begins, 10) }
func (s slot) expires() time.Time { return time.Unix(s.begins, 0).Add(s.step + s.kept) }

// newHistory begins a history in a store.
func newHistory(store indexed, h *health.Handler) *history {
	return &history{
		store: store, health: h, counters: newCounters(), turn: make(chan struct{}, 1),
		told: map[string]int64{}, issued: map[string]int64{}, waiting: map[slot]tally{},
	}
}

// hooks returns what the history has to hear of.
func (h *history) hooks() session.Hooks {
	return session.Hooks{
		Checked: h.counters.checked, SignedIn: h.counters.issued, Refreshed: h.counters.issued,
		Revoked: h.recent.revoked, Reused: h.recent.heard, Key: h.recent.heard,
		Sampled: func(ctx context.Context, s session.Stats) { h.write(ctx, s.Sessions) },
	}
}

// writeTime bounds one write, which may hold up the next.
const writeTime = 5 * time.Second

// write writes what has happened since the last time, and how many sessions there are
// now, nil if unknown. What fails is kept for the next time.
func (h *history) write(ctx context.Context, sessions map[string]int) error {
	ctx, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	select {
	case h.turn <- struct{}{}:
		defer func() { <-h.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	h.take(time.Now(), sessions)
	var errs []error
	for s, t := range h.waiting {
		add := func(old []byte) []byte {
			sum := decodeTally(old)
			sum.merge(t)
			return sum.encode()
		}
		err := h.update(ctx, s.id(), s.group, s.expires(), add)
		if err == nil {
			delete(h.waiting, s)
		}
		errs = append(errs, err)
	}
	errs = append(errs, h.writeIssued(ctx), h.writeRecent(ctx))
	found := maps.Clone(h.issued)
	h.found.Store(&found)
	return errors.Join(errs...)
}

// take adds what has happened to what waits to be written.
func (h *history) take(now time.Time, sessions map[string]int) {
	t := tally{}
	maps.Copy(h.issued, h.counters.take(t))
	if h.health != nil {
		counts := h.health.Counts()
		for status, n := range counts {
			t.add(verdicts, status, n-h.told[status])
		}
		h.told = counts
	}
	for tag, n := range sessions {
		t.add(living, tag, int64(n))
	}
	maps.DeleteFunc(h.waiting, func(s slot, _ tally) bool { return now.After(s.expires()) })
	if len(t) == 0 {
		return
	}
	for _, s := range []slot{fine.at(now), coarse.at(now)} {
		if h.waiting[s] == nil {
			h.waiting[s] = tally{}
		}
		h.waiting[s].merge(t)
	}
}

// maxSwaps is how often a record is tried to change while others change it, too.
const maxSwaps = 10

var errContended = errors.New("dashboard: too many changes of one record at once")

// update changes a record of the store to what next makes of it.
func (h *history) update(ctx context.Context, id, group string, expires time.Time, next func(old []byte) []byte) error {
	for range maxSwaps {
		old, _, err := h.store.Get(ctx, id)
		if err != nil {
			return err
		}
		data := next(old)
		if bytes.Equal(old, data) {
			return nil
		}
		ok, err := h.store.Swap(ctx, id, old, data, group, "", expires)
		if ok || err != nil {
			return err
		}
	}
	return errContended
}

// read returns the sums of a span since a time, by when their intervals begin.
func (h *history) read(ctx context.Context, s span, since time.Time) (map[int64]tally, error) {
	records, err := h.store.List(ctx, s.group)
	sums := map[int64]tally{}
	for id, data := range records {
		begins, failed := strconv.ParseInt(strings.TrimPrefix(id, s.group+":"), 10, 64)
		if failed == nil && begins >= since.Unix() {
			sums[begins] = decodeTally(data)
		}
	}
	return sums, err
}

const (
	issuedID   = "history:issued"
	issuedKept = 400 * 24 * time.Hour
)

// writeIssued brings up to date, in the store and here, when tokens were last issued.
func (h *history) writeIssued(ctx context.Context) error {
	later := func(old []byte) []byte {
		all := map[string]int64{}
		if json.Unmarshal(old, &all) != nil {
			all = map[string]int64{}
		}
		for tag, at := range h.issued {
			all[tag] = max(at, all[tag])
		}
		for len(all) > maxNames {
			delete(all, oldest(all))
		}
		h.issued = all
		if len(all) == 0 {
			return old
		}
		data, _ := json.Marshal(all) // strings and numbers always encode
		return data
	}
	return h.update(ctx, issuedID, "", time.Now().Add(issuedKept), later)
}

// oldest returns the name with the earliest time.
func oldest(times map[string]int64) (name string) {
	least := int64(0)
	for n, at := range times {
		if name == "" || at < least || at == least && n < name {
			name, least = n, at
		}
	}
	return name
}

// lastIssued returns when tokens were last issued, by tag, as the last write found it.
func (h *history) lastIssued() map[string]int64 {
	if found := h.found.Load(); found != nil {
		return maps.Clone(*found)
	}
	return nil
}

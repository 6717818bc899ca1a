package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/internal/race"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// Eight days of 1,000 verifications a second, under more keys than anybody has, with
// every refusal and as many events, take less than 1 MB in the store.
func TestHistoryIsBounded(t *testing.T) {
	t.Parallel()
	if race.Enabled {
		t.Skip("eight days, written by one goroutine")
	}
	synctest.Test(t, func(t *testing.T) {
		store := new(memstore.Store)
		h := newHistory(store, nil)
		sessions := map[string]int{}
		for i := range 40 {
			sessions[fmt.Sprintf("service-2027-07-%02d", i)] = 1_000_000
		}
		long := strings.Repeat("x", 4000)
		began := time.Now()
		for n := 0; time.Since(began) < 8*24*time.Hour; n++ {
			step := 5 * time.Minute
			if time.Since(began) < 6*24*time.Hour { // of which only sums by the hour are left
				step = time.Hour
			}
			for tag := range sessions {
				h.counters.of(tag).verified.Add(int64(step/time.Second) * 1000 / 40)
			}
			h.counters.issued(t.Context(), session.Event{Tag: fmt.Sprintf("service-2027-07-%02d", n%40)})
			for _, reason := range reasons {
				h.counters.refused[reason].Add(1000)
			}
			h.recent.heard(t.Context(), session.Event{Name: fmt.Sprint("event-", n%12), Subject: long, SessionID: fmt.Sprint(n), Err: errors.New(long)})
			if err := h.write(t.Context(), sessions); err != nil {
				t.Fatal(err)
			}
			time.Sleep(step)
		}
		size, records := sizeOf(t, store)
		if size > 1<<20 || records < 400 {
			t.Errorf("got %d bytes in %d records, want less than 1 MB", size, records)
		}
		t.Logf("%d bytes in %d records", size, records)
		if week, err := h.read(t.Context(), coarse, time.Now().Add(-7*24*time.Hour)); err != nil || len(week) < 7*24 {
			t.Errorf("got %d hours of the last week, %v, want all", len(week), err)
		}
		sums, err := h.read(t.Context(), coarse, time.Now().Add(-time.Hour-time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		for _, sum := range sums {
			if n := height(sum[verified]); n != 3_600_000 || len(sum[verified]) > maxNames+1 {
				t.Errorf("got %d verifications under %d names in an hour, want 3,600,000 under %d at most", n, len(sum[verified]), maxNames+1)
			}
		}
	})
}

// sizeOf returns how much a history takes in a store.
func sizeOf(t *testing.T, store *memstore.Store) (bytes, records int) {
	for _, group := range []string{fine.group, coarse.group} {
		list, err := store.List(t.Context(), group)
		if err != nil {
			t.Fatal(err)
		}
		for id, data := range list {
			bytes += len(id) + len(data)
			records++
		}
	}
	for _, id := range []string{issuedID, recentID} {
		data, _, err := store.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		bytes += len(id) + len(data)
		records++
	}
	return bytes, records
}

// Two instances that write at once lose nothing.
func TestHistoryTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := new(memstore.Store)
		done := make(chan error)
		for range 4 {
			h := newHistory(store, nil)
			go func() {
				for range 50 {
					h.counters.of("v1").verified.Add(1)
					h.recent.heard(context.Background(), session.Event{Name: "alert", Cause: "x"})
					h.write(context.Background(), nil)
				}
				time.Sleep(time.Minute)
				done <- h.write(context.Background(), nil) // what was in the way then
			}()
		}
		for range 4 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		h := newHistory(store, nil)
		sum := tally{}
		sums, err := h.read(t.Context(), fine, time.Now().Add(-time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range sums {
			sum.merge(one)
		}
		list, err := h.incidents(t.Context())
		if err != nil || sum[verified]["v1"] != 200 || len(list) != 1 || list[0].Times != 200 {
			t.Errorf("got %v and %v, %v; want 200 verifications, and one event 200 times", sum, list, err)
		}
	})
}

// What could not be written for so long that nobody looks at it any more is let go, so
// that a store that is down for weeks costs no memory.
func TestHistoryWaitsInVain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHistory(down{new(memstore.Store)}, nil)
		for range 30 * 24 {
			h.counters.of("v1").verified.Add(1)
			if h.write(t.Context(), nil) == nil {
				t.Fatal("got a write to a store that is down")
			}
			time.Sleep(time.Hour)
		}
		days, hours := 8*24+2, 25+2 // and those that begin and end
		if n := len(h.waiting); n > days+hours {
			t.Errorf("got %d intervals in memory, want %d at most", n, days+hours)
		}
	})
}

// down is a store that does not answer.
type down struct{ *memstore.Store }

func (down) Get(context.Context, string) ([]byte, time.Time, error) {
	return nil, time.Time{}, errors.New("down")
}

// Events that repeat themselves are one, and many of one name leave room for others.
func TestIncidentsJoined(t *testing.T) {
	t.Parallel()
	at := func(name, subject string, time int64) incident {
		return incident{Name: name, Subject: subject, Time: time, Times: 1}
	}
	const now = 10_000_000
	var many []incident
	for i := range 100 {
		many = append(many, at("session revoked", fmt.Sprint(i), now-int64(i)))
	}
	list := joined([]incident{at("key rotation ordered", "", now-500)}, many, now)
	if len(list) != incidentsOfOne+1 || list[0].Subject != "0" || list[incidentsOfOne].Name != "key rotation ordered" {
		t.Errorf("got %v, want the ten newest and the rotation", list)
	}
	got := joined([]incident{at("alert", "", now-2*repeats), at("alert", "", now-2*repeats+1), at("old", "", now-9*24*60*60)}, []incident{at("alert", "", now)}, now)
	twice := at("alert", "", now-2*repeats+1)
	twice.Times = 2
	if diff := cmp.Diff([]incident{at("alert", "", now), twice}, got); diff != "" {
		t.Errorf("joined (-want +got):\n%s", diff)
	}
}

// Of one second, too, the newest is first, however often lists are joined.
func TestIncidentsOfOneSecond(t *testing.T) {
	t.Parallel()
	var list []incident
	for _, name := range []string{"a", "b", "c", "d"} {
		list = joined(list, []incident{{Name: name, Time: 1e9, Times: 1}}, 1e9)
	}
	list = joined(list, nil, 1e9)
	got := ""
	for _, i := range list {
		got += i.Name
	}
	if got != "dcba" {
		t.Errorf("got the events in the order %s, want dcba", got)
	}
}

// What a store brings is held to its bounds, whatever it is.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{``, `{}`, `null`, `[]`, `[null]`, `{"verified":null}`, `{"verified":{"v1":-5,"v2":9223372036854775807}}`, `{"sessions":{"v1":3}}`,
		`[{"name":"alert","time":-1,"times":-1}]`, `[{"name":"alert","time":99999999999999}]`, `{"verified":{"\u0000":1}}`} {
		f.Add([]byte(seed))
	}
	var many []incident // more names than there is room for, and more of each
	for i := range 2 * namesOfThem * incidentsOfOne {
		many = append(many, incident{Name: fmt.Sprint(i / (incidentsOfOne + 6)), Subject: fmt.Sprint(i), Time: 1e9 - int64(i)})
	}
	seed, err := json.Marshal(many)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, data []byte) {
		sum := decodeTally(data)
		for kind, names := range sum {
			if len(names) > maxNames+1 {
				t.Errorf("got %d names of %s", len(names), kind)
			}
		}
		if again := decodeTally(sum.encode()); !cmp.Equal(again, sum) {
			t.Errorf("got %v after %v was written and read", again, sum)
		}
		now := time.Unix(1e9, 0)
		for _, win := range windows {
			sums := map[int64]tally{now.Unix(): sum, now.Unix() - 1e6: sum}
			win.chartOf(verified, win.stack(sums, now), nil, now)
		}
		list := joined(decodeIncidents(data), []incident{{Name: "alert"}}, now.Unix())
		if len(list) > incidentsOfOne*namesOfThem {
			t.Errorf("got %d events", len(list))
		}
	})
}

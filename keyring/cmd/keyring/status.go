package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// report is what can be said of keys and what depends on them.
type report struct {
	Time      time.Time        `json:"time,omitzero"`
	Version   string           `json:"version,omitempty"` // tag of the current key
	Keys      []keyState       `json:"keys"`              // newest first
	Sessions  map[string]int   `json:"sessions,omitempty"`
	Refreshes map[string]int64 `json:"refreshes,omitempty"`
	Health    map[string]int64 `json:"health,omitempty"`
	Instances []instance       `json:"instances,omitempty"`
	Alerts    []alert          `json:"alerts,omitempty"`
	Error     string           `json:"error,omitempty"` // why some of it is missing
}

// instance is a running server process.
type instance struct {
	ID          string    `json:"id"`
	Fingerprint string    `json:"fingerprint"` // of its ring
	Tags        []string  `json:"tags"`
	Version     string    `json:"version"`
	Started     time.Time `json:"started,omitzero"`
	Seen        time.Time `json:"seen,omitzero"`
}

// alert is what an operator should look at.
type alert struct {
	Name  string    `json:"name"`
	Text  string    `json:"text"`
	Since time.Time `json:"since,omitzero"`
}

// every is how often -watch looks again.
const every = 2 * time.Second

// status shows all that is known, once or again and again.
func status(ctx context.Context, c *call) error {
	p, err := c.place()
	if err != nil {
		return err
	}
	if !c.watch {
		return c.look(ctx, p)
	}
	for ctx.Err() == nil {
		err := c.look(ctx, p)
		if err != nil && (failureOf(err).status != cannotTell || errors.Is(err, errUnwritten)) {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(every):
		}
	}
	return nil
}

// look shows all that is known now. With -watch, what cannot be told now takes the
// place of it, and a screen is wiped first.
func (c *call) look(ctx context.Context, p place) error {
	r, err := p.report(ctx)
	switch {
	case c.watch && ctx.Err() != nil:
		return nil
	case err != nil && !c.watch:
		return err
	}
	var page bytes.Buffer
	wipes := c.watch && isTerminal(c.out)
	if wipes {
		page.WriteString("\x1b[H\x1b[J")
	}
	switch {
	case err != nil:
		fmt.Fprintln(&page, plainLines(err.Error()))
	case c.json:
		writeJSON(&page, r)
	default:
		r.write(&page)
	}
	if c.watch && !c.json && !wipes {
		page.WriteString("\n") // between this time and the next
	}
	if _, failed := page.WriteTo(c.out); failed != nil {
		return failed
	}
	return err
}

// isTerminal reports whether out is a screen.
func isTerminal(out io.Writer) bool {
	if o, ok := out.(output); ok {
		out = o.Writer
	}
	f, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// write shows r as tables.
func (r *report) write(out io.Writer) {
	fmt.Fprintf(out, "%s  current key %s\n\n", date(r.Time), plain(r.Version))
	writeKeys(out, r.Keys)
	for _, t := range []table{r.progressTable(), r.sessionTable(), r.instanceTable(), r.alertTable()} {
		if len(t.rows) > 0 {
			fmt.Fprintln(out)
			t.write(out)
		}
	}
	if r.Error != "" {
		fmt.Fprintf(out, "\nSome of it is missing: the server says %s.\n", plain(r.Error))
	}
}

// writeKeys shows keys as a table.
func writeKeys(out io.Writer, keys []keyState) error {
	t := table{head: []string{"KID", "STATE", "ALGORITHM", "MADE", "ACTIVATES", "RETIRES", "LAST NEEDED", "MAY GO", "LOST NOW"}}
	for _, k := range keys {
		lost := ""
		if k.SessionsLost != nil {
			lost = strconv.Itoa(*k.SessionsLost)
		}
		t.add(k.ID, k.State, k.Algorithm, date(k.Made), date(k.Activates), date(k.Retires), date(k.LastNeeded), k.mayGo(), lost)
	}
	return t.write(out)
}

// mayGo says from when k may go.
func (k *keyState) mayGo() string {
	switch {
	case k.Droppable == "yes":
		return "now"
	case k.Droppable == "no" && !k.DroppableFrom.IsZero():
		return dateFrom(k.DroppableFrom)
	case k.Droppable == "no" && k.State != "current":
		return "not yet"
	case k.Droppable == "unknown":
		return "unknown"
	}
	return dash
}

// progressTable shows how far the sessions have moved on from each older key: how many
// only it vouches for, and which part of all live ones no longer needs it.
func (r *report) progressTable() table {
	t := table{head: []string{"ROTATED FROM", "SESSIONS ONLY IT VOUCHES FOR", "OF", "MOVED ON"}}
	all := 0
	for _, n := range r.Sessions {
		all += max(n, 0)
	}
	for _, k := range r.Keys {
		if k.State == "previous" && k.SessionsLost != nil && all > 0 {
			only := min(max(*k.SessionsLost, 0), all)
			t.add(k.ID, strconv.Itoa(only), strconv.Itoa(all), bar(all-only, all))
		}
	}
	return t
}

// bar shows n of all as a bar and per cent, which is 100 only when nothing is left.
func bar(n, all int) string {
	const width = 20
	full := int(int64(n) * width / int64(all))
	return fmt.Sprintf("%s%s %d %%", strings.Repeat("#", full), strings.Repeat(".", width-full), int64(n)*100/int64(all))
}

func (r *report) sessionTable() table {
	t := table{head: []string{"SESSIONS OF", "NUMBER"}}
	for _, tag := range slices.Sorted(maps.Keys(r.Sessions)) {
		t.add(tag, strconv.Itoa(r.Sessions[tag]))
	}
	return t
}

func (r *report) instanceTable() table {
	t := table{head: []string{"INSTANCE", "RING", "TAGS", "VERSION", "STARTED", "SEEN"}}
	for _, i := range r.Instances {
		t.add(i.ID, i.Fingerprint, strings.Join(i.Tags, " "), i.Version, date(i.Started), seen(i.Seen, r.Time))
	}
	return t
}

// seen says how long before now t was.
func seen(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	return inWords(max(0, now.Sub(t))) + " ago"
}

func (r *report) alertTable() table {
	t := table{head: []string{"SINCE", "ALERT", "TEXT"}}
	for _, a := range r.Alerts {
		t.add(date(a.Since), a.Name, a.Text)
	}
	return t
}

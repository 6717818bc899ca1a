package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
)

// output is where answers are written.
type output struct{ io.Writer }

// errUnwritten is what it is if that fails.
var errUnwritten = errors.New("keyring: the answer cannot be written")

func (o output) Write(b []byte) (int, error) {
	n, err := o.Writer.Write(b)
	if err != nil {
		err = fmt.Errorf("%w: %w", errUnwritten, err)
	}
	return n, err
}

// plain returns text with all that a terminal may take for a command, or that turns
// the direction of writing, escaped as in JSON.
func plain(text string) string {
	var b strings.Builder
	for _, c := range text {
		high, low := utf16.EncodeRune(c)
		switch {
		case unicode.IsPrint(c):
			b.WriteRune(c)
		case c > 0xFFFF:
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, c)
		}
	}
	return b.String()
}

// plainLines is plain for each line of text.
func plainLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = plain(lines[i])
	}
	return strings.Join(lines, "\n")
}

// writeJSON writes v as JSON for people and programs to read.
func writeJSON(w io.Writer, v any) error {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(w, plainLines(b.String()))
	return err
}

// date is t for a table, a dash for none.
func date(t time.Time) string {
	if t.IsZero() {
		return dash
	}
	return t.UTC().Format("2006-01-02 15:04Z")
}

// dateFrom is date for one before which something must not be done.
func dateFrom(t time.Time) string { return date(t.Add(time.Minute - 1)) }

// away says in words how far t is from now.
func away(t, now time.Time) string {
	if d := t.Sub(now); d >= 0 {
		return "in " + inWords(d)
	}
	return inWords(now.Sub(t)) + " ago"
}

// inWords rounds d down to the unit that people would use.
func inWords(d time.Duration) string {
	for _, u := range []struct {
		name string
		size time.Duration
	}{{"day", 24 * time.Hour}, {"hour", time.Hour}, {"minute", time.Minute}} {
		if n := d / u.size; n >= 2 {
			return fmt.Sprintf("%d %ss", n, u.name)
		}
	}
	if d >= time.Second && d < 2*time.Second {
		return "1 second"
	}
	return fmt.Sprintf("%d seconds", d/time.Second)
}

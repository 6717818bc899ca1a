package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/sessionring/sessionring/keyring"
)

// check validates a configuration, and compares it with another.
func check(_ context.Context, c *call) error {
	keys, where, err := c.ring()
	var other *keyring.Keyring
	if c.against != "" {
		var fault error
		other, fault = c.other()
		err = errors.Join(err, fault)
	}
	if err != nil {
		return err
	}
	answer := checked{Keys: keys.List(), Notes: c.notes()}
	if other != nil {
		answer.Against = compare(keys, other, c.lifetime)
		answer.Against.here, answer.Against.there = where, c.against
	}
	return c.say(answer)
}

// checked is the answer of check.
type checked struct {
	Keys    []keyring.KeyInfo `json:"keys"`
	Notes   []string          `json:"notes,omitempty"`
	Against *comparison       `json:"against,omitempty"`
}

// say prints what was found. Configurations that share no key are no fault of either.
func (c *call) say(answer checked) error {
	var err error
	if c.json {
		err = writeJSON(c.out, answer)
	} else {
		err = answer.write(c.out)
	}
	if err == nil && answer.Against != nil && !answer.Against.Shares {
		return verdict(refused)
	}
	return err
}

func (a *checked) write(out io.Writer) error {
	var keys []keyState
	for _, k := range a.Keys {
		keys = append(keys, keyState{KeyInfo: k})
	}
	if err := writeKeys(out, keys); err != nil {
		return err
	}
	lines := a.Notes
	if a.Against != nil {
		lines = append(lines, a.Against.lines()...)
	}
	if len(lines) == 0 {
		return nil
	}
	_, err := fmt.Fprintf(out, "\n%s\n", plainLines(strings.Join(lines, "\n")))
	return err
}

// notes returns what is no fault of the keys, but of how they are kept.
func (c *call) notes() (notes []string) {
	for _, path := range []string{c.env, c.against} {
		info, err := os.Stat(path)
		if path == "" || err != nil || !info.Mode().IsRegular() || runtime.GOOS == "windows" {
			continue
		}
		if _, err := keyring.FromFile(path); err == nil {
			continue // which judges the mode itself, by what is in the file
		}
		if info.Mode()&exposed != 0 {
			notes = append(notes, fmt.Sprintf("%s has mode %04o, so others can get at its secrets: chmod 600 %s", path, info.Mode().Perm(), path))
		}
	}
	return notes
}

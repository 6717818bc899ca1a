package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/sessionring/sessionring/keyring"
)

// command is one command: what it does, and what words it takes.
type command struct {
	do        func(context.Context, *call) error
	file, kid bool
}

var commands = map[string]command{
	"generate": {do: generate},
	"init":     {do: initFile, file: true},
	"list":     {do: list, file: true},
	"rotate":   {do: rotate, file: true},
	"revoke":   {do: revoke, file: true, kid: true},
	"drop":     {do: drop, file: true, kid: true},
}

// generate prints a new secret and nothing else.
func generate(_ context.Context, c *call) error {
	raw := make([]byte, 32)
	rand.Read(raw)
	secret := hex.EncodeToString(raw)
	if c.json {
		return c.answer(map[string]string{"secret": secret})
	}
	_, err := fmt.Fprintln(c.out, secret)
	return err
}

// initFile makes a keyring file; it never overwrites one.
func initFile(ctx context.Context, c *call) error {
	if err := keyring.InitFile(c.file); err != nil {
		return err
	}
	return list(ctx, c)
}

// list shows the keys, newest first.
func list(_ context.Context, c *call) error {
	keys, err := c.open()
	if err != nil {
		return err
	}
	return c.show(keys.List())
}

// rotate adds a key that is current from now on.
func rotate(ctx context.Context, c *call) error {
	keys, err := c.open()
	if err != nil {
		return err
	}
	if _, err := keys.Rotate(ctx); err != nil {
		return err
	}
	return c.show(keys.List())
}

// revoke withdraws a key.
func revoke(ctx context.Context, c *call) error {
	keys, err := c.open()
	if err != nil {
		return err
	}
	if err := keys.Revoke(ctx, c.kid); err != nil {
		return err
	}
	return c.show(keys.List())
}

// drop removes a key that is retired or revoked.
func drop(ctx context.Context, c *call) error {
	keys, err := c.open()
	if err != nil {
		return err
	}
	if err := keys.Drop(ctx, c.kid); err != nil {
		return err
	}
	return c.show(keys.List())
}

// show prints keys as a table or as JSON.
func (c *call) show(keys []keyring.KeyInfo) error {
	if c.json {
		return c.answer(map[string]any{"keys": keys})
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "KID\tSTATE\tALGORITHM\tMADE\tACTIVATES\tRETIRES")
	for _, k := range keys {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, k.State, orDash(k.Algorithm), date(k.Made), date(k.Activates), date(k.Retires))
	}
	return w.Flush()
}

// answer prints v as JSON.
func (c *call) answer(v any) error {
	e := json.NewEncoder(c.out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// date is t for a table, a dash for none.
func date(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

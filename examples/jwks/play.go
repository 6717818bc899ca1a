package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/sessionring/sessionring/examples/internal/stage"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session/memstore"
)

const (
	accessTTL = 2 * time.Second         // short, so that people refresh often
	patience  = 30 * time.Second        // for all people to have tokens of the new key
	around    = 1250 * time.Millisecond // of use before the rotation, in the midst between two fetches, and after it
)

// play rotates the key of an issuer while people use the services. It is an error if
// anybody is refused.
func play(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp("", "sessionring-jwks-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "signing.json")
	if err := keyring.InitFileFor(path, "EdDSA"); err != nil {
		return err
	}
	keys, err := keyring.FromFile(path)
	if err != nil {
		return err
	}
	ln, err := listen()
	if err != nil {
		return err
	}
	c, err := open(ctx, slog.New(slog.DiscardHandler), ln, keys, new(memstore.Store), accessTTL, o.fetch)
	defer func() { err = cmp.Or(err, c.close()) }()
	if err != nil {
		return err
	}
	people, err := openCrowd(c)
	defer people.close()
	if err != nil {
		return err
	}
	if err := rotation(ctx, people, keys, path, o); err != nil {
		return err
	}
	people.close()
	return people.report()
}

// rotation makes a new key, and waits until all people have been at the services with
// tokens that it has signed.
func rotation(ctx context.Context, people *crowd, keys *keyring.Keyring, path string, o options) error {
	fmt.Printf("%d people use an issuer and two services that verify; v1 signs\n", len(people.all))
	if err := stage.Pause(ctx, around); err != nil {
		return err
	}
	if err := rotate(ctx, path, o.lead); err != nil {
		return err
	}
	if err := keys.Reload(ctx); err != nil { // it would be read within ten seconds
		return err
	}
	fmt.Printf("v2 is made, and signs %s; the service with golang-jwt fetches the keys every %v\n", when(o.lead), o.fetch)
	for end := time.Now().Add(o.lead + patience); !people.allAt("v2"); {
		if time.Now().After(end) {
			return errors.New("waited in vain until all people have tokens of v2")
		}
		if err := stage.Pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	return stage.Pause(ctx, around)
}

// when says, for people, when a new key signs.
func when(lead time.Duration) string {
	if lead == 0 {
		return "at once"
	}
	return fmt.Sprintf("in %v: until then it co-signs", lead)
}

// rotate makes a new key in a file, as the command keyring does, and lets it sign after
// lead in place of 24 hours.
func rotate(ctx context.Context, path string, lead time.Duration) error {
	keys, err := keyring.FromFile(path)
	if err != nil {
		return err
	}
	if _, err := keys.Rotate(ctx); err != nil {
		return err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var set struct {
		Keys []map[string]json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(data, &set); err != nil {
		return err
	}
	signs := time.Now().Add(lead + time.Second - 1) // whole seconds, rounded up
	set.Keys[0]["nbf"] = json.RawMessage(strconv.FormatInt(signs.Unix(), 10))
	if lead == 0 {
		delete(set.Keys[0], "nbf")
	}
	if data, err = json.Marshal(set); err != nil {
		return err
	}
	if err := os.WriteFile(path+".next", data, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".next", path)
}

package main

import (
	"context"
	"os"
	"strings"

	"github.com/sessionring/sessionring/examples/internal/server"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// The variables that name sources of keys.
const (
	envSecret = "SESSION_SECRET"
	envFile   = "SESSION_KEYRING_FILE"
	envKEK    = "SESSION_KEYRING_KEK"
)

// envKeys are the variables of an environment keyring, which cannot do without
// envSecret.
var envKeys = []string{
	"SESSION_SECRET_OLD", "SESSION_SECRET_SPARE", "SESSION_SECRET_REVOKED", "SESSION_SECRET_ACTIVATES_AT",
	"TOKEN_VERSION", "TOKEN_VERSION_OLD",
}

// keySource is where the keys come from. Those of the environment and of a file are
// read with the configuration, the others when the store is open.
type keySource struct {
	name string // the variable that names it, "" for the default
	kek  string // of a keyring in the store
	keys *keyring.Keyring
	from string // for people
}

// readKeys finds the source of keys that the environment names, and reads what can
// be read without making anything.
//
// Sources never stand in for each other: two of them are a fault, and so is one that
// is named and empty. A server that took other keys than it was meant to have would
// sign everybody out.
func readKeys(e *server.Env, store storeAddress) (k keySource) {
	sources := keySources()
	if len(sources) > 1 {
		e.Fault("%s are several sources of keys: choose one", strings.Join(sources, ", "))
		return k
	}
	if len(sources) == 1 {
		k.name = sources[0]
	}
	switch k.name {
	case envKEK:
		k.kek = readKEK(e, store)
	case envFile:
		k.keys, k.from = fileKeys(e, os.Getenv(envFile))
	case envSecret:
		keys, err := keyring.FromEnv()
		e.Check(err)
		k.keys, k.from = keys, "from "+envSecret
	}
	return k
}

// open returns the keyring, which it makes if it is there for the first time, and a
// line about it.
func (k keySource) open(e *server.Env, store session.Store) (*keyring.Keyring, string) {
	switch k.name {
	case envKEK:
		return sharedKeys(e, k.kek, store)
	case "":
		return server.DefaultKeys(e)
	}
	return k.keys, k.from
}

// readKEK returns the secret that seals the keyring in the store, if it is one, and
// if the store keeps what it is given.
func readKEK(e *server.Env, store storeAddress) string {
	if store.kind == "none" || store.kind == "memory" {
		e.Fault("%s seals a keyring in the store, and SESSION_STORE is %s: use %s or %s", envKEK, store.kind, envSecret, envFile)
		return ""
	}
	kek := os.Getenv(envKEK)
	if kek == "" {
		e.Fault("%s is set but empty: give it a secret, or leave it out", envKEK)
		return ""
	}
	_, err := keyring.FromStore(context.Background(), keyring.Shared{Store: new(memstore.Store), KEK: kek})
	if err != nil {
		e.Fault("%s: %w", envKEK, err)
	}
	return kek
}

// sharedKeys returns the keyring that all instances on one store share.
func sharedKeys(e *server.Env, kek string, store session.Store) (*keyring.Keyring, string) {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	keys, err := keyring.FromStore(ctx, keyring.Shared{Store: store, KEK: kek})
	if err != nil {
		e.Fault("%s: %w", envKEK, err)
	}
	return keys, "shared, sealed in the store"
}

// keySources returns the variables that name a source of keys. What is set to
// nothing is named too; of an environment keyring, also what goes with a secret
// that is missing.
func keySources() []string {
	var sources []string
	for _, name := range []string{envSecret, envFile, envKEK} {
		if _, set := os.LookupEnv(name); set {
			sources = append(sources, name)
		}
	}
	for _, name := range envKeys {
		if os.Getenv(name) != "" && len(sources) == 0 {
			return []string{envSecret}
		}
	}
	return sources
}

// fileKeys returns the keyring of a file.
func fileKeys(e *server.Env, path string) (*keyring.Keyring, string) {
	if path == "" {
		e.Fault("%s is set but empty: name a file, or leave it out", envFile)
		return nil, ""
	}
	keys, err := keyring.FromFile(path)
	e.Check(err)
	return keys, path
}

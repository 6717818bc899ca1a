package keyring_test

import (
	"context"
	"log"
	"os"
	"time"

	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// All instances on one store share a keyring there, sealed with a secret from the
// environment, and one of them replaces the current key once a month.
func ExampleFromStore() {
	ctx := context.Background()
	store := new(memstore.Store) // a shared one, in a fleet
	keys, err := keyring.FromStore(ctx, keyring.Shared{
		Store: store, KEK: os.Getenv("SESSION_KEYRING_KEK"), RotateEvery: 30 * 24 * time.Hour,
	})
	if err != nil {
		log.Fatal(err)
	}
	sessions, err := session.New(session.Config{Keys: keys, Store: store})
	if err != nil {
		log.Fatal(err)
	}
	go sessions.Run(ctx)
}

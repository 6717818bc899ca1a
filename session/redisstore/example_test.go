package redisstore_test

import (
	"context"
	"log"

	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/redisstore"
)

// client stands for that of a Redis library, such as go-redis: there the function
// is func(ctx, args...) { return rdb.Do(ctx, args...).Result() }.
var client interface {
	Do(ctx context.Context, args ...any) (any, error)
}

// One function is all that the store needs of a client.
func ExampleNew() {
	keys, err := keyring.FromEnv()
	if err != nil {
		log.Fatal(err)
	}
	store := redisstore.New(client.Do)
	sessions, err := session.New(session.Config{Keys: keys, Store: store})
	if err != nil {
		log.Fatal(err)
	}
	go sessions.Run(context.Background())
}

package sqlstore_test

import (
	"context"
	"database/sql"
	"log"

	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/sqlstore"
)

// A driver is the program's own choice: modernc.org/sqlite here, or
// github.com/jackc/pgx/v5/stdlib with sql.Open("pgx", "postgres://…").
func ExampleOpen() {
	ctx := context.Background()
	db, err := sql.Open("sqlite", "sessions.db")
	if err != nil {
		log.Fatal(err)
	}
	store, err := sqlstore.Open(ctx, db)
	if err != nil {
		log.Fatal(err)
	}
	keys, err := keyring.FromEnv()
	if err != nil {
		log.Fatal(err)
	}
	sessions, err := session.New(session.Config{Keys: keys, Store: store})
	if err != nil {
		log.Fatal(err)
	}
	go sessions.Run(ctx)
}

package session_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// exampleSigner returns a keyring of one new key with a public half.
func exampleSigner() *keyring.Keyring {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		log.Fatal(err)
	}
	key, err := keyring.NewSigner("v1", private)
	if err != nil {
		log.Fatal(err)
	}
	keys, err := keyring.New(key)
	if err != nil {
		log.Fatal(err)
	}
	return keys
}

// One service signs people in. Another has its public keys, and reads from it which
// sessions have ended: it refuses one that was signed out.
func ExampleManager_ServeRevocations() {
	ctx := context.Background()
	secret := feedSecret() // of an environment variable that both services have
	keys := exampleSigner()
	one, err := session.New(session.Config{Keys: keys, Store: new(memstore.Store), Revocations: session.RevocationFeed{Secret: secret}})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/jwks.json", keys.ServeJWKS)
	mux.HandleFunc("GET /internal/revocations", one.ServeRevocations)
	server := httptest.NewServer(mux)
	defer server.Close()

	public, err := keyring.FromURL(ctx, server.URL+"/.well-known/jwks.json")
	if err != nil {
		fmt.Println(err)
		return
	}
	other, err := session.New(session.Config{Keys: public, Revocations: session.RevocationFeed{
		URL: server.URL + "/internal/revocations", Secret: secret,
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	tokens, _ := one.Issue(ctx, session.Grant{Subject: "alice"})
	c, err := one.Verify(ctx, tokens.AccessToken)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(one.Revoke(ctx, "alice", c.SessionID))
	_, err = other.Verify(ctx, tokens.AccessToken)
	fmt.Println(session.Reason(err))
	// Output:
	// <nil>
	// revoked
}

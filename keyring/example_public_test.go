package keyring_test

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log"
	"net/http"

	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
)

// privatePEM stands for a file that "openssl genpkey -algorithm ed25519" wrote: here
// its key is made anew, because a key in an example is nobody's key.
func privatePEM() []byte {
	_, k, err := ed25519.GenerateKey(nil)
	if err != nil {
		log.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		log.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// A private key in a PEM file, PKCS #8, as openssl writes it. The client of a key
// service is a crypto.Signer too.
func ExampleNewSigner() {
	block, _ := pem.Decode(privatePEM())
	if block == nil {
		log.Fatal("this is no PEM file")
	}
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		log.Fatal(err)
	}
	signer, ok := private.(crypto.Signer)
	if !ok {
		log.Fatal("this key does not sign")
	}
	key, err := keyring.NewSigner("v1", signer)
	if err != nil {
		log.Fatal(err)
	}
	keys, err := keyring.New(key)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(keys.List()[0].Algorithm)
	// Output: EdDSA
}

// The service that signs people in publishes its public keys, and another checks its
// sessions with them.
func ExampleFromURL() {
	ctx := context.Background()
	keys, err := keyring.FromURL(ctx, "https://id.example.com/.well-known/jwks.json")
	if err != nil {
		log.Fatal(err)
	}
	sessions, err := session.New(session.Config{Keys: keys, Issuer: "https://id.example.com", Audience: "shop"})
	if err != nil {
		log.Fatal(err)
	}
	go sessions.Run(ctx) // which fetches the keys again
	http.Handle("/", sessions.Require(http.NotFoundHandler()))
}

func ExampleKeyring_ServeJWKS() {
	keys, err := keyring.FromFile("keys.json")
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("GET /.well-known/jwks.json", keys.ServeJWKS)
}

// From a secret that only this service knows to a key whose public half others have:
// nobody is signed out, and after 24 hours it signs.
func ExampleKeyring_RotateTo() {
	keys, err := keyring.FromFile("keys.json")
	if err != nil {
		log.Fatal(err)
	}
	tag, err := keys.RotateTo(context.Background(), "EdDSA")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the new key is", tag)
}

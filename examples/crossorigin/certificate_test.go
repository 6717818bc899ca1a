package main

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
)

// A file that has no key for TLS is told as what it is, and is left alone.
func TestBadTLSKey(t *testing.T) {
	t.Parallel()
	_, other, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(other)
	if err != nil {
		t.Fatal(err)
	}
	small, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader) // which no browser takes
	if err != nil {
		t.Fatal(err)
	}
	derSmall, err := x509.MarshalPKCS8PrivateKey(small)
	if err != nil {
		t.Fatal(err)
	}
	block := func(der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	}
	for text, want := range map[string]string{
		"junk":          "is no PEM file: remove it, and another is made",
		block(der[:20]): "has no PKCS #8 key: remove it, and another is made",
		block(der):      "has a key of another kind than ECDSA on P-256: remove it, and another is made",
		block(derSmall): "has a key of another kind than ECDSA on P-256: remove it, and another is made",
	} {
		path := filepath.Join(t.TempDir(), "tls.pem")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := openTLSKey(path)
		if err == nil || err.Error() != path+" "+want {
			t.Errorf("%.40q: got %v, want that it %s", text, err, want)
		}
		if left, _ := os.ReadFile(path); string(left) != text {
			t.Errorf("%.40q: got the file changed", text)
		}
	}
	path := filepath.Join(t.TempDir(), "tls.pem")
	made, err := openTLSKey(path)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := openTLSKey(path); err != nil || !again.Equal(made) {
		t.Errorf("got another key, %v, want the one that was kept", err)
	}
}

package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
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
	block := func(der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	}
	for text, want := range map[string]string{
		"junk":          "is no PEM file: remove it, and another is made",
		block(der[:20]): "has no key that can be read: remove it, and another is made (",
		block(der):      "has a key of another kind than ECDSA: remove it, and another is made",
	} {
		path := filepath.Join(t.TempDir(), "tls.pem")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := openTLSKey(path)
		if err == nil || !strings.HasPrefix(err.Error(), path+" "+want) || strings.Contains(err.Error(), "%!") {
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

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"github.com/sessionring/sessionring/examples/internal/server"
)

// openCertificate returns a certificate for the hosts, made afresh at every start, of a
// key that is made in DATA_DIR once: a browser that was told to accept the key accepts
// the server after a restart too.
func openCertificate(e *server.Env) tls.Certificate {
	key, err := openTLSKey(filepath.Join(e.DataDir(), "tls.pem"))
	if err != nil {
		e.Fault("the key for https: %w", err)
		return tls.Certificate{}
	}
	cert, err := certify(key)
	e.Check(err)
	return cert
}

// certify returns a certificate for the hosts that its own key has signed.
func certify(key *ecdsa.PrivateKey) (tls.Certificate, error) {
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.AddDate(0, 0, 90),
		DNSNames:     []string{appHost, siblingHost, foreignHost},
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, err
}

// keyHash is what browsers call the public key of a certificate: the SHA-256 of its
// SubjectPublicKeyInfo, as in RFC 7469, section 2.4.
func keyHash(cert tls.Certificate) string {
	sum := sha256.Sum256(cert.Leaf.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// openTLSKey reads a key, or makes it if there is none.
func openTLSKey(path string) (*ecdsa.PrivateKey, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeTLSKey(path)
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%s is no PEM file: remove it, and another is made", path)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s has no PKCS #8 key: remove it, and another is made", path)
	}
	own, ok := key.(*ecdsa.PrivateKey)
	if !ok || own.Curve != elliptic.P256() {
		return nil, fmt.Errorf("%s has a key of another kind than ECDSA on P-256: remove it, and another is made", path)
	}
	return own, nil
}

// makeTLSKey makes a key and keeps it for this user only.
func makeTLSKey(path string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	return key, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}

package keyring

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"
)

// sealer seals what a store keeps for us, so that who can read the store alone
// learns no key, and who can write it alone makes none. The algorithm is
// XChaCha20-Poly1305, whose nonces may be random.
//
// The format is: format name, newline, name of the sealing key, newline, nonce and
// ciphertext. The two lines are authenticated too.
type sealer struct{ keys []sealKey } // newest first

type sealKey struct {
	name string
	aead cipher.AEAD
}

const (
	sealFamily = "sessionring sealed keyring v"
	sealFormat = sealFamily + "1"
	labelSeal  = "sessionring keyring seal v1"
)

// newSealer returns the sealer of a list of secrets, newest first, comma separated.
// It refuses those that a keyring would refuse, all at once.
func newSealer(list string) (*sealer, error) {
	if list == "" {
		return nil, errors.New("keyring: Shared.KEK is required: the secret that seals the keys in the store; make one with the command keyring generate")
	}
	var f faults
	s := new(sealer)
	for i, text := range strings.Split(chomp(list), ",") {
		secret, err := parseSecret(text)
		if err != nil {
			f.addf("Shared.KEK, value %d, %w", i+1, err)
			continue
		}
		s.keys = append(s.keys, newSealKey(secret))
	}
	return s, f.err()
}

// newSealKey derives key and name from a secret (RFC 5869, without salt).
func newSealKey(secret []byte) sealKey {
	derive := func(info string, n int) []byte {
		out, err := hkdf.Key(sha256.New, secret, nil, info, n)
		if err != nil {
			panic("keyring: " + err.Error()) // n is a small constant and SHA-256 is always there
		}
		return out
	}
	aead, err := chacha20poly1305.NewX(derive(labelSeal, chacha20poly1305.KeySize))
	if err != nil {
		panic("keyring: " + err.Error()) // the size is right
	}
	return sealKey{base64.RawURLEncoding.EncodeToString(derive(labelSeal+" name", 6)), aead}
}

// seal seals data under the newest key.
func (s *sealer) seal(data []byte) []byte {
	k := s.keys[0]
	head := sealFormat + "\n" + k.name + "\n"
	nonce := make([]byte, k.aead.NonceSize())
	rand.Read(nonce) // never fails
	return k.aead.Seal(append([]byte(head), nonce...), nonce, data, []byte(head))
}

// repair is what to do about them. Instances that run keep the keys they have.
const repair = `put back what was there from a backup of the store, or delete the record "keyring" while an instance runs, which puts back what it knows`

// The faults of what a store returns.
var (
	errNotSealed = errors.New("keyring: what the store holds is no sealed keyring: " + repair)
	errNewer     = errors.New("keyring: the keyring in the store is sealed in a form that this release does not know: run the release that wrote it, or a later one")
	errSeal      = errors.New("keyring: the keyring in the store is damaged, or has been changed by somebody without the key that seals it: " + repair)
)

// open opens what seal has sealed, under whichever key it was.
func (s *sealer) open(data []byte) ([]byte, error) {
	format, rest, ok := strings.Cut(string(data), "\n")
	name, box, ok2 := strings.Cut(rest, "\n")
	switch {
	case !ok || !ok2 || !strings.HasPrefix(format, sealFamily):
		return nil, errNotSealed
	case format != sealFormat:
		return nil, errNewer
	}
	for _, k := range s.keys {
		if k.name != name {
			continue
		}
		if len(box) < k.aead.NonceSize() {
			return nil, errSeal
		}
		nonce, box := []byte(box[:k.aead.NonceSize()]), []byte(box[k.aead.NonceSize():])
		plain, err := k.aead.Open(nil, nonce, box, []byte(sealFormat+"\n"+name+"\n"))
		if err != nil {
			return nil, errSeal
		}
		return plain, nil
	}
	return nil, fmt.Errorf("keyring: the keyring in the store is sealed with the key %.8q, which is not in Shared.KEK: add the secret that was used before", name)
}

package main

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/sessionring/sessionring/keyring"
)

// file is the keyring file of a play.
func (p *play) file() string { return filepath.Join(p.dir, "keyring.json") }

// makeKeys makes the keys of servers that do not have them from their environment.
func (p *play) makeKeys() error {
	if p.keys == inFile {
		return keyring.InitFile(p.file())
	}
	return nil // the first server makes those in the store
}

// rotateFile makes a new key in the file, as the command keyring does.
func (p *play) rotateFile() {
	p.do("a new key is made in the file", func() error {
		keys, err := keyring.FromFile(p.file())
		if err != nil {
			return err
		}
		return p.rotate(keys)
	})
}

// rotateShared makes a new key in the store.
func (p *play) rotateShared() {
	p.do("a new key is made in the store", func() error {
		st, db, err := p.store.open(p.ctx)
		if err != nil {
			return err
		}
		defer db.Close()
		keys, err := keyring.FromStore(p.ctx, keyring.Shared{Store: st, KEK: p.secrets.of("kek")})
		if err != nil {
			return err
		}
		return p.rotate(keys)
	})
}

// rotate makes a new key, which the servers see when they read their keys again.
func (p *play) rotate(keys *keyring.Keyring) error {
	tag, err := keys.Rotate(p.ctx)
	p.shared.tags = slices.Insert(slices.Clone(p.shared.tags), 0, tag)
	return err
}

// reload has servers read their keys again, one after another. They would do so by
// themselves within ten seconds, or when they meet a token of a key they do not hold.
func (p *play) reload(replicas ...int) {
	for _, i := range replicas {
		p.do(fmt.Sprintf("server %d reads its keys again: %s", i+1, p.shared), func() error {
			r := p.replicas[i]
			if err := r.hangUp(); err != nil {
				return err
			}
			if err := r.has(p.ctx, p.shared.tags[0]); err != nil {
				return err
			}
			r.classic.set(p.secrets.classic(p.shared))
			return nil
		})
	}
}

package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"

	"github.com/sessionring/sessionring/examples/internal/stage"
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
		tag, err := keys.Rotate(p.ctx)
		if err == nil {
			p.made(tag)
		}
		return err
	})
}

// rotateShared has a server make a new key in the store, as an administrator does on
// the dashboard or with the command keyring.
func (p *play) rotateShared() {
	p.do("the administrator has server 1 make a new key", func() error {
		tag, err := askForKey(p.replicas[0].url)
		if err != nil {
			return err
		}
		p.made(tag)
		p.replicas[0].classic.set(p.secrets.classic(p.shared))
		return nil
	})
}

// askForKey has the server at an address make a new key, and returns its tag.
func askForKey(server string) (tag string, err error) {
	admin := stage.NewBrowser(nil, patience)
	if _, err := admin.Send("POST", server+"/api/auth/login", `{"username":"admin","password":"admin"}`); err != nil {
		return "", err
	}
	r, err := admin.Send("POST", server+"/admin/api/keys/rotate", "{}")
	if err == nil && r.Status != http.StatusOK {
		err = fmt.Errorf("the administrator got %v", r)
	}
	return r.Word("tag"), err
}

// made notes a new key, which servers see when they read their keys again.
func (p *play) made(tag string) {
	p.shared.tags = slices.Insert(slices.Clone(p.shared.tags), 0, tag)
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

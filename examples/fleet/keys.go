package main

import (
	"crypto/rand"
	"encoding/hex"
	"strings"

	"github.com/sessionring/sessionring/keyring"
)

// config is what a deployment gives to a server: secrets, named by their tags.
type config struct {
	tags    []string // newest first
	spare   bool     // and a spare secret
	revoked string   // the tag of a secret that has leaked, or ""
}

// String says what a server with this configuration holds.
func (c config) String() string {
	text := strings.Join(c.tags, ", ")
	if c.spare {
		text += " and a spare"
	}
	if c.revoked != "" {
		text += "; " + c.revoked + " revoked"
	}
	return text
}

// secrets are those of one play, by tag.
type secrets map[string]string

// of returns the secret with a tag, which it makes when it is first asked for.
func (s secrets) of(tag string) string {
	if s[tag] == "" {
		data := make([]byte, 32)
		rand.Read(data) // never fails
		s[tag] = hex.EncodeToString(data)
	}
	return s[tag]
}

// env returns the environment of a server that has its keys from there.
func (s secrets) env(c config) ([]string, error) {
	var old []string
	for _, tag := range c.tags[1:] {
		old = append(old, s.of(tag))
	}
	env := []string{"TOKEN_VERSION=" + c.tags[0], "SESSION_SECRET=" + s.of(c.tags[0]), "SESSION_SECRET_OLD=" + strings.Join(old, ",")}
	if c.spare {
		env = append(env, "SESSION_SECRET_SPARE="+s.of("spare"))
	}
	if c.revoked != "" {
		key, err := keyring.NewKey(c.revoked, []byte(s.of(c.revoked)))
		if err != nil {
			return nil, err
		}
		env = append(env, "SESSION_SECRET_REVOKED="+key.String())
	}
	return env, nil
}

// classic returns the current and the previous secret of a configuration, as servers
// have them that know nothing else.
func (s secrets) classic(c config) (current, previous secret) {
	current = secret{c.tags[0], []byte(s.of(c.tags[0]))}
	if len(c.tags) > 1 {
		previous = secret{c.tags[1], []byte(s.of(c.tags[1]))}
	}
	return current, previous
}

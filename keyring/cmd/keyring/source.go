package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/sessionring/sessionring/keyring"
)

// lookup finds the value of a variable, as os.LookupEnv does.
type lookup func(name string) (string, bool)

// names returns the names of the variables, all of them.
func (c *call) names() keyring.Env {
	e := keyring.Env{
		Secret: "SESSION_SECRET", SecretOld: "SESSION_SECRET_OLD", Version: "TOKEN_VERSION", VersionOld: "TOKEN_VERSION_OLD",
		Spare: "SESSION_SECRET_SPARE", Revoked: "SESSION_SECRET_REVOKED", ActivatesAt: "SESSION_SECRET_ACTIVATES_AT",
	}
	if c.flask {
		flask := keyring.FlaskEnv()
		e.Secret, e.SecretOld = flask.Secret, flask.SecretOld
	}
	return e
}

// variables returns those of -env, or else of the environment, and where they are.
func (c *call) variables() (lookup, string, error) {
	if c.env == "" {
		return os.LookupEnv, "the environment", nil
	}
	data, err := readFile(c.env)
	if err != nil {
		return nil, "", err
	}
	find, err := parseEnv(c.env, data)
	return find, c.env, err
}

// maxFile is how much of a file is read, in bytes.
const maxFile = 1 << 20

// readFile reads a file or a pipe, up to a bound.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("keyring: %w", err)
	case len(data) > maxFile:
		return nil, fmt.Errorf("keyring: %s is larger than %d bytes", path, maxFile)
	}
	return data, nil
}

// ring returns the keys of -file, of -env or of the environment, and where they are.
func (c *call) ring() (*keyring.Keyring, string, error) {
	if c.file != "" {
		keys, err := keyring.FromFile(c.file)
		return keys, c.file, err
	}
	find, where, err := c.variables()
	if err != nil {
		return nil, where, err
	}
	keys, err := c.openEnv(find)
	return keys, where, err
}

// openEnv returns the keys of the variables that find finds.
func (c *call) openEnv(find lookup) (*keyring.Keyring, error) {
	keys, err := c.names().OpenFrom(find)
	if c.env != "" {
		err = in(c.env, err)
	}
	return keys, err
}

// other returns the keys of -against: a keyring file if it is JSON, else an env file.
func (c *call) other() (*keyring.Keyring, error) {
	data, err := readFile(c.against)
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		return keyring.FromFile(c.against)
	}
	find, err := parseEnv(c.against, data)
	if err != nil {
		return nil, err
	}
	keys, err := c.names().OpenFrom(find)
	return keys, in(c.against, err)
}

// in returns the faults of err as those of a file.
func in(path string, err error) error {
	if err == nil {
		return nil
	}
	var faults []error
	for line := range strings.SplitSeq(err.Error(), "\n") {
		faults = append(faults, fmt.Errorf("keyring: %s: %s", path, strings.TrimPrefix(line, "keyring: ")))
	}
	return errors.Join(faults...)
}

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/sessionring/sessionring/keyring"
)

// TestScripts runs the shell scripts in testdata: the command as people use it.
func TestScripts(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no shell here")
	}
	for name, env := range map[string]func(*testing.T) []string{
		"help": nothing, "file": nothing, "env": nothing, "race": nothing,
		"server": func(t *testing.T) []string {
			s := newInstance(t)
			return []string{"SERVER=" + s.URL, "TOKEN=" + s.token}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			script(t, name, env(t))
		})
	}
}

func nothing(*testing.T) []string { return nil }

// script runs one of them in an empty directory, with an environment of its own.
func script(t *testing.T, name string, env []string) {
	t.Helper()
	here, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	wrapper := fmt.Sprintf("#!/bin/sh\n%s=1 exec '%s' \"$@\"\n", asCommand, os.Args[0])
	if err := os.WriteFile(filepath.Join(bin, "keyring"), []byte(wrapper), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-eu", filepath.Join(here, name+".sh"))
	cmd.Dir = t.TempDir()
	cmd.Env = append(env, "PATH="+bin+":"+os.Getenv("PATH"), "LIB="+filepath.Join(here, "lib.sh"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s.sh: %v\n%s", name, err, out)
	}
}

// sign returns an access token with these claims, by keys.
func sign(t testing.TB, keys *keyring.Keyring, claims string) string {
	t.Helper()
	signers := keys.Live().Ring().Signers(time.Now())
	token, err := signers.Sign("at+jwt", []byte(claims))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
)

// TestScripts runs the shell scripts in testdata: the command as people use it.
func TestScripts(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no shell here")
	}
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, env := range map[string]func(*testing.T) []string{
		"help": nothing, "file": nothing, "env": nothing, "race": nothing,
		"inspect": func(t *testing.T) []string { return []string{"TOKENS=" + tokens(t)} },
		"server": func(t *testing.T) []string {
			s := newInstance(t)
			return []string{"SERVER=" + s.URL, "TOKEN=" + s.token}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			script(t, name, bin, env(t))
		})
	}
}

func nothing(*testing.T) []string { return nil }

// script runs one of them in an empty directory, with the command that is in bin and an
// environment of its own.
func script(t *testing.T, name, bin string, env []string) {
	t.Helper()
	here, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-eu", filepath.Join(here, name+".sh"))
	cmd.Dir = t.TempDir()
	cmd.Env = append(env, "PATH="+bin+":"+os.Getenv("PATH"), "LIB="+filepath.Join(here, "lib.sh"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s.sh: %v\n%s", name, err, out)
	}
}

// tokens returns a directory with a keyring file and tokens under its keys, each in a
// file of its own.
func tokens(t *testing.T) string {
	t.Helper()
	file := newFile(t, 1)
	dir := filepath.Dir(file)
	keys, err := keyring.FromFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m := manager(t, keys)
	pair := issue(t, m, session.Grant{Subject: "alice", Claims: map[string]string{"role": "admin"}})
	purpose, err := m.Purpose("invitation", time.Hour).Issue(t.Context(), "alice", nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{
		"access": pair.AccessToken, "refresh": pair.RefreshToken, "purpose": purpose, "expired": expired(t, keys),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(token+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// manager returns what issues sessions under keys.
func manager(t testing.TB, keys *keyring.Keyring) *session.Manager {
	t.Helper()
	m, err := session.New(session.Config{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// issue returns the tokens of a new session.
func issue(t testing.TB, m *session.Manager, g session.Grant) session.Tokens {
	t.Helper()
	pair, err := m.Issue(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// expired returns an access token that has ended an hour ago.
func expired(t testing.TB, keys *keyring.Keyring) string {
	t.Helper()
	then := time.Now().Add(-time.Hour).Unix()
	return sign(t, keys, fmt.Sprintf(`{"sub":"alice","sid":"s","jti":"j","iat":%d,"exp":%d,"auth_time":%d,"type":"access"}`, then-900, then, then-900))
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

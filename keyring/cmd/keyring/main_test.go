package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/sessionring/sessionring/keyring"
)

// keyringDo runs the command and returns its exit status and what it printed.
func keyringDo(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = run(t.Context(), args, &out, &errs)
	return status, out.String(), errs.String()
}

// ok is keyringDo for a call that must succeed.
func ok(t *testing.T, args ...string) string {
	t.Helper()
	status, out, errs := keyringDo(t, args...)
	if status != done || errs != "" {
		t.Fatalf("keyring %q: got status %d, %q, want 0", args, status, errs)
	}
	return out
}

// states returns the kids of a keyring file with the state of each, newest first.
func states(t *testing.T, file string) (kids, list []string) {
	t.Helper()
	var got struct{ Keys []keyring.KeyInfo }
	if err := json.Unmarshal([]byte(ok(t, "list", "-json", "-file", file)), &got); err != nil {
		t.Fatal(err)
	}
	for _, k := range got.Keys {
		kids, list = append(kids, k.ID), append(list, k.Tag+" "+k.State)
	}
	return kids, list
}

func TestGenerate(t *testing.T) {
	t.Parallel()
	a, b := ok(t, "generate"), ok(t, "generate")
	if !regexp.MustCompile(`^[0-9a-f]{64}\n$`).MatchString(a) || a == b {
		t.Errorf("got %d and %d bytes, want 64 hex digits, others each time", len(a), len(b))
	}
}

// TestLife is the story of a keyring file: made, rotated, a key revoked and dropped.
func TestLife(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "keys.json")
	ok(t, "init", "-file", file)
	ok(t, "rotate", "-file", file)
	kids, got := states(t, file)
	if strings.Join(got, ", ") != "v2 current, v1 previous" {
		t.Fatalf("after rotate: got %q", got)
	}
	if status, _, errs := keyringDo(t, "drop", "-file", file, kids[1]); status != refused || !strings.Contains(errs, "in use") {
		t.Errorf("drop of a live key: got %d, %q, want 1 and why", status, errs)
	}
	ok(t, "revoke", kids[0], "-file", file)
	if _, got = states(t, file); strings.Join(got, ", ") != "v3 current, v2 revoked, v1 previous" {
		t.Errorf("after the revocation of the current key: got %q", got)
	}
	ok(t, "drop", "-file", file, kids[0])
	_, got = states(t, file)
	for _, line := range got {
		if line == "v2 current" || line == "v2 previous" {
			t.Errorf("after drop: got %q", got)
		}
	}
}

func TestInitNeverOverwrites(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "keys.json")
	ok(t, "init", "-file", file)
	before, _ := os.ReadFile(file)
	if status, _, errs := keyringDo(t, "init", "-file", file); status != refused || errs == "" {
		t.Errorf("init again: got %d, %q, want 1 and why", status, errs)
	}
	if after, _ := os.ReadFile(file); !bytes.Equal(before, after) {
		t.Error("init changed the file")
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "missing.json")
	for _, c := range []struct {
		want int
		args string
	}{
		{done, "help"}, {done, "list -h"},
		{misused, ""}, {misused, "rotat"}, {misused, "list"}, {misused, "rotate -file a b"},
		{misused, "revoke -file a"}, {misused, "generate -file a"}, {misused, "list -nonsense"},
		{cannotTell, "list -file " + file}, {cannotTell, "rotate -file " + file},
	} {
		status, _, errs := keyringDo(t, strings.Fields(c.args)...)
		if status != c.want {
			t.Errorf("keyring %s: got status %d (%q), want %d", c.args, status, errs, c.want)
		}
		if strings.Count(errs, "\n") > 1 {
			t.Errorf("keyring %s: got more than one line: %q", c.args, errs)
		}
	}
}

// TestNoSecretOnScreen checks that nothing but generate prints key material.
func TestNoSecretOnScreen(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "keys.json")
	out := ok(t, "init", "-file", file) + ok(t, "rotate", "-json", "-file", file) + ok(t, "list", "-file", file)
	var set struct{ Keys []struct{ K string } }
	data, _ := os.ReadFile(file)
	if err := json.Unmarshal(data, &set); err != nil || len(set.Keys) != 2 {
		t.Fatalf("got %d keys, %v, want 2", len(set.Keys), err)
	}
	for _, k := range set.Keys {
		if k.K == "" || strings.Contains(out, k.K) {
			t.Error("key material was printed")
		}
	}
}

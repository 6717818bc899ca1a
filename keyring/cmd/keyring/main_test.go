package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sessionring/sessionring/keyring"
)

// keyringDo runs the command with in as standard input, and returns its exit status
// and what it printed.
func keyringDo(t testing.TB, in string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = run(t.Context(), args, strings.NewReader(in), &out, &errs)
	return status, out.String(), errs.String()
}

// ok is keyringDo for a call that must succeed.
func ok(t testing.TB, args ...string) string {
	t.Helper()
	status, out, errs := keyringDo(t, "", args...)
	if status != done || errs != "" {
		t.Fatalf("keyring %q: got status %d, %q, want 0", args, status, errs)
	}
	return out
}

// want is keyringDo for a call that must end with a status and say words.
func want(t testing.TB, status int, words string, args ...string) (stdout, stderr string) {
	t.Helper()
	got, out, errs := keyringDo(t, "", args...)
	if got != status || !strings.Contains(out+errs, words) {
		t.Errorf("keyring %q: got status %d, %q, %q, want %d and %q", args, got, out, errs, status, words)
	}
	return out, errs
}

// decode reads the JSON that a call has printed.
func decode[T any](t testing.TB, text string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v: %q", err, text)
	}
	return v
}

// newFile returns the path of a new keyring file that was rotated some times.
func newFile(t testing.TB, rotations int) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "keys.json")
	ok(t, "init", "-file", file)
	for range rotations {
		ok(t, "rotate", "-file", file)
	}
	return file
}

// write writes a file for its owner only and returns its path.
func write(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// states returns the kids of a keyring file, and tag and state of each, newest first.
func states(t testing.TB, file string) (kids []string, list string) {
	t.Helper()
	var words []string
	for _, k := range decode[struct{ Keys []keyring.KeyInfo }](t, ok(t, "list", "-json", "-file", file)).Keys {
		kids, words = append(kids, k.ID), append(words, k.Tag+" "+k.State)
	}
	return kids, strings.Join(words, ", ")
}

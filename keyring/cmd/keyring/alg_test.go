package main

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/keyring"
)

// A file goes over to another algorithm: the new key co-signs for a day, and the
// answer says so.
func TestAlgorithms(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		file := newFile(t, 0)
		out := ok(t, "rotate", "-file", file, "-alg", "EdDSA")
		if at := time.Now().Add(24 * time.Hour).UTC().Format("2006-01-02T15:04"); !strings.Contains(out, "co-signs now, and is the current key from "+at) {
			t.Errorf("got %q, want that it signs from %s", out, at)
		}
		if _, list := states(t, file); list != "v2 spare, v1 current" {
			t.Errorf("got %q", list)
		}
		time.Sleep(24 * time.Hour)
		k := decode[named](t, ok(t, "rotate", "-json", "-file", file))
		if k.Tag != "v3" || time.Until(k.Activates) != 24*time.Hour {
			t.Errorf("got %+v, want v3 in a day", k)
		}
		if out := ok(t, "rotate", "-file", file, "-alg", "HS256"); !strings.Contains(out, "is the current key now") {
			t.Errorf("got %q", out)
		}
		if _, list := states(t, file); list != "v4 current, v3 spare, v2 previous, v1 previous" {
			t.Errorf("got %q", list)
		}
	})
}

func TestInitForAlgorithm(t *testing.T) {
	t.Parallel()
	for _, alg := range []string{"HS256", "EdDSA", "ES256"} {
		file := filepath.Join(t.TempDir(), "keys.json")
		ok(t, "init", "-file", file, "-alg", alg)
		list := decode[struct{ Keys []keyring.KeyInfo }](t, ok(t, "list", "-json", "-file", file)).Keys
		if len(list) != 1 || list[0].Algorithm != alg || list[0].State != "current" {
			t.Errorf("%s: got %+v", alg, list)
		}
	}
	file := filepath.Join(t.TempDir(), "keys.json")
	for _, alg := range []string{"RS256", "none", "hs256", ""} {
		want(t, misused, `-alg takes one of "HS256", "EdDSA" and "ES256"`, "init", "-file", file, "-alg", alg)
		want(t, misused, `-alg takes one of "HS256", "EdDSA" and "ES256"`, "rotate", "-file", file, "-alg", alg)
	}
	want(t, cannotTell, "keys.json", "list", "-file", file)
	want(t, misused, "-alg goes with -file", "rotate", "-server", "http://127.0.0.1:1", "-alg", "EdDSA")
	want(t, misused, "-file PATH is required", "init", "-alg", "EdDSA")
}

// A file of public keys may be readable by all. It is checked, and compared with that of
// the private ones.
func TestPublicKeys(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "keys.json")
	ok(t, "init", "-file", file, "-alg", "EdDSA")
	keys, err := keyring.FromFile(file)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	keys.ServeJWKS(w, httptest.NewRequest("GET", "/", nil))
	public := write(t, "public.json", w.Body.String())
	if err := os.Chmod(public, 0o644); err != nil {
		t.Fatal(err)
	}
	if out := ok(t, "check", "-file", public); !strings.Contains(out, "EdDSA") || strings.Contains(out, "mode") {
		t.Errorf("got %q", out)
	}
	for _, args := range [][]string{{"-file", file, "-against", public}, {"-file", public, "-against", file}} {
		if out := ok(t, append([]string{"check"}, args...)...); !strings.Contains(out, "is live in both") || strings.Contains(out, "mode") {
			t.Errorf("got %q", out)
		}
	}
	want(t, refused, "these keys are public ones", "rotate", "-file", public)
}

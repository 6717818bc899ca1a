package main

import (
	"fmt"
	"net/http"
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

// A new key that is the current one before it could go has no date from which it may.
func TestMayGoBeforeActivation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "keys.json")
		ok(t, "init", "-file", file, "-alg", "EdDSA")
		time.Sleep(20 * time.Hour)
		ok(t, "rotate", "-file", file)
		row := func(args ...string) string {
			return strings.Split(ok(t, append([]string{"list", "-file", file}, args...)...), "\n")[1]
		}
		if got := row(); !strings.HasPrefix(got, "v2.") || !strings.HasSuffix(got, "  not yet") {
			t.Errorf("got %q, want v2 to go not yet", got)
		}
		activates := time.Now().Add(24 * time.Hour)
		out, errs := want(t, refused, "becomes the current key on "+date(activates), "drop", "-json", "-file", file, "v2")
		if f := decode[failure](t, out); f.Word != "in_use" || strings.Contains(out, "droppable_from") || strings.Contains(errs, "from 2") {
			t.Errorf("got %s, want no date from which it may go", out)
		}
		if got, day := row("-lifetime", "1h"), dateFrom(time.Now().Add(5*time.Hour)); !strings.HasSuffix(got, "  "+day) {
			t.Errorf("got %q, want %s: it may go while it only co-signs", got, day)
		}
		time.Sleep(24 * time.Hour)
		if got := row(); !strings.HasSuffix(got, "  -") {
			t.Errorf("got %q, want a dash for the current key", got)
		}
		ok(t, "rotate", "-file", file)
		ok(t, "drop", "-force", "-file", file, "v3")
	})
}

// Nor has one that a server names a date for.
func TestMayGoBeforeActivationByServer(t *testing.T) {
	t.Parallel()
	const key = `{"tag":"v2","id":"v2.AAAAAAAA","state":"spare","droppable":"no","droppable_from":"2027-01-09T03:04:05Z","activates":"%s"}`
	for activates, want := range map[string]string{
		"2027-01-03T00:00:00Z": "not yet",           // before the date
		"2027-01-10T00:00:00Z": "2027-01-09 03:05Z", // behind it
		"2027-01-01T00:00:00Z": "2027-01-09 03:05Z", // past: it is a spare for good
	} {
		s := hostile(t, func(w http.ResponseWriter, _ *http.Request) {
			answer(w, 200, `{"time":"2027-01-02T00:00:00Z","keys":[`+fmt.Sprintf(key, activates)+`]}`)
		})
		if got := ok(t, "list", "-server", s, "-token-file", write(t, "token", newSecret())); !strings.HasSuffix(got, "  "+want+"\n") {
			t.Errorf("activates %s: got %q, want %s", activates, got, want)
		}
	}
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

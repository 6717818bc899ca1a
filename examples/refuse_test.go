package examples_test

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// refusal is a configuration with which a server must not start.
type refusal struct {
	name string
	env  []string
	want string // part of the message
}

// TestRefusesBadConfiguration wants one clear line, exit status 1, and no trace: no
// folder, no stack, no part of a secret.
func TestRefusesBadConfiguration(t *testing.T) {
	t.Parallel()
	good := "SESSION_SECRET=" + newSecret()
	for _, c := range slices.Concat(badKeys(t), badStores(t), []refusal{
		{"two sources", []string{good, "SESSION_KEYRING_FILE=keys.json"}, "SESSION_SECRET, SESSION_KEYRING_FILE"},
		{"an empty source beside another", []string{good, "SESSION_KEYRING_FILE="}, "several sources"},
		{"strict without a store", []string{good, "SESSION_STORE=none", "REVOCATION=strict"}, "REVOCATION"},
		{"demo accounts on every interface", []string{good, "ADDR=0.0.0.0:0"}, "INSECURE_DEMO"},
		{"any user on every interface", []string{good, "ADDR=:0", "ANY_USER=1"}, "INSECURE_DEMO"},
		{"two addresses", []string{good, "ADDR=127.0.0.1:0", "PORT=0"}, "ADDR and PORT"},
		{"no port", []string{good, "ADDR=127.0.0.1"}, "127.0.0.1"},
		{"port in words", []string{good, "ADDR=127.0.0.1:http"}, "host:port"},
		{"port in use", []string{good, "ADDR=" + occupied(t)}, "address already in use"},
		{"bad duration", []string{good, "ACCESS_TTL=15"}, "ACCESS_TTL"},
		{"negative leeway", []string{good, "LEEWAY=-1s"}, "LEEWAY"},
		{"no session", []string{good, "SESSION_TTL=0s"}, "SESSION_TTL"},
		{"access outlives refresh", []string{good, "ACCESS_TTL=2h", "REFRESH_TTL=1h"}, "shorter"},
		{"bad grace", []string{good, "REFRESH_GRACE=soon"}, "REFRESH_GRACE"},
		{"bad date", []string{good, "LEGACY_UNTIL=tomorrow"}, "LEGACY_UNTIL"},
		{"bad date of adoption", []string{good, "ADOPT_UNTIL=2027-01-01"}, "ADOPT_UNTIL"},
		{"bad switch", []string{good, "ANY_USER=yes"}, "ANY_USER"},
		{"bad preset", []string{good, "COOKIE_PRESET=lax"}, "COOKIE_PRESET"},
		{"cross-site without pages", []string{good, "COOKIE_PRESET=crosssite"}, "FRONTEND_ORIGINS"},
		{"bad origin", []string{good, "FRONTEND_ORIGINS=https://app.example.com/"}, "https://app.example.com/"},
		{"three faults", []string{good, "ACCESS_TTL=x", "LEEWAY=y", "ANY_USER=z"}, "; "},
	}) {
		t.Run(c.name, func(t *testing.T) { t.Parallel(); wantRefusal(t, "quickstart", c) })
	}
}

// badKeys are the configurations whose keys are no good.
func badKeys(t *testing.T) []refusal {
	return []refusal{
		{"secret empty", []string{"SESSION_SECRET="}, "SESSION_SECRET is set but empty"},
		{"secret short", []string{"SESSION_SECRET=" + newSecret()[:31]}, "at least 32"},
		{"secret a placeholder", []string{"SESSION_SECRET=your-secret-key-change-me-in-production"}, "placeholder"},
		{"secret repeated", []string{"SESSION_SECRET=" + strings.Repeat("a1b2", 16)}, "SESSION_SECRET"},
		{"secret in quotes", []string{"SESSION_SECRET= " + newSecret()}, "white space"},
		{"only the old secret", []string{"SESSION_SECRET_OLD=" + newSecret()}, "SESSION_SECRET is not set"},
		{"only the spare", []string{"SESSION_SECRET_SPARE=" + newSecret()}, "SESSION_SECRET is not set"},
		{"only a version", []string{"TOKEN_VERSION=v2"}, "SESSION_SECRET is not set"},
		{"file not named", []string{"SESSION_KEYRING_FILE="}, "SESSION_KEYRING_FILE"},
		{"file missing", []string{"SESSION_KEYRING_FILE=" + filepath.Join(t.TempDir(), "keys.json")}, "no such file"},
		{"file a folder", []string{"SESSION_KEYRING_FILE=" + t.TempDir()}, "not a regular file"},
		{"file open to all", []string{"SESSION_KEYRING_FILE=" + file(t, `{"keys":[]}`, 0o644)}, "chmod 600"},
		{"file no JSON", []string{"SESSION_KEYRING_FILE=" + file(t, `{"keys":[`, 0o600)}, "keys.json"},
		{"file without keys", []string{"SESSION_KEYRING_FILE=" + file(t, `{"keys":[]}`, 0o600)}, "keys.json"},
		{"KEK without a store", []string{"SESSION_KEYRING_KEK=" + newSecret(), "SESSION_STORE=none"}, "SESSION_KEYRING_KEK"},
		{"KEK for a store that forgets", []string{"SESSION_KEYRING_KEK=" + newSecret(), "SESSION_STORE=memory:"}, "SESSION_KEYRING_KEK"},
		{"KEK empty", []string{"SESSION_KEYRING_KEK="}, "SESSION_KEYRING_KEK is set but empty"},
		{"KEK short", []string{"SESSION_KEYRING_KEK=" + newSecret()[:31]}, "at least 32"},
		{"KEK beside a secret", []string{"SESSION_KEYRING_KEK=" + newSecret(), "SESSION_SECRET=" + newSecret()}, "several sources"},
	}
}

// badStores are the configurations whose store cannot be used. None of them may show
// the password, which is tiger.
func badStores(t *testing.T) []refusal {
	good := "SESSION_SECRET=" + newSecret()
	notOne := file(t, strings.Repeat("not a database ", 100), 0o600)
	var list []refusal
	for name, c := range map[string][2]string{
		"store unknown":                       {"oracle://scott:tiger@db", "none of the known kinds"},
		"store without a kind":                {"/var/lib/sessions.db", "none of the known kinds"},
		"store in memory with a name":         {"memory:x", "none of the known kinds"},
		"SQLite without a path":               {"sqlite:", "none of the known kinds"},
		"SQLite in what is no database":       {"sqlite:" + notOne, "not a database"},
		"SQLite in a folder":                  {"sqlite:" + t.TempDir(), "SESSION_STORE cannot be opened"},
		"SQLite below a file":                 {"sqlite:" + notOne + "/sessions.db", "not a directory"},
		"SQLite that cannot be made":          {"sqlite:file:" + filepath.Join(t.TempDir(), "new.db") + "?mode=ro", "SESSION_STORE cannot be opened"},
		"SQLite that cannot be written":       {"sqlite:file:" + oldDatabase(t) + "?mode=ro", "readonly"},
		"PostgreSQL that is not there":        {"postgres://scott:tiger@" + nobody(t) + "/db", "refused"},
		"PostgreSQL with a bad setting":       {"postgres://scott:tiger@127.0.0.1/db?sslmode=never&password=tiger", "sslmode"},
		"PostgreSQL with a bad address":       {"postgres://scott:ti%ger@127.0.0.1/db", "percent-encoded"},
		"PostgreSQL with a # in the password": {"postgres://scott:ti#ger@127.0.0.1:5432/db", "percent-encoded"},
		"Redis without a number":              {"redis://:tiger@127.0.0.1:port/0", "percent-encoded"},
		"Redis that is not there":             {"redis://scott:tiger@" + nobody(t) + "/0", "refused"},
		"Redis with a bad address":            {"redis://scott:tiger@127.0.0.1/tiger", "SESSION_STORE cannot be opened"},
		"Redis that speaks another protocol":  {"redis://scott:tiger@" + occupied(t) + "/0?dial_timeout=1s&read_timeout=1s&max_retries=-1", "SESSION_STORE cannot be opened"},
	} {
		list = append(list, refusal{name, []string{good, "SESSION_STORE=" + c[0]}, c[1]})
	}
	return list
}

// oldDatabase returns an SQLite file that a server has made.
func oldDatabase(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sessions.db")
	start(t, "quickstart", "SESSION_SECRET="+newSecret(), "SESSION_STORE=sqlite:"+path).stop(t)
	return path
}

// nobody returns an address at which nobody listens.
func nobody(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// TestFlaskRefusesBadConfiguration is the same for the successor of Flask.
func TestFlaskRefusesBadConfiguration(t *testing.T) {
	t.Parallel()
	good := "FLASK_SECRET_KEY=" + newSecret()
	for _, c := range []refusal{
		{"no secret", nil, "FLASK_SECRET_KEY is not set"},
		{"only another's secret", []string{"SESSION_SECRET=" + newSecret()}, "FLASK_SECRET_KEY is not set"},
		{"secret empty", []string{"FLASK_SECRET_KEY="}, "FLASK_SECRET_KEY is set but empty"},
		{"secret short", []string{"FLASK_SECRET_KEY=" + newSecret()[:20]}, "at least 32"},
		{"bad lifetime", []string{good, "ACCESS_TTL_SECONDS=15m"}, "ACCESS_TTL_SECONDS"},
		{"no lifetime", []string{good, "REFRESH_TTL_SECONDS=0"}, "REFRESH_TTL_SECONDS"},
		{"lifetime without end", []string{good, "REFRESH_TTL_SECONDS=99999999999999"}, "REFRESH_TTL_SECONDS"},
		{"insecure cookies on every interface", []string{good, "ADDR=0.0.0.0:0", "COOKIE_SECURE=0", "INSECURE_DEMO=1"}, "COOKIE_SECURE"},
		{"any password on every interface", []string{good, "ADDR=0.0.0.0:0"}, "0.0.0.0:0 is not loopback, and anybody can sign in to the demo accounts: listen on 127.0.0.1, or set INSECURE_DEMO=1"},
		{"any password on every interface, said to be no demo", []string{good, "ADDR=:0", "INSECURE_DEMO=0"}, "INSECURE_DEMO=1"},
		{"bad switch", []string{good, "COOKIE_SECURE=false"}, "COOKIE_SECURE"},
		{"bad date", []string{good, "LEGACY_UNTIL=2027"}, "LEGACY_UNTIL"},
		{"port in use", []string{good, "ADDR=" + occupied(t)}, "address already in use"},
	} {
		t.Run(c.name, func(t *testing.T) { t.Parallel(); wantRefusal(t, "flask", c) })
	}
}

// wantRefusal wants a program to end at once with one line.
func wantRefusal(t *testing.T, program string, c refusal) {
	t.Helper()
	cmd := command(t, program, c.env)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	cmd.Wait()
	late.Stop()

	text := stderr.String()
	if code := cmd.ProcessState.ExitCode(); code != 1 {
		t.Errorf("got exit status %d, want 1", code)
	}
	if strings.Count(text, "\n") != 1 || !strings.HasSuffix(text, "\n") || stdout.Len() > 0 {
		t.Errorf("got output %q and errors %q, want one line of errors", &stdout, text)
	}
	if !strings.Contains(text, c.want) || strings.Contains(text, "goroutine") || strings.Contains(text, "panic") {
		t.Errorf("got %q, want something about %q", text, c.want)
	}
	wantNoSecret(t, c.env, text)
	if left, _ := os.ReadDir(cmd.Dir); len(left) > 0 {
		t.Errorf("got %v left behind, want nothing", left)
	}
}

// wantNoSecret looks for pieces of what env has as secrets and passwords.
func wantNoSecret(t *testing.T, env []string, text string) {
	t.Helper()
	for _, line := range env {
		name, value, _ := strings.Cut(line, "=")
		secret := strings.Contains(name, "SECRET") || strings.Contains(name, "KEK")
		for i := 0; secret && i+8 <= len(value); i++ {
			if piece := value[i : i+8]; strings.Contains(text, piece) {
				t.Fatalf("%q holds %q, a piece of the secret in %s", text, piece, name)
			}
		}
	}
	if strings.Contains(text, "tiger") {
		t.Errorf("%q holds the password of the store", text)
	}
}

// TestBadKeyringIsLeftAlone never makes a new keyring in the place of one that cannot
// be used: that would sign everybody out.
func TestBadKeyringIsLeftAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(filepath.Dir(file(t, "", 0o600)), "keyring.json")
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, "quickstart", refusal{env: []string{"DATA_DIR=" + filepath.Dir(path)}, want: "keyring.json"})
	if data, err := os.ReadFile(path); err != nil || string(data) != "{" {
		t.Errorf("got %q, %v in the keyring, want it as it was", data, err)
	}
	blocked := file(t, "", 0o600) // a file where the folder should be
	wantRefusal(t, "quickstart", refusal{env: []string{"DATA_DIR=" + blocked}, want: "keys.json"})
}

// file returns the path of a new file.
func file(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys.json")
	err := os.WriteFile(path, []byte(text), mode)
	if err == nil {
		err = os.Chmod(path, mode) // whatever the umask
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// occupied returns an address at which somebody listens until the test ends.
func occupied(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln.Addr().String()
}

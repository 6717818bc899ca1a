package examples_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/sessionring/sessionring/keyring"
)

// TestRestartWithNewSecret is the promise in one story: the server stops, a new one
// starts with a new secret and the old one beside it, and nobody notices. Neither do
// they if the version label is forgotten (scenario 65).
func TestRestartWithNewSecret(t *testing.T) {
	t.Parallel()
	for name, store := range map[string]string{"stateless": "SESSION_STORE=none", "in a store": "SESSION_STORE=sqlite:" + filepath.Join(t.TempDir(), "sessions.db")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Run("version raised", func(t *testing.T) { t.Parallel(); rotateByRestart(t, store, "v1", "v2") })
			t.Run("version unchanged", func(t *testing.T) { t.Parallel(); rotateByRestart(t, store, "v1", "v1") })
		})
	}
}

func rotateByRestart(t *testing.T, store, oldTag, newTag string) {
	first, second := newSecret(), newSecret()
	u, away := newUser("alice"), newUser("bob")

	s := start(t, "quickstart", "ANY_USER=1", store, "SESSION_SECRET="+first, "TOKEN_VERSION="+oldTag)
	sid := u.signIn(t, s.url)
	away.signIn(t, s.url)
	s.stop(t)

	s = start(t, "quickstart", "ANY_USER=1", store, "SESSION_SECRET="+second, "SESSION_SECRET_OLD="+first, "TOKEN_VERSION="+newTag)
	wantSession(t, u, s.url, sid, oldTag)
	wantHealth(t, u, s.url, "previous_key", oldTag, newTag)
	wantVouchers(t, u, s.url, "signs previous")
	u.want(t, 204, "POST", s.url+"/api/auth/refresh", "")
	wantSession(t, u, s.url, sid, newTag)
	wantHealth(t, u, s.url, "ok", newTag, newTag)
	wantVouchers(t, u, s.url, "signs current", "co-signs previous")
	s.stop(t)

	s = start(t, "quickstart", "ANY_USER=1", store, "SESSION_SECRET="+second, "TOKEN_VERSION="+newTag)
	wantSession(t, u, s.url, sid, newTag)
	wantHealth(t, u, s.url, "ok", newTag, newTag)
	u.want(t, 204, "POST", s.url+"/api/auth/refresh", "")
	wantSession(t, u, s.url, sid, newTag)

	// Whoever was away is not signed out by a key that was dropped too soon.
	wantHealth(t, away, s.url, "unknown_key", "", newTag)
	r := away.want(t, 503, "POST", s.url+"/api/auth/refresh", "")
	if r.header.Get("Retry-After") == "" || len(r.header["Set-Cookie"]) > 0 {
		t.Errorf("got headers %v with an unknown key, want Retry-After and no cookies", r.header)
	}
	s.stop(t)
	s = start(t, "quickstart", "ANY_USER=1", store, "SESSION_SECRET="+second, "SESSION_SECRET_OLD="+first, "TOKEN_VERSION="+newTag)
	away.want(t, 204, "POST", s.url+"/api/auth/refresh", "")
	s.stop(t)
}

// wantSession wants u to be signed in, to that session, by a token of that version.
func wantSession(t *testing.T, u *user, server, sid, tag string) {
	t.Helper()
	r := u.want(t, 200, "GET", server+"/api/me", "")
	if r.word("session_id") != sid || r.word("token_version") != tag || r.word("subject") != u.name {
		t.Errorf("got %v, want session %s of %s at %s", r, sid, u.name, tag)
	}
}

// wantHealth wants that verdict, with the versions of token and server.
func wantHealth(t *testing.T, u *user, server, status, token, current string) {
	t.Helper()
	h := u.health(t, server)
	if h.word("status") != status || h.word("token_version") != token || h.word("server_version") != current {
		t.Errorf("got health %v, want %s with %q at server %q", h, status, token, current)
	}
}

// wantVouchers wants keys of these roles and states to vouch for u.
func wantVouchers(t *testing.T, u *user, server string, want ...string) {
	t.Helper()
	r := u.want(t, 200, "GET", server+"/api/me/keys", "")
	var got []string
	for _, v := range decodeList(t, r.text) {
		got = append(got, fmt.Sprint(v["role"], " ", v["state"]))
		if v["held"] != true {
			t.Errorf("got %v, want every key held", r)
		}
	}
	if strings.Join(got, ", ") != strings.Join(want, ", ") {
		t.Errorf("got keys %q, want %q", got, want)
	}
}

// TestRestartWithoutConfiguration keeps people signed in by the keyring file that the
// first start has made, and follows the file when it is rotated.
func TestRestartWithoutConfiguration(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	u := newUser("demo")

	s := start(t, "quickstart", "DATA_DIR="+dir)
	sid := u.signIn(t, s.url)
	s.stop(t)
	made := readKeyring(t, dir)

	s = start(t, "quickstart", "DATA_DIR="+dir)
	wantSession(t, u, s.url, sid, "v1")
	if !bytes.Equal(readKeyring(t, dir), made) {
		t.Error("the second start has changed the keyring")
	}
	logged := func(text string) bool { return strings.Contains(s.out.String(), text) }
	s.hangUp(t)
	eventually(t, "the server has read its keys again", func() bool { return logged(`msg="keyring read again"`) })
	rotateFile(t, dir)
	if logged("keyring reloaded") {
		t.Errorf("the log speaks of other keys, and nothing has changed:\n%s", s.out)
	}
	s.hangUp(t)
	eventually(t, "the server has the new key", func() bool { return u.health(t, s.url).word("server_version") == "v2" })
	wantHealth(t, u, s.url, "previous_key", "v1", "v2")
	u.want(t, 204, "POST", s.url+"/api/auth/refresh", "")
	eventually(t, "the log has the new key", func() bool { return logged(`msg="key activated" version=v2 kid=v2.`) })
	if !regexp.MustCompile(`msg="keyring reloaded" ring=\S+ tags="?\[v2 v1\]`).MatchString(s.out.String()) {
		t.Errorf("got a log without the new keys:\n%s", s.out)
	}
	s.stop(t)

	s = start(t, "quickstart", "SESSION_KEYRING_FILE="+filepath.Join(dir, "keyring.json"))
	wantSession(t, u, s.url, sid, "v2")
	s.stop(t)
}

// readKeyring returns the keyring file in dir, which nobody else can read.
func readKeyring(t *testing.T, dir string) []byte {
	t.Helper()
	path := filepath.Join(dir, "keyring.json")
	for name, want := range map[string]os.FileMode{dir: 0o700, path: 0o600} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("got mode %o of %s, want %o", got, filepath.Base(name), want)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// rotateFile gives the keyring file in dir a new key, as the command line does.
func rotateFile(t *testing.T, dir string) {
	t.Helper()
	keys, err := keyring.FromFile(filepath.Join(dir, "keyring.json"))
	if err == nil {
		_, err = keys.Rotate(context.Background())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestFirstStartsAtOnce makes one keyring, whoever of several servers makes it.
func TestFirstStartsAtOnce(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	var servers []*process
	for range 3 {
		servers = append(servers, launch(t, "quickstart", "DATA_DIR="+dir))
	}
	u := newUser("demo")
	sid := u.signIn(t, servers[0].listening(t).url)
	for _, s := range servers[1:] {
		wantSession(t, u, s.listening(t).url, sid, "v1")
	}
}

// TestTwoConfigurationsBehindOneAddress alternates strictly between a server that has
// only the old key and one that has both: what the one issues reaches the other first.
func TestTwoConfigurationsBehindOneAddress(t *testing.T) {
	t.Parallel()
	first, second := newSecret(), newSecret()
	b := newBalancer(t)
	b.add(start(t, "quickstart", "ANY_USER=1", "SESSION_STORE=none", "SESSION_SECRET="+first, "TOKEN_VERSION=v1").url)
	b.add(start(t, "quickstart", "ANY_USER=1", "SESSION_STORE=none", "SESSION_SECRET="+second, "SESSION_SECRET_OLD="+first, "TOKEN_VERSION=v2").url)

	for i := range 6 { // every other user is signed in by the other server
		u := newUser(fmt.Sprint("user", i))
		sid := u.signIn(t, b.url)
		if i%2 == 1 {
			u.want(t, 200, "GET", b.url+"/healthz", "") // shifts who answers what
		}
		for range 5 {
			r := u.want(t, 200, "GET", b.url+"/api/me", "")
			if r.word("session_id") != sid {
				t.Errorf("got %v, want session %s", r, sid)
			}
			if h := u.health(t, b.url); h.word("action") != "none" {
				t.Errorf("got health %v, want nothing to do", h)
			}
			u.want(t, 204, "POST", b.url+"/api/auth/refresh", "")
		}
		u.want(t, 204, "POST", b.url+"/api/auth/logout", "")
	}
}

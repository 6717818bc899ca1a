package examples_test

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// readme is the README of the project.
func readme(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// blocks returns the code blocks of a language in the README.
func blocks(t *testing.T, language string) []string {
	t.Helper()
	var list []string
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(readme(t), -1) {
		list = append(list, m[1])
	}
	return list
}

// The complete program of the README compiles as it stands, and has the exchange
// that the README shows: the same status lines, headers and bodies.
func TestREADMEProgram(t *testing.T) {
	t.Parallel()
	program := blocks(t, "go")[0]
	addr := nobody(t)
	file := filepath.Join(t.TempDir(), "main.go")
	source := strings.Replace(program, "127.0.0.1:8080", addr, 1)
	if !strings.HasPrefix(program, "package main\n") || source == program {
		t.Fatal("the first program of the README is not one that listens on 127.0.0.1:8080")
	}
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(filepath.Dir(file), "program")
	if out, err := exec.Command("go", "build", "-o", binary, file).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(binary)
	cmd.Env = []string{"SESSION_SECRET=" + newSecret()}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	shownExchange(t, newUser("demo"), "http://"+addr)
}

// shownExchange holds what the program answers against what the README says.
func shownExchange(t *testing.T, u *user, server string) {
	t.Helper()
	shown := blocks(t, "http")[0]
	eventually(t, "the program listens", func() bool { _, err := u.send("GET", server, ""); return err == nil })
	form := url.Values{"username": {"demo"}, "password": {"demo"}}.Encode()
	login := u.want(t, 200, "POST", server+"/api/auth/login", form, "Content-Type", "application/x-www-form-urlencoded")
	health := u.health(t, server)
	refresh := u.want(t, 204, "POST", server+"/api/auth/refresh", "")
	for _, r := range []reply{login, refresh} {
		for _, line := range r.header["Set-Cookie"] {
			line = regexp.MustCompile(`=eyJhbGci[^;]*`).ReplaceAllString(line, "=eyJhbGci…")
			if !strings.Contains(shown, "Set-Cookie: "+line+"\n") {
				t.Errorf("the README does not show %q", line)
			}
		}
	}
	text := regexp.MustCompile(`"(server_time|expires_in)":\d+`)
	want := text.ReplaceAllString(strings.Join(strings.Fields(shown), ""), "$1")
	got := text.ReplaceAllString(strings.Join(strings.Fields(health.text), ""), "$1")
	if health.status != 200 || !strings.Contains(want, got) {
		t.Errorf("the README does not show the answer %v", health)
	}
	if me := u.want(t, 200, "GET", server+"/api/me", ""); me.text != "hello demo\n" {
		t.Errorf("got %q, want hello demo", me.text)
	}
}

// The commands of the README, run in order: start, sign in, rotate, still signed in.
// The last, go test work, is run by CI, and would run this test again.
func TestREADMECommands(t *testing.T) {
	t.Parallel()
	want := []string{
		"go run ./examples/quickstart",
		"go run ./keyring/cmd/keyring rotate -file data/keyring.json",
		"go test work",
	}
	if got := blocks(t, "sh"); !slices.Equal(got, []string{want[0] + "\n", want[1] + "\n", want[2] + "\n"}) {
		t.Fatalf("got the commands %q, want %q", got, want)
	}
	dir := t.TempDir()
	p := launchCommand(t, want[0], "DATA_DIR="+dir, "PORT=0").listeningWithin(t, 5*time.Minute) // it is compiled first
	u := newUser("demo")
	u.want(t, 200, "POST", p.url+"/api/auth/login", `{"username":"demo","password":"demo"}`)
	rotate := exec.Command("sh", "-c", strings.Replace(want[1], "data/", dir+"/", 1))
	rotate.Dir = ".."
	if out, err := rotate.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	eventually(t, "the server has the new key", func() bool { return u.health(t, p.url).word("status") == "previous_key" })
	u.want(t, 200, "GET", p.url+"/api/me", "")
	u.want(t, 204, "POST", p.url+"/api/auth/refresh", "")
	if h := u.health(t, p.url); h.word("status") != "ok" || h.word("token_version") != "v2" {
		t.Errorf("after the refresh: got %v, want ok under v2", h)
	}
}

// launchCommand runs a command of the README in the root of the project, with more
// variables.
func launchCommand(t *testing.T, line string, env ...string) *process {
	t.Helper()
	words := strings.Fields(line)
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Dir, cmd.Env = "..", append(os.Environ(), env...)
	return begin(t, cmd)
}

// Nothing of the README is about files that are not there.
func TestREADMELinks(t *testing.T) {
	t.Parallel()
	links := regexp.MustCompile(`\]\(([^)#]+)\)`).FindAllStringSubmatch(readme(t), -1)
	if len(links) == 0 {
		t.Fatal("found no links")
	}
	for _, l := range links {
		if strings.Contains(l[1], "://") {
			continue
		}
		if _, err := os.Stat(filepath.Join("..", l[1])); err != nil {
			t.Errorf("the README links to %s: %v", l[1], err)
		}
	}
	for _, path := range regexp.MustCompile(`\./((?:examples|keyring|session)/[a-z/]+)`).FindAllStringSubmatch(readme(t), -1) {
		if _, err := os.Stat(filepath.Join("..", path[1])); err != nil {
			t.Errorf("the README names %s: %v", path[1], err)
		}
	}
}

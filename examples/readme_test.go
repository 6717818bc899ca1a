package examples_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
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
	for _, m := range regexp.MustCompile("(?s)( *)```"+language+"\n(.*?)```").FindAllStringSubmatch(readme(t), -1) {
		list = append(list, strings.ReplaceAll(m[2], "\n"+m[1], "\n")[len(m[1]):])
	}
	return list
}

// The complete program of the README compiles as it stands, starts as the README says,
// and has the exchange that the README shows: the same status lines, headers and bodies.
func TestREADMEProgram(t *testing.T) {
	t.Parallel()
	programsAlone(t)
	program := blocks(t, "go")[0]
	addr := nobody(t)
	source := strings.Replace(program, "127.0.0.1:8080", addr, 1)
	if !strings.HasPrefix(program, "package main\n") || source == program {
		t.Fatal("the first program of the README is not one that listens on 127.0.0.1:8080")
	}
	file := compiled(t, source)
	begin(t, shell(strings.Replace(startProgram, "./hello", file, 1)))
	shownExchange(t, "http://"+addr)
}

// The other Go of the README compiles, with what it takes for granted.
func TestREADMESnippets(t *testing.T) {
	t.Parallel()
	programsAlone(t)
	const around = `package main

import (
	"context"
	"database/sql"
	"net/http"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sessionring/sessionring/cookie"
	"github.com/sessionring/sessionring/health"
	"github.com/sessionring/sessionring/health/metrics"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/sqlstore"
)

var _, _ = prometheus.MustRegister, metrics.New
var _, _, _, _, _, _ = context.Background, sql.Open, http.Handle, os.Getenv, cookie.SameSite, sqlstore.Open

func main() {}

func _(ctx context.Context, keys *keyring.Keyring, store session.Store, me *session.Claims, id string, mux *http.ServeMux, sessions *session.Manager, tokenHealth *health.Handler) {
	{
		%s
		%s
	}
}
`
	snippets := blocks(t, "go")[1:]
	if len(snippets) == 0 {
		t.Fatal("found none")
	}
	for _, s := range snippets {
		unused := ""
		for _, name := range []string{"list", "err", "sessions", "api"} {
			if regexp.MustCompile(`(?m)^[^/\n]*\b` + name + `\b.*:=`).MatchString(s) {
				unused += "_ = " + name + ";"
			}
		}
		compiled(t, fmt.Sprintf(around, s, unused))
	}
}

// compiled writes source into a file and compiles it. It returns the file.
func compiled(t *testing.T, source string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "build", "-o", os.DevNull, file).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, source)
	}
	return file
}

// message is a request or an answer as it goes over the wire.
type message struct {
	line   string   // the request or status line
	header []string // sorted lines
	body   string
}

// messages returns the messages of a block, requests and answers in turn.
func messages(block string) []message {
	var list []message
	inBody := false
	for line := range strings.Lines(block) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "HTTP/1.1 ") || strings.HasSuffix(line, " HTTP/1.1") {
			list = append(list, message{line: line})
			inBody = false
			continue
		}
		m := &list[len(list)-1]
		switch {
		case line == "":
			inBody = true
		case inBody:
			m.body += line
		default:
			m.header = append(m.header, line)
		}
	}
	for _, m := range list {
		slices.Sort(m.header)
	}
	return list
}

// omitted are the headers that the README says it leaves out.
var omitted = []string{"Date", "Content-Length", "Vary", "X-Content-Type-Options"}

// shownExchange sends the requests of the README, with the tokens that it cuts short
// filled in, and holds the answers against those that it shows.
func shownExchange(t *testing.T, server string) {
	t.Helper()
	u := newUser("demo")
	eventually(t, "the program listens", func() bool { _, err := u.send("GET", server, ""); return err == nil })
	tokens := map[string]string{}
	shown := messages(blocks(t, "http")[0])
	for i := 0; i+1 < len(shown); i += 2 {
		got := send(t, server, shown[i], tokens)
		want := shown[i+1]
		if want.body = inGeneral(want.body); got.line != want.line || !slices.Equal(got.header, want.header) || got.body != want.body {
			t.Errorf("%s: got %q, want %q", shown[i].line, got, want)
		}
	}
	if len(shown) != 6 {
		t.Errorf("the README has %d messages, want 6", len(shown))
	}
	cookie := "__Host-access=" + tokens["__Host-access"]
	if me := u.want(t, 200, "GET", server+"/api/me", "", "Cookie", cookie); me.text != "hello demo\n" {
		t.Errorf("got %q, want hello demo", me.text)
	}
}

// cut is a token that was cut short.
const cut = "eyJhbGci…"

// send sends a message of the README with these tokens by the names of their cookies,
// and returns the answer as the README would show it. It notes the tokens in it.
func send(t *testing.T, server string, m message, tokens map[string]string) message {
	t.Helper()
	method, path, _ := strings.Cut(strings.TrimSuffix(m.line, " HTTP/1.1"), " ")
	req, err := http.NewRequest(method, server+path, strings.NewReader(m.body))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range m.header {
		name, value, _ := strings.Cut(line, ": ")
		for cookie, token := range tokens {
			value = strings.ReplaceAll(value, cookie+"="+cut, cookie+"="+token)
		}
		req.Header.Add(name, value)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	for _, c := range res.Cookies() {
		tokens[c.Name] = c.Value
	}
	return asShown(t, res)
}

// asShown returns an answer as the README would show it.
func asShown(t *testing.T, res *http.Response) message {
	t.Helper()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	answer := message{line: res.Proto + " " + res.Status, body: inGeneral(string(body))}
	token := regexp.MustCompile(`=eyJhbGci[^;]*`)
	for name, values := range res.Header {
		for _, value := range values {
			if !slices.Contains(omitted, name) {
				answer.header = append(answer.header, name+": "+token.ReplaceAllString(value, "="+cut))
			}
		}
	}
	slices.Sort(answer.header)
	return answer
}

// inGeneral returns a body without white space, and without the numbers that are
// others each time.
func inGeneral(body string) string {
	varying := regexp.MustCompile(`"(server_time|expires_in)":\d+`)
	return varying.ReplaceAllString(strings.Join(strings.Fields(body), ""), "$1")
}

// Nothing of the README is about files, or parts of it, that are not there.
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
	for _, l := range regexp.MustCompile(`\]\(#([^)]+)\)`).FindAllStringSubmatch(readme(t), -1) {
		words := strings.ReplaceAll(regexp.QuoteMeta(l[1]), "-", "[ ,]+")
		if !regexp.MustCompile(`(?im)^#+ ` + words + `$`).MatchString(readme(t)) {
			t.Errorf("the README links to its part %s, which is not there", l[1])
		}
	}
	for _, path := range regexp.MustCompile(`\./((?:examples|keyring|session)/[a-z/]+)`).FindAllStringSubmatch(readme(t), -1) {
		if _, err := os.Stat(filepath.Join("..", path[1])); err != nil {
			t.Errorf("the README names %s: %v", path[1], err)
		}
	}
}

package examples_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestBadRequests sends what no browser sends. The server answers with a refusal or
// hangs up; it has no fault of its own, and lives on.
func TestBadRequests(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"quickstart", "flask"} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			s := start(t, program, "FLASK_SECRET_KEY="+newSecret(), "COOKIE_SECURE=0")
			host := hostOf(t, s.url)
			for name, request := range badRequests(host) {
				answer := exchange(t, host, request)
				if strings.HasPrefix(answer, "HTTP/1.1 5") || strings.HasPrefix(answer, "HTTP/1.0 5") {
					t.Errorf("%s: got %.60q, want no fault of the server", name, answer)
				}
			}
			newUser("x").want(t, 200, "GET", s.url+"/healthz", "")
			s.stop(t) // and there is no panic in the log
		})
	}
}

func badRequests(host string) map[string]string {
	get := func(path string, headers ...string) string {
		return "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n" + strings.Join(append(headers, ""), "\r\n") + "\r\n"
	}
	post := func(path, headers, body string) string {
		return "POST " + path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n" + headers + "\r\n" + body
	}
	const login, refresh = "/api/auth/login", "/api/auth/refresh"
	return map[string]string{
		"nothing":               "\r\n\r\n",
		"noise":                 "\x00\xff\x16\x03\x01\r\n\r\n",
		"no version":            "GET /\r\n\r\n",
		"two hosts":             get("/api/me", "Host: evil.example"),
		"no host":               "GET /api/me HTTP/1.1\r\n\r\n",
		"HTTP/1.0":              "GET /api/me HTTP/1.0\r\n\r\n",
		"asterisk":              "OPTIONS * HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n",
		"connect":               "CONNECT " + host + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n",
		"foreign address":       get("http://evil.example/api/me"),
		"odd path":              get("/../../etc/passwd"),
		"odd escapes":           get("/%00%ff%2e%2e/"),
		"bad escape":            get("/%zz"),
		"long path":             get("/" + strings.Repeat("a", 70<<10)),
		"huge header":           get("/api/me", "Cookie: local-access="+strings.Repeat("a", 70<<10)),
		"flood of cookies":      get("/api/me", "Cookie: "+strings.Repeat("local-access=a; access_token=a; ", 900)),
		"nameless cookies":      get("/api/me", "Cookie: =;=a;;,\x01;\"=\""),
		"two Authorizations":    get("/api/me", "Authorization: Bearer a", "Authorization: Bearer b"),
		"empty Authorization":   get("/api/me", "Authorization:"),
		"dots":                  get("/api/me", "Authorization: Bearer "+strings.Repeat(".", 5000)),
		"token of none":         get("/api/me", "Authorization: Bearer eyJhbGciOiJub25lIn0.e30."),
		"empty Origin":          post(login, "Origin:\r\n", ""),
		"noise as Origin":       post(login, "Origin: \x7f\x80://\r\n", ""),
		"short body":            post(login, "Content-Length: 100\r\n", `{"username":`),
		"two lengths":           post(login, "Content-Length: 2\r\nContent-Length: 3\r\n", "{}"),
		"length and chunks":     post(login, "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
		"bad chunks":            post(refresh, "Transfer-Encoding: chunked\r\n", "zz\r\n"),
		"empty chunks":          post(refresh, "Transfer-Encoding: chunked\r\n", "0\r\n\r\n"),
		"deep JSON":             post(login, "Content-Length: 12000\r\n", strings.Repeat("[", 12000)),
		"NULs":                  post(refresh, "Content-Length: 8\r\n", strings.Repeat("\x00", 8)),
		"token of another type": post(refresh, "Content-Length: 21\r\n", `{"refresh_token":[1]}`),
	}
}

// exchange sends text and returns the answer, whatever there is of it.
func exchange(t *testing.T, host, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	io.WriteString(conn, text) // the server may have hung up
	conn.(*net.TCPConn).CloseWrite()
	answer, _ := io.ReadAll(conn)
	return string(answer)
}

// TestStopFinishesWhatItBegan answers the request that is under way at SIGTERM.
func TestStopFinishesWhatItBegan(t *testing.T) {
	t.Parallel()
	s := start(t, "quickstart")
	conn, err := net.Dial("tcp", hostOf(t, s.url))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	body := `{"username":"demo","password":"demo"}`
	fmt.Fprintf(conn, "POST /api/auth/login HTTP/1.1\r\nHost: %s\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", hostOf(t, s.url), len(body))
	in := bufio.NewReader(conn)
	if line, err := in.ReadString('\n'); !strings.Contains(line, "100 Continue") {
		t.Fatalf("got %q, %v, want the server to ask for the body", line, err)
	}
	s.cmd.Process.Signal(syscall.SIGTERM)
	eventually(t, "the server has stopped listening", func() bool {
		c, err := net.Dial("tcp", hostOf(t, s.url))
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	io.WriteString(conn, body)
	rest, _ := io.ReadAll(in)
	if !strings.Contains(string(rest), "HTTP/1.1 200 OK") {
		t.Errorf("got %.80q, want the sign-in to be answered", rest)
	}
	s.stop(t)
}

// A server that is stopped has closed its store: nothing is left to be recovered.
func TestStopClosesTheStore(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sessions.db")
	p := start(t, "quickstart", "SESSION_SECRET="+newSecret(), "SESSION_STORE=sqlite:"+path)
	newUser("demo").want(t, 200, "POST", p.url+"/api/auth/login", `{"username":"demo","password":"demo"}`)
	p.stop(t)
	for _, suffix := range []string{"-wal", "-shm"} {
		if _, err := os.Stat(path + suffix); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v for the file %s, want it gone", err, suffix)
		}
	}
}

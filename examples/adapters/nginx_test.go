package adapters

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sessionring/sessionring/session"
)

// nginx is the server itself with our configuration, and the services behind it.
type nginx struct {
	*session.Manager
	url   string
	judge *httptest.Server
}

// app is an application that knows nothing of tokens. It says what reached it.
func app(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "max-age=60")
	if r.URL.Path == "/broken" {
		w.WriteHeader(http.StatusInternalServerError)
	}
	fmt.Fprintf(w, "%s %s for %s", r.Method, r.URL, strings.Join(r.Header["X-Auth-Subject"], ", "))
}

// startNginx starts all until the end of the test.
func startNginx(t *testing.T) nginx {
	t.Helper()
	binary, err := exec.LookPath("nginx")
	switch {
	case err != nil && os.Getenv("REQUIRE_SERVICES") == "1":
		t.Fatalf("nginx is not installed, and REQUIRE_SERVICES=1")
	case err != nil:
		t.Skip("nginx is not installed")
	}
	n := nginx{Manager: newSessions(t)}
	n.judge = httptest.NewServer(ForwardAuth(n.Manager, "X-Forwarded-Method"))
	t.Cleanup(n.judge.Close)
	n.url = "http://" + freeAddress(t)
	config, err := os.ReadFile("nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	for address, u := range map[string]string{
		"127.0.0.1:8000": n.url, "127.0.0.1:9001": n.judge.URL,
		"127.0.0.1:9002": serve(t, Chi(n.Manager)), "127.0.0.1:9003": serve(t, http.HandlerFunc(app)),
	} {
		if !bytes.Contains(config, []byte(address)) {
			t.Fatalf("nginx.conf does not have %s", address)
		}
		config = bytes.ReplaceAll(config, []byte(address), []byte(strings.TrimPrefix(u, "http://")))
	}
	n.run(t, binary, config)
	return n
}

// run runs nginx in a folder of its own, as one process of this user.
func (n nginx) run(t *testing.T, binary string, config []byte) {
	t.Helper()
	dir := t.TempDir()
	config = bytes.Replace(config, []byte("http {\n"), []byte("http {\nclient_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;\naccess_log off;\n"), 1)
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), config, 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd := exec.Command(binary, "-p", dir, "-e", "stderr", "-c", "nginx.conf", "-g", "daemon off; master_process off; pid nginx.pid; error_log stderr;")
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("nginx said:\n%s", log.String())
		}
	})
	n.wait(t)
}

// wait waits until nginx answers.
func (n nginx) wait(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("tcp", strings.TrimPrefix(n.url, "http://"))
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(end) {
			t.Fatal("nginx does not answer")
		}
	}
}

// freeAddress returns one at which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func TestNginx(t *testing.T) {
	t.Parallel()
	n := startNginx(t)
	both, refresh := cookies(t, n.Manager, alice)

	t.Run("signed in", func(t *testing.T) {
		r := send(t, 200, "GET", n.url+"/notes?id=1", "Cookie", both, "X-Auth-Subject", "mallory", "x-auth-subject", "mallory")
		if r.body != "GET /notes?id=1 for alice" {
			t.Errorf("got %q", r.body)
		}
		r.want(t, "Cache-Control", "max-age=60")
		r.want(t, "X-Auth-Subject", "")
		r = send(t, 200, "DELETE", n.url+"/notes", "Authorization", bearer(t, n.Manager))
		if r.body != "DELETE /notes for alice" {
			t.Errorf("got %q", r.body)
		}
		send(t, 500, "GET", n.url+"/broken", "Cookie", both) // is the application's, and stays so
	})
	t.Run("refreshed", func(t *testing.T) {
		r := send(t, 200, "GET", n.url+"/notes", "Cookie", refresh)
		again := r.wantCookies(t)
		if r = send(t, 200, "GET", n.url+"/notes", "Cookie", again); r.body != "GET /notes for alice" || len(r.Cookies()) > 0 {
			t.Errorf("got %q and %d cookies, want alice and none", r.body, len(r.Cookies()))
		}
		send(t, 204, "POST", n.url+"/api/auth/refresh", "Cookie", again)
	})
	t.Run("refused", func(t *testing.T) {
		send(t, 401, "GET", n.url+"/notes").want(t, "WWW-Authenticate", "Bearer")
		send(t, 401, "GET", n.url+"/notes", "Authorization", "Bearer x.y.z", "Cookie", both).want(t, "WWW-Authenticate", `Bearer error="invalid_token"`)
		for _, r := range []reply{
			send(t, 403, "POST", n.url+"/notes", "Cookie", both, "Sec-Fetch-Site", "cross-site", "X-Forwarded-Method", "GET"),
			send(t, 403, "POST", n.url+"/notes", "Cookie", both, "Origin", "https://evil.example"),
			send(t, 404, "GET", n.url+"/judge", "Cookie", both),
		} {
			if strings.Contains(r.body, "alice") {
				t.Errorf("got %q, want nothing of the application", r.body)
			}
		}
		send(t, 200, "POST", n.url+"/notes", "Cookie", both, "Origin", n.url)
		send(t, 200, "GET", n.url+"/notes", "Cookie", both, "Sec-Fetch-Site", "cross-site") // followed a link
	})
	t.Run("nobody can tell", func(t *testing.T) {
		send(t, 503, "GET", n.url+"/notes", "Authorization", foreignBearer(t)).want(t, "Retry-After", "1")
		n.judge.Close()
		r := send(t, 503, "GET", n.url+"/notes", "Cookie", both)
		r.want(t, "Retry-After", "1")
		r.want(t, "Cache-Control", "no-store")
	})
}

// Cookies of a policy used before are cleared, and the new ones are still set.
func TestNginxStaleCookies(t *testing.T) {
	t.Parallel()
	n := startNginx(t)
	_, refresh := cookies(t, n.Manager, alice)
	var got []string
	for _, c := range send(t, 200, "GET", n.url+"/", "Cookie", refresh+"; __Host-access-p=x; __Host-refresh-p=y").Cookies() {
		got = append(got, fmt.Sprint(c.Name, " ", c.Value != ""))
	}
	slices.Sort(got)
	if want := "__Host-access true, __Host-access-p false, __Host-refresh true, __Host-refresh-p false"; strings.Join(got, ", ") != want {
		t.Errorf("got the cookies %q, want %q", got, want)
	}
}

// Tokens may be long.
func TestNginxLongTokens(t *testing.T) {
	t.Parallel()
	n := startNginx(t)
	long := session.Grant{Subject: "alice", Claims: map[string]string{"note": strings.Repeat("x", 2000)}}
	_, refresh := cookies(t, n.Manager, long)
	again := send(t, 200, "GET", n.url+"/", "Cookie", refresh).wantCookies(t)
	if len(again) < 6000 {
		t.Errorf("got %d bytes of cookies, want long ones", len(again))
	}
	again += "; basket=" + strings.Repeat("x", 4000) // the application has its own, in the same header
	send(t, 200, "GET", n.url+"/", "Cookie", again)
	send(t, 204, "POST", n.url+"/api/auth/refresh", "Cookie", again)
}

// The application gets the subject as it is in the header, and can decode it.
func TestNginxSubject(t *testing.T) {
	t.Parallel()
	n := startNginx(t)
	const subject = "zoë smith, jr\r\nX-Auth-Session: 1"
	both, _ := cookies(t, n.Manager, session.Grant{Subject: subject})
	r := send(t, 200, "GET", n.url+"/", "Cookie", both)
	_, got, _ := strings.Cut(r.body, " for ")
	if back, err := url.PathUnescape(got); err != nil || back != subject {
		t.Errorf("got %q, want the subject", got)
	}
}

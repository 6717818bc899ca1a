package monitor_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sessionring/sessionring/health/monitor"
)

// ask returns the answer of the handler, and its body.
func ask(method string, header ...string) (*http.Response, string) {
	r := httptest.NewRequest(method, "/monitor.js", nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	monitor.Handler().ServeHTTP(w, r)
	return w.Result(), w.Body.String()
}

func TestHandler(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("monitor.js")
	if err != nil {
		t.Fatal(err)
	}
	ok, _ := ask("GET")
	etag := ok.Header.Get("ETag")
	if !strings.HasPrefix(etag, `"`) || len(etag) < 10 {
		t.Errorf("got ETag %q, want a strong one", etag)
	}
	tests := []struct {
		name, method string
		header       []string
		status       int
		body         string
	}{
		{"GET", "GET", nil, 200, string(script)},
		{"HEAD", "HEAD", nil, 200, ""},
		{"unchanged", "GET", []string{"If-None-Match", etag}, 304, ""},
		{"unchanged behind a proxy that compresses", "GET", []string{"If-None-Match", "W/" + etag}, 304, ""},
		{"changed", "GET", []string{"If-None-Match", `"another"`}, 200, string(script)},
		{"POST", "POST", nil, 405, `{"error":"invalid"}` + "\n"},
		{"OPTIONS", "OPTIONS", nil, 405, `{"error":"invalid"}` + "\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			res, body := ask(test.method, test.header...)
			if res.StatusCode != test.status || body != test.body {
				t.Fatalf("got %d and %d bytes, want %d and %d", res.StatusCode, len(body), test.status, len(test.body))
			}
			want := map[string]string{"X-Content-Type-Options": "nosniff"}
			switch test.status {
			case 200:
				want["Content-Type"] = "text/javascript; charset=utf-8"
				fallthrough
			case 304:
				want["ETag"], want["Cache-Control"] = etag, "no-cache"
			case 405:
				want["Allow"], want["ETag"], want["Content-Type"] = "GET, HEAD", "", "application/json; charset=utf-8"
				want["Cache-Control"] = "no-store"
			}
			for name, value := range want {
				if got := res.Header.Get(name); got != value {
					t.Errorf("got %s %q, want %q", name, got, value)
				}
			}
		})
	}
}

// TestScript runs the tests of monitor.js, which are written in its own language.
func TestScript(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a browser's script, tried in Node")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("REQUIRE_SERVICES") == "1" {
			t.Fatal("missing: Node (node), 20 or newer")
		}
		t.Skip("missing: Node (node), 20 or newer")
	}
	files, err := filepath.Glob("test/*.test.mjs")
	if err != nil || len(files) < 5 {
		t.Fatalf("got %d files of tests, %v", len(files), err)
	}
	if out, err := exec.Command(node, append([]string{"--test"}, files...)...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

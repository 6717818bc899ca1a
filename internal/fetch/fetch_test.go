package fetch_test

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessionring/sessionring/internal/fetch"
)

// source returns a source at an address.
func source(t *testing.T, address string) *fetch.Source {
	t.Helper()
	s, err := fetch.New(address, fetch.Transport(time.Second, time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What comes is a status, headers and, of a 200, a body of no more than was allowed.
func TestGet(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Seen", r.Header.Get("X-Sent")+" "+r.URL.RawQuery)
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, "/", http.StatusFound)
			return
		}
		io.WriteString(w, "12345")
	}))
	defer server.Close()
	for path, c := range map[string]struct {
		limit  int64
		status int
		body   string
		seen   string
		want   string
	}{
		"/?a=1":  {5, 200, "12345", "x a=1&b=2", ""},
		"/":      {4, 0, "", "", "answered with more than 4 bytes"},
		"/moved": {5, 302, "", "x b=2", ""},
	} {
		a, err := source(t, server.URL+path).Get(t.Context(), url.Values{"b": {"2"}}, http.Header{"X-Sent": {"x"}}, c.limit)
		if c.want != "" {
			if err == nil || !strings.HasSuffix(err.Error(), c.want) || !strings.HasPrefix(err.Error(), server.URL) {
				t.Errorf("%s: got %v, want %s", path, err, c.want)
			}
			continue
		}
		if err != nil || a.Status != c.status || string(a.Body) != c.body || a.Header.Get("X-Seen") != c.seen {
			t.Errorf("%s: got %+v, %v", path, a, err)
		}
	}
}

// Headers without end are not read.
func TestLongHeaders(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]bool{10 << 10: true, 100 << 10: false} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Long", strings.Repeat("x", size))
		}))
		_, err := source(t, server.URL).Get(t.Context(), nil, http.Header{}, 100)
		if server.Close(); (err == nil) != want {
			t.Errorf("%d bytes: got %v, want an answer: %v", size, err, want)
		}
	}
}

// A connection on which an answer did not come is not used again: what is at its other
// end may be gone, and another instance answers in its place.
func TestDeadConnection(t *testing.T) {
	t.Parallel()
	var first atomic.Value
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first.CompareAndSwap(nil, r.RemoteAddr)
		if r.Header.Get("X-Hang") != "" && r.RemoteAddr == first.Load() {
			<-r.Context().Done()
		}
		io.WriteString(w, r.Proto+" "+r.RemoteAddr)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	by := fetch.Transport(time.Second, time.Minute)
	by.TLSClientConfig = &tls.Config{RootCAs: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	s, err := fetch.New(server.URL, by)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(wait time.Duration, h http.Header) (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		defer cancel()
		a, err := s.Get(ctx, nil, h, 100)
		if err != nil {
			return "", err
		}
		return string(a.Body), nil
	}
	before, err := ask(10*time.Second, http.Header{})
	if again, errAgain := ask(10*time.Second, http.Header{}); err != nil || errAgain != nil || again != before || !strings.HasPrefix(before, "HTTP/1.1 ") {
		t.Fatalf("got %q, %v, then %q, %v, want one connection, HTTP/1.1", before, err, again, errAgain)
	}
	hang := http.Header{"X-Hang": {"1"}}
	if got, err := ask(50*time.Millisecond, hang); err == nil {
		t.Fatalf("got %q, want no answer", got)
	}
	if after, err := ask(10*time.Second, hang); err != nil || after == before {
		t.Errorf("got %q, %v, want another connection", after, err)
	}
}

package cookie_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sessionring/sessionring/cookie"
)

// Scenario 45, E18: Secure is a matter of the policy, and a stranger's headers
// change neither that nor what counts as local.
func TestSecureFollowsFromPolicyAlone(t *testing.T) {
	t.Parallel()
	for _, forwarded := range []string{"", "http", "https"} {
		for name, want := range map[string]bool{"same-site": true, "cross-site": true, "domain": true, "local": false} {
			w, r := httptest.NewRecorder(), local("POST") // r.TLS is nil
			if forwarded != "" {
				r.Header.Set("X-Forwarded-Proto", forwarded)
				r.Header.Set("X-Forwarded-Ssl", "on")
				r.Header.Set("Forwarded", "proto="+forwarded+";host=api.example.com")
			}
			if err := newPolicy(t, policies()[name]).Set(w, r, "A", "R", time.Time{}, time.Time{}); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for _, line := range w.Header()["Set-Cookie"] {
				if got := parse(t, line).Secure; got != want {
					t.Errorf("%s behind %q: got %q, want Secure %v", name, forwarded, line, want)
				}
			}
		}
	}
}

// Scenario 44: the local policy serves local hosts, and nobody else.
func TestLocalPolicyServesLocalHostsOnly(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{
		"localhost": true, "localhost:8080": true, "LocalHost:1": true, "127.0.0.1": true, "127.0.0.1:8080": true, "127.255.0.9:65535": true,
		"[::1]": true, "[::1]:8080": true,
		"": false, "example.com": false, "app.localhost": false, "localhost.": false, "localhost.evil.example": false, "evil-localhost": false,
		"127.0.0.1.nip.io": false, "127.1": false, "127.0.0.01": false, "128.0.0.1": false, "0.0.0.0": false, "10.0.0.1:8080": false, "2130706433": false,
		"::1": false, "::1:80": false, "::ffff:127.0.0.1:80": false, "[::]": false, "[::2]:80": false, "[::ffff:127.0.0.1]": false, "[::1%25lo]": false, "[::1": false,
		"localhost:": false, "localhost:0": false, "localhost:x": false, "localhost:65536": false, "localhost:80:80": false, "user@localhost": false,
	}
	p := newPolicy(t, policies()["local"])
	for host, want := range tests {
		w, r := httptest.NewRecorder(), local("POST")
		r.Host = host
		r.Header.Set("X-Forwarded-Host", "localhost")
		r.Header.Set("Cookie", "local-access=A")
		err := p.Set(w, r, "A", "R", time.Time{}, time.Time{})
		if (err == nil) != want {
			t.Errorf("Set for %q: got %v, want nil: %v", host, err, want)
		}
		if err == nil {
			continue
		}
		if got := status(err); got != http.StatusMisdirectedRequest {
			t.Errorf("Set for %q: got status %d, want 421", host, got)
		}
		p.Clear(w, r)
		if len(w.Header()) != 0 {
			t.Errorf("%q: got header %v, want none", host, w.Header())
		}
		if err := cookie.SameSite().Set(w, r, "A", "R", time.Time{}, time.Time{}); err != nil {
			t.Errorf("other policies and %q: got %v, want nil", host, err)
		}
	}
}

// status returns what session looks for in an error.
func status(err error) int {
	var s interface{ HTTPStatus() int }
	if errors.As(err, &s) {
		return s.HTTPStatus()
	}
	return 0
}

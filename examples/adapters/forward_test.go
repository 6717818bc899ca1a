package adapters

import (
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/sessionring/sessionring/session"
)

// The handler, asked as gateways ask. How they ask is in their documentation: Traefik
// by GET, the request itself being in headers of the X-Forwarded kind; Envoy by the
// method and path of the request, without a body.
func TestForwardAuth(t *testing.T) {
	t.Parallel()
	m := newSessions(t)
	traefik, envoy := serve(t, ForwardAuth(m, "X-Forwarded-Method")), serve(t, ForwardAuth(m, ""))
	ask := func(status int, method string, headers ...string) []reply {
		t.Helper()
		forwarded := []string{"X-Forwarded-Method", method, "X-Forwarded-Proto", "https", "X-Forwarded-Host", "app.example.com",
			"X-Forwarded-Uri", "/notes?id=1", "X-Forwarded-For", "192.0.2.1"}
		return []reply{
			send(t, status, "GET", traefik, append(forwarded, headers...)...),
			send(t, status, method, envoy+"/notes?id=1", headers...),
		}
	}
	both, refresh := cookies(t, m, alice)

	t.Run("signed in", func(t *testing.T) {
		for _, r := range append(ask(200, "GET", "Cookie", both), ask(200, "POST", "Cookie", both, "X-Auth-Subject", "mallory")...) {
			r.want(t, "X-Auth-Subject", "alice")
			r.want(t, "Cache-Control", "no-store")
			if r.Header.Get("X-Auth-Session") == "" || r.body != "" || len(r.Cookies()) > 0 {
				t.Errorf("got %v and %q, want a session and nothing else", r.Header, r.body)
			}
		}
		for _, r := range ask(200, "DELETE", "Authorization", bearer(t, m)) {
			r.want(t, "X-Auth-Subject", "alice")
		}
	})
	t.Run("refreshed", func(t *testing.T) {
		for _, r := range ask(200, "GET", "Cookie", refresh) {
			r.want(t, "X-Auth-Subject", "alice")
			r.wantCookies(t)
			r.want(t, "X-Set-Cookie-1", r.Header["Set-Cookie"][0])
			r.want(t, "X-Set-Cookie-2", r.Header["Set-Cookie"][1])
		}
	})
	t.Run("refused", func(t *testing.T) {
		for _, tt := range []struct {
			status            int
			method, challenge string
			headers           []string
		}{
			{401, "GET", "Bearer", nil},
			{401, "GET", "Bearer", []string{"X-Auth-Subject", "alice", "X-Auth-Session", "1"}},
			{401, "GET", `Bearer error="invalid_token"`, []string{"Authorization", "Bearer x.y.z", "Cookie", both}},
			{403, "POST", "", []string{"Cookie", both, "Sec-Fetch-Site", "cross-site"}},
			{403, "DELETE", "", []string{"Cookie", both, "Origin", "https://evil.example"}},
			{403, "GET", "", []string{"Cookie", both, "Origin", "https://evil.example", "Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="}},
			{503, "GET", "", []string{"Authorization", foreignBearer(t)}},
		} {
			for _, r := range ask(tt.status, tt.method, tt.headers...) {
				r.want(t, "WWW-Authenticate", tt.challenge)
				r.want(t, "Cache-Control", "no-store")
				r.want(t, "X-Auth-Subject", "")
				if tt.status == 503 {
					r.want(t, "Retry-After", "1")
				}
			}
		}
	})
	t.Run("followed a link", func(t *testing.T) {
		ask(200, "GET", "Cookie", both, "Sec-Fetch-Site", "cross-site")
	})
	t.Run("no method", func(t *testing.T) { // so it counts as a POST
		send(t, 403, "GET", traefik, "Cookie", both, "Sec-Fetch-Site", "cross-site")
		send(t, 403, "GET", traefik, "Cookie", both, "Sec-Fetch-Site", "cross-site", "X-Forwarded-Method", "GET", "X-Forwarded-Method", "POST")
	})
}

// A name may hold anything. What the gateway is told is one header, from which it can be
// had again.
func TestForwardAuthSubjects(t *testing.T) {
	t.Parallel()
	m := newSessions(t)
	at := serve(t, ForwardAuth(m, ""))
	for subject, want := range map[string]string{
		"alice@example.com":            "alice@example.com",
		"alice ":                       "alice%20",
		"alice\r\nX-Auth-Session: bob": "alice%0D%0AX-Auth-Session:%20bob",
		"alice, bob":                   "alice%2C%20bob",
		"äpfel%20":                     "%C3%A4pfel%2520",
	} {
		tokens, err := m.Issue(t.Context(), session.Grant{Subject: subject})
		if err != nil {
			t.Fatal(err)
		}
		send(t, 200, "GET", at, "Authorization", "Bearer "+tokens.AccessToken).want(t, "X-Auth-Subject", want)
	}
}

// The configurations are well formed, and name the headers that the handler has.
func TestConfigurations(t *testing.T) {
	t.Parallel()
	for name, wants := range map[string][]string{
		"nginx.conf":   {"X-Forwarded-Method $request_method", "$upstream_http_x_set_cookie_1", "$upstream_http_x_set_cookie_2"},
		"traefik.yaml": {"__Host-access", "__Host-refresh"},
		"envoy.yaml":   {"set-cookie", "origin", "sec-fetch-site", "sec-websocket-key"},
	} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range append(wants, subjectHeader, sessionHeader) {
			if !strings.Contains(string(data), want) && !strings.Contains(string(data), strings.ToLower(want)) {
				t.Errorf("%s does not have %s", name, want)
			}
		}
		var any map[string]any
		if err := yaml.Unmarshal(data, &any); strings.HasSuffix(name, ".yaml") && err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

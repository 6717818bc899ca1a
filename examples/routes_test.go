package examples_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// row is one line of the route table.
type row struct {
	name         string
	method, path string
	body         string
	status       int
	want         string // members of the body, comma separated, or the word of a refusal
	headers      []string
	signedIn     bool
}

const noToken, foreign = "no_token", "https://evil.example"

var rows = []row{
	{name: "login", method: "POST", path: "/api/auth/login", body: `{"username":"demo","password":"demo","more":1}`, status: 200, want: "session_id,subject,token_version"},
	{name: "login of the other", method: "POST", path: "/api/auth/login", body: `{"username":"admin","password":"admin"}`, status: 200, want: "session_id,subject,token_version"},
	{name: "login with a token nobody knows", method: "POST", path: "/api/auth/login", body: `{"username":"demo","password":"demo"}`, headers: []string{"Cookie", "local-access=x"}, status: 200, want: "session_id,subject,token_version"},
	{name: "login by bearer", method: "POST", path: "/api/auth/login", body: `{"username":"demo","password":"demo","transport":"bearer"}`, status: 200, want: "access_token,expires_in,refresh_token,session_id,subject,token_type,token_version"},
	{name: "wrong password", method: "POST", path: "/api/auth/login", body: `{"username":"demo","password":"admin"}`, status: 401, want: "wrong_password"},
	{name: "no password", method: "POST", path: "/api/auth/login", body: `{"username":"demo"}`, status: 401, want: "wrong_password"},
	{name: "unknown user", method: "POST", path: "/api/auth/login", body: `{"username":"nobody","password":"demo"}`, status: 401, want: "wrong_password"},
	{name: "no JSON", method: "POST", path: "/api/auth/login", body: `username=demo`, status: 400, want: "invalid"},
	{name: "half JSON", method: "POST", path: "/api/auth/login", body: `{"username":`, status: 400, want: "invalid"},
	{name: "two JSON values", method: "POST", path: "/api/auth/login", body: `{"username":"demo","password":"demo"}{}`, status: 400, want: "invalid"},
	{name: "wrong JSON", method: "POST", path: "/api/auth/login", body: `{"username":7}`, status: 400, want: "invalid"},
	{name: "JSON null", method: "POST", path: "/api/auth/login", body: `null`, status: 400, want: "invalid"},
	{name: "no body", method: "POST", path: "/api/auth/login", status: 400, want: "invalid"},
	{name: "no UTF-8", method: "POST", path: "/api/auth/login", body: "{\"username\":\"\xff\",\"password\":\"\xff\"}", status: 400, want: "invalid"},
	{name: "long body", method: "POST", path: "/api/auth/login", body: `{"username":"` + strings.Repeat("a", 17<<10) + `"}`, status: 400, want: "invalid"},
	{name: "long name", method: "POST", path: "/api/auth/login", body: `{"username":"` + strings.Repeat("a", 129) + `","password":"x"}`, status: 400, want: "invalid"},
	{name: "unknown transport", method: "POST", path: "/api/auth/login", body: `{"username":"demo","password":"demo","transport":"url"}`, status: 400, want: "invalid"},
	{name: "login by GET", method: "GET", path: "/api/auth/login?username=demo&password=demo", status: 405, want: "invalid"},
	{name: "login from a foreign page", method: "POST", path: "/api/auth/login", body: `{"username":"demo","password":"demo"}`, headers: []string{"Origin", foreign}, status: 403, want: "cross_origin"},
	{name: "login from a foreign page that hides", method: "POST", path: "/api/auth/login", body: `{"username":"demo","password":"demo"}`, headers: []string{"Origin", "null"}, status: 403, want: "cross_origin"},

	{name: "refresh", method: "POST", path: "/api/auth/refresh", signedIn: true, status: 204},
	{name: "refresh beside a bad header", method: "POST", path: "/api/auth/refresh", headers: []string{"Authorization", "Bearer x"}, signedIn: true, status: 204},
	{name: "refresh without", method: "POST", path: "/api/auth/refresh", status: 401, want: noToken},
	{name: "refresh by a bad body", method: "POST", path: "/api/auth/refresh", body: `{"refresh_token":"x"}`, signedIn: true, status: 401, want: "invalid"},
	{name: "refresh by no JSON", method: "POST", path: "/api/auth/refresh", body: `x`, signedIn: true, status: 400, want: "invalid"},
	{name: "refresh by GET", method: "GET", path: "/api/auth/refresh", signedIn: true, status: 405, want: "invalid"},
	{name: "refresh from a foreign page", method: "POST", path: "/api/auth/refresh", headers: []string{"Origin", foreign}, signedIn: true, status: 403, want: "cross_origin"},

	{name: "logout", method: "POST", path: "/api/auth/logout", signedIn: true, status: 204},
	{name: "logout without", method: "POST", path: "/api/auth/logout", status: 204},
	{name: "logout by GET", method: "GET", path: "/api/auth/logout", signedIn: true, status: 405, want: "invalid"},
	{name: "logout from a foreign page", method: "POST", path: "/api/auth/logout", headers: []string{"Sec-Fetch-Site", "cross-site"}, signedIn: true, status: 403, want: "cross_origin"},

	{name: "health", method: "GET", path: "/api/auth/token-health", signedIn: true, status: 200, want: healthMembers},
	{name: "health without", method: "GET", path: "/api/auth/token-health", status: 200, want: healthMembers},
	{name: "health by POST", method: "POST", path: "/api/auth/token-health", status: 405, want: "invalid"},

	{name: "me", method: "GET", path: "/api/me", signedIn: true, status: 200, want: "session_id,subject,token_version"},
	{name: "me without", method: "GET", path: "/api/me", status: 401, want: noToken},
	{name: "me by garbage", method: "GET", path: "/api/me", headers: []string{"Cookie", `local-access="`}, status: 401, want: "invalid"},
	{name: "me with a bad header", method: "GET", path: "/api/me", headers: []string{"Authorization", "Bearer x"}, signedIn: true, status: 401, want: "invalid"},
	{name: "me with another scheme", method: "GET", path: "/api/me", headers: []string{"Authorization", "Basic x"}, signedIn: true, status: 401, want: "invalid"},
	{name: "me by DELETE", method: "DELETE", path: "/api/me", signedIn: true, status: 405, want: "invalid"},
	{name: "keys without", method: "GET", path: "/api/me/keys", status: 401, want: noToken},

	{name: "page", method: "GET", path: "/", status: 200},
	{name: "page to a garbage cookie", method: "GET", path: "/", headers: []string{"Cookie", "local-access=x; ;;=="}, status: 200},
	{name: "page by POST", method: "POST", path: "/", status: 405, want: "invalid"},
	{name: "monitor by POST", method: "POST", path: "/monitor.js", status: 405, want: "invalid"},
	{name: "healthz", method: "GET", path: "/healthz", status: 200, want: "status"},
	{name: "readyz", method: "GET", path: "/readyz", status: 200, want: "status"},
	{name: "healthz by POST", method: "POST", path: "/healthz", status: 405, want: "invalid"},
	{name: "readyz by POST", method: "POST", path: "/readyz", status: 405, want: "invalid"},

	{name: "dashboard without", method: "GET", path: "/admin/api/status", status: 401, want: noToken},
	{name: "dashboard for others", method: "GET", path: "/admin/api/status", signedIn: true, status: 404, want: "not_found"},
	{name: "dashboard changed by others", method: "POST", path: "/admin/api/keys/rotate", signedIn: true, status: 404, want: "not_found"},
	{name: "dashboard from a foreign page", method: "POST", path: "/admin/api/keys/rotate", headers: []string{"Origin", foreign}, signedIn: true, status: 403, want: "cross_origin"},

	{name: "devices", method: "GET", path: "/api/auth/sessions", signedIn: true, status: 200, want: "sessions"},
	{name: "devices without", method: "GET", path: "/api/auth/sessions", status: 401, want: noToken},
	{name: "devices by POST", method: "POST", path: "/api/auth/sessions", signedIn: true, status: 405, want: "invalid"},
	{name: "end of an unknown device", method: "DELETE", path: "/api/auth/sessions/unknown", signedIn: true, status: 204},
	{name: "end of a device with an odd id", method: "DELETE", path: "/api/auth/sessions/%00%ff%2F..", signedIn: true, status: 204},
	{name: "end of a device without", method: "DELETE", path: "/api/auth/sessions/unknown", status: 401, want: noToken},
	{name: "end of a device by GET", method: "GET", path: "/api/auth/sessions/unknown", signedIn: true, status: 405, want: "invalid"},
	{name: "end of a device from a foreign page", method: "DELETE", path: "/api/auth/sessions/unknown", headers: []string{"Origin", foreign}, signedIn: true, status: 403, want: "cross_origin"},

	{name: "dashboard for others", method: "GET", path: "/admin/", signedIn: true, status: 404, want: "not_found"},
	{name: "nothing there", method: "GET", path: "/data/keyring.json", status: 404, want: "not_found"},
	{name: "a host that is not local", method: "POST", path: "/api/auth/login", body: `{"username":"demo","password":"demo"}`, headers: []string{"Host", "app.example.com"}, status: 421, want: "misdirected"},
}

// statelessRows are what is different without a store.
var statelessRows = []row{
	{name: "readyz", method: "GET", path: "/readyz", status: 200, want: "status"},
	{name: "devices", method: "GET", path: "/api/auth/sessions", signedIn: true, status: 404, want: "not_found"},
	{name: "devices without", method: "GET", path: "/api/auth/sessions", status: 401, want: noToken},
	{name: "end of a device", method: "DELETE", path: "/api/auth/sessions/unknown", signedIn: true, status: 404, want: "not_found"},
	{name: "end of a device without", method: "DELETE", path: "/api/auth/sessions/unknown", status: 401, want: noToken},
	{name: "logout", method: "POST", path: "/api/auth/logout", signedIn: true, status: 204},
}

const healthMembers = "action,authenticated,compatible,expires_in,refreshable,server_time,server_version,status,token_version,transport"

// TestRoutes holds the server to its route table.
func TestRoutes(t *testing.T) {
	t.Parallel()
	t.Run("in a store", func(t *testing.T) { t.Parallel(); testRoutes(t, rows) })
	t.Run("stateless", func(t *testing.T) { t.Parallel(); testRoutes(t, statelessRows, "SESSION_STORE=none") })
}

func testRoutes(t *testing.T, rows []row, env ...string) {
	s := start(t, "quickstart", env...)
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			u := newUser("demo")
			if r.signedIn {
				u.signIn(t, s.url)
			}
			before := u.cookie(t, s.url, "local-refresh")
			got := u.want(t, r.status, r.method, s.url+r.path, r.body, r.headers...)
			wantBody(t, got, r.want)
			wantHeaders(t, got)
			if after := u.cookie(t, s.url, "local-refresh"); got.status >= 300 && after != before {
				t.Error("a refused request has changed the cookies")
			}
		})
	}
	s.stop(t)
}

// wantBody wants the members named, or the word of a refusal, and no token unless one
// is named.
func wantBody(t *testing.T, r reply, want string) {
	t.Helper()
	switch {
	case r.status >= 400:
		if len(r.json) != 1 || r.word("error") != want {
			t.Errorf("got %v, want the error %s", r, want)
		}
	case want != "":
		var names []string
		for name := range r.json {
			names = append(names, name)
		}
		slices.Sort(names)
		if strings.Join(names, ",") != want {
			t.Errorf("got %v, want %s", names, want)
		}
	case r.status == 204 && r.text != "":
		t.Errorf("got %q, want no body", r.text)
	}
}

// wantHeaders wants the headers that go with a status, and those that always go.
func wantHeaders(t *testing.T, r reply) {
	t.Helper()
	want := map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
		"X-Frame-Options": "DENY", "Content-Security-Policy": "frame-ancestors 'none'", "Vary": "Origin",
	}
	if !strings.HasPrefix(r.header.Get("Content-Type"), "text/html") {
		want["Cache-Control"] = "no-store"
	}
	switch r.status {
	case 401:
		want["WWW-Authenticate"] = "Bearer"
	case 405:
		want["Allow"] = ""
	case 503:
		want["Retry-After"] = ""
	}
	if r.json != nil {
		want["Content-Type"] = "application/json; charset=utf-8"
	}
	for name, part := range want {
		values := strings.Join(r.header.Values(name), ", ")
		if values == "" || !strings.Contains(values, part) {
			t.Errorf("got %s: %q, want %q", name, values, part)
		}
	}
}

// TestTwoSessionsAtOnce refuses two good cookies that disagree.
func TestTwoSessionsAtOnce(t *testing.T) {
	t.Parallel()
	s := start(t, "quickstart", "ANY_USER=1")
	a, b := newUser("alice"), newUser("bob")
	a.signIn(t, s.url)
	b.signIn(t, s.url)
	two := "local-access=" + a.cookie(t, s.url, "local-access") + "; local-access=" + b.cookie(t, s.url, "local-access")
	stranger := newUser("nobody")
	stranger.want(t, 401, "GET", s.url+"/api/me", "", "Cookie", two)
	twice := "local-access=garbage; local-access=" + b.cookie(t, s.url, "local-access")
	stranger.want(t, 200, "GET", s.url+"/api/me", "", "Cookie", twice)
}

// TestExpiry wants an access token that has run out to be refused and refreshed, and
// a session to end when the refresh token has run out too.
func TestExpiry(t *testing.T) {
	t.Parallel()
	s := start(t, "quickstart", "ANY_USER=1", "LEEWAY=0s", "ACCESS_TTL=2s", "REFRESH_TTL=8s", "SESSION_TTL=1h", "ISSUER=https://id.example", "AUDIENCE=shop")
	u := newUser("alice")
	in := u.want(t, 200, "POST", s.url+"/api/auth/login", `{"username":"alice","password":"alice","transport":"bearer"}`)
	auth := "Bearer " + in.word("access_token")
	eventually(t, "the access token has expired", func() bool {
		return u.do(t, "GET", s.url+"/api/me", "", "Authorization", auth).status == 401
	})
	if h := u.do(t, "GET", s.url+"/api/auth/token-health", "", "Authorization", auth); h.word("status") != "expired" || h.word("action") != "refresh" {
		t.Errorf("got %v, want expired, to be refreshed", h)
	}
	u.want(t, 200, "POST", s.url+"/api/auth/refresh", `{"refresh_token":"`+in.word("refresh_token")+`"}`)
	eventually(t, "the refresh token has expired", func() bool {
		return u.do(t, "POST", s.url+"/api/auth/refresh", `{"refresh_token":"`+in.word("refresh_token")+`"}`).word("error") == "expired"
	})
}

// TestCrossSite lets the pages of FRONTEND_ORIGINS in, and no others.
func TestCrossSite(t *testing.T) {
	t.Parallel()
	const page = "https://app.example.com"
	s := start(t, "quickstart", "FRONTEND_ORIGINS="+page+",https://www.example.com")
	u := newUser("demo")
	preflight := []string{"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type", "Origin"}

	ok := u.want(t, 204, "OPTIONS", s.url+"/api/auth/login", "", append(preflight, page)...)
	wantCORS(t, ok, page)
	if !strings.Contains(ok.header.Get("Access-Control-Allow-Headers"), "Content-Type") {
		t.Errorf("got %v, want Content-Type allowed", ok.header)
	}
	bad := u.want(t, 403, "OPTIONS", s.url+"/api/auth/login", "", append(preflight, foreign)...)
	wantCORS(t, bad, "")

	in := u.want(t, 200, "POST", s.url+"/api/auth/login", u.credentials(), "Origin", page)
	wantCORS(t, in, page)
	for _, name := range []string{"__Host-access-p", "__Host-refresh-p"} {
		wantCookie(t, in, name, "Path=/", "HttpOnly", "Secure", "SameSite=None", "Partitioned")
	}
	wantCORS(t, newUser("nobody").want(t, 401, "GET", s.url+"/api/me", "", "Origin", page), page)
	wantCORS(t, u.want(t, 403, "POST", s.url+"/api/auth/logout", "", "Origin", foreign), "")
	if !strings.HasPrefix(in.header.Get("Strict-Transport-Security"), "max-age=") {
		t.Error("got no Strict-Transport-Security with Secure cookies")
	}
	s.stop(t)
}

// wantCORS wants the answer to be readable by pages of origin, "" for none.
func wantCORS(t *testing.T, r reply, origin string) {
	t.Helper()
	if got := r.header.Get("Access-Control-Allow-Origin"); got != origin {
		t.Errorf("got Access-Control-Allow-Origin %q with %v, want %q", got, r, origin)
	}
	if got := r.header.Get("Access-Control-Allow-Credentials"); (got == "true") != (origin != "") {
		t.Errorf("got Access-Control-Allow-Credentials %q with %v", got, r)
	}
	if !slices.Contains(r.header.Values("Vary"), "Origin") {
		t.Errorf("got Vary %q, want Origin", r.header.Values("Vary"))
	}
}

// wantCookie wants an answer to set a cookie with these attributes.
func wantCookie(t *testing.T, r reply, name string, attributes ...string) {
	t.Helper()
	for _, line := range r.header["Set-Cookie"] {
		parts := strings.Split(line, "; ")
		if !strings.HasPrefix(line, name+"=") || parts[0] == name+"=" {
			continue
		}
		for _, a := range attributes {
			if !slices.Contains(parts, a) && !slices.Contains(parts, shorter(a, lateness(t, r, parts[0]))) {
				t.Errorf("got %s with %q, want %s", name, parts[1:], a)
			}
		}
		if slices.ContainsFunc(parts, func(p string) bool { return strings.HasPrefix(p, "Domain") }) {
			t.Errorf("got a Domain on %s", name)
		}
		return
	}
	t.Errorf("got no cookie %s in %d lines", name, len(r.header["Set-Cookie"]))
}

// shorter returns a Max-Age that is so many seconds less: a cookie lasts as long as its
// token, and a second may end between the making of the two.
func shorter(attribute string, seconds int64) string {
	age, ok := strings.CutPrefix(attribute, "Max-Age=")
	n, err := strconv.ParseInt(age, 10, 64)
	if !ok || err != nil {
		return attribute
	}
	return fmt.Sprint("Max-Age=", n-seconds)
}

// lateness returns in which second after the making of the token in a cookie, NAME=TOKEN,
// the answer went out: nearly always the same, so 0.
func lateness(t *testing.T, r reply, cookie string) int64 {
	t.Helper()
	_, token, _ := strings.Cut(cookie, "=")
	_, rest, _ := strings.Cut(token, ".")
	payload, _, _ := strings.Cut(rest, ".")
	var claims struct{ Iat int64 }
	data, err1 := base64.RawURLEncoding.DecodeString(payload)
	date, err2 := http.ParseTime(r.header.Get("Date"))
	if err := errors.Join(err1, err2, json.Unmarshal(data, &claims)); err != nil {
		t.Fatal(err)
	}
	return date.Unix() - claims.Iat
}

// TestSameSite uses the names and attributes that browsers protect best.
func TestSameSite(t *testing.T) {
	t.Parallel()
	s := start(t, "quickstart", "COOKIE_PRESET=samesite", "SESSION_STORE=none", "REVOCATION=cached", "REFRESH_GRACE=10s")
	u := newUser("demo")
	in := u.want(t, 200, "POST", s.url+"/api/auth/login", u.credentials(), "Host", "app.example.com", "X-Forwarded-Proto", "http")
	wantCookie(t, in, "__Host-access", "Path=/", "HttpOnly", "Secure", "SameSite=Lax", "Max-Age=900")
	wantCookie(t, in, "__Host-refresh", "Path=/", "HttpOnly", "Secure", "SameSite=Lax", "Max-Age=604800")
	s.stop(t)
}

// TestPage wants the page and its files to load under the content policy: no script
// and no style inside, nothing from elsewhere.
func TestPage(t *testing.T) {
	t.Parallel()
	s := start(t, "quickstart", "DATA_DIR="+t.TempDir())
	u := newUser("demo")
	page := u.want(t, 200, "GET", s.url+"/", "")
	for _, bad := range []string{"<script>", "<style", " style=", " onclick=", "https://", "//cdn"} {
		if strings.Contains(page.text, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	policy := page.header.Get("Content-Security-Policy")
	if strings.Contains(policy, "unsafe") || !strings.Contains(policy, "default-src 'none'") {
		t.Errorf("got content policy %q", policy)
	}
	for path, kind := range map[string]string{"/app.js": "text/javascript", "/monitor.js": "text/javascript", "/app.css": "text/css", "/icon.svg": "image/svg+xml"} {
		r := u.want(t, 200, "GET", s.url+path, "")
		if !strings.HasPrefix(r.header.Get("Content-Type"), kind) || !strings.Contains(page.text, `"`+path+`"`) {
			t.Errorf("got %s as %q, want %s, used by the page", path, r.header.Get("Content-Type"), kind)
		}
		if strings.Contains(r.text, "innerHTML") {
			t.Errorf("%s uses innerHTML", path)
		}
	}
}

// hostOf returns host and port of a server.
func hostOf(t *testing.T, server string) string {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

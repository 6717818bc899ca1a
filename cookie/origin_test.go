package cookie_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/sessionring/sessionring/cookie"
)

// E4 and the CORS lines of the attack table: origins are exact, or refused at the
// start with the advice that helps.
func TestNewChecksOrigins(t *testing.T) {
	t.Parallel()
	const (
		wildcard = "list every origin in full, there are no wildcards"
		scheme   = "begin it with https://"
		trailing = "leave out user, path and query, and the slash at the end"
		lower    = "write it in lower case, as browsers do"
		port     = "give a port from 1 to 65535, or none"
		badHost  = "give a valid host, international names in their xn-- form"
		standard = "leave out the default port, as browsers do"
		secure   = "use https, because anybody on the way can change a page sent by http"
	)
	tests := map[string]string{
		"https://app.example.com":      "",
		"https://app.example.com:8443": "",
		"https://192.0.2.1":            "",
		"https://[2001:db8::1]:8443":   "",
		"https://xn--bcher-kva.de":     "",
		"https://localhost":            "",
		"http://localhost":             "",
		"http://localhost:5173":        "",
		"http://127.0.0.1:3000":        "",
		"http://[::1]:3000":            "",
		"https://app.example.com:80":   "",

		"null":                                "any sandboxed page may send it, name the pages instead",
		"*":                                   wildcard,
		"https://*.example.com":               wildcard,
		"":                                    scheme,
		"app.example.com":                     scheme,
		"//app.example.com":                   scheme,
		"ftp://app.example.com":               scheme,
		"HTTPS://app.example.com":             scheme,
		"javascript://app.example.com":        scheme,
		" https://app.example.com":            scheme,
		"https://app.example.com/":            trailing,
		"https://app.example.com/login":       trailing,
		"https://app.example.com?":            trailing,
		"https://app.example.com?q=1":         trailing,
		"https://app.example.com#x":           trailing,
		"https://user@app.example.com":        trailing,
		`https://app.example.com\.evil.com`:   trailing,
		"https:///app.example.com":            trailing,
		"https://App.example.com":             lower,
		"https://app.example.com:":            port,
		"https://app.example.com:0":           port,
		"https://app.example.com:65536":       port,
		"https://app.example.com:08443":       port,
		"https://app.example.com:https":       port,
		"https://app.example.com:+44":         port,
		"https://":                            badHost,
		"https://app..example.com":            badHost,
		"https://app.example.com.":            badHost,
		"https://-app.example.com":            badHost,
		"https://app-.example.com":            badHost,
		"https://bücher.de":                   badHost,
		"https://my_app.example.com":          badHost,
		"https://app.example.com,https":       badHost,
		"https://app.example.com ":            badHost,
		"https://a b.example.com":             badHost,
		"https://192.0.2":                     badHost,
		"https://192.0.2.01":                  badHost,
		"https://192.0.2.256":                 badHost,
		"https://[2001:db8::01]":              badHost,
		"https://[2001:db8:0:0:0:0:0:1]":      badHost,
		"https://[::ffff:192.0.2.1]":          badHost,
		"https://[fe80::1%25eth0]":            badHost,
		"https://[192.0.2.1]":                 badHost,
		"https://[::1":                        badHost,
		"https://2001:db8::1":                 badHost,
		"https://app.example.com:443":         standard,
		"http://localhost:80":                 standard,
		"http://app.example.com":              secure,
		"http://app.example.com:8080":         secure,
		"http://192.168.1.5:3000":             secure,
		"http://app.localhost:3000":           secure,
		"http://127.0.0.1.nip.io":             secure,
		"https://a.example\nhttps://evil.com": trailing,
	}
	for origin, want := range tests {
		p, err := cookie.New(cookie.Config{CrossSite: true, Origins: []string{origin}})
		if want == "" {
			if err != nil || !shares(p, origin) {
				t.Errorf("%q: got %v, want it accepted and allowed", origin, err)
			}
			continue
		}
		if err == nil || p != nil || !strings.HasPrefix(err.Error(), "cookie: origin ") || !strings.HasSuffix(err.Error(), ": "+want) {
			t.Errorf("%q: got %v, want advice %q", origin, err, want)
		}
	}
	local := cookie.Config{InsecureLocal: true, Origins: []string{"http://dev.internal:3000", "https://app.example.com"}}
	if _, err := cookie.New(local); err != nil {
		t.Errorf("InsecureLocal: got %v, want http origins accepted", err)
	}
}

// shares reports whether p lets a page of origin read an answer and send a POST.
func shares(p *cookie.Policy, origin string) bool {
	w, r := httptest.NewRecorder(), local("POST")
	r.Header.Set("Origin", origin)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	served := false
	p.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served = true })).ServeHTTP(w, r)
	return served && w.Header().Get("Access-Control-Allow-Origin") == origin && p.Check(r) == nil
}

// E5, scenario 63, and the CSRF lines of the attack table.
func TestCheck(t *testing.T) {
	t.Parallel()
	p := newPolicy(t, cookie.Config{Origins: []string{"https://app.example.com"}})
	tests := map[string]struct {
		method, site, origin string
		want                 string
	}{
		"no browser":                  {"POST", "", "", ""},
		"same origin":                 {"POST", "same-origin", "https://api.example.com", ""},
		"typed":                       {"POST", "none", "", ""},
		"old browser, same host":      {"POST", "", "https://api.example.com", ""},
		"allowed sibling":             {"POST", "same-site", "https://app.example.com", ""},
		"allowed, old browser":        {"DELETE", "", "https://app.example.com", ""},
		"foreign GET":                 {"GET", "cross-site", "https://evil.example", ""},
		"foreign HEAD":                {"HEAD", "cross-site", "https://evil.example", ""},
		"foreign OPTIONS":             {"OPTIONS", "cross-site", "https://evil.example", ""},
		"foreign POST":                {"POST", "cross-site", "https://evil.example", `cookie: foreign origin "https://evil.example"`},
		"foreign POST, old browser":   {"POST", "", "https://evil.example", `cookie: foreign origin "https://evil.example"`},
		"foreign PUT":                 {"PUT", "cross-site", "https://evil.example", `cookie: foreign origin "https://evil.example"`},
		"foreign DELETE":              {"DELETE", "cross-site", "https://evil.example", `cookie: foreign origin "https://evil.example"`},
		"method in lower case":        {"get", "cross-site", "https://evil.example", `cookie: foreign origin "https://evil.example"`},
		"no Origin":                   {"POST", "cross-site", "", "cookie: foreign origin"},
		"null":                        {"POST", "cross-site", "null", `cookie: foreign origin "null"`},
		"null, old browser":           {"POST", "", "null", `cookie: foreign origin "null"`},
		"sibling not allowed":         {"POST", "same-site", "https://blog.example.com", `cookie: foreign origin "https://blog.example.com"`},
		"allowed host, by http":       {"POST", "same-site", "http://app.example.com", `cookie: foreign origin "http://app.example.com"`},
		"allowed host, other port":    {"POST", "same-site", "https://app.example.com:8443", `cookie: foreign origin "https://app.example.com:8443"`},
		"suffix":                      {"POST", "cross-site", "https://app.example.com.evil.example", `cookie: foreign origin "https://app.example.com.evil.example"`},
		"prefix":                      {"POST", "cross-site", "https://evil-app.example.com", `cookie: foreign origin "https://evil-app.example.com"`},
		"other case":                  {"POST", "same-site", "https://APP.example.com", `cookie: foreign origin "https://APP.example.com"`},
		"line break is quoted (E13)":  {"POST", "cross-site", "x\nfake=1", `cookie: foreign origin "x\nfake=1"`},
		"only the start is in errors": {"POST", "cross-site", strings.Repeat("x", 9000), `cookie: foreign origin "` + strings.Repeat("x", 100) + `"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(test.method, "https://api.example.com/api/auth/refresh", nil)
			set := func(name, value string) {
				if value != "" {
					r.Header.Set(name, value)
				}
			}
			set("Sec-Fetch-Site", test.site)
			set("Origin", test.origin)
			err := p.Check(r)
			if got := text(err); got != test.want {
				t.Fatalf("got %q, want %q", got, test.want)
			}
			if err != nil && status(err) != http.StatusForbidden {
				t.Errorf("got status %d, want 403", status(err))
			}
		})
	}
}

// FuzzOrigin holds origins that New accepts to what browsers send, and to being
// allowed as they are and in no other form.
func FuzzOrigin(f *testing.F) {
	for _, seed := range []string{
		"https://app.example.com", "https://app.example.com:8443", "http://localhost:5173", "http://127.0.0.1:3000", "https://[2001:db8::1]:8443",
		"null", "*", "https://*.example.com", "https://app.example.com/", "https://user@app.example.com", "https://app.example.com:443", "https://[::1", "https://1.2.3",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, origin string) {
		p, err := cookie.New(cookie.Config{CrossSite: true, Origins: []string{origin}})
		if err != nil {
			for line := range strings.SplitSeq(err.Error(), "\n") {
				if !strings.HasPrefix(line, "cookie: ") {
					t.Errorf("got %q, want the prefix cookie:", line)
				}
			}
			return
		}
		u, err := url.Parse(origin)
		if err != nil || u.Scheme+"://"+u.Host != origin || u.Hostname() == "" || strings.ToLower(origin) != origin {
			t.Fatalf("%q was accepted, want scheme and host only", origin)
		}
		if !shares(p, origin) {
			t.Errorf("%q was accepted, want it allowed", origin)
		}
		for _, other := range []string{origin + ".evil.example", origin + "/", strings.ToUpper(origin), strings.Replace(origin, "://", "://x", 1), "null", "*", "", origin[:len(origin)-1]} {
			if shares(p, other) {
				t.Errorf("%q allows %q, want only itself", origin, other)
			}
		}
	})
}

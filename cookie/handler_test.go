package cookie_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/cookie"
)

// answer is what a client sees.
type answer struct {
	Status int
	Body   string
	Header http.Header
}

func serve(p *cookie.Policy, r *http.Request, next http.HandlerFunc) answer {
	w := httptest.NewRecorder()
	p.Handler(next).ServeHTTP(w, r)
	result := w.Result()
	return answer{result.StatusCode, w.Body.String(), result.Header}
}

// request returns one with the named headers set.
func request(method, target string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

// E4, E5, E8, scenario 63: what the handler does with each kind of request. next
// answers 401, as the case that must carry CORS headers.
func TestHandler(t *testing.T) {
	t.Parallel()
	const api, evil = "https://api.example.com/api/me", "https://evil.example"
	shared := http.Header{
		"Access-Control-Allow-Credentials": {"true"},
		"Access-Control-Allow-Origin":      app,
		"Access-Control-Expose-Headers":    {"Retry-After, WWW-Authenticate"},
		"Vary":                             {"Origin"},
	}
	preflight := http.Header{
		"Access-Control-Allow-Headers": {"Authorization, Content-Type"},
		"Access-Control-Allow-Methods": {"GET, HEAD, POST, PUT, PATCH, DELETE"},
		"Access-Control-Max-Age":       {"7200"},
	}
	bare := http.Header{"Vary": {"Origin"}}
	own := http.Header{
		"Vary":                   {"Origin"},
		"Content-Type":           {"application/json; charset=utf-8"},
		"X-Content-Type-Options": {"nosniff"},
		"Cache-Control":          {"no-store"},
	}
	passed := http.Header{"Www-Authenticate": {"Bearer"}}
	foreign := answer{403, "{\"error\":\"cross_origin\"}\n", own}
	tests := map[string]struct {
		r    *http.Request
		want answer
	}{
		"allowed GET, on errors too":  {request("GET", api, "Origin", app[0]), answer{401, "", merge(shared, passed)}},
		"allowed POST":                {request("POST", api, "Origin", app[0], "Sec-Fetch-Site", "cross-site"), answer{401, "", merge(shared, passed)}},
		"preflight":                   {request("OPTIONS", api, "Origin", app[0], "Access-Control-Request-Method", "DELETE"), answer{204, "", merge(shared, preflight)}},
		"preflight, odd method":       {request("OPTIONS", api, "Origin", app[0], "Access-Control-Request-Method", "BREW", "Access-Control-Request-Headers", "x-evil"), answer{204, "", merge(shared, preflight)}},
		"OPTIONS, no preflight":       {request("OPTIONS", api, "Origin", app[0]), answer{401, "", merge(shared, passed)}},
		"OPTIONS, no page":            {request("OPTIONS", api, "Access-Control-Request-Method", "DELETE"), answer{401, "", merge(bare, passed)}},
		"no page":                     {request("POST", api), answer{401, "", merge(bare, passed)}},
		"same origin":                 {request("POST", api, "Origin", "https://api.example.com", "Sec-Fetch-Site", "same-origin"), answer{401, "", merge(bare, passed)}},
		"foreign GET cannot be read":  {request("GET", api, "Origin", evil, "Sec-Fetch-Site", "cross-site"), answer{401, "", merge(bare, passed)}},
		"foreign POST":                {request("POST", api, "Origin", evil, "Sec-Fetch-Site", "cross-site"), foreign},
		"foreign POST, old browser":   {request("POST", api, "Origin", evil), foreign},
		"foreign form without origin": {request("POST", api, "Sec-Fetch-Site", "cross-site"), foreign},
		"foreign preflight":           {request("OPTIONS", api, "Origin", evil, "Access-Control-Request-Method", "POST"), foreign},
		"null":                        {request("POST", api, "Origin", "null"), foreign},
		"null preflight":              {request("OPTIONS", api, "Origin", "null", "Access-Control-Request-Method", "POST"), foreign},
		"suffix":                      {request("POST", api, "Origin", app[0]+".evil.example"), foreign},
		"other case":                  {request("POST", api, "Origin", "https://APP.example.net"), foreign},
	}
	p := newPolicy(t, policies()["cross-site"])
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := serve(p, test.r, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("WWW-Authenticate", "Bearer")
				w.WriteHeader(http.StatusUnauthorized)
			})
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
}

func merge(headers ...http.Header) http.Header {
	all := http.Header{}
	for _, h := range headers {
		for name, values := range h {
			all[name] = values
		}
	}
	return all
}

// Scenario 63: a foreign page reaches no handler, so cookies are untouched.
func TestHandlerKeepsForeignPagesFromCookies(t *testing.T) {
	t.Parallel()
	p := newPolicy(t, policies()["cross-site"])
	r := request("POST", "https://api.example.com/api/auth/logout", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site")
	got := serve(p, r, func(w http.ResponseWriter, r *http.Request) { p.Clear(w, r) })
	if got.Status != http.StatusForbidden || got.Header["Set-Cookie"] != nil {
		t.Errorf("got %d and %q, want 403 and no cookie", got.Status, got.Header["Set-Cookie"])
	}
}

func TestHandlerOfLocalPolicy(t *testing.T) {
	t.Parallel()
	p := newPolicy(t, cookie.Config{InsecureLocal: true, Origins: []string{"http://localhost:5173"}})
	next := func(w http.ResponseWriter, r *http.Request) { p.Set(w, r, "A", "R", time.Time{}, time.Time{}) }
	if got := serve(p, request("POST", "http://127.0.0.1:8080/login"), next); got.Status != 200 || len(got.Header["Set-Cookie"]) != 2 {
		t.Errorf("local: got %d, %v, want 200 and two cookies", got.Status, got.Header)
	}
	for _, r := range []*http.Request{
		request("GET", "http://192.168.1.5:8080/"),
		request("POST", "http://evil.example:8080/login", "Origin", "http://evil.example:8080"),
		request("OPTIONS", "http://evil.example/", "Origin", "http://localhost:5173", "Access-Control-Request-Method", "POST"),
	} {
		got := serve(p, r, next)
		if got.Status != http.StatusMisdirectedRequest || got.Body != "{\"error\":\"misdirected\"}\n" || got.Header["Set-Cookie"] != nil ||
			got.Header.Get("Content-Type") != "application/json; charset=utf-8" || got.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: got %+v, want 421 with JSON and no cookie", r.Host, got)
		}
	}
	r := request("GET", "http://192.168.1.5:8080/", "Origin", "http://localhost:5173")
	if got := serve(p, r, next).Header.Get("Access-Control-Allow-Origin"); got != "http://localhost:5173" {
		t.Errorf("got %q, want an allowed page to see the 421", got)
	}
}

// E4: headers are there however next ends, and Vary is added to.
func TestHandlerHeadersOutliveFailures(t *testing.T) {
	t.Parallel()
	p := newPolicy(t, policies()["cross-site"])
	r := request("GET", "https://api.example.com/", "Origin", app[0])
	w := httptest.NewRecorder()
	w.Header().Set("Vary", "Accept-Encoding")
	func() {
		defer func() {
			recover()
			http.Error(w, "oops", http.StatusInternalServerError)
		}()
		p.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(errors.New("oops")) })).ServeHTTP(w, r)
	}()
	got := w.Result()
	if got.StatusCode != 500 || got.Header.Get("Access-Control-Allow-Origin") != app[0] {
		t.Errorf("got %d, %v, want 500 with CORS headers", got.StatusCode, got.Header)
	}
	if diff := cmp.Diff([]string{"Accept-Encoding", "Origin"}, got.Header["Vary"]); diff != "" {
		t.Errorf("Vary (-want +got):\n%s", diff)
	}
}

// Without Origins there is nobody to share with, and foreign pages are refused.
func TestHandlerOfSameSite(t *testing.T) {
	t.Parallel()
	next := func(w http.ResponseWriter, r *http.Request) {}
	got := serve(cookie.SameSite(), request("GET", "https://example.com/", "Origin", "https://example.com"), next)
	if diff := cmp.Diff(answer{200, "", http.Header{"Vary": {"Origin"}}}, got); diff != "" {
		t.Errorf("same origin (-want +got):\n%s", diff)
	}
	if got := serve(cookie.SameSite(), request("POST", "https://example.com/", "Origin", "https://app.example.com"), next); got.Status != 403 {
		t.Errorf("sibling host: got %d, want 403", got.Status)
	}
}

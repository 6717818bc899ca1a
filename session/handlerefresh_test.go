package session_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/cookie"
	"github.com/sessionring/sessionring/session"
)

// answered is how a refresh was answered.
type answered struct {
	Status  int
	Error   string
	Cookies bool // tokens came as cookies
	Body    bool // tokens came in the body
}

func refreshed(t *testing.T, res *http.Response) answered {
	t.Helper()
	a := answered{Status: res.StatusCode, Cookies: len(res.Header["Set-Cookie"]) > 0}
	var body struct {
		Error string `json:"error"`
		Token string `json:"refresh_token"`
	}
	if text := bodyOf(t, res); text != "" {
		if err := json.Unmarshal([]byte(text), &body); err != nil {
			t.Fatalf("got the body %q: %v", text, err)
		}
	}
	a.Error, a.Body = body.Error, body.Token != ""
	return a
}

// Section 12, E1, E9, scenarios 20 and 30: a refresh is answered the way it was
// asked, and one that is refused sets and clears nothing at all.
func TestHandleRefresh(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v1 !v0", withCookies, func(cfg *session.Config) {
		cfg.OnRefresh = func(_ context.Context, c *session.Claims) (any, error) {
			return nil, map[string]error{"closed": session.ErrRevoked, "failing": errDatabase}[c.Subject]
		}
	})
	token := func(tag string, edits ...string) string {
		return forge(tag, headerOf(tag, "rt+jwt"), refreshOf(edits...))
	}
	good, other := token("v1"), token("v1", `sid="other"`)
	access := forge("v1", headerOf("v1", "at+jwt"), payloadOf())
	in := func(token string) string { return `{"refresh_token":"` + token + `"}` }
	const post = "POST /api/auth/refresh"
	by := func(tokens ...string) string {
		var pairs []string
		for _, token := range tokens {
			pairs = append(pairs, refreshCookie, token)
		}
		return cookieLine(pairs...)
	}
	byCookie, byBody := answered{204, "", true, false}, answered{200, "", false, true}
	invalid, badBody := answered{401, "invalid", false, false}, answered{400, "invalid", false, false}
	for _, c := range []struct {
		name    string
		request *http.Request
		want    answered
	}{
		{"cookie", request(post, by(good)), byCookie},
		{"body", withBody(post, in(good)), byBody},
		{"body with more in it", withBody(post, ` {"x":[1],"refresh_token":"`+good+`"} `), byBody},
		{"body wins over the cookie", withBody(post, in(good), by("x")), byBody},
		{"a bad body token wins over the cookie", withBody(post, in("x"), by(good)), invalid},
		{"an empty body", withBody(post, "", by(good)), byCookie},
		{"white space", withBody(post, " \n", by(good)), byCookie},
		{"an empty object", withBody(post, "{}", by(good)), byCookie},
		{"an empty body token", withBody(post, in(""), by(good)), byCookie},
		{"null as body token", withBody(post, `{"refresh_token":null}`, by(good)), byCookie},
		{"another member", withBody(post, `{"Refresh_Token":"x","token":"y"}`, by(good)), byCookie},
		{"null as body", withBody(post, "null", by(good)), badBody},
		{"an array", withBody(post, "[]", by(good)), badBody},
		{"a text", withBody(post, `"`+good+`"`, by(good)), badBody},
		{"a form", withBody(post, "refresh_token="+good, by(good)), badBody},
		{"bad JSON", withBody(post, `{"refresh_token":`, by(good)), badBody},
		{"two objects", withBody(post, in(good)+in(good), by(good)), badBody},
		{"the name twice", withBody(post, `{"refresh_token":"`+good+`","refresh_token":"`+good+`"}`), badBody},
		{"the name twice, escaped", withBody(post, `{"refresh_token":"x","refresh\u005ftoken":"`+good+`"}`), badBody},
		{"a number", withBody(post, `{"refresh_token":1}`, by(good)), badBody},
		{"an array as token", withBody(post, `{"refresh_token":["`+good+`"]}`), badBody},
		{"no UTF-8", withBody(post, "{\"x\":\"\xff\",\"refresh_token\":\""+good+"\"}"), badBody},
		{"too large", withBody(post, `{"x":"`+strings.Repeat("x", 16<<10)+`"}`, by(good)), badBody},
		{"as large as may be", withBody(post, `{"x":"`+strings.Repeat("x", 16<<10-8)+`"}`, by(good)), byCookie},
		{"endless white space", withBody(post, strings.Repeat(" ", 1<<20), by(good)), badBody},
		{"the header is ignored", request(post, by(good), "Authorization: Bearer x"), byCookie},
		{"the header alone", request(post, "Authorization: Bearer "+good), answered{401, "no_token", false, false}},
		{"nothing", request(post), answered{401, "no_token", false, false}},
		{"an access token as cookie, scenario 20", request(post, by(access)), invalid},
		{"an access token in the body, scenario 20", withBody(post, in(access)), invalid},
		{"a bad cookie before a good one", request(post, by("x", good)), byCookie},
		{"a bad cookie behind a good one", request(post, by(good, "x")), byCookie},
		{"two sessions", request(post, by(good, other)), invalid},
		{"expired", request(post, by(token("v1", "exp=1000000000"))), answered{401, "expired", false, false}},
		{"expired in the body", withBody(post, in(token("v1", "exp=1000000000"))), answered{401, "expired", false, false}},
		{"a key revoked", request(post, by(token("v0"))), answered{401, "revoked", false, false}},
		{"a key unknown", request(post, by(token("v9"))), answered{503, "unknown_key", false, false}},
		{"a key unknown, in the body", withBody(post, in(token("v9"))), answered{503, "unknown_key", false, false}},
		{"the account is closed", request(post, by(token("v1", `sub="closed"`))), answered{401, "revoked", false, false}},
		{"OnRefresh fails", request(post, by(token("v1", `sub="failing"`))), answered{503, "unavailable", false, false}},
		{"a foreign page, scenario 63", request(post, by(good), "Origin: https://evil.example"), answered{403, "cross_origin", false, false}},
		{"a page of another site", request(post, by(good), "Sec-Fetch-Site: cross-site"), answered{403, "cross_origin", false, false}},
		{"our own page", request(post, by(good), "Sec-Fetch-Site: same-origin", "Origin: https://example.com"), byCookie},
		{"GET", request("GET /api/auth/refresh", by(good)), answered{405, "invalid", false, false}},
		{"HEAD", request("HEAD /api/auth/refresh", by(good)), answered{405, "invalid", false, false}},
		{"PUT", withBody("PUT /api/auth/refresh", in(good)), answered{405, "invalid", false, false}},
		{"OPTIONS", request("OPTIONS /api/auth/refresh", by(good)), answered{405, "invalid", false, false}},
	} {
		res := serve(http.HandlerFunc(m.HandleRefresh), c.request)
		if got := res.Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: got %q, want no-store (E7, scenario 49)", c.name, got)
		}
		challenge, retry := res.Header.Get("WWW-Authenticate") != "", res.Header.Get("Retry-After") != ""
		if challenge != (c.want.Status == 401) || retry != (c.want.Status == 503) {
			t.Errorf("%s: got a challenge %t, Retry-After %t, want them with 401 and 503", c.name, challenge, retry)
		}
		if got := res.Header.Get("Allow"); (got == "POST") != (c.want.Status == 405) {
			t.Errorf("%s: got Allow %q, want POST with 405 only (E9)", c.name, got)
		}
		if diff := cmp.Diff(c.want, refreshed(t, res)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// What the answers carry is the next tokens of the session.
func TestHandleRefreshAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := managerOf(t, "v1", withCookies)
		tokens := issue(t, m, alice)
		sid := verify(t, m, tokens.AccessToken).SessionID
		res := serve(http.HandlerFunc(m.HandleRefresh), withBody("POST /", `{"refresh_token":"`+tokens.RefreshToken+`"}`))
		var body struct {
			Access  string `json:"access_token"`
			Refresh string `json:"refresh_token"`
			Type    string `json:"token_type"`
			Expires int    `json:"expires_in"`
		}
		d := json.NewDecoder(res.Body)
		d.DisallowUnknownFields()
		if err := d.Decode(&body); err != nil {
			t.Fatal(err)
		}
		if body.Type != "Bearer" || body.Expires != 900 || verify(t, m, body.Access).SessionID != sid {
			t.Errorf("got %q for %d s, want Bearer for 900 s", body.Type, body.Expires)
		}
		if got := res.Header.Get("Content-Type"); got != "application/json; charset=utf-8" {
			t.Errorf("got %q, want JSON", got)
		}
		res = serve(http.HandlerFunc(m.HandleRefresh), request("POST /", cookieLine(refreshCookie, body.Refresh)))
		for _, c := range res.Cookies() {
			if c.Name == accessCookie && (verify(t, m, c.Value).SessionID != sid || c.MaxAge != 900) {
				t.Errorf("got a cookie for %d s, want the session %q for 900 s", c.MaxAge, sid)
			}
			if c.Name == refreshCookie && c.MaxAge != 7*86400 {
				t.Errorf("got a refresh cookie for %d s, want a week", c.MaxAge)
			}
		}
		if n := len(res.Cookies()); n != 2 {
			t.Errorf("got %d cookies, want 2", n)
		}
	})
}

// Scenario 25: who is not to be remembered gets cookies that end with the browser,
// from sign-in and from every refresh.
func TestForgetCookies(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v1", withCookies)
	w := httptest.NewRecorder()
	if err := m.SignIn(w, request("POST /login"), session.Grant{Subject: "alice", Forget: true}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		value := ""
		for _, c := range w.Result().Cookies() {
			if c.MaxAge != 0 || !c.Expires.IsZero() {
				t.Errorf("got %s, want no Max-Age and no Expires", c)
			}
			if c.Name == refreshCookie {
				value = c.Value
			}
		}
		w = httptest.NewRecorder()
		m.HandleRefresh(w, request("POST /", cookieLine(refreshCookie, value)))
		if w.Code != 204 {
			t.Fatalf("got %d, want 204", w.Code)
		}
	}
}

// Every refusal and every success of a refresh is reported once, by cookie and by body.
func TestHandleRefreshEvents(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v1", withCookies)
	heard := observe(m)
	good := forge("v1", headerOf("v1", "rt+jwt"), refreshOf())
	over := forge("v1", headerOf("v1", "rt+jwt"), refreshOf("exp=1000000000"))
	for _, c := range []struct {
		name    string
		request *http.Request
		want    []string
	}{
		{"cookie", request("POST /", cookieLine(refreshCookie, good)), []string{"refreshed: session refreshed ok alice"}},
		{"body", withBody("POST /", `{"refresh_token":"`+good+`"}`), []string{"refreshed: session refreshed ok alice"}},
		{"expired cookie", request("POST /", cookieLine(refreshCookie, over)), []string{"refreshed: refresh refused expired "}},
		{"expired body", withBody("POST /", `{"refresh_token":"`+over+`"}`), []string{"refreshed: refresh refused expired "}},
		{"nothing", request("POST /"), []string{"refreshed: refresh refused no_token "}},
		{"foreign", request("POST /", cookieLine(refreshCookie, good), "Origin: https://evil.example"), []string{"refreshed: refresh refused cross_origin "}},
		{"bad JSON", withBody("POST /", "{"), nil},
		{"GET", request("GET /", cookieLine(refreshCookie, good)), nil},
	} {
		serve(http.HandlerFunc(m.HandleRefresh), c.request)
		if diff := cmp.Diff(c.want, heard.words()); diff != "" {
			t.Errorf("%s: events (-want +got):\n%s", c.name, diff)
		}
	}
}

// A policy that cannot set cookies makes the refresh a failure, and no sign-out.
func TestRefreshWhereCookiesCannotBeSet(t *testing.T) {
	t.Parallel()
	local, err := cookie.New(cookie.Config{InsecureLocal: true})
	if err != nil {
		t.Fatal(err)
	}
	m := managerOf(t, "v1", func(cfg *session.Config) { cfg.Cookies = local })
	token := issue(t, m, alice).RefreshToken
	for host, want := range map[string]int{"localhost:8080": 204, "example.com": 421} { // section 9
		r := request("POST http://"+host+"/", cookieLine("local-refresh", token))
		res := serve(http.HandlerFunc(m.HandleRefresh), r)
		if res.StatusCode != want || (res.Header["Set-Cookie"] != nil) != (want == 204) {
			t.Errorf("%s: got %d and cookies %q, want %d", host, res.StatusCode, res.Header["Set-Cookie"], want)
		}
	}
}

// broken is a body that fails on the way.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// A body that breaks off is no refusal of the token.
func TestBrokenBody(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v1", withCookies)
	r := httptest.NewRequest("POST", "/", broken{})
	if res := serve(http.HandlerFunc(m.HandleRefresh), r); res.StatusCode != 400 {
		t.Errorf("got %d, want 400", res.StatusCode)
	}
	r = request("POST /", cookieLine(refreshCookie, issue(t, m, alice).RefreshToken))
	r.Body = nil
	if res := serve(http.HandlerFunc(m.HandleRefresh), r); res.StatusCode != 204 {
		t.Errorf("got %d without a body, want 204", res.StatusCode)
	}
}

// Scenario 64: refresh and sign-out answer 401 and 204 for good, so a client that
// asks each once cannot be led in circles.
func TestNoRecursion(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v1", withCookies)
	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		switch r.URL.Path {
		case "/refresh":
			m.HandleRefresh(w, r)
		default:
			m.Require(hello).ServeHTTP(w, r)
		}
	}))
	defer server.Close()
	client := &http.Client{Timeout: 10 * time.Second}
	get := func(path, method string) int {
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode
	}
	if get("/me", "GET") != 401 || get("/refresh", "POST") != 401 || calls != 2 {
		t.Errorf("got %d calls, want one 401 from each route", calls)
	}
}

package dashboard_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/health/dashboard"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/sessiontest"
)

// visitor is a browser that keeps its cookies, but for those that have expired.
type visitor struct {
	board http.Handler
	jar   map[string]string
}

// arrive returns a visitor who has signed in.
func (s *service) arrive(t *testing.T, user string) *visitor {
	t.Helper()
	r := httptest.NewRequest("GET", "https://example.com/", nil)
	sessiontest.SignIn(t, s.m, r, session.Grant{Subject: user})
	v := &visitor{s.board, map[string]string{}}
	for _, c := range r.Cookies() {
		v.jar[c.Name] = c.Value
	}
	return v
}

// send sends what a browser sends that a page of a site has made go somewhere.
func (v *visitor) send(site, line string, form url.Values) *http.Response {
	method, path, _ := strings.Cut(line, " ")
	r := httptest.NewRequest(method, "https://example.com"+path, strings.NewReader(form.Encode()))
	r.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	r.Header.Set("Sec-Fetch-Site", site)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range v.jar {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	v.board.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		v.jar[c.Name] = c.Value
	}
	return w.Result()
}

// refreshing has the service refresh who comes, and know where people sign in.
func (s *service) refreshing(t *testing.T) *service {
	return s.withBoard(t, func(cfg *dashboard.Config) { cfg.RefreshPath, cfg.SignInPath = "/refresh", "/sign-in" })
}

// Who comes to a page with an expired access token is refreshed on the way, and what a
// form asks is done; a page of another site brings about neither.
func TestExpiredOnArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t).refreshing(t)
		v := s.arrive(t, "admin")
		const access = "__Host-access"
		past := v.jar[access]
		for _, gone := range []bool{false, true} { // browsers drop an expired cookie, but may be late
			time.Sleep(17 * time.Minute)
			if gone {
				delete(v.jar, access)
			}
			before := v.jar[access]
			res := v.send("cross-site", "GET /admin/", nil)
			if page := body(res); res.StatusCode != 403 || strings.Contains(page, "v1") || !strings.Contains(page, `<a href="/admin/">`) || v.jar[access] != before {
				t.Errorf("from elsewhere: got %d %s, want 403, no data, and the way to the page", res.StatusCode, page)
			}
			res = v.send("none", "GET /admin/?window=day", nil)
			if page := body(res); res.StatusCode != 200 || !strings.Contains(page, "The last day") || v.jar[access] == before || v.jar[access] == "" {
				t.Errorf("by an address: got %d %s, want the page and a new access token", res.StatusCode, page)
			}
		}
		time.Sleep(17 * time.Minute)
		order := url.Values{"do": {"rotate"}}
		if res := v.send("cross-site", "POST /admin/do", order); res.StatusCode != 403 || s.states() != "v1 current" {
			t.Errorf("a form from elsewhere: got %d and the keys %s, want 403 and no change", res.StatusCode, s.states())
		}
		if res := v.send("same-origin", "POST /admin/do", order); res.StatusCode != 303 || s.states() != "v2 current, v1 previous" {
			t.Errorf("a form: got %d and the keys %s, want a rotation", res.StatusCode, s.states())
		}
		if v.jar[access] == past {
			t.Error("got the same access token for an hour")
		}
		if code, _ := s.ask(t, "", statusLine, ""); code != 401 {
			t.Errorf("a program without a token: got %d, want 401", code)
		}
	})
}

// Who has no session is told where to get one, and nothing else; and who may not see
// the dashboard sees none.
func TestTurnedAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t).refreshing(t)
		ended := s.arrive(t, "admin")
		if err := s.m.RevokeSubject(t.Context(), "admin"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		late := s.arrive(t, "alice")
		alice := s.arrive(t, "alice")
		step := func(who string, v *visitor, want int) {
			t.Helper()
			for _, line := range []string{"GET /admin/", "GET /admin/confirm?do=rotate", "GET /admin/page.css", "GET /admin/api/status", "GET /admin/elsewhere", "POST /admin/do"} {
				res := v.send("same-origin", line, url.Values{"do": {"rotate"}})
				page := body(res)
				if res.StatusCode != want || strings.Contains(page, "v1") || res.Header.Get("Cache-Control") != "no-store" {
					t.Errorf("%s, %s: got %d %s, want %d and no data", who, line, res.StatusCode, page, want)
				}
				if found := strings.Contains(page, `<a href="/sign-in">Sign in</a>`); found != (want == 401) {
					t.Errorf("%s, %s: got the page %s, want the way to sign in: %t", who, line, page, want == 401)
				}
				if got := res.Header.Get("WWW-Authenticate"); (got == "Bearer") != (want == 401) {
					t.Errorf("%s, %s: got the challenge %q", who, line, got)
				}
			}
		}
		step("a stranger", &visitor{s.board, map[string]string{}}, 401)
		step("one whose session has ended", ended, 401)
		step("another user", alice, 404)
		time.Sleep(17 * time.Minute)
		step("another user, expired", late, 404)
		time.Sleep(2 * time.Hour)
		step("one who is gone for long", alice, 401)
		if got := s.states(); got != "v1 current" {
			t.Errorf("got the keys %s, want no rotation", got)
		}
		plain := s.withBoard(t, func(*dashboard.Config) {})
		v := plain.arrive(t, "admin")
		time.Sleep(17 * time.Minute)
		if res := v.send("none", "GET /admin/", nil); res.StatusCode != 401 || len(res.Cookies()) > 0 || strings.Contains(body(res), "sign-in") {
			t.Errorf("without paths: got %d and %v, want 401 and no refresh", res.StatusCode, res.Cookies())
		}
	})
}

// While nobody can tell, people are asked to wait.
func TestNobodyCanTell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, func(cfg *session.Config) { cfg.AccessTTL = 10 * time.Minute }).refreshing(t)
		v := s.arrive(t, "admin")
		time.Sleep(12 * time.Minute)
		other := serve(t).refreshing(t) // which holds none of the keys
		v.board = other.board
		res := v.send("none", "GET /admin/", nil)
		if page := body(res); res.StatusCode != 503 || res.Header.Get("Retry-After") == "" || !strings.Contains(page, "try again in a moment") {
			t.Errorf("got %d %s, want 503 and patience", res.StatusCode, page)
		}
	})
}

// A program that brings its token in a header is answered as one, whatever it accepts.
func TestProgramThatTakesPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t).refreshing(t)
		tokens, err := s.m.Issue(t.Context(), session.Grant{Subject: "admin"})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("GET", "https://example.com/admin/", nil)
		r.Header.Set("Authorization", "Bearer "+tokens.AccessToken)
		r.Header.Set("Accept", "text/html")
		for _, want := range []string{"200 text/html; charset=utf-8", "401 application/json; charset=utf-8"} {
			w := httptest.NewRecorder()
			s.board.ServeHTTP(w, r)
			if got := fmt.Sprint(w.Code, " ", w.Header().Get("Content-Type")); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			time.Sleep(17 * time.Minute)
		}
	})
}

package session_test

import (
	"fmt"
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

// Section 11: "auth cookies set" says what the browser got, once for each answer
// with cookies, and nothing for one that clears them.
func TestCookieLog(t *testing.T) {
	t.Parallel()
	origins := []string{"https://app.example.net"}
	for _, c := range []struct {
		name string
		cfg  cookie.Config
		want map[string]any
	}{
		{"same-site", cookie.Config{}, map[string]any{"mode": "samesite", "same_site": "Lax", "secure": true, "partitioned": false}},
		{"strict", cookie.Config{SameSite: http.SameSiteStrictMode}, map[string]any{"mode": "samesite", "same_site": "Strict", "secure": true, "partitioned": false}},
		{"cross-site", cookie.Config{CrossSite: true, Origins: origins}, map[string]any{"mode": "crosssite", "same_site": "None", "secure": true, "partitioned": true}},
		{"cross-site as Flask", cookie.Config{CrossSite: true, Origins: origins, Unpartitioned: true, AccessName: "access_token", RefreshName: "refresh_token"}, map[string]any{"mode": "crosssite", "same_site": "None", "secure": true, "partitioned": false}},
		{"local", cookie.Config{InsecureLocal: true}, map[string]any{"mode": "local", "same_site": "Lax", "secure": false, "partitioned": false}},
	} {
		policy, err := cookie.New(c.cfg)
		if err != nil {
			t.Fatal(err)
		}
		log := new(logBook)
		m := managerOf(t, "v1", func(cfg *session.Config) { cfg.Cookies, cfg.Logger = policy, log.logger() })
		w := httptest.NewRecorder()
		if err := m.SignIn(w, request("POST http://localhost/login"), alice); err != nil {
			t.Fatal(err)
		}
		c.want["level"] = "INFO"
		if diff := cmp.Diff([]map[string]any{c.want}, log.records(t, "auth cookies set")); diff != "" {
			t.Errorf("%s: records (-want +got):\n%s", c.name, diff)
		}
		if err := m.SignOut(w, request("POST http://localhost/logout")); err != nil {
			t.Fatal(err)
		}
		if n := len(log.records(t, "auth cookies set")); n != 1 {
			t.Errorf("%s: got %d records after a sign-out, want 1", c.name, n)
		}
	}
}

// bare is a policy that sets a cookie without SameSite.
type bare struct{ jar }

func (bare) Set(w http.ResponseWriter, _ *http.Request, access, _ string, _, _ time.Time) error {
	w.Header().Add("Set-Cookie", "a="+access+"; Secure")
	w.Header().Add("Set-Cookie", "=")
	return nil
}

// Other policies may leave SameSite out.
func TestCookieLogOfOtherPolicies(t *testing.T) {
	t.Parallel()
	log := new(logBook)
	m := managerOf(t, "v1", func(cfg *session.Config) { cfg.Cookies, cfg.Logger = bare{}, log.logger() })
	if err := m.SignIn(httptest.NewRecorder(), request("POST /"), alice); err != nil {
		t.Fatal(err)
	}
	if got := log.records(t, "auth cookies set"); len(got) != 1 || got[0]["same_site"] != "unset" {
		t.Errorf("got %v, want one record with same_site unset", got)
	}
}

// Section 11, scenarios 4, 16 and 21: what an operator hears of tokens, at most
// once a second, so that forged ones cannot fill a log.
func TestTokenLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := new(logBook)
		m := managerOf(t, "v2 v1", func(cfg *session.Config) { cfg.Logger = log.logger() })
		old := forge("v1", headerOf("v1", "at+jwt"), payloadOf())
		unknown := forge("v9", headerOf("v9", "at+jwt"), payloadOf())
		ahead := forge("v2", headerOf("v2", "at+jwt"), payloadOf("iat="+at(time.Hour)))
		for range 3 {
			for range 100 {
				for _, token := range []string{old, unknown, ahead, "x"} {
					m.Verify(t.Context(), token)
				}
			}
			time.Sleep(time.Second)
		}
		for message, want := range map[string]string{
			"token validated with previous secret": "map[level:INFO version:v1]",
			"unknown key":                          "map[level:WARN ring:RING]",
			"clock skew":                           "map[error:session: cannot tell now: issued more than 10 minutes ahead of this clock level:WARN]",
		} {
			records := log.records(t, message)
			if len(records) != 3 {
				t.Errorf("%s: got %d records in 3 seconds, want 3", message, len(records))
			}
			for _, r := range records {
				if r["ring"] != nil {
					r["ring"] = "RING"
				}
				if got := fmt.Sprint(r); got != want {
					t.Errorf("%s: got %s, want %s", message, got, want)
				}
			}
		}
	})
}

// An older key is told of only where it let somebody in.
func TestPreviousLog(t *testing.T) {
	t.Parallel()
	old := "__Host-access=" + forge("v1", headerOf("v1", "at+jwt"), payloadOf("iat="+at(-time.Minute)))
	young := "__Host-access=" + forge("v2", headerOf("v2", "at+jwt"), payloadOf())
	for _, c := range []struct {
		name    string
		headers []string
		want    int // records
	}{
		{"alone", []string{"Cookie: " + old}, 1},
		{"beside a newer cookie", []string{"Cookie: " + old + "; " + young}, 0},
		{"from a foreign page", []string{"Cookie: " + old, "Origin: https://evil.example", "Sec-Fetch-Site: cross-site"}, 0},
	} {
		log := new(logBook)
		m := managerOf(t, "v2 v1", withCookies, func(cfg *session.Config) { cfg.Logger = log.logger() })
		m.Check(request("POST /", c.headers...))
		if got := log.records(t, "token validated with previous secret"); len(got) != c.want {
			t.Errorf("%s: got %v, want %d records", c.name, got, c.want)
		}
	}
}

// "session revoked" names the session, once for each that ended.
func TestRevokedLog(t *testing.T) {
	t.Parallel()
	log := new(logBook)
	m := managerOf(t, "v1", withCookies, func(cfg *session.Config) { cfg.Logger = log.logger() })
	tokens := issue(t, m, alice)
	r := request("POST /", cookieLine(accessCookie, tokens.AccessToken, refreshCookie, tokens.RefreshToken))
	if err := m.SignOut(httptest.NewRecorder(), r); err != nil {
		t.Fatal(err)
	}
	want := []map[string]any{{"level": "INFO", "subject": "alice", "session": verify(t, m, tokens.AccessToken).SessionID, "version": "v1", "cause": "sign-out"}}
	if diff := cmp.Diff(want, log.records(t, "session revoked")); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

// E13: a whole session, with every kind of trouble, and nothing secret in the log
// or in an event: no token, no part of a signature, no secret.
func TestNothingSecretIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := new(logBook)
		m := managerOf(t, "v2 v1 !v0", withCookies, takingOver, func(cfg *session.Config) {
			cfg.Logger, cfg.SilentRefresh = log.logger(), true
		})
		heard := observe(m)
		life := &life{m: m, jar: map[string]string{}}
		life.honest(t)
		life.troubled(t)

		told := log.String()
		for _, e := range heard.take() {
			told += fmt.Sprintf("%+v %#v %v\n", e, e, e.Err)
		}
		if len(life.secrets) < 80 || strings.Count(told, "\n") < 100 {
			t.Fatalf("got %d tokens and %d lines, want a whole session", len(life.secrets), strings.Count(told, "\n"))
		}
		for _, token := range life.secrets {
			for part := range strings.SplitSeq(token, ".") {
				if len(part) >= 10 && strings.Contains(told, part[:10]) && !strings.HasPrefix(part, "{") {
					t.Fatalf("got the part %q of a token in a log or event, want none", part)
				}
			}
		}
		for _, tag := range []string{"v2", "v1", "v0", "v9"} {
			findSecret(t, "log and events", told, secretOf(tag))
		}
	})
}

// life is that of a browser and of a thief, which keeps every token that it meets.
type life struct {
	m       *session.Manager
	jar     map[string]string
	secrets []string
}

// keep notes a token, or an answer with tokens in it.
func (l *life) keep(token string) string {
	l.secrets = append(l.secrets, token)
	return token
}

// visit sends r to h with the cookies of the jar, and keeps what comes.
func (l *life) visit(h http.HandlerFunc, r *http.Request) {
	for name, value := range l.jar {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	h(w, r)
	for _, c := range w.Result().Cookies() {
		l.jar[c.Name] = l.keep(c.Value)
	}
	l.keep(w.Body.String())
}

// honest is from sign-in to sign-out.
func (l *life) honest(t *testing.T) {
	me := l.m.Require(hello).ServeHTTP
	l.visit(func(w http.ResponseWriter, r *http.Request) { l.m.SignIn(w, r, alice) }, request("POST /login"))
	l.visit(me, request("/"))
	l.visit(l.m.HandleRefresh, request("POST /refresh"))
	time.Sleep(time.Hour)
	l.visit(me, request("/")) // refreshed on the way
	l.visit(l.m.HandleRefresh, request("POST /refresh", "Origin: https://evil.example"))
	body := l.keep(issue(t, l.m, alice).RefreshToken)
	l.visit(l.m.HandleRefresh, withBody("POST /refresh", `{"refresh_token":"`+body+`"}`))
	l.visit(l.m.HandleRefresh, withBody("POST /refresh", `{"refresh_token":"`+l.keep(retold(t, body, "alice", "mallory"))+`"}`))
	l.m.Purpose("p", time.Hour).Verify(t.Context(), l.keep(issueFor(t, l.m.Purpose("q", time.Hour), "alice", nil)))
	l.visit(l.m.HandleSignOut, request("POST /logout"))
}

// troubled is every kind of token that can go wrong, in every place.
func (l *life) troubled(t *testing.T) {
	me := l.m.Require(hello).ServeHTTP
	for _, tag := range []string{"v2", "v1", "v0", "v9"} {
		for _, edits := range [][]string{nil, {"exp=1000000000"}, {"iat=" + at(time.Hour)}, {"-sid"}, {`type="refresh"`}} {
			access := l.keep(forge(tag, headerOf(tag, "at+jwt"), payloadOf(edits...)))
			l.m.Verify(t.Context(), access)
			l.m.Verify(t.Context(), l.keep(forge(tag, legacyHeader, legacyOf(edits...))))
			l.m.Refresh(t.Context(), l.keep(forge(tag, headerOf(tag, "rt+jwt"), refreshOf(edits...))))
			l.visit(me, request("/", "Authorization: Bearer "+access))
			time.Sleep(2 * time.Second) // past the throttle of the log
		}
	}
	header, payload := segments(t, forgeCosigned("v2", headerOf("v2", "rt+jwt"), refreshOf(), "v1"))
	mac := strings.LastIndex(payload, `:"`) + len(`:"`)
	l.m.Refresh(t.Context(), l.keep(forge("v2", header, payload[:mac]+strings.Repeat("B", 22)+payload[mac+22:]))) // signer mismatch
}

// findSecret fails if text holds secret in any spelling that a printer would give it.
func findSecret(t *testing.T, where, text string, secret []byte) {
	t.Helper()
	decimal := strings.Trim(fmt.Sprint(secret[:8]), "[]")
	for _, spelling := range []string{
		string(secret[:8]), fmt.Sprintf("%x", secret[:8]), fmt.Sprintf("%X", secret[:8]), b64(secret[:9]), strings.ReplaceAll(decimal, " ", ","), decimal,
		strings.ReplaceAll(fmt.Sprintf("% x", secret[:8]), " ", ", 0x"), strings.Trim(fmt.Sprintf("%#v", secret[:8]), "[]byte{}"), strings.Trim(fmt.Sprintf("%q", secret[:8]), `"`),
	} {
		if strings.Contains(text, spelling) {
			t.Errorf("%s: got the secret, spelled %q", where, spelling)
		}
	}
}

package health_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/health"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
)

// wantRow is a request by its tokens, and what a client is told.
type wantRow struct {
	header, access, refresh   string // "" for none
	status, action, transport string // transport "" is null
	token                     string // token_version, "" is null
	refreshable               bool
	expiresIn                 float64
}

// wantRows are the table of the design, section 10, and what lies between its lines.
var wantRows = []wantRow{
	// By header: the cookies are not consulted, neither good nor bad.
	{"good", "", "", "ok", "none", "header", "v2", false, 600},
	{"good", "good", "good", "ok", "none", "header", "v2", false, 600},
	{"good", "bad", "unknown", "ok", "none", "header", "v2", false, 600},
	{"previous", "", "", "previous_key", "none", "header", "v1", false, 600},
	{"late", "", "", "ok", "none", "header", "v2", false, 0},
	{"expired", "", "", "expired", "refresh", "header", "", false, 0},
	{"expired", "good", "good", "expired", "refresh", "header", "", false, 0},
	{"unknown and expired", "", "", "expired", "refresh", "header", "", false, 0},
	{"bad", "", "", "invalid", "login", "header", "", false, 0},
	{"bad", "good", "good", "invalid", "login", "header", "", false, 0}, // scenario 51
	{"null", "good", "good", "invalid", "login", "header", "", false, 0},
	{"EMPTY", "good", "good", "invalid", "login", "header", "", false, 0},
	{"wrong kind", "", "", "invalid", "login", "header", "", false, 0},
	{"revoked", "", "good", "revoked", "login", "header", "", false, 0},
	{"unknown", "", "", "unknown_key", "retry", "header", "", false, 0},
	{"unknown", "good", "good", "unknown_key", "retry", "header", "", false, 0},
	{"ahead", "", "", "unavailable", "retry", "header", "", false, 0},
	// By cookie, scenario 53.
	{"", "good", "", "ok", "none", "cookie", "v2", false, 600},
	{"", "good", "good", "ok", "none", "cookie", "v2", true, 600},
	{"", "good", "expired", "ok", "none", "cookie", "v2", false, 600},
	{"", "good", "bad", "ok", "none", "cookie", "v2", false, 600},
	{"", "good", "unknown", "ok", "none", "cookie", "v2", false, 600},
	{"", "late", "good", "ok", "none", "cookie", "v2", true, 0},
	{"", "previous", "good", "previous_key", "none", "cookie", "v1", true, 600}, // scenario 56
	{"", "expired", "good", "expired", "refresh", "cookie", "v2", true, 0},      // scenario 54
	{"", "expired", "previous", "expired", "refresh", "cookie", "v1", true, 0},
	{"", "unknown and expired", "good", "expired", "refresh", "cookie", "v2", true, 0},
	{"", "bad", "good", "expired", "refresh", "cookie", "v2", true, 0},
	{"", "wrong kind", "good", "expired", "refresh", "cookie", "v2", true, 0},
	{"", "", "good", "expired", "refresh", "cookie", "v2", true, 0}, // the browser let the access cookie expire
	{"", "expired", "", "expired", "login", "cookie", "", false, 0},
	{"", "expired", "expired", "expired", "login", "cookie", "", false, 0},
	{"", "expired", "bad", "expired", "login", "cookie", "", false, 0},
	{"", "expired", "revoked", "expired", "login", "cookie", "", false, 0},
	{"", "bad", "", "invalid", "login", "cookie", "", false, 0},
	{"", "bad", "bad", "invalid", "login", "cookie", "", false, 0},
	{"", "bad", "expired", "invalid", "login", "cookie", "", false, 0},
	{"", "revoked", "", "revoked", "login", "cookie", "", false, 0},
	{"", "revoked", "revoked", "revoked", "login", "cookie", "", false, 0},
	{"", "revoked", "good", "revoked", "login", "cookie", "", true, 0}, // the key of the access token alone: it can be refreshed
	{"", "", "", "no_token", "login", "", "", false, 0},
	{"", "", "bad", "no_token", "login", "", "", false, 0},
	{"", "", "expired", "no_token", "login", "", "", false, 0},
	{"", "unknown", "", "unknown_key", "retry", "cookie", "", false, 0},
	{"", "unknown", "good", "unknown_key", "retry", "cookie", "", true, 0},
	{"", "unknown", "unknown", "unknown_key", "retry", "cookie", "", false, 0},
	{"", "", "unknown", "unknown_key", "retry", "cookie", "", false, 0}, // nobody can tell, so nobody is to sign in
	{"", "bad", "unknown", "unknown_key", "retry", "cookie", "", false, 0},
	{"", "expired", "unknown", "unknown_key", "retry", "cookie", "", false, 0},
	{"", "ahead", "", "unavailable", "retry", "cookie", "", false, 0},
	{"", "", "ahead", "unavailable", "retry", "cookie", "", false, 0},
	{"", "expired", "ahead", "unavailable", "retry", "cookie", "", false, 0},
}

// want returns the body that the row stands for, inside a bubble that has just begun.
func (c wantRow) want() map[string]any {
	text := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	fits := slices.Contains([]string{"ok", "previous_key", "expired", "revoked"}, c.status)
	return map[string]any{
		"compatible": fits, "authenticated": c.action == "none", "token_version": text(c.token), "server_version": "v2", "status": c.status, "action": c.action,
		"transport": text(c.transport), "refreshable": c.refreshable, "expires_in": c.expiresIn, "server_time": 946684800.0,
	}
}

// Section 10, scenarios 51, 53, 54, 56 and 62: every row, with exactly these
// members in every case, never a cookie, and nothing refreshed or ended.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	for _, c := range wantRows {
		synctest.Test(t, func(t *testing.T) {
			h, changes := counted(managerOf(t, "v2 v1 !v0"))
			name := strings.Join([]string{c.header, c.access, c.refresh}, "|")
			res := serve(h, request("GET", c.header, c.access, c.refresh))
			if diff := cmp.Diff(c.want(), verdictOf(t, res)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
			status, retry := 200, ""
			if c.action == "retry" {
				status, retry = 503, "1"
			}
			if res.StatusCode != status || res.Header.Get("Retry-After") != retry {
				t.Errorf("%s: got %d, Retry-After %q, want %d, %q", name, res.StatusCode, res.Header.Get("Retry-After"), status, retry)
			}
			if res.Header["Set-Cookie"] != nil || changes() != 0 {
				t.Errorf("%s: got cookies %q and %d changes, want none", name, res.Header["Set-Cookie"], changes())
			}
			want := map[string]int64{"ok": 0, "previous_key": 0, "expired": 0, "revoked": 0, "no_token": 0, "invalid": 0, "unknown_key": 0, "unavailable": 0}
			want[c.status]++
			if diff := cmp.Diff(want, h.Counts()); diff != "" {
				t.Errorf("%s: counts (-want +got):\n%s", name, diff)
			}
		})
	}
}

// The words are those of session.Reason, and each is in the table.
func TestEveryStatusHasARow(t *testing.T) {
	t.Parallel()
	for status := range health.New(managerOf(t, "v1")).Counts() {
		if !slices.ContainsFunc(wantRows, func(c wantRow) bool { return c.status == status }) {
			t.Errorf("got the status %q without a row, want one", status)
		}
	}
}

// E7, E8, scenario 62: the answer is for this client alone, is JSON and nothing
// else, and names nothing of the service but the version.
func TestHeaders(t *testing.T) {
	t.Parallel()
	h := health.New(managerOf(t, "v2 v1"))
	for _, r := range []*http.Request{request("GET", "", "", ""), request("GET", "good", "", ""), request("GET", "unknown", "", ""), request("POST", "good", "", "")} {
		res := serve(h, r)
		got := map[string]string{}
		for name := range res.Header {
			got[name] = res.Header.Get(name)
		}
		delete(got, "Allow")
		delete(got, "Retry-After")
		want := map[string]string{
			"Cache-Control": "no-store", "Vary": "Authorization, Cookie", "Content-Type": "application/json; charset=utf-8", "X-Content-Type-Options": "nosniff",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("headers (-want +got):\n%s", diff)
		}
	}
}

// E9: GET and HEAD, and nothing else.
func TestMethods(t *testing.T) {
	t.Parallel()
	h := health.New(managerOf(t, "v2"))
	for method, want := range map[string]int{"GET": 200, "HEAD": 200, "POST": 405, "PUT": 405, "DELETE": 405, "OPTIONS": 405, "PATCH": 405} {
		res := serve(h, request(method, "good", "", ""))
		if res.StatusCode != want || (res.Header.Get("Allow") == "GET, HEAD") != (want == 405) {
			t.Errorf("%s: got %d, Allow %q, want %d", method, res.StatusCode, res.Header.Get("Allow"), want)
		}
	}
	if got := h.Counts()["ok"]; got != 2 {
		t.Errorf("got %d verdicts, want those of GET and HEAD", got)
	}
}

// B14, scenario 57: a tab that polls all the time keeps no session alive.
func TestPollingExtendsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := managerOf(t, "v2")
		h := health.New(m)
		tokens, err := m.Issue(t.Context(), session.Grant{Subject: "alice"})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		seen := map[string]time.Duration{} // when each answer came first
		for time.Since(start) < 14*24*time.Hour {
			r := request("GET", "", tokens.AccessToken, tokens.RefreshToken)
			res := serve(h, r)
			v := verdictOf(t, res)
			word := v["status"].(string) + " " + v["action"].(string)
			if _, there := seen[word]; !there {
				seen[word] = time.Since(start)
			}
			if res.Header["Set-Cookie"] != nil {
				t.Fatal("got a cookie, want none")
			}
			time.Sleep(5 * time.Minute)
		}
		want := map[string]time.Duration{"ok none": 0, "expired refresh": 20 * time.Minute, "expired login": 7*24*time.Hour + 5*time.Minute}
		if diff := cmp.Diff(want, seen); diff != "" {
			t.Errorf("when (-want +got):\n%s", diff)
		}
	})
}

// Section 11: a fault is logged, once for each verdict, and nothing else is.
func TestLog(t *testing.T) {
	t.Parallel()
	for _, c := range wantRows {
		log := new(bytes.Buffer)
		h := health.New(managerOf(t, "v2 v1 !v0", func(cfg *session.Config) { cfg.Logger = slog.New(slog.NewJSONHandler(log, nil)) }))
		h.Verdict(request("GET", c.header, c.access, c.refresh))
		n := strings.Count(log.String(), `"msg":"error checking token health"`)
		if want := map[bool]int{true: 1}[c.status == "unavailable"]; n != want {
			t.Errorf("%s: got %d records, want %d", c.status, n, want)
		}
		for _, tag := range []string{"v2", "v1", "v9"} {
			if token := forge(tag, "access", 0, 0); strings.Contains(log.String(), token[:20]) {
				t.Error("got a token in the log, want none (E13)")
			}
		}
	}
}

// elsewhere is a policy that refuses for a reason of its own.
type elsewhere struct{ session.Cookies }

func (elsewhere) Token(_ *http.Request, kind string, n int) (string, bool) {
	return tokenOf("good", kind), n == 0
}
func (elsewhere) Check(*http.Request) error { return errors.New("not from here") }

// What is no word of health is a fault, never a reason to sign in.
func TestOtherRefusals(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v2", func(cfg *session.Config) { cfg.Cookies = elsewhere{} })
	h := health.New(m)
	if v := h.Verdict(request("GET", "", "", "")); v.Status != "unavailable" || v.Action != "retry" || v.Compatible {
		t.Errorf("got %+v, want unavailable and retry", v)
	}
}

// Without cookies there are the header and strangers.
func TestHeaderOnly(t *testing.T) {
	t.Parallel()
	h := health.New(managerOf(t, "v2", func(cfg *session.Config) { cfg.Cookies = nil }))
	if v := h.Verdict(request("GET", "good", "", "")); v.Status != "ok" || v.Transport != "header" {
		t.Errorf("got %+v, want ok by header", v)
	}
	if v := h.Verdict(request("GET", "", "good", "good")); v.Status != "no_token" || v.Refreshable {
		t.Errorf("got %+v, want no_token", v)
	}
}

// Scenario 56: server_version is the key that signs now, "" when none can.
func TestServerVersion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for tags, want := range map[string]string{"v1": "v1", "v2 v1": "v2", "!v2 v1": "v1"} {
			if v := health.New(managerOf(t, tags)).Verdict(request("GET", "", "", "")); v.ServerVersion != want {
				t.Errorf("%s: got %q, want %q", tags, v.ServerVersion, want)
			}
		}
		keys, err := keyring.ParseKeys([]byte(`{"keys":[{"kty":"oct","kid":"v1","k":"` + base64.RawURLEncoding.EncodeToString(secretOf("v1")) + `","exp":946684860}]}`))
		if err != nil {
			t.Fatal(err)
		}
		retiring, err := keyring.New(keys...)
		if err != nil {
			t.Fatal(err)
		}
		h := health.New(managerOf(t, "v1", func(cfg *session.Config) { cfg.Keys = retiring }))
		time.Sleep(time.Minute)
		if v := h.Verdict(request("GET", "", "", "")); v.ServerVersion != "" {
			t.Errorf("got %q when every key has retired, want none", v.ServerVersion)
		}
	})
}

// A Verdict encodes alike however it is held.
func TestVerdictEncoding(t *testing.T) {
	t.Parallel()
	tag := "v1"
	v := health.Verdict{Compatible: true, TokenVersion: &tag, Status: "ok", Transport: "header"}
	want := `{"compatible":true,"authenticated":false,"token_version":"v1","server_version":"","status":"ok","action":"","refreshable":false,"expires_in":0,"server_time":0,"transport":"header"}`
	for _, value := range []any{v, &v} {
		if got, err := json.Marshal(value); err != nil || string(got) != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	}
}

// The context of the request reaches the hooks.
func TestContext(t *testing.T) {
	t.Parallel()
	type key struct{}
	m := managerOf(t, "v2")
	var got any
	m.Observe(session.Hooks{Checked: func(ctx context.Context, _ session.Event) { got = ctx.Value(key{}) }})
	health.New(m).Verdict(request("GET", "good", "", "").WithContext(context.WithValue(t.Context(), key{}, "mine")))
	if got != "mine" {
		t.Errorf("got the context %v, want that of the request", got)
	}
}

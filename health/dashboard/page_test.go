package dashboard_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/health"
	"github.com/sessionring/sessionring/health/dashboard"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
	"github.com/sessionring/sessionring/session/sessiontest"
)

// browser is an administrator who has signed in once, with cookies.
type browser struct {
	board  http.Handler
	signed *http.Request
}

func (s *service) browse(t *testing.T) *browser {
	t.Helper()
	r := httptest.NewRequest("GET", "https://example.com/admin/", nil)
	sessiontest.SignIn(t, s.m, r, session.Grant{Subject: "admin"})
	return &browser{s.board, r}
}

// get returns the answer to a request for a path below /admin/.
func (b *browser) get(path string) *http.Response {
	r := httptest.NewRequest("GET", "https://example.com/admin/"+path, nil)
	r.Header = b.signed.Header.Clone()
	w := httptest.NewRecorder()
	b.board.ServeHTTP(w, r)
	return w.Result()
}

// post sends a form as a page of a site does, and returns the answer.
func (b *browser) post(site string, form url.Values) *http.Response {
	r := httptest.NewRequest("POST", "https://example.com/admin/do", strings.NewReader(form.Encode()))
	r.Header = b.signed.Header.Clone()
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", site)
	w := httptest.NewRecorder()
	b.board.ServeHTTP(w, r)
	return w.Result()
}

// text returns the page at a path, which must be one.
func (b *browser) text(t *testing.T, path string) string {
	t.Helper()
	res := b.get(path)
	page := body(res)
	if res.StatusCode != 200 || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
		t.Fatalf("GET %s: got %d %s", path, res.StatusCode, page)
	}
	return page
}

func body(res *http.Response) string {
	var text strings.Builder
	res.Write(&text)
	_, page, _ := strings.Cut(text.String(), "\r\n\r\n")
	return page
}

// cell returns the text of a cell of the row of a kid.
func cell(t *testing.T, page, kid, label string) string {
	t.Helper()
	_, row, _ := strings.Cut(page, "<code>"+kid+"</code></th>")
	row, _, _ = strings.Cut(row, "</tr>")
	_, text, found := strings.Cut(row, `<td data-label="`+label+`">`)
	text, _, _ = strings.Cut(text, "</td>")
	if !found {
		t.Fatalf("no cell %s in the row of %s", label, kid)
	}
	return plain(text)
}

var tags = regexp.MustCompile(`<[^>]*>`)

// plain returns what a reader sees of HTML.
func plain(text string) string {
	return strings.Join(strings.Fields(html.UnescapeString(tags.ReplaceAllString(text, ""))), " ")
}

// legend returns what a chart sums up, such as "v2 3, v1 1".
func legend(page, id string) string {
	_, figure, _ := strings.Cut(page, `<figure id="chart-`+id+`">`)
	figure, _, _ = strings.Cut(figure, "</figure>")
	_, list, _ := strings.Cut(figure, `<ul class="legend">`)
	list, _, _ = strings.Cut(list, "</ul>")
	return plain(strings.ReplaceAll(strings.TrimSuffix(strings.TrimSpace(list), "</li>"), "</li>", ", "))
}

// withBoard returns s with a dashboard of a configuration.
func (s *service) withBoard(t testing.TB, edit func(*dashboard.Config)) *service {
	t.Helper()
	h := health.New(s.m)
	cfg := dashboard.Config{Sessions: s.m, Keys: s.keys, Health: h, Allow: adminOnly}
	edit(&cfg)
	board, err := dashboard.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &service{s.m, s.keys, h, board}
}

// Every answer forbids foreign and inline script and style, frames, and caches, and no
// page has any.
func TestContentPolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t)
		b := s.browse(t)
		kid := s.keys.List()[0].ID
		inline := regexp.MustCompile(`(?i)<script[^>]*>[^<]|<style|\son[a-z]+=|\sstyle=|javascript:|https?://|data:`)
		for _, path := range []string{"", "?window=week&subject=admin", "confirm?do=revoke&key=" + kid, "page.css", "page.js", "elsewhere", "api/status"} {
			res := b.get(path)
			policy := res.Header.Get("Content-Security-Policy")
			for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"} {
				if !strings.Contains(policy, want) || strings.Contains(policy, "unsafe") {
					t.Errorf("%s: got the policy %q, want %s", path, policy, want)
				}
			}
			if res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s: got the headers %v, want no-store and nosniff", path, res.Header)
			}
			if found := inline.FindString(body(res)); found != "" {
				t.Errorf("%s: got %q, want nothing that the policy forbids", path, found)
			}
		}
		if res := (&browser{s.board, httptest.NewRequest("GET", "/", nil)}).get(""); res.StatusCode != 401 || strings.Contains(body(res), kid) {
			t.Errorf("a stranger: got %d, want 401 and no data", res.StatusCode)
		}
	})
}

// What users and the store bring into the page is text, wherever it stands.
func TestHostileText(t *testing.T) {
	const evil = `"><script>alert(1)</script><b x='`
	synctest.Test(t, func(t *testing.T) {
		store := new(memstore.Store)
		s := serve(t, func(cfg *session.Config) { cfg.Store = store }).withBoard(t, func(cfg *dashboard.Config) { cfg.Store = store })
		b := s.browse(t)
		r := httptest.NewRequest("POST", "https://example.com/login", nil)
		r.Header.Set("User-Agent", evil)
		if err := s.m.SignIn(httptest.NewRecorder(), r, session.Grant{Subject: evil, Label: evil}); err != nil {
			t.Fatal(err)
		}
		if err := s.m.RevokeSubject(t.Context(), "nobody"); err != nil {
			t.Fatal(err)
		}
		plant := func(id, group string, v any) {
			data, _ := json.Marshal(v)
			if ok, err := store.Swap(t.Context(), id, nil, data, group, "", time.Now().Add(time.Hour)); !ok || err != nil {
				t.Fatal(ok, err)
			}
		}
		now := time.Now()
		plant("instance:x", "instances", map[string]any{"id": evil, "fingerprint": evil, "tags": []string{evil}, "version": evil, "seen": now, "started": now})
		plant(fmt.Sprint("history:5m:", now.Truncate(5*time.Minute).Unix()), "history:5m", map[string]any{
			"verified": map[string]int{evil: 7}, "refused": map[string]int{evil: 3}, "sessions": map[string]int{evil: 2}, "health": map[string]int{evil: 1}})
		plant("history:recent", "", []map[string]any{{"name": evil, "tag": evil, "subject": evil, "session": evil, "cause": evil, "text": evil, "by": evil, "time": now.Unix(), "times": 1}})
		page := b.text(t, "?said="+url.QueryEscape(evil)+"&window="+url.QueryEscape(evil)+"&subject="+url.QueryEscape(evil))
		list, err := s.m.Sessions(t.Context(), evil)
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		page += b.text(t, "confirm?"+url.Values{"do": {"end"}, "subject": {evil}, "session": {list[0].ID}}.Encode())
		if strings.Contains(page, "alert(1)</script>") || strings.Contains(page, "<b x=") {
			t.Errorf("got markup of others in the page:\n%s", page)
		}
		if n := strings.Count(html.UnescapeString(tags.ReplaceAllString(page, "")), evil); n < 12 {
			t.Errorf("got the text %d times, want it wherever it belongs", n)
		}
		if legend(page, "verified") == "" || strings.Contains(page, "history is incomplete") {
			t.Errorf("got no verifications from the history")
		}
		if err := s.m.Revoke(context.Background(), evil, list[0].ID); err != nil {
			t.Fatal(err)
		}
		if page := b.text(t, ""); !strings.Contains(page, html.EscapeString("session revoked")) {
			t.Errorf("got no event of the revocation")
		}
	})
}

// Everything is asked once more, done by a form, and told by a message; pages of other
// sites get nothing done.
func TestOrders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := serve(t, func(cfg *session.Config) { cfg.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		b := s.browse(t)
		alice, err := s.m.Issue(t.Context(), session.Grant{Subject: "alice"})
		if err != nil {
			t.Fatal(err)
		}
		sid := func() string {
			list, err := s.m.Sessions(t.Context(), "alice")
			if err != nil || len(list) != 1 {
				t.Fatal(list, err)
			}
			return list[0].ID
		}
		kid := func(tag string) string {
			for _, k := range s.keys.List() {
				if k.Tag == tag {
					return k.ID
				}
			}
			return tag
		}
		order := func(do string, more ...string) url.Values {
			v := url.Values{"do": {do}}
			for i := 0; i < len(more); i += 2 {
				v.Set(more[i], more[i+1])
			}
			return v
		}
		step := func(f url.Values, said, states string) {
			t.Helper()
			before := s.states()
			if res := b.post("cross-site", f); res.StatusCode != 403 || s.states() != before {
				t.Errorf("%v from elsewhere: got %d and the keys %s, want 403 and %s", f, res.StatusCode, s.states(), before)
			}
			res := b.post("same-origin", f)
			at, err := url.Parse(res.Header.Get("Location"))
			if err != nil || res.StatusCode != 303 || at.Query().Get("said") != said || at.Host != "" || at.Path != "./" {
				t.Errorf("%v: got %d to %v, want 303 to the page with %s", f, res.StatusCode, at, said)
			}
			if got := s.states(); got != states {
				t.Errorf("%v: got the keys %s, want %s", f, got, states)
			}
			if said != "" && !strings.Contains(b.text(t, "?"+at.RawQuery), `<p class="notice" role="status">`) {
				t.Errorf("%v: got no message of %s", f, said)
			}
		}
		for path, want := range map[string]string{
			"confirm?do=rotate":                             "Rotate the key?",
			"confirm?do=revoke&key=" + kid("v1"):            "Revoke the key?",
			"confirm?do=end&subject=alice&session=" + sid(): "End the session?",
			"confirm?do=end-all&subject=alice":              "End all sessions",
			"?subject=alice":                                "confirm?do=end-all&amp;subject=alice",
		} {
			if page := b.text(t, path); !strings.Contains(page, want) {
				t.Errorf("%s: got a page without %q", path, want)
			}
		}
		step(order("rotate"), "rotated", "v2 current, v1 previous")
		drop := b.text(t, "confirm?do=drop&key="+kid("v1"))
		for _, want := range []string{`name="force"`, "sessions that would be lost now: 2"} {
			if !strings.Contains(drop, want) {
				t.Errorf("got a question about v1 without %q", want)
			}
		}
		step(order("drop", "key", kid("v1")), "in_use", "v2 current, v1 previous")
		for _, none := range []url.Values{order("end", "subject", "bob", "session", sid()), order("end", "subject", "alice", "session", "x")} {
			step(none, "no_such_session", "v2 current, v1 previous")
		}
		if sid() == "" {
			t.Error("got an end to the session of another user")
		}
		step(order("end", "subject", "alice", "session", sid()), "ended", "v2 current, v1 previous")
		if _, err := s.m.Verify(t.Context(), alice.AccessToken); session.Reason(err) != "revoked" {
			t.Errorf("got %v for the token of a session that was ended, want revoked", err)
		}
		time.Sleep(time.Second)
		carol, err := s.m.Issue(t.Context(), session.Grant{Subject: "carol"})
		if err != nil {
			t.Fatal(err)
		}
		step(order("end-all", "subject", "carol"), "ended-all", "v2 current, v1 previous")
		if _, err := s.m.Verify(t.Context(), carol.AccessToken); session.Reason(err) != "revoked" {
			t.Errorf("got %v for a user whose sessions were ended, want revoked", err)
		}
		b = s.browse(t) // under v2
		step(order("drop", "key", kid("v1"), "force", "1"), "dropped", "v2 current")
		step(order("drop", "key", kid("v1")), "no_such_key", "v2 current")
		step(order("rotate"), "rotated", "v3 current, v2 previous")
		step(order("revoke", "key", kid("v3")), "revoked", "v4 current, v3 revoked, v2 previous")
		step(order("explode", "subject", strings.Repeat("x", 20<<10)), "invalid", "v4 current, v3 revoked, v2 previous")
		step(order("rotate", "subject", strings.Repeat("x", 20<<10)), "invalid", "v4 current, v3 revoked, v2 previous")
		step(order("explode"), "invalid", "v4 current, v3 revoked, v2 previous")
		step(order("end", "subject", "\xff", "session", "x"), "invalid", "v4 current, v3 revoked, v2 previous")
		for _, path := range []string{"confirm", "confirm?do=drop&key=v9", "confirm?do=explode", "confirm?do=end&subject=alice"} {
			if res := b.get(path); res.StatusCode != 404 {
				t.Errorf("%s: got %d, want 404", path, res.StatusCode)
			}
		}
		leaver := s.arrive(t, "dave")
		r := httptest.NewRequest("POST", "https://example.com/sign-out", nil)
		for name, value := range leaver.jar {
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		s.m.HandleSignOut(httptest.NewRecorder(), r)
		page := b.text(t, "")
		for _, want := range []string{"key rotation ordered", "key revocation ordered", "key drop ordered", "session revoked"} {
			if row := regexp.MustCompile(`<bdi>` + want + `</bdi>(?s:.*?)</tr>`).FindString(page); !strings.Contains(row, "by <bdi>admin</bdi>") {
				t.Errorf("got the event %s as %q, want it by admin", want, row)
			}
		}
		if strings.Contains(page, "<bdi>dave</bdi>") || !strings.Contains(log.String(), "subject=dave") {
			t.Error("a sign-out is an event, or was none")
		}
		for _, want := range []string{`msg="key rotation ordered" version=v2 forced=false by=admin`, `msg="key drop ordered" version=v1 forced=true by=admin`, `msg="key revocation ordered" version=v3 forced=false by=admin`, `msg="end of sessions ordered" subject=carol session="" by=admin`} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("got a log without %s:\n%s", want, log.String())
			}
		}
	})
}

// Without Config.Keys the page has no actions on keys; without a store it says what it
// cannot know.
func TestPageWithout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, func(cfg *session.Config) { cfg.Store = nil }).withBoard(t, func(cfg *dashboard.Config) { cfg.Keys, cfg.Health = nil, nil })
		b := s.browse(t)
		page := b.text(t, "")
		for _, not := range []string{"do=rotate", "do=revoke", "chart-health", "All instances"} {
			if strings.Contains(page, not) {
				t.Errorf("got a page with %q", not)
			}
		}
		for _, want := range []string{"kept in memory", "Nobody can list them", "None has reported"} {
			if !strings.Contains(page, want) {
				t.Errorf("got a page without %q", want)
			}
		}
		for do, want := range map[string]string{"rotate": "not_changeable", "end": "not_stored", "end-all": "not_stored"} {
			res := b.post("same-origin", url.Values{"do": {do}, "subject": {"alice"}, "session": {"x"}})
			if at := res.Header.Get("Location"); !strings.Contains(at, "said="+want) {
				t.Errorf("%s: got %d to %s, want %s", do, res.StatusCode, at, want)
			}
		}
	})
}

package browser_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/sessionring/sessionring/cookie"
)

// TestDashboard looks at the dashboard after an hour of traffic and a rotation: its
// numbers are those of the store, the words of strangers are text, and nobody but the
// administrator sees any of it. The browser finds nothing that the policy forbids.
func TestDashboard(t *testing.T) {
	t.Run(allowed.name, func(t *testing.T) {
		o := newOffice(t, cookie.Config{})
		o.work()
		b := allowed.open(t, o.hash)
		b.watchPolicy()
		o.wantClosed(b)
		o.signIn(b, "admin")
		for _, window := range []string{"hour", "day"} {
			o.wantValues(b, window)
		}
		o.wantScripted(b)
		o.wantExpiredWelcome(b)
		o.wantHostileText(b)
		b.wantPolicyKept()
	})
}

// watchPolicy notes what the content policy of any page forbids.
func (b *tab) watchPolicy() {
	b.Helper()
	b.prepare(`document.addEventListener("securitypolicyviolation", (e) => {
		sessionStorage.violations = (sessionStorage.violations ?? "") + e.effectiveDirective + " " + e.blockedURI + "\n";
	})`)
}

// prepare has a script run at the beginning of every page from now on.
func (b *tab) prepare(script string) {
	b.Helper()
	do(b, func(ctx context.Context, t *chromedp.Target) (page.AddScriptToEvaluateOnNewDocumentResult, error) {
		return cdp.Call(ctx, t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
	})
}

// wantPolicyKept wants nothing noted, and a note of what is then done against it.
func (b *tab) wantPolicyKept() {
	b.Helper()
	const violations = `sessionStorage.violations ?? ""`
	if got := b.text(violations); got != "" {
		b.Errorf("the page does what its policy forbids:\n%s", got)
	}
	b.text(`document.body.setAttribute("style", "color: red")`)
	b.wait(violations, "style-src-attr inline\n")
}

// signIn signs a user in at the office.
func (o *office) signIn(b *tab, user string) {
	o.Helper()
	b.visit(o.at(sibling))
	b.wantFetch("POST", o.at(sibling)+"/login?user="+user, "200")
}

// wantClosed wants strangers and other users to see nothing.
func (o *office) wantClosed(b *tab) {
	o.Helper()
	kid := o.keys.List()[0].ID
	see := func(who, status, words string) {
		o.Helper()
		b.visit(o.url)
		if got := b.text("document.documentElement.outerHTML"); !strings.Contains(got, words) || strings.Contains(got, kid) {
			o.Errorf("%s sees %s, want %q and no data", who, got, words)
		}
		for _, path := range []string{"", "confirm?do=rotate", "page.js", "api/status"} {
			b.wantFetch("GET", o.url+path, status)
		}
		b.wantFetch("POST", o.url+"api/keys/rotate", status)
	}
	see("a stranger", "401", "Not signed in")
	if got := b.text(`document.querySelector("a").href`); got != o.at(sibling)+"/" {
		o.Errorf("got the way to %s, want it to where one signs in", got)
	}
	o.signIn(b, "demo")
	see("another user", "404", "not_found")
}

// facts is what the page says.
type facts struct {
	Keys, Instances []string
	Charts          counts
}

// readFacts is a script for the facts of the page.
const readFacts = `(() => {
	const text = (e) => e.textContent.replace(/\s+/g, " ").trim();
	const rows = (id, ...labels) => [...document.querySelectorAll("#" + id + " tbody tr")].map((row) =>
		[text(row.querySelector("code")), ...labels.map((l) => text(row.querySelector('[data-label="' + l + '"]')))].join(", "));
	const charts = {};
	for (const figure of document.querySelectorAll("figure")) {
		const list = [...figure.querySelectorAll(".legend li")];
		charts[figure.id.slice(6)] = Object.fromEntries(list.map((li) => [text(li.querySelector("bdi")), Number(text(li.querySelector("b")))]));
	}
	return JSON.stringify({
		keys: rows("keys", "State", "Made", "Last needed", "Only it vouches for", "Safe to drop"),
		instances: rows("instances", "Ring", "Keys", "Signs with", "Drift"),
		charts,
	});
})()`

func (b *tab) facts() (f facts) {
	b.Helper()
	if err := json.Unmarshal([]byte(b.text(readFacts)), &f); err != nil {
		b.Fatal(err)
	}
	return f
}

// wantValues wants the page to say what the store does. What happens between the two
// looks makes them differ: then both look again.
func (o *office) wantValues(b *tab, window string) {
	o.Helper()
	spans := map[string]time.Duration{"hour": 55 * time.Minute, "day": 23*time.Hour + 30*time.Minute}
	var page, store facts
	for range 5 {
		b.visit(o.url + "?window=" + window)
		page = b.facts()
		if store = o.facts(spans[window]); reflect.DeepEqual(page, store) {
			return
		}
	}
	o.Errorf("%s: got the page\n%+v\nwant what the store says\n%+v", window, page, store)
}

// facts returns what the store says of now and a time before.
func (o *office) facts(before time.Duration) (f facts) {
	o.Helper()
	stats, err := o.m.Stats(o.Context())
	if err != nil {
		o.Fatal(err)
	}
	for _, k := range stats.Keys {
		n := stats.Needs[k.ID]
		line := strings.Join([]string{k.ID, k.State, k.Made.Format(time.DateTime), n.Last.Format(time.DateTime), strconv.Itoa(n.Sessions)}, ", ")
		if k.State == "current" {
			line += ", no: it signs"
		} else {
			line += fmt.Sprintf(", from %s; sessions that would be lost now: %d", n.From.Format(time.DateTime), n.Sessions)
		}
		f.Keys = append(f.Keys, line)
	}
	for _, i := range stats.Instances {
		f.Instances = append(f.Instances, strings.Join([]string{i.ID, i.Fingerprint, strings.Join(i.Tags, ", "), i.Version, "none"}, ", "))
	}
	f.Charts = o.sums(before)
	f.Charts["sessions"] = map[string]int64{}
	for tag, n := range stats.Sessions {
		f.Charts["sessions"][tag] = int64(n)
	}
	return f
}

// sums returns what the store has counted since a time before now.
func (o *office) sums(before time.Duration) counts {
	o.Helper()
	records, err := o.store.List(o.Context(), "history:5m")
	if err != nil {
		o.Fatal(err)
	}
	sums, since := counts{}, time.Now().Truncate(5*time.Minute).Add(-before).Unix()
	for id, data := range records {
		var c counts
		begins, err := strconv.ParseInt(strings.TrimPrefix(id, "history:5m:"), 10, 64)
		if err != nil || json.Unmarshal(data, &c) != nil {
			o.Fatalf("got the record %s %s", id, data)
		}
		for kind, names := range c {
			for name, n := range names {
				if begins < since {
					continue
				}
				if sums[kind] == nil {
					sums[kind] = map[string]int64{}
				}
				sums[kind][name] += n
			}
		}
	}
	return sums
}

// wantScripted wants what was done to be in the numbers, each once.
func (o *office) wantScripted(b *tab) {
	o.Helper()
	got := b.facts()
	for _, c := range []struct {
		kind, name string
		n          int64
	}{{"verified", "v1", 79}, {"refused", "invalid", 4}, {"health", "previous_key", 9}} { // a verdict is a check, too
		if want := o.planted[c.kind][c.name] + c.n; got.Charts[c.kind][c.name] != want {
			o.Errorf("%s %s: got %d, want %d", c.kind, c.name, got.Charts[c.kind][c.name], want)
		}
	}
	if lost := got.Charts["sessions"]["v1"]; lost != 91 || !strings.HasSuffix(got.Keys[1], "lost now: 91") {
		o.Errorf("got %d sessions of v1 and %q, want 91 that have not moved on", lost, got.Keys[1])
	}
}

// wantExpiredWelcome wants the page for a browser whose access token has expired.
func (o *office) wantExpiredWelcome(b *tab) {
	o.Helper()
	before := b.values(sibling)
	do(b, func(ctx context.Context, t *chromedp.Target) (cdp.Empty, error) {
		return cdp.Call(ctx, t, network.DeleteCookies, network.DeleteCookiesParams{Name: "__Host-access", URL: o.at(sibling)})
	})
	b.visit(o.url)
	b.wait(`document.querySelector("h2").textContent`, "Alerts")
	if after := b.values(sibling); len(after) != 2 || slices.Equal(after, before) {
		o.Errorf("got the cookies %q, want a new access token", after)
	}
}

// wantHostileText plants markup wherever strangers can, and wants it to be text.
func (o *office) wantHostileText(b *tab) {
	o.Helper()
	const evil = `<img src=x onerror=pwned()><script>pwned()</script>"' onfocus=pwned() autofocus x="`
	o.issue(o.m, evil, evil)
	now := time.Now()
	o.plant("instance:x", "instances", map[string]any{"id": evil, "fingerprint": evil, "tags": []string{evil}, "version": evil, "seen": now, "started": now})
	o.plant(fmt.Sprint("history:5m:", now.Add(-2*time.Hour).Truncate(5*time.Minute).Unix()), "history:5m", counts{"verified": {evil: 1}, "health": {evil: 1}, "refused": {evil: 1}})
	o.plant("history:recent", "", []map[string]any{{"name": evil, "tag": evil, "subject": evil, "session": evil, "cause": evil, "text": evil, "by": evil, "time": now.Unix(), "times": 1}})
	script := fmt.Sprintf("encodeURIComponent(%q)", evil)
	query := b.text(script)
	b.visit(o.url + "?window=day&subject=" + query + "&said=" + query)
	b.wait(`document.getElementById("subject").value === decodeURIComponent(`+fmt.Sprintf("%q", query)+`)`, "true")
	if n := strings.Count(b.text("document.body.textContent"), evil); n < 14 {
		o.Errorf("got the hostile text %d times, want it wherever it belongs", n)
	}
	const alive = `document.querySelectorAll("img, main script, [onerror], [onfocus], [autofocus]").length`
	if got := b.text(alive); got != "0" {
		o.Errorf("got %s elements of the hostile text", got)
	}
	b.text(`document.querySelector('#sessions tbody a').click()`)
	b.wait(`document.querySelector("dd bdi")?.textContent === decodeURIComponent(`+fmt.Sprintf("%q", query)+`)`, "true")
	if got := b.text(alive); got != "0" {
		o.Errorf("got %s elements of the hostile text in the question", got)
	}
}

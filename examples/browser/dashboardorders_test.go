package browser_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/sessionring/sessionring/cookie"
)

// TestDashboardOrders ends sessions and changes keys, by keyboard alone: each is asked
// about once more, done, and told. Meanwhile another page of it keeps up by itself.
func TestDashboardOrders(t *testing.T) {
	t.Run(allowed.name, func(t *testing.T) {
		o := newOffice(t, cookie.Config{})
		o.work()
		b := allowed.open(t, o.hash)
		b.watchPolicy()
		o.signIn(b, "admin")
		v2, v1 := o.keys.List()[0].ID, o.keys.List()[1].ID
		step := func(path, link, question, key, said string) {
			t.Helper()
			b.visit(o.url + path)
			b.text(fmt.Sprintf(`document.querySelector(%q).focus()`, link))
			b.press(kb.Enter)
			b.wait(`document.querySelector("h1")?.textContent`, question)
			b.press(key)
			b.wait(`document.querySelector(".notice")?.textContent`, said)
		}
		const yes, force = "\t" + kb.Enter, "\t \t" + kb.Enter
		step("?subject=demo", `[aria-label="End the session on Firefox on Linux"]`, "End the session?", yes, "The session has ended.")
		if got := o.devices("demo"); got != "Chrome on Android" {
			t.Errorf("got the sessions of demo on %q, want the other one only", got)
		}
		step("?subject=demo", `[href^="confirm?do=end-all"]`, "End all sessions of the user?", yes, "All sessions of the user have ended.")
		if got := o.devices("demo"); got != "" {
			t.Errorf("got the sessions of demo on %q, want none", got)
		}
		step("", `[href="confirm?do=rotate"]`, "Rotate the key?", yes, "A new key signs now. The others stay and co-sign.")
		o.wantKeys("v3 current, v2 previous, v1 previous")
		step("", `[aria-label="Drop `+v1+`"]`, "Drop the key?", force, "The key is gone.")
		o.wantKeys("v3 current, v2 previous")
		b.wantFetch("POST", o.at(sibling)+"/refresh", "204") // v3 vouches for the administrator, too
		step("", `[aria-label="Revoke `+v2+`"]`, "Revoke the key?", yes, "The key is revoked. Tokens that another live key vouches for stay good.")
		o.wantKeys("v3 current, v2 revoked")
		b.wait(`(document.getElementById("events")?.textContent ?? "").match(/key revocation ordered|by admin/g)?.slice(0, 2).join()`, "key revocation ordered,by admin") // the page may be on its way
		o.wantLive(b)
		b.wantPolicyKept()
	})
}

// devices returns where a user is signed in.
func (o *office) devices(user string) string {
	o.Helper()
	list, err := o.m.Sessions(o.Context(), user)
	if err != nil {
		o.Fatal(err)
	}
	var names []string
	for _, s := range list {
		names = append(names, s.Label)
	}
	return strings.Join(names, ", ")
}

// wantKeys wants these keys, newest first.
func (o *office) wantKeys(want string) {
	o.Helper()
	var list []string
	for _, k := range o.keys.List() {
		list = append(list, k.Tag+" "+k.State)
	}
	if got := strings.Join(list, ", "); got != want {
		o.Errorf("got the keys %s, want %s", got, want)
	}
}

// wantLive wants an open page to keep up, and to leave alone what somebody reads or
// writes; and to say when it no longer can. Its minutes are three seconds long.
func (o *office) wantLive(b *tab) {
	o.Helper()
	b.prepare(`const slow = setInterval; setInterval = (f, ms) => slow(f, ms / 20)`)
	b.visit(o.url)
	b.text(`document.querySelector("#numbers-verified summary").click()`)
	b.text(`document.getElementById("subject").focus()`)
	b.press("half a na")
	if _, err := o.keys.Rotate(o.Context()); err != nil {
		o.Fatal(err)
	}
	b.wait(`[...document.querySelectorAll("#keys tbody bdi")].map((e) => e.textContent).join()`, "v4,v3,v2")
	b.press("me")
	const kept = `[document.getElementById("numbers-verified").open, document.activeElement.id, document.getElementById("subject").value, document.getElementById("live").textContent].join()`
	b.wait(kept, "true,subject,half a name,live")
	o.mu.Lock()
	served := o.api
	o.api = http.NotFoundHandler()
	o.mu.Unlock()
	b.wait(`document.getElementById("live").textContent`, "Out of date: no answer. Look again, or sign in.")
	o.mu.Lock()
	o.api = served
	o.mu.Unlock()
	b.wait(kept, "true,subject,half a name,live")
}

// TestDashboardForeignPages has pages of another site, and of another host of the same
// site, give orders by form and by fetch in the browser of the administrator, with the
// cookies. None is carried out.
func TestDashboardForeignPages(t *testing.T) {
	t.Run(allowed.name, func(t *testing.T) {
		everywhere := cookie.Config{CrossSite: true, Unpartitioned: true, Origins: []string{"https://app.shop.test"}}
		o := newOffice(t, everywhere) // the browser sends its cookies along whoever calls
		tokens := o.issue(o.m, "demo", "Firefox on Linux")
		c, err := o.m.Verify(t.Context(), tokens.AccessToken)
		if err != nil {
			t.Fatal(err)
		}
		b := allowed.open(t, o.hash)
		o.signIn(b, "admin")
		kid := o.keys.List()[1].ID
		orders := []string{
			"do=rotate", "do=revoke&key=" + kid, "do=drop&force=1&key=" + kid,
			"do=end-all&subject=demo", "do=end&subject=demo&session=" + c.SessionID,
		}
		for _, attacker := range []string{third, blog} {
			b.visit(o.at(attacker))
			o.take()
			b.order(o.url, kid, orders)
			seen := o.take()
			for _, x := range seen {
				if x.status != 403 || !x.cookies || x.origin != o.at(attacker) {
					t.Errorf("by %s: got %+v, want 403 although there are cookies", attacker, x)
				}
			}
			if want := len(orders) + 3 + 1; len(seen) != want {
				t.Errorf("by %s: got %d orders, want %d", attacker, len(seen), want)
			}
		}
		o.wantKeys("v2 current, v1 previous")
		if got := o.devices("demo"); got != "Firefox on Linux, Firefox on Linux" {
			t.Errorf("got the sessions of demo on %q, want both", got)
		}
		b.visit(o.url)
		b.wait(`document.querySelector("h2").textContent`, "Alerts") // and all that time the administrator could
	})
}

// order gives orders in all ways a foreign page has: to the page by fetch, to the routes
// for programs, and by a form, which leaves the page.
func (b *tab) order(url, kid string, orders []string) {
	b.Helper()
	send := func(url, body string) {
		b.Helper()
		b.text(fmt.Sprintf(`fetch(%q, {method: "POST", mode: "no-cors", credentials: "include", body: %s}).then((r) => r.type)`, url, body))
	}
	for _, order := range orders {
		send(url+"do", fmt.Sprintf("new URLSearchParams(%q)", order))
	}
	for _, what := range []string{"rotate", "revoke", "drop"} {
		send(url+"api/keys/"+what, fmt.Sprintf("JSON.stringify({key: %q, force: true})", kid))
	}
	b.text(fmt.Sprintf(`(() => {
		const form = document.createElement("form");
		form.method = "post";
		form.action = %q;
		for (const [name, value] of new URLSearchParams(%q)) {
			form.append(Object.assign(document.createElement("input"), {name, value}));
		}
		document.body.append(form);
		form.submit();
	})()`, url+"do", orders[len(orders)-1]))
	b.wait(`document.querySelector("h1")?.textContent`, "From elsewhere")
}

// TestDashboardLooks reads the dashboard in the light and in the dark, goes through it by
// Tab, and has it on a phone, where nothing is wider than the screen.
func TestDashboardLooks(t *testing.T) {
	t.Run(allowed.name, func(t *testing.T) {
		o := newOffice(t, cookie.Config{})
		o.work()
		b := allowed.open(t, o.hash)
		o.signIn(b, "admin")
		v2, v1 := o.keys.List()[0].ID, o.keys.List()[1].ID
		b.visit(o.url + "?subject=user-200")
		b.wantTabOrder("To the keys", "Look again", "Rotate…", "Revoke "+v2, "Revoke "+v1, "Drop "+v1, "hour", "day", "week",
			"Numbers", "Numbers", "Numbers", "Numbers", "User", "List",
			"End the session on an unknown device", "End all…")
		for _, path := range []string{"?subject=demo", "confirm?do=end&subject=demo&session=" + strings.Repeat("x", 100), "confirm?do=drop&key=" + v1} {
			b.visit(o.url + path)
			for _, width := range []int64{360, 700, 960, 976, 1200} {
				do(b, chromedp.EmulateViewport(width, 800))
				if got := b.text(`document.documentElement.scrollWidth - document.documentElement.clientWidth`); got != "0" {
					t.Errorf("%s: got a page %s pixels wider than a screen of %d", path, got, width)
				}
			}
			if !strings.Contains(path, "session=") { // which looks like the other question
				name, _, _ := strings.Cut(path, "?")
				b.screenshots("dashboard" + name)
			}
		}
		o.picture(b)
	})
}

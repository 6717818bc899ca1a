package browser_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// The APIs of the example crossorigin.
const (
	sibling = "api.shop.test" // on the site of the page
	foreign = "api.id.test"   // on another site
)

var apis = []string{sibling, foreign}

// TestStaysSignedIn is the promise, in a browser: whoever has signed in stays so when
// the page is loaded again, when the server starts again, and when its secret is
// replaced; and whoever signs out leaves nothing behind.
func TestStaysSignedIn(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		first, second := newSecret(), newSecret()
		s := run(t, "crossorigin", "SESSION_SECRET="+first, "TOKEN_VERSION=v1")
		b := m.open(t, s.keyHash())
		b.visit(s.url)
		b.wantCards("signed out", "none", "none", "none")
		for _, api := range apis {
			b.wantReadable401("https://" + api + ":" + s.port + "/api/me")
		}

		b.signIn()
		b.wantCards("signed in as demo", "ok", "v1", "cookie")
		b.wantHiddenCookies()
		b.reload()
		b.wantCards("signed in as demo", "ok", "v1", "cookie")

		s.restart("SESSION_SECRET="+first, "TOKEN_VERSION=v1")
		b.reload()
		b.wantCards("signed in as demo", "ok", "v1", "cookie")
		s.restart("SESSION_SECRET="+second, "SESSION_SECRET_OLD="+first, "TOKEN_VERSION=v2")
		b.reload()
		b.wantCards("signed in as demo", "previous_key", "v1", "cookie")
		b.clickAll("refresh")
		b.wantCards("signed in as demo", "ok", "v2", "cookie")
		s.restart("SESSION_SECRET="+second, "TOKEN_VERSION=v2")
		b.reload()
		b.wantCards("signed in as demo", "ok", "v2", "cookie")

		b.clickAll("sign-out")
		b.wantCards("signed out", "none", "none", "none")
		b.wantJar()
	})
}

// withoutCookies is a browser that drops the cookies of one of the APIs, as those do
// that keep none of other sites, whatever they are.
var withoutCookies = mode{name: "cookies of api.id.test blocked, headless=new, cookie_controls_mode=0", preferences: `{"profile":{
	"cookie_controls_mode":0, "block_third_party_cookies":false,
	"content_settings":{"exceptions":{"cookies":{"[*.]id.test,*":{"setting":2}}}}}}`}

// TestBearerFallback finds out that cookies do not come back, says so, and goes on with
// tokens in the header, for one API and not for the other.
func TestBearerFallback(t *testing.T) {
	m := withoutCookies
	t.Run(m.name, func(t *testing.T) {
		first, second := newSecret(), newSecret()
		s := run(t, "crossorigin", "SESSION_SECRET="+first, "TOKEN_VERSION=v1")
		b := m.open(t, s.keyHash())
		b.visit(s.url)
		b.wantCards("signed out", "none", "none", "none")
		b.signIn()
		b.wantCard(sibling, "signed in as demo", "ok", "v1", "cookie")
		b.wantCard(foreign, "signed in as demo", "ok", "v1", "header")
		b.wait(card(sibling, "fallback")+".hidden + ' ' + "+card(foreign, "fallback")+".hidden", "true false")
		b.wantJar("api.shop.test __Host-access Lax", "api.shop.test __Host-refresh Lax")
		b.text(`document.getElementById("username").select()`)
		b.press("demo\twrong\r")
		b.wait(`document.getElementById("notice").textContent`, "Wrong name or password.")

		s.restart("SESSION_SECRET="+second, "SESSION_SECRET_OLD="+first, "TOKEN_VERSION=v2")
		b.reload()
		b.wantCard(sibling, "signed in as demo", "previous_key", "v1", "cookie")
		b.wantCard(foreign, "signed in as demo", "previous_key", "v1", "header")
		b.clickAll("refresh")
		b.wantCard(sibling, "signed in as demo", "ok", "v2", "cookie")
		b.wantCard(foreign, "signed in as demo", "ok", "v2", "header")

		other := b.another()
		other.visit(s.url)
		other.wantCard(foreign, "signed in as demo", "ok", "v2", "header")
		b.clickAll("sign-out")
		b.wantCards("signed out", "none", "none", "none")
		other.wantCards("signed out", "none", "none", "none")
		b.wantJar()
		if got := b.text("JSON.stringify(sessionStorage) + JSON.stringify(localStorage)"); got != "{}{}" {
			t.Error("the page has kept something after the sign-out")
		}
	})
}

// withoutStorage is a browser that keeps nothing for any site.
var withoutStorage = mode{name: "all cookies and storage blocked, headless=new",
	preferences: `{"profile":{"default_content_setting_values":{"cookies":2}}}`}

// TestNothingKept signs in at both APIs in a browser that keeps nothing: there the tokens
// last as long as the page.
func TestNothingKept(t *testing.T) {
	m := withoutStorage
	t.Run(m.name, func(t *testing.T) {
		s := run(t, "crossorigin", "SESSION_SECRET="+newSecret(), "TOKEN_VERSION=v1")
		b := m.open(t, s.keyHash())
		b.visit(s.url)
		b.wantCards("signed out", "none", "none", "none")
		b.signIn()
		b.wantCards("signed in as demo", "ok", "v1", "header")
		b.clickAll("refresh")
		b.wantCards("signed in as demo", "ok", "v1", "header")
		b.clickAll("sign-out")
		b.wantCards("signed out", "none", "none", "none")
	})
}

// card is a script for a part of the card of an API.
func card(api, part string) string {
	return fmt.Sprintf(`document.querySelector('[data-host="%s"] [data-part="%s"]')`, api, part)
}

// wantCards waits until both cards say this.
func (b *tab) wantCards(state, status, version, transport string) {
	b.Helper()
	for _, api := range apis {
		b.wantCard(api, state, status, version, transport)
	}
}

func (b *tab) wantCard(api, state, status, version, transport string) {
	b.Helper()
	var parts []string
	for _, part := range []string{"state", "status", "token_version", "transport"} {
		parts = append(parts, card(api, part)+".textContent")
	}
	b.wait("["+strings.Join(parts, ",")+"].join()", strings.Join([]string{state, status, version, transport}, ","))
}

func (b *tab) clickAll(part string) {
	b.Helper()
	for _, api := range apis {
		b.text(card(api, part) + ".click()")
	}
}

// signIn types a name, in place of any that is there, and a password, and presses Enter.
func (b *tab) signIn() {
	b.Helper()
	b.text(`document.getElementById("username").select()`)
	b.press("demo\tdemo\r")
}

// wantReadable401 wants the page to be able to read that it is refused, and by what.
func (b *tab) wantReadable401(url string) {
	b.Helper()
	got := b.text(fmt.Sprintf(`fetch(%q, {credentials: "include"}).then(
		async (r) => [r.status, r.headers.get("WWW-Authenticate"), (await r.json()).error].join(),
		(e) => e.message)`, url))
	if want := "401,Bearer,no_token"; got != want {
		b.Errorf("%s: the page reads %q, want %q", url, got, want)
	}
}

// wantHiddenCookies wants the cookies of both APIs, which no script can see.
func (b *tab) wantHiddenCookies() {
	b.Helper()
	b.wantJar(
		"api.id.test __Host-access-p None partitioned", "api.id.test __Host-refresh-p None partitioned",
		"api.shop.test __Host-access Lax", "api.shop.test __Host-refresh Lax")
	for _, c := range b.jar(apis...) {
		if !c.httpOnly || !c.secure {
			b.Errorf("got cookie %s with HttpOnly %v and Secure %v, want both", c.name, c.httpOnly, c.secure)
		}
	}
	if got := b.text(`document.cookie + JSON.stringify(sessionStorage) + JSON.stringify(localStorage)`); got != "{}{}" {
		b.Errorf("scripts see %q, want nothing", got)
	}
}

// wantJar wants these cookies, and no others.
func (b *tab) wantJar(want ...string) {
	b.Helper()
	got := []string{}
	for _, c := range b.jar(apis...) {
		got = append(got, c.host+" "+c.name+" "+c.sameSite+c.partition)
	}
	slices.Sort(got)
	if _, is := b.browser.(*firefox); is { // which does not say
		for i := range want {
			want[i] = strings.TrimSuffix(want[i], " partitioned")
		}
	}
	if !slices.Equal(got, append([]string{}, want...)) {
		b.Errorf("got cookies %q, want %q", got, want)
	}
}

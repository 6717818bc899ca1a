package browser_test

import (
	"regexp"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"github.com/sessionring/sessionring/examples/internal/stage"
)

// TestPrompt ends a session for good, by revoking the key that vouches for it, and wants
// one prompt for each API, which leaves the page as it is and is used by keyboard.
func TestPrompt(t *testing.T) {
	t.Run("crossorigin, "+allowed.name, func(t *testing.T) {
		s := run(t, "crossorigin", "SESSION_SECRET="+newSecret(), "TOKEN_VERSION=v1")
		b := allowed.open(t, s.keyHash())
		b.visit(s.url)
		b.wantCards("signed out", "none", "none", "none")
		b.signIn()
		b.wantCards("signed in as demo", "ok", "v1", "cookie")
		b.text(`document.getElementById("username").value = "half a word"`)

		kid := regexp.MustCompile(`kid=(v1\.\S+)`).FindStringSubmatch(s.running.Out.String())
		if kid == nil {
			t.Fatalf("no kid in\n%s", s.running.Out)
		}
		s.restart("SESSION_SECRET="+newSecret(), "SESSION_SECRET_REVOKED="+kid[1], "TOKEN_VERSION=v2")
		b.clickAll("refresh")
		b.wait(dialogs+".split(',').sort().join()", "Please sign in again at api.id.test,Please sign in again at api.shop.test")
		b.screenshots("prompt")

		b.wantFocusInDialog("Sign in")
		b.press("\t")
		b.wantFocusInDialog("Not now")
		b.press(kb.Escape)
		b.press(kb.Escape)
		b.wait(dialogs, "")
		if got := b.text(`document.getElementById("username").value`); got != "half a word" {
			t.Errorf("the prompt has changed what was entered to %q", got)
		}
		for _, api := range apis {
			b.wait(card(api, "state")+".textContent", "no longer signed in")
		}
		b.signIn()
		b.wantCards("signed in as demo", "ok", "v2", "cookie")
	})
}

// TestQuickstartPrompt ends the session from another device. By the prompt one gets to
// the form, while all else stays as it was.
func TestQuickstartPrompt(t *testing.T) {
	onOneSite(t, func(t *testing.T, m mode) {
		s := run(t, "quickstart", "SESSION_SECRET="+newSecret())
		b := m.open(t)
		b.visit(s.url)
		b.wait(`document.getElementById("sign-in").hidden`, "false")
		b.signIn()
		b.wait(signedInAs, "demo")
		s.endOthers()
		b.text(`document.getElementById("ask").click()`)
		b.wait(dialogs, "Please sign in again")
		if m.name == allowed.name {
			b.screenshots("quickstart-prompt")
		}
		b.wantFocusInDialog("Sign in")
		b.press(kb.Enter)
		b.wait(`document.activeElement.id`, "username")
		b.wait(dialogs, "")
		b.wait(signedInAs, "demo")
		b.signIn()
		b.wait(`document.getElementById("sign-in").hidden`, "true")
		b.wait(`document.getElementById("sessions").textContent.includes("this one")`, "true")
	})
}

// endOthers ends all sessions of demo, as demo does on another device.
func (p *program) endOthers() {
	p.Helper()
	client := stage.NewBrowser(nil, patience)
	send := func(method, path, body string, headers ...string) stage.Reply {
		r, err := client.Send(method, p.url+path, body, headers...)
		if err != nil || r.Status/100 != 2 {
			p.Fatalf("%s %s: got %v, %v", method, path, r.Status, err)
		}
		return r
	}
	token := send("POST", "/api/auth/login", `{"username":"demo","password":"demo","transport":"bearer"}`).Word("access_token")
	list := send("GET", "/api/auth/sessions", "", "Authorization", "Bearer "+token).JSON["sessions"].([]any)
	for _, session := range list {
		if session := session.(map[string]any); session["current"] == false {
			send("DELETE", "/api/auth/sessions/"+session["id"].(string), "", "Authorization", "Bearer "+token)
		}
	}
}

// dialogs is a script for the titles of all prompts.
const dialogs = `[...document.querySelectorAll("dialog[open]")].map((d) => document.getElementById(d.getAttribute("aria-labelledby")).textContent).join()`

func (b *tab) wantFocusInDialog(want string) {
	b.Helper()
	if got := b.text(`document.activeElement.closest("dialog") ? document.activeElement.textContent : "outside of it"`); got != want {
		b.Errorf("got the focus on %q, want %q in the dialog", got, want)
	}
	b.wantVisibleFocus(want)
}

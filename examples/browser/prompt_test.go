package browser_test

import (
	"regexp"
	"testing"

	"github.com/chromedp/chromedp/kb"
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
		b.text(`document.getElementById("username").value = ""`)
		b.signIn()
		b.wantCards("signed in as demo", "ok", "v2", "cookie")
	})
}

// dialogs is a script for the titles of all prompts.
const dialogs = `[...document.querySelectorAll("dialog[open]")].map((d) => document.getElementById(d.getAttribute("aria-labelledby")) && d.querySelector("h2").textContent).join()`

func (b *tab) wantFocusInDialog(want string) {
	b.Helper()
	if got := b.text(`document.activeElement.closest("dialog") ? document.activeElement.textContent : "outside of it"`); got != want {
		b.Errorf("got the focus on %q, want %q in the dialog", got, want)
	}
	b.wantVisibleFocus(want)
}

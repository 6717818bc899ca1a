package browser_test

import (
	"bytes"
	"context"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

const signedInAs = `document.getElementById("session").hidden ? "" : document.getElementById("subject").textContent`

// TestQuickstartPage signs in at the quickstart, which stays so after a reload, after the
// server has started again, and with another key; and signs out.
func TestQuickstartPage(t *testing.T) {
	onOneSite(t, func(t *testing.T, m mode) {
		first, second := newSecret(), newSecret()
		s := run(t, "quickstart", "SESSION_SECRET="+first)
		b := m.open(t)
		b.visit(s.url)
		b.wait(`document.getElementById("sign-in").hidden`, "false")
		b.signIn()
		b.wait(signedInAs, "demo")
		if got := b.text("document.cookie"); got != "" {
			t.Error("a script can see cookies")
		}
		s.restart("SESSION_SECRET=" + first)
		b.reload()
		b.wait(signedInAs, "demo")
		s.restart("SESSION_SECRET="+second, "SESSION_SECRET_OLD="+first, "TOKEN_VERSION=v2")
		b.reload()
		b.wait(signedInAs, "demo")
		b.text(`document.getElementById("sign-out").click()`)
		b.wait(signedInAs, "")
		if left := b.jar("127.0.0.1"); len(left) > 0 {
			t.Errorf("%d cookies are left after the sign-out", len(left))
		}
	})
}

// TestPagesByKeyboard goes through the pages by Tab, signed out and signed in: all that
// can be done is reached in the order in which it is seen, and one sees where one is.
func TestPagesByKeyboard(t *testing.T) {
	t.Run("quickstart, "+allowed.name, func(t *testing.T) {
		s := run(t, "quickstart", "SESSION_STORE=memory:", "SESSION_SECRET="+newSecret())
		b := allowed.open(t)
		b.visit(s.url)
		b.wait(`document.getElementById("sign-in").hidden`, "false")
		b.wantTabOrder("Name", "Password", "Sign in", "Ask now")
		b.signIn()
		b.wait(signedInAs, "demo")
		b.wait(`document.getElementById("keys").children.length`, "1")
		b.text(`document.activeElement.blur()`)
		b.wantTabOrder("Refresh", "Sign out", "Ask now")
	})
	t.Run("crossorigin, "+allowed.name, func(t *testing.T) {
		s := run(t, "crossorigin", "SESSION_SECRET="+newSecret())
		b := allowed.open(t, s.keyHash())
		b.visit(s.url)
		b.wantCards("signed out", "none", "none", "none")
		b.wantTabOrder("Name", "Password", "Sign in")
		b.signIn()
		b.wantCards("signed in as demo", "ok", "v1", "cookie")
		b.visit(s.url)
		b.wantCards("signed in as demo", "ok", "v1", "cookie")
		b.wantTabOrder("Name", "Password", "Sign in",
			"Refresh at api.shop.test", "Sign out at api.shop.test", "Refresh at api.id.test", "Sign out at api.id.test")
	})
}

// wantTabOrder presses Tab until the focus leaves the page.
func (b *tab) wantTabOrder(want ...string) {
	b.Helper()
	for i, name := range append(want, "") {
		b.press("\t")
		if got := b.text(`(() => {
			const e = document.activeElement;
			if (e === document.body) return "";
			return e.ariaLabel ?? e.labels?.[0]?.textContent ?? e.textContent;
		})()`); name != "" && got != name {
			b.Errorf("Tab no. %d: got %q, want %q", i+1, got, name)
		} else if name == "" && got != "" {
			b.Errorf("got %q after the last of %q, want nothing more", got, want)
		}
		if name != "" {
			b.wantVisibleFocus(name)
		}
	}
}

func (b *tab) wantVisibleFocus(what string) {
	b.Helper()
	got := b.text(`document.activeElement.matches(":focus-visible") + " " + getComputedStyle(document.activeElement).outlineStyle`)
	if got == "true none" || !strings.HasPrefix(got, "true ") {
		b.Errorf("the focus on %s is not to be seen: %s", what, got)
	}
}

// TestScreenshots shows the pages in the light and in the dark.
func TestScreenshots(t *testing.T) {
	t.Run("quickstart, "+allowed.name, func(t *testing.T) {
		s := run(t, "quickstart", "SESSION_SECRET="+newSecret())
		b := allowed.open(t)
		b.visit(s.url)
		b.wait(`document.getElementById("sign-in").hidden`, "false")
		b.screenshots("quickstart-signed-out")
		b.signIn()
		b.wait(signedInAs, "demo")
		b.wait(`document.getElementById("keys").children.length`, "1")
		b.screenshots("quickstart-signed-in")
	})
	t.Run("crossorigin, "+withoutCookies.name, func(t *testing.T) {
		s := run(t, "crossorigin", "SESSION_SECRET="+newSecret())
		b := withoutCookies.open(t, s.keyHash())
		b.visit(s.url)
		b.wantCards("signed out", "none", "none", "none")
		b.signIn()
		b.wantCard(sibling, "signed in as demo", "ok", "v1", "cookie")
		b.wantCard(foreign, "signed in as demo", "ok", "v1", "header")
		b.screenshots("crossorigin")
	})
}

// screenshots takes a picture in the light and one in the dark, of which the one must be
// light and the other dark, and both have text that can be read.
func (b *tab) screenshots(name string) {
	b.Helper()
	do(b, chromedp.EmulateViewport(900, 700))
	for _, scheme := range []string{"light", "dark"} {
		b.prefer(scheme)
		b.wantReadable(name + ", " + scheme)
		picture := do(b, func(ctx context.Context, t *chromedp.Target) ([]byte, error) {
			r, err := cdp.Call(ctx, t, page.CaptureScreenshot, page.CaptureScreenshotParams{CaptureBeyondViewport: ptr(true)})
			return r.Data, err
		})
		if light := brightness(b.T, picture); light > 0.5 != (scheme == "light") {
			b.Errorf("%s: got a brightness of %.2f in the %s", name, light, scheme)
		}
		file := filepath.Join(screenshotFolder(b.T), name+"-"+scheme+".png")
		if err := os.WriteFile(file, picture, 0o600); err != nil {
			b.Fatal(err)
		}
	}
}

// prefer has the browser prefer a colour scheme, light or dark.
func (b *tab) prefer(scheme string) {
	b.Helper()
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
	do(b, func(ctx context.Context, t *chromedp.Target) (cdp.Empty, error) {
		return cdp.Call(ctx, t, emulation.SetEmulatedMedia, media)
	})
}

// screenshotFolder is where somebody wants to see them, or a folder of the test.
func screenshotFolder(t *testing.T) string {
	if dir := os.Getenv("SCREENSHOTS"); dir != "" {
		return dir
	}
	return t.TempDir()
}

// brightness returns how light a picture is, from 0 to 1.
func brightness(t *testing.T, picture []byte) float64 {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	var sum, n float64
	size := img.Bounds()
	for y := size.Min.Y; y < size.Max.Y; y += 4 {
		for x := size.Min.X; x < size.Max.X; x += 4 {
			r, g, b, _ := img.At(x, y).RGBA()
			sum, n = sum+float64(r+g+b)/(3*0xffff), n+1
		}
	}
	return sum / n
}

// wantReadable wants every text that is seen to differ from what is behind it by a
// contrast of at least 4.5 (WCAG 2.2, success criterion 1.4.3).
func (b *tab) wantReadable(what string) {
	b.Helper()
	if got := b.text(contrasts); got != "" {
		b.Errorf("%s: too little contrast:\n%s", what, got)
	}
}

// contrasts is a script that finds text with too little of it, and what little there is.
const contrasts = `(() => {
	const rgba = (color) => {
		const c = new OffscreenCanvas(1, 1).getContext("2d");
		c.fillStyle = color;
		c.fillRect(0, 0, 1, 1);
		return c.getImageData(0, 0, 1, 1).data;
	};
	const luminance = (color) => [0.2126, 0.7152, 0.0722].reduce((sum, weight, i) => {
		const v = rgba(color)[i] / 255;
		return sum + weight * (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
	}, 0);
	const behind = (e) => {
		for (; e; e = e.parentElement) {
			const color = getComputedStyle(e).backgroundColor;
			if (rgba(color)[3] === 255) return color;
		}
		return "white";
	};
	const bad = [];
	for (const e of document.body.querySelectorAll("*")) {
		const text = [...e.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data.trim()).join("");
		if (!text || !e.checkVisibility() || e.matches("script, noscript, :disabled")) continue;
		const [a, b] = [luminance(getComputedStyle(e).color), luminance(behind(e))].sort((x, y) => y - x);
		const contrast = (a + 0.05) / (b + 0.05);
		if (contrast < 4.5) bad.push(contrast.toFixed(2) + " " + text.slice(0, 40));
	}
	return bad.join("\n");
})()`

func ptr[T any](v T) *T { return &v }

package browser_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// mode is a way in which Chromium treats cookies of other sites. What decides it is in
// its name, which is that of the tests: builds of Chromium have other defaults.
type mode struct {
	name        string
	preferences string
	flags       []string
}

const (
	allow = `{"profile":{"cookie_controls_mode":0,"block_third_party_cookies":false}}`
	block = `{"profile":{"cookie_controls_mode":1,"block_third_party_cookies":true}}`
)

var (
	allowed   = mode{"third-party allowed, headless=new, cookie_controls_mode=0", allow, nil}
	blocked   = mode{"third-party blocked, headless=new, cookie_controls_mode=1", block, nil}
	incognito = mode{"incognito, headless=new, cookie_controls_mode=0", allow, []string{"--incognito"}}
	modes     = []mode{allowed, blocked, incognito}
)

// inModes runs a test in all modes, one after the other: a browser is a heavy thing.
func inModes(t *testing.T, test func(t *testing.T, m mode)) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) { test(t, m) })
	}
}

// profile returns a new profile with the preferences of m.
func (m mode) profile(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "Default"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "Default", "Preferences"), []byte(m.preferences), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// open starts a browser that finds all hosts below .test on this machine, and accepts
// certificates of keys with one of these hashes.
func (m mode) open(t *testing.T, keyHashes ...string) *tab {
	t.Helper()
	return start(t, m.profile(t), append([]string{
		"--host-resolver-rules=MAP *.test 127.0.0.1",
		"--ignore-certificate-errors-spki-list=" + strings.Join(keyHashes, ","),
	}, m.flags...))
}

// chromium returns the path of the browser, or skips the test.
func chromium(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil && os.Getenv("REQUIRE_SERVICES") == "1" {
		t.Fatalf("%v, and REQUIRE_SERVICES=1", err)
	}
	if err != nil {
		t.Skipf("no Chromium: %v", err)
	}
	return path
}

// pinned are flags of every browser here: no window, and nothing that goes on by itself.
var pinned = []string{
	"--headless=new", "--no-first-run", "--no-default-browser-check", "--password-store=basic",
	"--disable-background-networking", "--disable-component-update", "--disable-sync",
	"--disable-extensions", "--disable-dev-shm-usage", "--disable-gpu", "--force-color-profile=srgb",
}

// patience bounds every wait for the browser.
const patience = time.Minute // the machine may be busy

// tab is a page in a browser of its own.
type tab struct {
	*testing.T
	ctx context.Context
}

// start starts a browser until the end of the test.
func start(t *testing.T, profile string, flags []string) *tab {
	t.Helper()
	options := []chromedp.ExecAllocatorOption{chromedp.ExecPath(chromium(t)), chromedp.UserDataDir(profile)}
	for _, f := range slices.Concat(pinned, flags) {
		name, value, is := strings.Cut(strings.TrimPrefix(f, "--"), "=")
		if is {
			options = append(options, chromedp.Flag(name, value))
		} else {
			options = append(options, chromedp.Flag(name, true))
		}
	}
	ctx, end := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(end)
	ctx, _ = chromedp.NewContext(ctx)
	t.Cleanup(func() { chromedp.Cancel(ctx) })
	b := &tab{t, ctx}
	if err := chromedp.Do(ctx); err != nil { // must have no timeout: it would end the browser
		t.Fatal(err)
	}
	return b
}

// do does something in the browser.
func do[T any](b *tab, a chromedp.Action[T]) T {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, a)
	if err != nil {
		b.Fatal(err)
	}
	return v
}

func (b *tab) visit(url string) { b.Helper(); do(b, chromedp.Navigate(url)) }
func (b *tab) reload()          { b.Helper(); do(b, chromedp.Reload()) }
func (b *tab) press(keys string) {
	b.Helper()
	do(b, chromedp.KeyEvent(keys))
}

// text runs a script, waits for its promise, and returns its result as text.
func (b *tab) text(script string) string {
	b.Helper()
	return do(b, chromedp.Evaluate[string]("(async () => String(await ("+script+")))()", awaited))
}

func awaited(p *runtime.EvaluateParams) { p.AwaitPromise = ptr(true) }

// wait waits until a script gives a text.
func (b *tab) wait(script, want string) {
	b.Helper()
	got := b.text(script)
	for end := time.Now().Add(patience); got != want; got = b.text(script) {
		if time.Now().After(end) {
			b.Fatalf("%s: got %q, want %q", script, got, want)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// jar returns the cookies of these hosts that the browser has for the page, plain ones and
// those of the partition of its site.
func (b *tab) jar(hosts ...string) []*network.Cookie {
	b.Helper()
	return do(b, func(ctx context.Context, t *chromedp.Target) ([]*network.Cookie, error) {
		var urls []string
		for _, host := range hosts {
			urls = append(urls, "https://"+host+"/")
		}
		got, err := cdp.Call(ctx, t, network.GetCookies, network.GetCookiesParams{URLs: urls})
		return got.Cookies, err
	})
}

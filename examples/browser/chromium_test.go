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

// mode is a way in which a browser treats cookies of other sites. What decides it is in
// its name, which is that of the tests: builds of Chromium have other defaults.
type mode struct {
	name        string
	preferences string // in JSON
	flags       []string
	firefox     bool
	keepsPlain  bool // cookies of other sites that are not partitioned
}

const (
	allow = `{"profile":{"cookie_controls_mode":0,"block_third_party_cookies":false}}`
	block = `{"profile":{"cookie_controls_mode":1,"block_third_party_cookies":true}}`
)

var (
	allowed   = mode{name: "third-party allowed, headless=new, cookie_controls_mode=0", preferences: allow, keepsPlain: true}
	blocked   = mode{name: "third-party blocked, headless=new, cookie_controls_mode=1", preferences: block}
	incognito = mode{name: "incognito, headless=new, cookie_controls_mode=0", preferences: allow, flags: []string{"--incognito"}}
	modes     = []mode{allowed, blocked, incognito, protected, optIn}
)

// inModes runs a test in all modes, as many at a time as there are processors: a browser
// is a heavy thing.
func inModes(t *testing.T, test func(t *testing.T, m mode)) { inEach(t, modes, test) }

// onOneSite is inModes for pages on the site of their API, where the two of Firefox are
// the same.
func onOneSite(t *testing.T, test func(t *testing.T, m mode)) {
	inEach(t, slices.DeleteFunc(slices.Clone(modes), func(m mode) bool { return m.name == optIn.name }), test)
}

func inEach(t *testing.T, modes []mode, test func(t *testing.T, m mode)) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			test(t, m)
		})
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
	if m.firefox {
		return startFirefox(t, m)
	}
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

// chrome is a page in a Chromium of its own.
type chrome struct{ ctx context.Context }

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
	if err := chromedp.Do(ctx); err != nil { // must have no timeout: it would end the browser
		t.Fatal(err)
	}
	return &tab{t, chrome{ctx}}
}

// another opens a further tab of the same Chromium.
func (b *tab) another() *tab {
	b.Helper()
	ctx, _ := chromedp.NewContext(b.browser.(chrome).ctx)
	if err := chromedp.Do(ctx); err != nil {
		b.Fatal(err)
	}
	return &tab{b.T, chrome{ctx}}
}

// do does something that only Chromium can.
func do[T any](b *tab, a chromedp.Action[T]) T {
	b.Helper()
	v, err := try(b.browser.(chrome), a)
	if err != nil {
		b.Fatal(err)
	}
	return v
}

func try[T any](c chrome, a chromedp.Action[T]) (T, error) {
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, a)
}

func (c chrome) visit(url string) error  { _, err := try(c, chromedp.Navigate(url)); return err }
func (c chrome) reload() error           { _, err := try(c, chromedp.Reload()); return err }
func (c chrome) press(keys string) error { _, err := try(c, chromedp.KeyEvent(keys)); return err }

func (c chrome) text(script string) (string, error) {
	return try(c, chromedp.Evaluate[string](script, func(p *runtime.EvaluateParams) { p.AwaitPromise = ptr(true) }))
}

// jar returns plain cookies, and those of the partition of the site of the page.
func (c chrome) jar(hosts ...string) ([]kept, error) {
	var urls []string
	for _, host := range hosts {
		urls = append(urls, "https://"+host+"/")
	}
	got, err := try(c, func(ctx context.Context, t *chromedp.Target) (network.GetCookiesResult, error) {
		return cdp.Call(ctx, t, network.GetCookies, network.GetCookiesParams{URLs: urls})
	})
	var list []kept
	for _, c := range got.Cookies {
		partition := ""
		if c.PartitionKey != nil {
			partition = " partitioned"
		}
		list = append(list, kept{c.Domain, c.Name, c.Value, string(c.SameSite), partition, c.HTTPOnly, c.Secure})
	}
	return list, err
}

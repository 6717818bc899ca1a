package browser_test

import (
	"context"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// TestPrintedCommands does what somebody does who looks at the example crossorigin: it
// runs the lines that the server prints, with nothing changed but that the browser has
// no window, and signs in. Each browser treats cookies of other sites as it is said to.
func TestPrintedCommands(t *testing.T) {
	chromium(t)
	s := run(t, "crossorigin", "SESSION_SECRET="+newSecret())
	for about, plain := range map[string]string{"third-party cookies allowed": "200", "third-party cookies blocked": "401", "incognito": "401"} {
		t.Run(about+", headless=new", func(t *testing.T) {
			args := s.printed(t, about)
			if got := slices.Contains(args, "--incognito"); got != (about == "incognito") {
				t.Errorf("got --incognito %v in %q", got, args)
			}
			profile, url := strings.TrimPrefix(args[0], "--user-data-dir="), args[len(args)-1]
			b := start(t, profile, args[1:len(args)-1])
			b.visit(url)
			b.wantCards("signed out", "none", "none", "none")
			b.signIn()
			b.wantCards("signed in as demo", "ok", "v1", "cookie")
			b.departition(foreign)
			b.wantFetch("GET", "https://"+foreign+":"+s.port+"/api/me", plain)
		})
	}
}

// departition makes plain cookies of the partitioned ones that a host has set.
func (b *tab) departition(host string) {
	b.Helper()
	list := b.jar(host)
	do(b, func(ctx context.Context, t *chromedp.Target) (cdp.Empty, error) {
		return cdp.Call(ctx, t, network.ClearBrowserCookies, cdp.Empty{})
	})
	for _, c := range list {
		plain := network.SetCookieParams{Name: c.name, Value: c.value, URL: "https://" + host + "/", Path: "/", Secure: ptr(true), SameSite: "None"}
		do(b, func(ctx context.Context, t *chromedp.Target) (cdp.Empty, error) {
			return cdp.Call(ctx, t, network.SetCookie, plain)
		})
	}
}

// printed runs the lines below a comment, and returns the arguments of chromium.
func (p *program) printed(t *testing.T, about string) []string {
	t.Helper()
	var lines string
	for end := time.Now().Add(patience); lines == "" && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		_, rest, _ := strings.Cut(p.running.Out.String(), "# Chromium, "+about+"\n")
		if before, _, whole := strings.Cut(rest, p.url+"\n"); whole {
			lines = before + p.url
		}
	}
	cmd := exec.Command("sh", "-ec", `chromium() { printf '%s\n' "$@"; }`+"\n"+lines)
	cmd.Env = []string{"TMPDIR=" + t.TempDir(), "PATH=/usr/bin:/bin"}
	out, err := cmd.Output()
	args := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err != nil || len(args) < 4 {
		t.Fatalf("%v: got %q from\n%s", err, out, lines)
	}
	return args
}

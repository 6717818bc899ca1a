package browser_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Ways in which Firefox treats cookies of other sites. By default it keeps even plain
// ones, apart for the site of each page (Total Cookie Protection). A private window does
// the same, but shows its cookies to no test.
var (
	protected = mode{name: "Firefox ESR, headless, cookieBehavior=5", firefox: true, keepsPlain: true,
		preferences: `{"network.cookie.cookieBehavior":5}`}
	optIn = mode{name: "Firefox ESR, headless, cookieBehavior=5, optInPartitioning", firefox: true,
		preferences: `{"network.cookie.cookieBehavior":5,"network.cookie.cookieBehavior.optInPartitioning":true}`}
)

// localHosts are those that the tests use: Firefox takes no pattern.
const localHosts = "app.shop.test,blog.shop.test,www.third.test,api.shop.test,api.id.test"

// firefox is a page in a Firefox of its own.
type firefox struct {
	in  io.WriteCloser
	out *bufio.Reader
}

// firefoxCommand returns the command that drives Firefox, or skips the test.
func firefoxCommand(t *testing.T, preferences map[string]any) *exec.Cmd {
	t.Helper()
	path, err1 := exec.LookPath("firefox-esr")
	node, err2 := exec.LookPath("node")
	_, err3 := os.Stat(filepath.Join("firefox", "node_modules", "puppeteer-core"))
	if err := errors.Join(err1, err2, err3); err != nil {
		if os.Getenv("REQUIRE_SERVICES") == "1" {
			t.Fatalf("%v, and REQUIRE_SERVICES=1", err)
		}
		t.Skipf("no Firefox, Node or puppeteer-core (npm install in examples/browser/firefox): %v", err)
	}
	text, err := json.Marshal(preferences)
	if err != nil {
		t.Fatal(err)
	}
	return exec.Command(node, filepath.Join("firefox", "driver.mjs"), path, string(text))
}

// startFirefox starts a Firefox until the end of the test. It finds the hosts of the
// tests on this machine, and accepts every certificate.
func startFirefox(t *testing.T, m mode) *tab {
	t.Helper()
	preferences := map[string]any{"network.dns.localDomains": localHosts}
	if err := json.Unmarshal([]byte(m.preferences), &preferences); err != nil {
		t.Fatal(err)
	}
	cmd := firefoxCommand(t, preferences)
	cmd.Stderr = os.Stderr
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		defer time.AfterFunc(patience, func() { cmd.Process.Kill() }).Stop()
		in.Close()
		cmd.Wait()
	})
	return &tab{t, &firefox{in, bufio.NewReader(out)}}
}

// call has the driver do something, and reads what comes of it.
func (f *firefox) call(result any, action, argument string) error {
	if err := json.NewEncoder(f.in).Encode([]string{action, argument}); err != nil {
		return err
	}
	line, err := f.out.ReadBytes('\n')
	if err != nil {
		return err
	}
	answer := struct {
		Value any
		Error string
	}{Value: result}
	if err := json.Unmarshal(line, &answer); err != nil {
		return err
	}
	if answer.Error != "" {
		return errors.New(answer.Error)
	}
	return nil
}

func (f *firefox) visit(url string) error  { return f.call(nil, "visit", url) }
func (f *firefox) reload() error           { return f.call(nil, "reload", "") }
func (f *firefox) press(keys string) error { return f.call(nil, "press", keys) }

func (f *firefox) text(script string) (string, error) {
	var text string
	err := f.call(&text, "text", script)
	return text, err
}

// jar cannot tell which cookies are partitioned: by default all of other sites are. It
// leaves out those that are over: of several that one answer clears Firefox may keep some
// for a millisecond, because the clock goes on while it reads them, and shows them long
// after, though it sends them to nobody.
func (f *firefox) jar(hosts ...string) ([]kept, error) {
	var all []struct {
		Domain, Name, Value, SameSite string
		HTTPOnly, Secure              bool
		Expires                       float64 // in seconds; -1: with the browser
	}
	err := f.call(&all, "jar", "https://"+strings.Join(hosts, " https://"))
	var list []kept
	soon := float64(time.Now().Unix() + 1) // a cookie of Max-Age=0 is there until the second is full
	for _, c := range all {
		if c.Expires >= 0 && c.Expires <= soon {
			continue
		}
		list = append(list, kept{c.Domain, c.Name, c.Value, c.SameSite, "", c.HTTPOnly, c.Secure})
	}
	return list, err
}

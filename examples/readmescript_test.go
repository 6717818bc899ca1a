package examples_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// installed returns the path of a program, or skips the test for want of it; where
// everything must be there, that is a failure.
func installed(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("REQUIRE_SERVICES") == "1" {
		t.Fatalf("%s is not installed", name)
	}
	t.Skipf("%s is not installed", name)
	return ""
}

// aroundScript is a page of which the script of the README is a part, and what it goes on to
// do there: sign in, ask with an access token that has expired, and sign out.
const aroundScript = `
const did = [], form = {}, leave = {};
const show = (state) => did.push(state);
const showSignIn = () => {};
let signedIn = false, fresh = false;
globalThis.CustomEvent ??= class extends Event { constructor(type, options) { super(type, options); this.detail = options.detail; } };
globalThis.FormData = class {};
globalThis.fetch = async (url) => {
  const { pathname } = new URL(url, "http://localhost");
  did.push(pathname);
  switch (pathname) {
    case "/api/auth/token-health": return Response.json({ action: signedIn ? "none" : "login" });
    case "/api/auth/login": signedIn = true; break;
    case "/api/auth/logout": signedIn = false; break;
    case "/api/auth/refresh": fresh = true; break;
    case "/api/me": return new Response("", { status: fresh ? 200 : 401 });
  }
  return new Response(null, { status: 204 });
};
SCRIPT
await monitor.check();
await form.onsubmit({ preventDefault: () => did.push("stays") });
await monitor.check();
const { status } = await load();
await leave.onclick();
monitor.stop();
console.log(did.join(" "), status, monitor.state);
`

// The script of the README runs as it stands, and does what the README says.
func TestREADMEScript(t *testing.T) {
	t.Parallel()
	node := installed(t, "node")
	scripts := blocks(t, "js")
	if len(scripts) != 1 {
		t.Fatalf("the README has %d scripts, want 1", len(scripts))
	}
	module, err := filepath.Abs("../health/monitor/monitor.js")
	if err != nil {
		t.Fatal(err)
	}
	script := strings.Replace(scripts[0], `"/monitor.js"`, `"`+filepath.ToSlash(module)+`"`, 1)
	file := filepath.Join(t.TempDir(), "page.mjs")
	if err := os.WriteFile(file, []byte(strings.Replace(aroundScript, "SCRIPT", script, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	const health = "/api/auth/token-health "
	const want = health + "out stays /api/auth/login in " + health +
		"/api/me /api/auth/refresh /api/me /api/auth/logout out 200 out\n"
	out, err := exec.Command(node, file).CombinedOutput()
	if err != nil || string(out) != want {
		t.Errorf("got %s, %v, want %s", out, err, want)
	}
}

// tryInstallMonitor installs the module elsewhere, and imports it by its name.
func tryInstallMonitor(t *testing.T) {
	node, _ := installed(t, "node"), installed(t, "npm")
	folder, err := filepath.Abs("../health/monitor")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	install := shell(strings.Replace(installMonitor, "./health/monitor", "--offline --no-audit --no-fund '"+folder+"'", 1))
	use := exec.Command(node, "--input-type=module", "-e", `import { startMonitor } from "sessionring-monitor"; console.log(typeof startMonitor)`)
	for _, cmd := range []*exec.Cmd{install, use} {
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil || cmd == use && string(out) != "function\n" {
			t.Fatalf("%v: %v\n%s", cmd, err, out)
		}
	}
}

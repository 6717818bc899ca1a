package examples_test

import (
	"crypto/tls"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sessionring/sessionring/keyring"
)

// Blocks of commands in the README.
const (
	startQuickstart  = "go run ./examples/quickstart\n"
	rotateQuickstart = "go run ./keyring/cmd/keyring rotate -file data/keyring.json\n"
	testAll          = "go test work\n"
	startProgram     = "export SESSION_SECRET=$(go run ./keyring/cmd/keyring generate)\ngo run ./hello\n"
	playFleet        = "go run ./examples/fleet -store none\n"
	adminToken       = "export KEYRING_TOKEN=$(curl -s -d '{\"username\":\"admin\",\"password\":\"admin\",\"transport\":\"bearer\"}' \\\n  http://127.0.0.1:8080/api/auth/login | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')\n"
	nextVariables    = "go run ./keyring/cmd/keyring env -env service.env > next.env\ngo run ./keyring/cmd/keyring check -env next.env -against service.env\n"
	rotateServer     = "go run ./keyring/cmd/keyring rotate -server http://127.0.0.1:8080\n"
	watchRotation    = "go run ./keyring/cmd/keyring status -watch -server http://127.0.0.1:8080\n"
	dropKey          = "go run ./keyring/cmd/keyring status -server http://127.0.0.1:8080\ngo run ./keyring/cmd/keyring drop -server http://127.0.0.1:8080 v1\n"
	rotateKeys       = "go run ./keyring/cmd/keyring init -file keys.json\ngo run ./keyring/cmd/keyring rotate -file keys.json\n"
	revokeKey        = "go run ./keyring/cmd/keyring list -file keys.json\ngo run ./keyring/cmd/keyring revoke -file keys.json KID\n"
	installMonitor   = "npm install ./health/monitor\n"
	startCrossorigin = "go run ./examples/crossorigin\n"
	startJWKS        = "go run ./examples/jwks\n"
	rotateJWKS       = "go run ./examples/jwks -rotate\n"
	rotateToEdDSA    = "go run ./keyring/cmd/keyring rotate -file keys.json -alg EdDSA\n"
	measureSpeed     = "go run ./session/benchmarks\n"
	startFlask       = "FLASK_SECRET_KEY=… PORT=5000 go run ./examples/flask\n"
)

// TestREADMECommands runs the commands of the README, and wants none that it does not
// know how to run.
func TestREADMECommands(t *testing.T) {
	t.Parallel()
	tests := map[string]func(t *testing.T){
		startQuickstart:  tryQuickstart,
		rotateQuickstart: nil, // tryQuickstart
		testAll:          wantInCI,
		startProgram:     nil, // TestREADMEProgram
		playFleet:        tryFleet,
		adminToken:       tryAdminToken,
		nextVariables:    tryNextVariables,
		rotateServer:     tryRotateServer,
		watchRotation:    nil, // tryRotateServer
		dropKey:          nil, // tryRotateServer
		rotateKeys:       tryRotateKeys,
		revokeKey:        tryRevokeKey,
		installMonitor:   tryInstallMonitor,
		startCrossorigin: tryCrossorigin,
		startJWKS:        tryJWKS,
		rotateJWKS:       nil, // TestJWKSRotation
		rotateToEdDSA:    tryRotateToEdDSA,
		measureSpeed:     tryMeasureSpeed,
		startFlask:       tryFlask,
	}
	for _, block := range blocks(t, "sh") {
		test, known := tests[block]
		if !known {
			t.Errorf("the README has the commands %q, which no test runs: add one here", block)
		}
		if delete(tests, block); test != nil {
			t.Run(strings.TrimSpace(block), func(t *testing.T) {
				t.Parallel()
				if block != installMonitor { // which wants Node, as some runs without the detector have not
					programsAlone(t)
				}
				test(t)
			})
		}
	}
	for block := range tests {
		t.Errorf("the README does not have the commands %q", block)
	}
}

// Commands stand in blocks of sh, or the test above would not find them.
func TestREADMECommandsInBlocks(t *testing.T) {
	t.Parallel()
	text := readme(t)
	fence := regexp.MustCompile("(?ms)^ *```(.*?)\n.*?```")
	for _, m := range fence.FindAllStringSubmatch(text, -1) {
		if !slices.Contains([]string{"sh", "go", "http", "js"}, m[1]) {
			t.Errorf("the README has a block of %q: no test reads such", m[1])
		}
	}
	command := regexp.MustCompile("`((?:[A-Z_]+=\\S+\\s+)*(?:go\\s+(?:run|test|build|get|install|mod)|keyring|openssl|curl|npm|docker|sh|bash|psql|redis-cli)\\s[^`]*)`")
	for _, m := range command.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		t.Errorf("the README has the command %q in its text: put it into a block of sh", m[1])
	}
}

// shell returns a command of the README that is to run in the root of the project,
// with more variables.
func shell(block string, env ...string) *exec.Cmd {
	cmd := exec.Command("sh", "-ec", block)
	cmd.Dir, cmd.Env = "..", append(os.Environ(), env...)
	return cmd
}

// output runs a command of the README and returns what it prints.
func output(t *testing.T, block string) string {
	t.Helper()
	out, err := shell(block).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// compiling is how long a program may take to start that is compiled first.
const compiling = 5 * time.Minute

// tryQuickstart starts the server, signs in, and rotates: still signed in.
func tryQuickstart(t *testing.T) {
	dir := t.TempDir()
	p := begin(t, shell(startQuickstart, "DATA_DIR="+dir, "PORT=0")).listeningWithin(t, compiling)
	u := newUser("demo")
	u.want(t, 200, "POST", p.url+"/api/auth/login", `{"username":"demo","password":"demo"}`)
	output(t, strings.Replace(rotateQuickstart, "data/", dir+"/", 1))
	eventually(t, "the server has the new key", func() bool { return u.health(t, p.url).word("status") == "previous_key" })
	u.want(t, 200, "GET", p.url+"/api/me", "")
	u.want(t, 204, "POST", p.url+"/api/auth/refresh", "")
	if h := u.health(t, p.url); h.word("status") != "ok" || h.word("token_version") != "v2" {
		t.Errorf("after the refresh: got %v, want ok under v2", h)
	}
}

// wantInCI wants CI to run what would run this test again.
func wantInCI(t *testing.T) {
	data, err := os.ReadFile("../.ci/run")
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^(\S+=\S+ )*` + regexp.QuoteMeta(testAll)).Match(data) {
		t.Errorf("CI does not run %q", testAll)
	}
}

// tryFleet plays the shortest of the scenarios, in which nobody is signed out.
func tryFleet(t *testing.T) {
	out := output(t, strings.TrimSpace(playFleet)+" -scenario rolling\n")
	if !regexp.MustCompile(`(?m)^rolling rotation +stateless +60 +\d+ +0 +0 .* of 60 signed out$`).MatchString(out) {
		t.Errorf("got %s, want a line about 60 users of whom nobody was signed out", out)
	}
}

// tryNextVariables wants a configuration that takes over from another.
func tryNextVariables(t *testing.T) {
	dir, secret := t.TempDir(), newSecret()
	if err := os.WriteFile(filepath.Join(dir, "service.env"), []byte("SESSION_SECRET="+secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := output(t, strings.NewReplacer("service.env", filepath.Join(dir, "service.env"), "next.env", filepath.Join(dir, "next.env")).Replace(nextVariables))
	if !strings.Contains(out, "They share a live key") {
		t.Errorf("got %s, want both to share a key", out)
	}
	next, err := os.ReadFile(filepath.Join(dir, "next.env"))
	if err != nil || !regexp.MustCompile(`(?m)^SESSION_SECRET=[0-9a-f]{64}$`).Match(next) || !strings.Contains(string(next), "\nSESSION_SECRET_OLD="+secret+"\nTOKEN_VERSION=v2\n") {
		t.Errorf("got %v and %d bytes, want a new secret, the old one and v2", err, len(next))
	}
}

// tryAdminToken asks a server about its keys with the token that the lines get.
func tryAdminToken(t *testing.T) {
	installed(t, "curl")
	s := start(t, "quickstart")
	block := strings.Replace(adminToken+strings.SplitAfter(dropKey, "\n")[0], "http://127.0.0.1:8080", s.url, 2)
	if out := output(t, block); !strings.Contains(out, "current") {
		t.Errorf("got %s, want the current key", out)
	}
}

// tryRotateServer has an administrator rotate the keys of a running server, and keeps
// it from dropping the old one.
func tryRotateServer(t *testing.T) {
	s := start(t, "quickstart", "SESSION_STORE=sqlite:"+filepath.Join(t.TempDir(), "sessions.db"), "SESSION_KEYRING_KEK="+newSecret())
	r := newUser("admin").want(t, 200, "POST", s.url+"/api/auth/login", `{"username":"admin","password":"admin","transport":"bearer"}`)
	here := strings.NewReplacer("http://127.0.0.1:8080", s.url)
	ask := func(block string) (string, error) {
		out, err := shell(here.Replace(block), "KEYRING_TOKEN="+r.word("access_token")).CombinedOutput()
		return string(out), err
	}
	if out, err := ask(rotateServer); err != nil || !strings.Contains(out, "is the current key now") {
		t.Errorf("got %s, %v, want another key", out, err)
	}
	watch := begin(t, shell(here.Replace(watchRotation), "KEYRING_TOKEN="+r.word("access_token")))
	eventually(t, "the progress is shown, and again", func() bool { return strings.Count(watch.out.String(), "ROTATED FROM") > 1 })
	out, err := ask(dropKey)
	for _, want := range []string{"v2.", "previous", "INSTANCE", "is needed until"} {
		if err == nil || !strings.Contains(out, want) {
			t.Errorf("got %s, %v, want %q, and the drop refused", out, err, want)
		}
	}
}

// tryRotateKeys wants a file whose second key signs.
func tryRotateKeys(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	output(t, strings.ReplaceAll(rotateKeys, "keys.json", file))
	s := start(t, "quickstart", "SESSION_KEYRING_FILE="+file)
	u := newUser("demo")
	u.want(t, 200, "POST", s.url+"/api/auth/login", `{"username":"demo","password":"demo"}`)
	wantVouchers(t, u, s.url, "signs current", "co-signs previous")
}

// tryRevokeKey wants the key that is named revoked, and another in its place.
func tryRevokeKey(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	if err := keyring.InitFile(file); err != nil {
		t.Fatal(err)
	}
	list, revoke, _ := strings.Cut(strings.ReplaceAll(revokeKey, "keys.json", file), "\n")
	kid := regexp.MustCompile(`v1\.\S+`).FindString(output(t, list))
	output(t, strings.Replace(revoke, "KID", kid, 1))
	keys, err := keyring.FromFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got, _ := json.Marshal(keys.List())
	if l := keys.List(); len(l) != 2 || l[0].State != "current" || l[1].State != "revoked" || l[1].ID != kid {
		t.Errorf("got %s, want a new key and %s revoked", got, kid)
	}
}

// tryCrossorigin starts the server of several hosts, which prints three ways to look at
// its page. That they work is tested in package browser.
func tryCrossorigin(t *testing.T) {
	p := begin(t, shell(startCrossorigin, "DATA_DIR="+t.TempDir(), "PORT=0")).listeningWithin(t, compiling)
	eventually(t, "three commands are printed", func() bool {
		return strings.Count(p.out.String(), "\nchromium ") == 3 && strings.Count(p.out.String(), p.url+"\n") == 3
	})
	u := newUser("demo")
	u.Transport = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // nobody has signed it
	host := strings.TrimPrefix(p.url, "https://")
	r := u.want(t, 200, "GET", "https://127.0.0.1"+host[strings.LastIndexByte(host, ':'):], "", "Host", host)
	if !strings.Contains(r.text, "<title>sessionring crossorigin</title>") {
		t.Errorf("got %s, want the page", r.text)
	}
}

// tryJWKS starts an issuer that publishes its key, and two services.
func tryJWKS(t *testing.T) {
	p := begin(t, shell(startJWKS, "DATA_DIR="+t.TempDir(), "PORT=0")).listeningWithin(t, compiling)
	p.verifying(t)
	if set := newUser("demo").want(t, 200, "GET", p.url+"/.well-known/jwks.json", ""); !strings.Contains(set.text, `"kid":"v1.`) {
		t.Errorf("got %s, want a key", set.text)
	}
}

// tryRotateToEdDSA wants a key for EdDSA behind one that signs on.
func tryRotateToEdDSA(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	if err := keyring.InitFile(file); err != nil {
		t.Fatal(err)
	}
	output(t, strings.ReplaceAll(rotateToEdDSA, "keys.json", file))
	keys, err := keyring.FromFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if l := keys.List(); len(l) != 2 || l[0].Algorithm != "EdDSA" || l[0].State != "spare" || l[1].State != "current" {
		t.Errorf("got %v", l)
	}
}

// tryMeasureSpeed measures next to nothing, and wants the files that it writes, and the
// numbers in a copy of the README.
func tryMeasureSpeed(t *testing.T) {
	dir := t.TempDir()
	copied := filepath.Join(dir, "README.md")
	if err := os.WriteFile(copied, []byte(readme(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	out := output(t, strings.TrimSpace(measureSpeed)+" -short -rounds 1 -out "+dir+" -readme "+copied+"\n")
	if !strings.Contains(out, "| verify by co-signature | 6 x, 3 allocations | ") {
		t.Errorf("got %s, want the bounds", out)
	}
	for name, want := range map[string]string{
		"README.md": "medians of 1 round.", "RESULTS.md": "| **sessionring** | 483 B |", "speed.svg": "golang-jwt v5", "raw.json": `"Ratios"`,
	} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !strings.Contains(string(data), want) {
			t.Errorf("%s: got %v and %d bytes, want %q", name, err, len(data), want)
		}
	}
}

// tryFlask starts the successor of a Flask backend, which takes its tokens.
func tryFlask(t *testing.T) {
	secret := newSecret()
	line := strings.NewReplacer("…", secret, "PORT=5000", "PORT=0").Replace(startFlask)
	p := begin(t, shell(line)).listeningWithin(t, compiling)
	newUser("alice").want(t, 200, "GET", p.url+"/api/me", "", "Authorization", "Bearer "+flaskToken(secret, "access", time.Minute))
}

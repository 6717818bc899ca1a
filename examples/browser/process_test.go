package browser_test

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/sessionring/sessionring/examples/internal/stage"
)

// bin is the folder with the example servers, built once.
var bin string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	var err error
	if bin, err = os.MkdirTemp("", "sessionring-browser-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(bin)
	if out, err := exec.Command("go", "build", "-o", bin, "../quickstart", "../crossorigin").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// program is an example server that is started again and again, at one address and with
// one folder for its data.
type program struct {
	*testing.T
	name    string
	dir     string
	port    string
	url     string
	running *stage.Process
}

// run starts an example server.
func run(t *testing.T, name string, env ...string) *program {
	t.Helper()
	p := &program{T: t, name: name, dir: t.TempDir(), port: "0"}
	p.start(env...)
	return p
}

// start starts the server with these variables and no others.
func (p *program) start(env ...string) {
	p.Helper()
	cmd := exec.Command(filepath.Join(bin, p.name))
	cmd.Dir, cmd.Env = p.dir, append([]string{"PORT=" + p.port}, env...)
	running, err := stage.Begin(cmd)
	if err != nil {
		p.Fatal(err)
	}
	p.running = running
	p.Cleanup(running.Kill)
	if p.url, err = running.Listening(patience); err != nil {
		p.Fatal(err)
	}
	u, err := url.Parse(p.url)
	if err != nil {
		p.Fatal(err)
	}
	p.port = u.Port()
}

// restart stops the server, and starts it with other variables.
func (p *program) restart(env ...string) {
	p.Helper()
	p.stop()
	p.start(env...)
}

func (p *program) stop() {
	p.Helper()
	if err := p.running.Stop(patience); err != nil {
		p.Fatal(err)
	}
}

// keyHash returns the hash of the key of the server's certificate, as it was printed.
func (p *program) keyHash() string {
	p.Helper()
	m := regexp.MustCompile(`--ignore-certificate-errors-spki-list=(\S+)`).FindStringSubmatch(p.running.Out.String())
	if m == nil {
		p.Fatalf("no hash of a key in\n%s", p.running.Out)
	}
	return m[1]
}

// newSecret returns a secret as openssl rand -hex 32 prints it.
func newSecret() string {
	b := make([]byte, 32)
	rand.Read(b)
	return hex.EncodeToString(b)
}

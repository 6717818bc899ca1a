// Package examples_test runs the example servers as people run them: real processes,
// real connections, a cookie jar. Everything stays on loopback.
package examples_test

import (
	"crypto/rand"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sessionring/sessionring/examples/internal/stage"
	"github.com/sessionring/sessionring/internal/race"
)

// bin is the folder with the programs, built once.
var bin string

func TestMain(m *testing.M) {
	if os.Getenv(envDies) != "" {
		fmt.Fprintln(os.Stderr, rotateAndDie())
		os.Exit(1)
	}
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	var err error
	if bin, err = os.MkdirTemp("", "sessionring-examples-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(bin)
	build := exec.Command("go", "build", "-o", bin, "./quickstart", "./flask", "./fleet", "./jwks")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		return 1
	}
	flag.Parse()
	flag.Set("test.parallel", "8") // they wait for processes and clocks, and compute little
	return m.Run()
}

// programsAlone skips a test of nothing but programs under the race detector, which does
// not see into them: they are built without it.
func programsAlone(t *testing.T) {
	t.Helper()
	if race.Enabled {
		t.Skip("the race detector sees nothing of this")
	}
}

// patience bounds every wait for a process.
const patience = time.Minute // the machine may be busy

// process is one running server of a test.
type process struct {
	*stage.Process
	url string // once it listens
	cmd *exec.Cmd
	out *stage.Output // all it has printed and logged
}

// command returns a program that is about to run with these variables and no others,
// in a folder of its own.
func command(t *testing.T, program string, env []string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(filepath.Join(bin, program))
	cmd.Dir = t.TempDir()
	cmd.Env = append([]string{}, env...)
	if !strings.Contains(strings.Join(env, "\n"), "ADDR=") {
		cmd.Env = append([]string{"PORT=0"}, env...)
	}
	return cmd
}

// start runs a server until stop, or the end of the test.
func start(t *testing.T, program string, env ...string) *process {
	t.Helper()
	return launch(t, program, env...).listening(t)
}

// launch is start without waiting until the server listens.
func launch(t *testing.T, program string, env ...string) *process {
	t.Helper()
	return begin(t, command(t, program, env))
}

// begin runs a command until stop, or the end of the test.
func begin(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p, err := stage.Begin(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return &process{Process: p, cmd: p.Cmd, out: p.Out}
}

// listening waits for the address that the server prints when it listens.
func (p *process) listening(t *testing.T) *process {
	t.Helper()
	return p.listeningWithin(t, patience)
}

func (p *process) listeningWithin(t *testing.T, d time.Duration) *process {
	t.Helper()
	url, err := p.Listening(d)
	if err != nil {
		t.Fatal(err)
	}
	p.url = url
	return p
}

// stop ends the server as a deployment does, and wants it to end well.
func (p *process) stop(t *testing.T) {
	t.Helper()
	if err := p.Stop(patience); err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"panic", "goroutine"} {
		if strings.Contains(p.out.String(), word) {
			t.Errorf("the log has a %s:\n%s", word, p.out)
		}
	}
}

// kill ends the server without a chance to finish anything.
func (p *process) kill() { p.Kill() }

// newSecret returns a secret as openssl rand -hex 32 prints it.
func newSecret() string {
	b := make([]byte, 32)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// eventually waits until ok holds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

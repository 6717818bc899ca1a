// Package examples_test runs the example servers as people run them: real processes,
// real connections, a cookie jar. Everything stays on loopback.
package examples_test

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// bin is the folder with the programs, built once.
var bin string

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	var err error
	if bin, err = os.MkdirTemp("", "sessionring-examples-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(bin)
	build := exec.Command("go", "build", "-o", bin, "./quickstart", "./flask")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		return 1
	}
	flag.Parse()
	flag.Set("test.parallel", "8") // they wait for processes and clocks, and compute little
	return m.Run()
}

// patience bounds every wait for a process.
const patience = time.Minute // the machine may be busy

// process is one running server.
type process struct {
	url    string
	cmd    *exec.Cmd
	stdout io.Reader
	done   chan struct{} // closed when it has ended
	out    *buffer       // all it has printed and logged
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

// begin runs a command until stop, or the end of the test. It is a process group of
// its own, since go run is not the server, only its parent.
func begin(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	stdout, w := io.Pipe()
	p := &process{cmd: cmd, stdout: stdout, done: make(chan struct{}), out: new(buffer)}
	p.cmd.Stdout, p.cmd.Stderr = w, p.out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.cmd.Wait()
		w.Close()
		close(p.done)
	}()
	t.Cleanup(func() {
		syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.done
	})
	return p
}

// listening waits for the address that the server prints when it listens.
func (p *process) listening(t *testing.T) *process {
	t.Helper()
	return p.listeningWithin(t, patience)
}

func (p *process) listeningWithin(t *testing.T, d time.Duration) *process {
	t.Helper()
	found := make(chan string, 1)
	go func() {
		for lines := bufio.NewScanner(p.stdout); lines.Scan(); {
			fmt.Fprintln(p.out, lines.Text())
			if _, rest, ok := strings.Cut(lines.Text(), "http://"); ok {
				found <- "http://" + rest
			}
		}
	}()
	select {
	case p.url = <-found:
	case <-p.done:
		t.Fatalf("the server ended before it listened:\n%s", p.out)
	case <-time.After(d):
		t.Fatalf("the server does not listen:\n%s", p.out)
	}
	return p
}

// stop ends the server as a deployment does, and wants it to end well.
func (p *process) stop(t *testing.T) {
	t.Helper()
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(patience):
		t.Fatalf("the server does not end at SIGTERM:\n%s", p.out)
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("got exit status %d at SIGTERM, want 0:\n%s", code, p.out)
	}
	for _, word := range []string{"panic", "goroutine"} {
		if strings.Contains(p.out.String(), word) {
			t.Errorf("the log has a %s:\n%s", word, p.out)
		}
	}
}

// kill ends the server without a chance to finish anything.
func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.done
}

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

// buffer is a bytes.Buffer for several writers.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

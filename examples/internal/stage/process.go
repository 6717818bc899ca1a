// Package stage is what it takes to play a fleet: servers as real processes, a balancer
// in front of them, and browsers. The commands fleet and jwks and the tests of all examples
// use it.
package stage

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"sync"
	"syscall"
	"time"
)

// Process is one running server.
type Process struct {
	Cmd  *exec.Cmd
	Out  *Output         // all it has printed and logged
	Done <-chan struct{} // closed when it has ended

	address chan string // what it has printed, once
}

// Begin runs a command. It is a process group of its own, since go run is not the
// server, only its parent, and since Ctrl-C is for us to hear. The caller ends it
// with Stop or Kill.
func Begin(cmd *exec.Cmd) (*Process, error) {
	stdout, w := io.Pipe()
	done := make(chan struct{})
	p := &Process{Cmd: cmd, Out: new(Output), Done: done, address: make(chan string, 1)}
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = w, p.Out, attributes()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go p.read(stdout)
	go func() {
		cmd.Wait()
		w.Close()
		close(done)
	}()
	return p, nil
}

var address = regexp.MustCompile(`https?://\S+`)

// read keeps what the server prints, and finds its address.
func (p *Process) read(stdout io.Reader) {
	for in := bufio.NewReader(stdout); ; {
		line, err := in.ReadString('\n')
		io.WriteString(p.Out, line)
		if url := address.FindString(line); url != "" && len(p.address) == 0 {
			p.address <- url
		}
		if err != nil {
			return
		}
	}
}

// Listening waits, for d at most, for the address that the server prints when it
// listens, and returns it. It is called once.
func (p *Process) Listening(d time.Duration) (url string, err error) {
	select {
	case url := <-p.address:
		return url, nil
	case <-p.Done:
		return "", fmt.Errorf("the server ended before it listened:\n%s", p.Out)
	case <-time.After(d):
		return "", fmt.Errorf("the server does not listen:\n%s", p.Out)
	}
}

// Stop ends the server as a deployment does. It is an error if it takes longer than d,
// or does not end well.
func (p *Process) Stop(d time.Duration) error {
	p.Cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.Done:
	case <-time.After(d):
		return fmt.Errorf("the server does not end at SIGTERM:\n%s", p.Out)
	}
	if code := p.Cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("got exit status %d at SIGTERM, want 0:\n%s", code, p.Out)
	}
	return nil
}

// Kill ends the server and its children without a chance to finish anything. A
// process that has ended stays so.
func (p *Process) Kill() {
	syscall.Kill(-p.Cmd.Process.Pid, syscall.SIGKILL)
	<-p.Done
}

// Output is a bytes.Buffer for several writers. The zero Output is empty.
type Output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write appends data.
func (o *Output) Write(data []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(data)
}

// String returns all that was written.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

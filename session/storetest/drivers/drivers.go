// Package drivers starts real databases for tests, from the binaries that are
// installed, and opens them with real drivers. It is used by the tests of several
// modules and published by none.
//
// A database that is missing skips the test and names what is missing, or fails it
// if REQUIRE_SERVICES=1. SESSIONRING_TEST_POSTGRES (an address) and
// SESSIONRING_TEST_REDIS (host:port) name servers to use instead, whose keys
// sessionring:* are removed. Tests then get no Server, and skip what would stop one.
package drivers

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// startup is how long a server may take to answer.
const startup = 30 * time.Second

// Server is a database server of one test, killed when the test ends. Its methods
// are for one goroutine.
type Server struct {
	tb      testing.TB
	path    string
	args    []string
	dir     string
	user    *syscall.Credential
	polite  syscall.Signal // asks it to end
	answers func() error
	running *exec.Cmd
}

// Start starts the server, where it was before and with the same data, and waits
// until it answers. A server that runs is left alone.
func (s *Server) Start() {
	s.tb.Helper()
	if s.running != nil {
		return
	}
	log := filepath.Join(s.dir, "log")
	if err := s.launch(log); err != nil {
		s.tb.Fatalf("drivers: start %s: %v", s.path, err)
	}
	for end := time.Now().Add(startup); ; time.Sleep(20 * time.Millisecond) {
		err := s.answers()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			text, _ := os.ReadFile(log)
			s.tb.Fatalf("drivers: %s does not answer: %v\n%s", s.path, err, text)
		}
	}
}

func (s *Server) launch(log string) error {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := exec.Command(s.path, s.args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, out, out
	cmd.SysProcAttr = attributes(s.user, s.polite)
	if err := cmd.Start(); err != nil {
		return err
	}
	s.running = cmd
	return nil
}

// Stop asks the server to end, which cuts its connections, and waits for it.
func (s *Server) Stop() { s.end(s.polite) }

// Kill ends the server without giving it a chance to save anything.
func (s *Server) Kill() { s.end(os.Kill) }

func (s *Server) end(how os.Signal) {
	if s.running != nil {
		s.running.Process.Signal(how)
		s.running.Wait()
		s.running = nil
	}
}

// missing skips or fails the test, because something is not installed.
func missing(tb testing.TB, what string) {
	tb.Helper()
	if os.Getenv("REQUIRE_SERVICES") == "1" {
		tb.Fatalf("drivers: %s is missing, and REQUIRE_SERVICES=1", what)
	}
	tb.Skipf("drivers: %s is missing", what)
}

// find returns the path of a program, which is in one of the folders or in PATH.
func find(tb testing.TB, name string, folders ...string) string {
	tb.Helper()
	for _, f := range folders {
		if path, err := exec.LookPath(filepath.Join(f, name)); err == nil {
			return path
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		missing(tb, name)
	}
	return path
}

// freePort returns a port of the loopback interface that nobody listens on.
func freePort(tb testing.TB) int {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// tempDir returns a folder that belongs to a user, unlike that of testing, and is
// removed with the test.
func tempDir(tb testing.TB, user *syscall.Credential) string {
	tb.Helper()
	dir, err := os.MkdirTemp("", "sessionring-")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	if user != nil {
		err = os.Chown(dir, int(user.Uid), int(user.Gid))
	}
	if err != nil {
		tb.Fatal(err)
	}
	return dir
}

// Package dbserver runs database servers from the binaries that are installed, each
// in a folder of its own, on a free port of the loopback interface.
package dbserver

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// ErrMissing is wrapped by errors that name something which is not installed.
var ErrMissing = errors.New("is not installed")

// How long a server may take to answer, and how long one that ends at once is tried
// again.
const (
	startup = 30 * time.Second
	retries = 5 * time.Second
)

// Server is a database server. Its methods are for one goroutine.
type Server struct {
	// Address is where it listens: a URL for PostgreSQL, host:port for Redis.
	Address string

	path    string
	args    []string
	dir     string
	user    *syscall.Credential
	polite  syscall.Signal // asks it to end
	answers func() error
	waits   string // what it prints if it must wait for processes that it left behind; "": never
	running *exec.Cmd
	ended   chan struct{} // closed when it is not running any more
}

// Start starts the server, where it was before and with the same data, and waits
// until it answers. A server that runs is left alone. One that ends at once is started
// again, but not for long, unless it waits for processes of one that was killed. What
// it has printed is part of the error.
func (s *Server) Start() error {
	if s.running != nil {
		return nil
	}
	log := filepath.Join(s.dir, "log")
	if err := s.launch(log); err != nil {
		return err
	}
	for began := time.Now(); ; {
		err := s.answers()
		if err == nil {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
		ended := s.hasEnded()
		if err := s.hopeless(time.Since(began), ended, err, tail(log)); err != nil {
			return err
		}
		if !ended {
			continue
		}
		if err := s.launch(log); err != nil {
			return err
		}
	}
}

// hopeless returns why a server is no longer waited for that has not answered, but
// with an error, for so long.
func (s *Server) hopeless(took time.Duration, ended bool, err error, said string) error {
	if took > startup {
		return fmt.Errorf("%s does not answer: %w\n%s", s.path, err, said)
	}
	if ended && took > retries && (s.waits == "" || !strings.Contains(said, s.waits)) {
		return fmt.Errorf("%s ended before it answered\n%s", s.path, said)
	}
	return nil
}

// tail returns the end of a log.
func tail(log string) string {
	text, _ := os.ReadFile(log)
	return string(text[max(0, len(text)-4096):])
}

// hasEnded reports whether the process has ended by itself.
func (s *Server) hasEnded() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

// launch runs the server, which writes to a log.
func (s *Server) launch(log string) error {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	cmd, ended := exec.Command(s.path, s.args...), make(chan struct{})
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, out, out
	cmd.SysProcAttr = attributes(s.user, s.polite)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", s.path, err)
	}
	s.running, s.ended = cmd, ended
	go func() {
		cmd.Wait()
		close(ended)
	}()
	return nil
}

// Stop asks the server to end, which cuts its connections, and waits for it.
func (s *Server) Stop() { s.end(s.polite) }

// Kill ends the server without giving it a chance to save anything.
func (s *Server) Kill() { s.end(os.Kill) }

func (s *Server) end(how os.Signal) {
	if s.running != nil {
		s.running.Process.Signal(how)
		<-s.ended
		s.running = nil
	}
}

// Close ends the server and removes its folder.
func (s *Server) Close() error {
	s.Stop()
	return os.RemoveAll(s.dir)
}

// started returns s when it runs, and otherwise leaves nothing of it.
func started(s *Server) (*Server, error) {
	if err := s.Start(); err != nil {
		s.Kill()
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// find returns the path of a program, which is in one of the folders or in PATH.
func find(name string, folders ...string) (string, error) {
	for _, f := range folders {
		if path, err := exec.LookPath(filepath.Join(f, name)); err == nil {
			return path, nil
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%s %w", name, ErrMissing)
	}
	return path, nil
}

// freePort returns a port of the loopback interface that nobody listens on. It is below
// those that systems give to outgoing connections, so that it stays free while a server
// is stopped; and so is the port 10,000 above it, where Redis clusters talk.
func freePort() (int, error) {
	for range 100 {
		port := 10_000 + rand.N(12_000)
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return port, l.Close()
		}
	}
	return 0, errors.New("no port is free")
}

// newDir makes a folder that belongs to a user, or to us if that is nil.
func newDir(user *syscall.Credential) (string, error) {
	dir, err := os.MkdirTemp("", "sessionring-")
	if err == nil && user != nil {
		err = os.Chown(dir, int(user.Uid), int(user.Gid))
	}
	return dir, err
}

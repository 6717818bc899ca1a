package dbserver_test

import (
	"errors"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/sessionring/sessionring/session/storetest/drivers/dbserver"
)

// What is not installed is named.
func TestMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if s, err := dbserver.StartRedis(); s != nil || !errors.Is(err, dbserver.ErrMissing) || err.Error() != "redis-server is not installed" {
		t.Errorf("got %v, %v, want redis-server to be missing", s, err)
	}
}

// A server that is closed listens no more, and its folder is gone.
func TestClose(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	s := startRedis(t)
	wantFolders(t, temp, 1)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	wantFolders(t, temp, 0)
	if c, err := net.DialTimeout("tcp", s.Address, time.Second); err == nil {
		c.Close()
		t.Error("the server still listens")
	}
}

// A server that cannot run yet is started again until it does.
func TestStartAgain(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	defer s.Close()
	s.Kill()
	other, err := net.Listen("tcp", s.Address)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(300*time.Millisecond, func() { other.Close() })
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	c, err := net.DialTimeout("tcp", s.Address, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

func startRedis(t *testing.T) *dbserver.Server {
	t.Helper()
	s, err := dbserver.StartRedis()
	if errors.Is(err, dbserver.ErrMissing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func wantFolders(t *testing.T, in string, want int) {
	t.Helper()
	if found, _ := filepath.Glob(filepath.Join(in, "*")); len(found) != want {
		t.Errorf("got %q, want %d folders", found, want)
	}
}

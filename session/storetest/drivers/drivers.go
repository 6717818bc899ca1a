// Package drivers starts real databases for tests, from the binaries that are
// installed, and opens them with real drivers. It is used by the tests of several
// modules and published by none.
//
// A database that is not in PATH skips the test and names what is missing, or fails it
// if REQUIRE_SERVICES=1. SESSIONRING_TEST_POSTGRES (an address) and
// SESSIONRING_TEST_REDIS (host:port) name servers to use instead; of the second, the
// keys sessionring:* are removed from all databases. Tests then get no Server, and
// skip what would stop one.
package drivers

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/sessionring/sessionring/session/storetest/drivers/dbserver"
)

// startup is how long servers may take to come together.
const startup = 30 * time.Second

// Server is a database server of one test, ended when the test ends. Its methods are
// for one goroutine.
type Server struct {
	*dbserver.Server
	tb testing.TB
}

// Start starts the server, where it was before and with the same data, and waits
// until it answers. A server that runs is left alone.
func (s *Server) Start() {
	s.tb.Helper()
	if err := s.Server.Start(); err != nil {
		s.tb.Fatalf("drivers: %v", err)
	}
}

// started returns a server that was just started, for one test. One that is missing
// skips or fails the test.
func started(tb testing.TB, s *dbserver.Server, err error) *Server {
	tb.Helper()
	switch {
	case errors.Is(err, dbserver.ErrMissing) && os.Getenv("REQUIRE_SERVICES") == "1":
		tb.Fatalf("drivers: %v, and REQUIRE_SERVICES=1", err)
	case errors.Is(err, dbserver.ErrMissing):
		tb.Skipf("drivers: %v", err)
	case err != nil:
		tb.Fatalf("drivers: %v", err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("drivers: %v", err)
		}
	})
	return &Server{s, tb}
}

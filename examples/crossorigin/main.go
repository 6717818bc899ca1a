// Command crossorigin is a page on one site that is signed in at two servers: one on a
// host beside its own, and one on another site.
//
//	go run ./examples/crossorigin
//
// It serves three hosts by https on loopback and prints the commands for browsers
// that find them and accept its certificate. Sign in as demo/demo. Keys come from
// SESSION_SECRET and what goes with it, or else from a keyring that is made in DATA_DIR,
// once; ADDR or PORT says where to listen.
//
// The parts to copy are policies.go, for the servers, and page/client.js, for the page.
package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"

	"github.com/sessionring/sessionring/examples/internal/server"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
)

func main() { server.Main(run) }

func run(ctx context.Context, log *slog.Logger) error {
	var e server.Env
	addr := e.Address("127.0.0.1:8443")
	if !server.Loopback(addr) {
		e.Fault("%s is not loopback, and the demo accounts have well-known passwords: listen on 127.0.0.1", addr)
	}
	if err := e.Err(); err != nil {
		return err
	}
	keys, from := openKeys(&e)
	cert := openCertificate(&e)
	if err := e.Err(); err != nil {
		return err
	}
	ln, err := server.Listen(addr)
	if err != nil {
		return err
	}
	return serve(ctx, log, ln, cert, keys, from)
}

// openKeys returns the keyring, and a line about it.
func openKeys(e *server.Env) (keys *keyring.Keyring, from string) {
	if _, set := os.LookupEnv("SESSION_SECRET"); !set {
		return server.DefaultKeys(e)
	}
	keys, err := keyring.FromEnv()
	e.Check(err)
	return keys, "from SESSION_SECRET"
}

// serve serves all hosts until ctx ends. The two servers share the keys, as services
// of one company would, but no session: each has cookies of its own.
func serve(ctx context.Context, log *slog.Logger, ln net.Listener, cert tls.Certificate, keys *keyring.Keyring, from string) error {
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		return err
	}
	apis, err := newAPIs(port, session.Config{Keys: keys, Logger: log})
	if err != nil {
		return err
	}
	ctx, end := context.WithCancel(ctx)
	var running sync.WaitGroup
	for _, a := range apis {
		running.Go(func() { a.sessions.Run(ctx) })
	}
	announce(from, port, cert)
	err = server.Serve(ctx, tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{cert}}), routes(port, apis), log)
	end()
	running.Wait()
	return err
}

// announce prints what the server found or made, and how to look at it.
func announce(from, port string, cert tls.Certificate) {
	fmt.Println("keys:    ", from)
	fmt.Println("sign in:  demo/demo or admin/admin")
	fmt.Println("open:     with one of these, since no other browser finds the hosts")
	for _, b := range browsers {
		fmt.Printf("\n# %s\n%s\n", b.about, b.commands(origin(appHost, port), cert))
	}
}

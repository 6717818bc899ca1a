// Command quickstart is a small server that keeps people signed in: across
// restarts, and while its secret is replaced.
//
//	go run ./examples/quickstart
//
// Then open http://127.0.0.1:8080 and sign in as demo/demo or admin/admin. Without
// any configuration it makes a keyring in ./data, once. The variables that it reads
// are named in config.go, store.go, keys.go and cookies.go.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"

	"github.com/sessionring/sessionring/examples/internal/server"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
)

func main() { server.Main(run) }

func run(ctx context.Context, log *slog.Logger) error {
	cfg, err := readConfig()
	if err != nil {
		return err
	}
	ln, err := server.Listen(cfg.addr)
	if err != nil {
		return err
	}
	if err := cfg.open(); err != nil {
		return err
	}
	cfg.sessions.Logger = log
	sessions, err := session.New(cfg.sessions)
	if err != nil {
		return err
	}
	a, err := newApp(cfg, sessions)
	if err != nil {
		return err
	}
	ctx, end := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { sessions.Run(ctx) })
	go server.OnHangup(ctx, func() { reload(ctx, cfg.sessions.Keys, log) })

	cfg.announce(ln.Addr())
	err = server.Serve(ctx, ln, server.Secure(cfg.secure(), a.routes()), log)
	end()
	running.Wait()
	return errors.Join(err, cfg.db.Close())
}

// reload reads the keys again: what the operator asks for with SIGHUP. If they are others
// than before, Run says so.
func reload(ctx context.Context, keys *keyring.Keyring, log *slog.Logger) {
	if err := keys.Reload(ctx); err != nil {
		log.Error("keyring reload failed", "error", err)
		return
	}
	log.Info("keyring read again", "keys", keys)
}

// announce prints what the server found, what it made, and where it is.
func (c *config) announce(addr net.Addr) {
	fmt.Println("keys:    ", c.keysFrom)
	fmt.Println("store:   ", c.store.about())
	fmt.Println("cookies: ", c.preset+", "+presets[c.preset])
	if c.anyUser {
		fmt.Println("sign in:  any name, which is its own password (ANY_USER)")
	} else {
		fmt.Println("sign in:  demo/demo or admin/admin")
	}
	fmt.Printf("open:     http://%s\n", addr)
}

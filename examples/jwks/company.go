package main

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/sessionring/sessionring/examples/internal/server"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
)

// company is the three services, by their addresses.
type company struct {
	issuer, ours, golangJWT string

	secret  string // by which ours learns from the issuer which sessions have ended
	log     *slog.Logger
	ctx     context.Context
	end     context.CancelFunc
	running sync.WaitGroup
	mu      sync.Mutex
	errs    []error // why services ended
}

// open starts the services, the issuer first: the others fetch its keys when they
// start. An accessTTL of 0 is the usual one. The caller closes it, after an error too.
func open(ctx context.Context, log *slog.Logger, ln net.Listener, keys *keyring.Keyring, store session.Store, accessTTL, fetch time.Duration) (*company, error) {
	c := &company{issuer: url(ln), log: log, secret: rand.Text() + rand.Text()}
	c.ctx, c.end = context.WithCancel(ctx)
	issuer, handler, err := c.newIssuer(keys, store, accessTTL)
	if err != nil {
		return c, errors.Join(err, ln.Close())
	}
	c.running.Go(func() { issuer.Run(c.ctx) })
	c.serve(ln, handler)

	ours, handler, err := newOurs(c.ctx, c.issuer, c.secret)
	if err != nil {
		return c, err
	}
	c.running.Go(func() { ours.Run(c.ctx) }) // which fetches the keys every five minutes, and every second what has ended
	if c.ours, err = c.listenAndServe(handler); err != nil {
		return c, err
	}

	other, err := newGolangJWT(c.ctx, c.issuer)
	if err != nil {
		return c, err
	}
	c.running.Go(func() { other.follow(c.ctx, fetch, log) })
	c.golangJWT, err = c.listenAndServe(other)
	return c, err
}

// serve serves at ln until the company closes.
func (c *company) serve(ln net.Listener, h http.Handler) {
	c.running.Go(func() {
		if err := server.Serve(c.ctx, ln, server.Secure(false, h), c.log); err != nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.errs = append(c.errs, err)
			c.end() // one is no use without the others
		}
	})
}

// listenAndServe is serve at a free port, and returns the address.
func (c *company) listenAndServe(h http.Handler) (string, error) {
	ln, err := listen()
	if err != nil {
		return "", err
	}
	c.serve(ln, h)
	return url(ln), nil
}

// close ends the services, waits, and returns why they ended if not by this.
func (c *company) close() error {
	c.end()
	c.running.Wait()
	return errors.Join(c.errs...)
}

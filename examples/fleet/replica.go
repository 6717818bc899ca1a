package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"syscall"
	"time"

	"github.com/sessionring/sessionring/examples/internal/stage"
)

const (
	// accessTTL is short, so that people refresh often, and their refreshes meet
	// whatever happens.
	accessTTL = 2 * time.Second
	// patience bounds every wait for a server.
	patience = 30 * time.Second
)

// replica is one server of the fleet, and the classic server that has the same
// secrets at the same time.
type replica struct {
	process *stage.Process
	url     string
	classic *classic
}

// launch starts both servers and lets requests go to them when they are ready.
func (p *play) launch(i int, c config) (*replica, error) {
	env, err := p.environment(c)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(p.binary)
	cmd.Dir, cmd.Env = p.dir, env
	process, err := stage.Begin(cmd)
	if err != nil {
		return nil, err
	}
	r := &replica{process: process}
	p.started = append(p.started, r)
	if r.url, err = process.Listening(patience); err != nil {
		return nil, err
	}
	if r.classic, err = startClassic(p.secrets.classic(c)); err != nil {
		return nil, err
	}
	if err := r.ready(p.ctx); err != nil {
		return nil, err
	}
	name := fmt.Sprintf("server %d", i+1)
	return r, errors.Join(p.ours.Add(name, r.url), p.classics.Add(name, r.classic.url))
}

// environment returns that of a server with a configuration.
func (p *play) environment(c config) ([]string, error) {
	env := []string{"PORT=0", "ANY_USER=1", "LEEWAY=0s", "ACCESS_TTL=" + accessTTL.String(), "SESSION_STORE=" + p.store.address()}
	switch p.keys {
	case inFile:
		return append(env, "SESSION_KEYRING_FILE="+p.file()), nil
	case inStore:
		return append(env, "SESSION_KEYRING_KEK="+p.secrets.of("kek")), nil
	}
	keys, err := p.secrets.env(c)
	return append(env, keys...), err
}

// ready waits until the server says that it is ready.
func (r *replica) ready(ctx context.Context) error {
	return eventually(ctx, "the server is ready", func() bool {
		reply, err := ask(r.url + "/readyz")
		return err == nil && reply.Status == http.StatusOK
	})
}

// has waits until the server signs with a key.
func (r *replica) has(ctx context.Context, tag string) error {
	return eventually(ctx, "the server has "+tag, func() bool {
		reply, err := ask(r.url + "/api/auth/token-health")
		return err == nil && reply.Word("server_version") == tag
	})
}

// ask sends a request to a server, past the balancer.
func ask(url string) (stage.Reply, error) {
	return stage.NewBrowser(nil, patience).Send("GET", url, "")
}

// eventually waits until ok holds, for as long as patience lasts.
func eventually(ctx context.Context, what string, ok func() bool) error {
	for end := time.Now().Add(patience); !ok(); {
		if time.Now().After(end) {
			return fmt.Errorf("waited in vain until %s", what)
		}
		if err := stage.Pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// dismiss lets no more requests go to a replica, and waits for those under way.
func (p *play) dismiss(r *replica) {
	p.ours.Remove(r.url)
	p.classics.Remove(r.classic.url)
}

// stop ends a replica in good order.
func (r *replica) stop() error {
	r.classic.close()
	return r.process.Stop(patience)
}

// kill ends what runs of a replica at once.
func (r *replica) kill() {
	if r.classic != nil {
		r.classic.close()
	}
	select {
	case <-r.process.Done:
	default:
		r.process.Kill()
	}
}

// hangUp has the server read its keys again.
func (r *replica) hangUp() error { return r.process.Cmd.Process.Signal(syscall.SIGHUP) }

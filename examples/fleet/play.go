package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessionring/sessionring/examples/internal/stage"
)

// play is one scenario on one store, while it is played. Its steps are methods that
// scenarios call one after another; when one has failed, those after it do nothing.
type play struct {
	choice
	o           options
	ctx         context.Context
	log         *progress
	binary, dir string

	secrets  secrets
	shared   config // what is in the keyring file or in the store
	replicas []*replica
	started  []*replica // all that may be running
	ours     *front
	classics *front
	crowd    *crowd
	step     atomic.Pointer[string] // that is being played
	err      error
}

// front is the address of a fleet: a balancer that listens.
type front struct {
	stage.Balancer
	url    string
	server *http.Server
}

// listen starts a balancer.
func listen() (*front, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f := &front{url: "http://" + ln.Addr().String()}
	f.Retry = true
	f.server = &http.Server{Handler: f}
	go f.server.Serve(ln)
	return f, nil
}

// run plays it all and returns what came of it.
func (p *play) run() (result, error) {
	defer p.close()
	p.log.title("%s, %s: %d servers, %d people", p.title, p.store, p.o.replicas, p.o.users)
	if p.err = p.open(); p.err != nil {
		return result{}, p.err
	}
	ctx, hide := context.WithCancel(p.ctx)
	var shown sync.WaitGroup
	shown.Go(func() { p.log.watch(ctx, p.status) })
	p.wait("everybody signs in at servers with "+p.start().String(), 1)
	p.tell(p)
	p.try("those who were away come back, and all refresh once more", func() error { return p.crowd.settle(p.ctx) })
	hide()
	shown.Wait()
	p.crowd.close()
	return p.result(), p.err
}

// start is the configuration of all servers in the beginning.
func (p *play) start() config {
	if p.first.tags == nil {
		return a()
	}
	return p.first
}

// open starts the servers and lets people in.
func (p *play) open() (err error) {
	p.secrets, p.shared = secrets{}, p.start()
	p.step.Store(new(string))
	if err = p.makeKeys(); err != nil {
		return err
	}
	if p.ours, err = listen(); err != nil {
		return err
	}
	if p.classics, err = listen(); err != nil {
		return err
	}
	for i := range p.o.replicas {
		r, err := p.launch(i, p.start())
		if err != nil {
			return err
		}
		p.replicas = append(p.replicas, r)
	}
	p.crowd, err = openCrowd(p)
	return err
}

// close ends all that is still running. What is under way may be cut off.
func (p *play) close() {
	if p.crowd != nil {
		p.crowd.close()
	}
	for _, r := range p.started {
		r.kill()
	}
	for _, f := range []*front{p.ours, p.classics} {
		if f != nil {
			f.server.Close()
		}
	}
}

// try plays one step.
func (p *play) try(what string, f func() error) {
	if p.err != nil {
		return
	}
	p.step.Store(&what)
	p.log.line(what)
	p.err = f()
}

// do plays one step and gives people time to notice.
func (p *play) do(what string, f func() error) {
	p.try(what, func() error {
		if err := f(); err != nil {
			return err
		}
		return stage.Pause(p.ctx, p.o.pace)
	})
}

// wait lets n paces pass.
func (p *play) wait(what string, n int) {
	p.try(what, func() error { return stage.Pause(p.ctx, time.Duration(n)*p.o.pace) })
}

// all returns the numbers of all servers.
func (p *play) all() (list []int) {
	for i := range p.replicas {
		list = append(list, i)
	}
	return list
}

// deploy gives servers a configuration, one after another: a new one is started, and
// when it is ready the old one gets no more requests, finishes those it has, and ends.
func (p *play) deploy(c config, replicas ...int) {
	for _, i := range replicas {
		p.do(fmt.Sprintf("server %d is replaced by one with %s", i+1, c), func() error {
			old := p.replicas[i]
			r, err := p.launch(i, c)
			if err != nil {
				return err
			}
			p.replicas[i] = r
			p.dismiss(old)
			return old.stop()
		})
	}
}

// crash kills a server. The proxies notice that it does not answer.
func (p *play) crash(i int) {
	p.do(fmt.Sprintf("server %d crashes", i+1), func() error {
		p.replicas[i].kill()
		return nil
	})
}

// replaceCrashed starts a new server in the place of one that has crashed.
func (p *play) replaceCrashed(i int, c config) {
	if p.keys != inEnvironment {
		c = p.shared
	}
	p.do(fmt.Sprintf("server %d is back, with %s", i+1, c), func() error {
		r, err := p.launch(i, c)
		if err == nil {
			p.dismiss(p.replicas[i])
			p.replicas[i] = r
		}
		return err
	})
}

// scaleUp adds a server.
func (p *play) scaleUp(c config) {
	p.do(fmt.Sprintf("the fleet grows by server %d, with %s", len(p.replicas)+1, c), func() error {
		r, err := p.launch(len(p.replicas), c)
		if err == nil {
			p.replicas = append(p.replicas, r)
		}
		return err
	})
}

// status says how things stand.
func (p *play) status() string {
	ours, classics := p.crowd.ours.count(), p.crowd.classic.count()
	return fmt.Sprintf("%s: %d requests, %d signed out; current and previous: %d signed out",
		strings.ToLower(p.title), ours.requests, ours.lost, classics.lost)
}

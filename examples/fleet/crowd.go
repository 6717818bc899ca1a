package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessionring/sessionring/examples/internal/stage"
)

// crowd is the people of a play. Each uses both services at the same times, with the
// same program: a visitor.
type crowd struct {
	ours, classic *tally
	visitors      []*visitor
	back          chan struct{} // closed when those who are away come back
	leave         chan struct{} // closed when all leave
	left          func()        // closes leave, once
	gone          sync.WaitGroup
}

// visitor is one person at one service.
type visitor struct {
	name      string
	away      bool // for most of the play
	leave     <-chan struct{}
	url       string
	browser   stage.Browser
	dice      *rand.Rand
	tally     *tally
	renewed   time.Time    // when there were new tokens
	refreshes atomic.Int64 // that were answered well
}

// renewAfter is when people refresh, before their access tokens expire.
const renewAfter = accessTTL * 2 / 3

// openCrowd signs everybody in, and lets them use the services until close. Every
// fourth is away from the second visit on.
func openCrowd(p *play) (*crowd, error) {
	c := &crowd{
		ours: newTally(&p.step), classic: newTally(&p.step),
		back: make(chan struct{}), leave: make(chan struct{}),
	}
	c.left = sync.OnceFunc(func() { close(c.leave) })
	transport := &http.Transport{MaxIdleConnsPerHost: p.o.users}
	for i := range p.o.users {
		c.visitors = append(c.visitors, newVisitor(i, p.ours.url, c.ours, transport), newVisitor(i, p.classics.url, c.classic, transport))
	}
	for _, v := range c.visitors {
		v.leave = c.leave
		if err := v.signIn(); err != nil {
			return c, err
		}
		v.renewed = v.renewed.Add(-time.Duration(v.dice.Int64N(int64(renewAfter)))) // as if some came earlier
	}
	for _, v := range c.visitors {
		c.gone.Go(func() { c.stay(v) })
	}
	return c, nil
}

// newVisitor returns person number i at a service. At both services it has the same dice.
func newVisitor(i int, url string, t *tally, transport http.RoundTripper) *visitor {
	return &visitor{
		name: fmt.Sprintf("user%d", i+1), away: i%4 == 3, url: url, tally: t,
		browser: stage.NewBrowser(transport, patience), dice: rand.New(rand.NewPCG(uint64(i), 0)),
	}
}

// close ends the visits and waits until all have gone.
func (c *crowd) close() {
	c.left()
	c.gone.Wait()
}

// stay lets v visit until everybody leaves.
func (c *crowd) stay(v *visitor) {
	for n := 0; ; n++ {
		v.visit()
		next := time.After(100*time.Millisecond + time.Duration(v.dice.IntN(200))*time.Millisecond)
		if v.away && n == 1 {
			select {
			case <-c.back:
			case <-c.leave:
				return
			}
		}
		select {
		case <-next:
		case <-c.leave:
			return
		}
	}
}

// settle calls back those who are away, and waits until all have refreshed.
func (c *crowd) settle(ctx context.Context) error {
	close(c.back)
	var want []int64
	for _, v := range c.visitors {
		want = append(want, v.refreshes.Load()+1)
	}
	for i, v := range c.visitors {
		if err := eventually(ctx, v.name+" has refreshed", func() bool { return v.refreshes.Load() >= want[i] }); err != nil {
			return err
		}
	}
	return nil
}

// signIn signs v in.
func (v *visitor) signIn() error {
	r, err := v.send("POST", "/api/auth/login", fmt.Sprintf(`{"username":%q,"password":%q}`, v.name, v.name))
	if err == nil && r.Status != http.StatusOK {
		err = errors.New("got " + r.String())
	}
	if err != nil {
		return fmt.Errorf("sign-in of %s: %w", v.name, err)
	}
	v.renewed = time.Now()
	return nil
}

// visit looks at the page. Tokens that near their end are refreshed before, and so are
// those that are refused: as everywhere, only a refusal of the refresh ends a session.
func (v *visitor) visit() {
	if time.Since(v.renewed) > renewAfter && !v.refresh() {
		return
	}
	r, err := v.send("GET", "/api/me", "")
	if err == nil && r.Status == http.StatusUnauthorized && v.refresh() {
		v.send("GET", "/api/me", "")
	}
}

// refresh gets new tokens, and reports whether there are some. Whoever is refused has
// been signed out, and signs in again.
func (v *visitor) refresh() bool {
	r, err := v.send("POST", "/api/auth/refresh", "")
	switch {
	case err != nil:
		return false
	case r.Status == http.StatusNoContent:
		v.renewed = time.Now()
		v.refreshes.Add(1)
		return true
	case r.Status == http.StatusUnauthorized:
		v.tally.signedOut(v.name, r.Word("error"), r.Header.Get("X-Instance"))
		return v.signIn() == nil
	}
	return false
}

// Retries of a request that is answered with 503 and Retry-After.
const (
	retries    = 6
	firstRetry = 500 * time.Millisecond // then twice as long each time, with jitter
)

// send sends a request, and again while the server asks for that.
func (v *visitor) send(method, path, body string) (r stage.Reply, err error) {
	for n := 0; ; n++ {
		began := time.Now()
		r, err = v.browser.Send(method, v.url+path, body)
		v.tally.answered(r, err, time.Since(began))
		if n == retries || err != nil || r.Status != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" {
			return r, err
		}
		select {
		case <-time.After(firstRetry << n * time.Duration(75+rand.IntN(51)) / 100):
		case <-v.leave:
			return r, err
		}
	}
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/sessionring/sessionring/examples/internal/stage"
)

// crowd is the people who use the services, and what they met with.
type crowd struct {
	all     []*person
	leave   chan struct{}
	left    func() // closes leave, once
	gone    sync.WaitGroup
	mu      sync.Mutex // guards what follows
	tallies map[string]*tally
}

// tally is what one service answered.
type tally struct {
	requests, refused int
	early             int            // requests let in with tokens of a key that the service did not have
	reasons           map[string]int // of refusals
}

// person is somebody who is signed in, and has the tokens.
type person struct {
	crowd           *crowd
	company         *company
	client          stage.Browser
	access, refresh string
	renewed         time.Time
	version         atomic.Value // of the key that signed the token that was last let in
}

const (
	people     = 12
	step       = 75 * time.Millisecond // between two visits
	renewAfter = accessTTL / 2
)

// The services, as the report calls them.
const (
	atIssuer    = "issuer"
	atOurs      = "sessionring"
	atGolangJWT = "golang-jwt"
)

var services = []string{atIssuer, atOurs, atGolangJWT}

// openCrowd signs people in, and has them use the services until close.
func openCrowd(at *company) (*crowd, error) {
	c := &crowd{leave: make(chan struct{}), tallies: map[string]*tally{}}
	c.left = sync.OnceFunc(func() { close(c.leave) })
	for _, name := range services {
		c.tallies[name] = &tally{reasons: map[string]int{}}
	}
	transport := &http.Transport{MaxIdleConnsPerHost: people}
	for range people {
		p := &person{crowd: c, company: at, client: stage.NewBrowser(transport, patience)}
		p.version.Store("")
		if !p.signIn() {
			return c, errors.New("nobody can sign in")
		}
		c.all = append(c.all, p)
	}
	for i, p := range c.all {
		p.renewed = p.renewed.Add(-renewAfter * time.Duration(i) / people) // not all refresh at once
		c.gone.Go(p.stay)
	}
	return c, nil
}

// close ends the visits and waits until all have gone.
func (c *crowd) close() {
	c.left()
	c.gone.Wait()
}

// allAt reports whether everybody was let in with a token of this key.
func (c *crowd) allAt(version string) bool {
	return !slices.ContainsFunc(c.all, func(p *person) bool { return p.version.Load() != version })
}

// stay visits both services, again and again.
func (p *person) stay() {
	for {
		if time.Since(p.renewed) > renewAfter {
			p.renew()
		}
		if in := p.visit(atOurs, p.company.ours); in.Version != "" {
			p.version.Store(in.Version)
		}
		p.visit(atGolangJWT, p.company.golangJWT)
		select {
		case <-p.crowd.leave:
			return
		case <-time.After(step):
		}
	}
}

func (p *person) signIn() bool {
	return p.askIssuer("/api/auth/login", `{"username":"demo","password":"demo","transport":"bearer"}`)
}

func (p *person) renew() bool {
	return p.askIssuer("/api/auth/refresh", fmt.Sprintf(`{"refresh_token":%q}`, p.refresh))
}

// askIssuer gets new tokens.
func (p *person) askIssuer(path, body string) bool {
	r, err := p.client.Send("POST", p.company.issuer+path, body)
	p.crowd.note(atIssuer, r, err, false)
	if err != nil || r.Status != http.StatusOK {
		return false
	}
	p.access, p.refresh, p.renewed = r.Word("access_token"), r.Word("refresh_token"), time.Now()
	return true
}

// visit asks a service who is signed in, and returns the answer if it was a good one.
func (p *person) visit(service, address string) (in verified) {
	r, err := p.client.Send("GET", address+"/api/me", "", "Authorization", "Bearer "+p.access)
	if err == nil && r.Status == http.StatusOK {
		err = json.Unmarshal([]byte(r.Text), &in)
	}
	known := slices.ContainsFunc(in.Keys, func(kid string) bool { return strings.HasPrefix(kid, in.Version+".") })
	p.crowd.note(service, r, err, !known)
	return in
}

// note counts an answer.
func (c *crowd) note(service string, r stage.Reply, err error, early bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tallies[service]
	t.requests++
	switch {
	case err != nil:
		t.refused++
		t.reasons[err.Error()]++
	case r.Status != http.StatusOK:
		t.refused++
		t.reasons[fmt.Sprintf("%d %s", r.Status, r.Word("error"))]++
	case early:
		t.early++
	}
}

// report prints what happened. It is an error if anybody was refused.
func (c *crowd) report() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nservice\trequests\trefused\tlet in before it had the key")
	refused := 0
	for _, name := range services {
		t := c.tallies[name]
		refused += t.refused
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\n", name, t.requests, t.refused, t.early)
		for reason, n := range t.reasons {
			fmt.Fprintf(w, "  %s\t\t%d\t\n", reason, n)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if refused > 0 {
		return fmt.Errorf("%d requests were refused, want 0", refused)
	}
	fmt.Println("\nno request was refused")
	return nil
}

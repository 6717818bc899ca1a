package examples_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessionring/sessionring/keyring"
)

// Size of the fleet and of its crowd.
const (
	instances = 3
	liveUsers = 60
	awayUsers = 20
	pause     = 100 * time.Millisecond // between two requests of a live user
	accessTTL = 10 * time.Second       // far above the second between two refreshes
)

// rollout is a story of deployments. Each step is the number of an instance and the
// name of the configuration that it restarts with; "settle" waits until every live
// user has been served by what is running now. An instance with the name "kill" is
// killed, and stays behind the balancer; one with the next number is one more.
type rollout struct {
	name      string
	tags      map[string]string // TOKEN_VERSION of each configuration
	steps     string
	env       func(config string) []string // more of each configuration; nil: no store
	instances int                          // 0: as many as there are otherwise
	first     string                       // configuration of all at the start; "": A
}

// Configurations hold these secrets, newest first. S has the key of A, and a store. L
// and R have a spare too; R revokes the key of L.
var holds = map[string][]int{"A": {1}, "B": {2, 1}, "C": {3, 2, 1}, "S": {1}, "L": {1}, "R": {2}}

const spare = 0 // the number of the spare secret

var rising = map[string]string{"A": "v1", "B": "v2", "C": "v3", "L": "v1", "R": "v2"}

var rollouts = []rollout{
	{name: "one rotation", tags: rising, steps: "0B settle 1B 2B settle"},
	{name: "version unchanged", tags: map[string]string{"A": "v1", "B": "v1", "C": "v1"}, steps: "0B 1B settle 2B settle"},
	{name: "two rotations apart", tags: rising, steps: "0B 1B 2B settle 0C 1C 2C settle"},
	{name: "two rotations at once", tags: rising, steps: "0B settle 0C 1B settle 2C 1C settle"},
	{name: "rolled back in the middle", tags: rising, steps: "0B 1B settle 1A 0A settle"},
	{name: "rolled back at the end", tags: rising, steps: "0B 1B 2B settle 0A settle 1A 2A settle"},
	{name: "two servers", tags: rising, steps: "0B settle 1B settle 1C settle 0C settle", instances: 2},
	{name: "crash, and one more", tags: rising, steps: "0B 1kill settle 3B settle 1B 2B settle"},
	{name: "leaked key revoked", tags: rising, steps: "0R settle 1R 2R settle", first: "L"},
}

// TestRollouts deploys new keys to a fleet of stateless servers while people use it,
// in every order that deployments take. Nobody is signed out, and no request is
// refused (scenario 66).
func TestRollouts(t *testing.T) {
	stories, crowd := rollouts, liveUsers
	if testing.Short() {
		stories, crowd = rollouts[3:4], liveUsers/4
	}
	for _, story := range stories {
		t.Run(story.name, func(t *testing.T) {
			tell(t, story, crowd)
		})
	}
}

// tell is one story from its beginning to its end.
func tell(t *testing.T, story rollout, crowd int) {
	f := newFleet(t, story)
	away := f.signInAll(t, "away", awayUsers)
	c := f.open(t, crowd)
	for _, step := range strings.Fields(story.steps) {
		switch {
		case step == "settle":
			c.settle(t)
		case step[1:] == "kill":
			f.kill(int(step[0] - '0'))
		default:
			f.deploy(t, int(step[0]-'0'), step[1:])
		}
	}
	c.leave(t)
	for _, u := range away {
		comeBack(t, u, f.url)
	}
}

// fleet is a few instances behind one address.
type fleet struct {
	*balancer
	story   rollout
	secrets [4]string
	servers []*process
	killed  []*process
}

// newFleet returns a fleet that runs the first configuration everywhere. Its balancer
// passes on what a dead instance does not answer if the story has one.
func newFleet(t *testing.T, story rollout) *fleet {
	f := &fleet{balancer: newBalancer(t), story: story}
	f.Retry = strings.Contains(story.steps, "kill")
	for i := range f.secrets {
		f.secrets[i] = newSecret()
	}
	for i := range cmp.Or(story.instances, instances) {
		f.deploy(t, i, cmp.Or(story.first, "A"))
	}
	return f
}

// deploy replaces an instance, or adds one.
func (f *fleet) deploy(t *testing.T, i int, config string) {
	t.Helper()
	env := []string{"SESSION_STORE=none"}
	if f.story.env != nil {
		env = f.story.env(config)
	}
	f.put(t, i, append(f.keys(t, config), env...)...)
}

// put replaces an instance as deployments do: out of the balancer, stopped, started
// with the new environment, back in. The next number adds an instance.
func (f *fleet) put(t *testing.T, i int, env ...string) {
	t.Helper()
	if i == len(f.servers) {
		f.servers = append(f.servers, nil)
	}
	if old := f.servers[i]; old != nil {
		f.remove(old.url)
		if !slices.Contains(f.killed, old) {
			old.stop(t)
		}
	}
	f.servers[i] = start(t, "quickstart", append(env, "ANY_USER=1", "LEEWAY=0s", "ACCESS_TTL="+accessTTL.String())...)
	f.add(f.servers[i].url)
}

// kill kills an instance. The balancer does not know.
func (f *fleet) kill(i int) {
	f.servers[i].kill()
	f.killed = append(f.killed, f.servers[i])
}

// keys returns the environment of a configuration.
func (f *fleet) keys(t *testing.T, config string) []string {
	t.Helper()
	keys := holds[config]
	var old []string
	for _, k := range keys[1:] {
		old = append(old, f.secrets[k])
	}
	env := []string{"SESSION_SECRET=" + f.secrets[keys[0]], "SESSION_SECRET_OLD=" + strings.Join(old, ","), "TOKEN_VERSION=" + f.story.tags[config]}
	if config == "L" || config == "R" {
		env = append(env, "SESSION_SECRET_SPARE="+f.secrets[spare])
	}
	if config == "R" {
		leaked, err := keyring.NewKey("v1", []byte(f.secrets[1]))
		if err != nil {
			t.Fatal(err)
		}
		env = append(env, "SESSION_SECRET_REVOKED="+leaked.String())
	}
	return env
}

// signInAll returns n users who have signed in.
func (f *fleet) signInAll(t *testing.T, name string, n int) []*user {
	t.Helper()
	var users []*user
	for i := range n {
		u := newUser(name + strconv.Itoa(i))
		u.signIn(t, f.url)
		users = append(users, u)
	}
	return users
}

// comeBack is what a page does for a user who was away: refresh, and go on.
func comeBack(t *testing.T, u *user, server string) {
	t.Helper()
	if h := u.health(t, server); h.word("action") != "none" && h.word("action") != "refresh" {
		t.Errorf("%s was signed out while away: health %v", u.name, h)
	}
	u.want(t, 204, "POST", server+"/api/auth/refresh", "")
	if r := u.want(t, 200, "GET", server+"/api/me", ""); r.word("subject") != u.name {
		t.Errorf("got %v, want %s", r, u.name)
	}
}

// crowd is the people who use the fleet all the time.
type crowd struct {
	rounds []atomic.Int64 // of each user
	bad    problems
	end    context.CancelFunc
	gone   sync.WaitGroup
}

// open lets n users in, who stay until leave.
func (f *fleet) open(t *testing.T, n int) *crowd {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	c := &crowd{rounds: make([]atomic.Int64, n), end: cancel}
	signedIn := time.Now()
	for i, u := range f.signInAll(t, "live", n) {
		c.gone.Go(func() {
			for refreshed := signedIn; ctx.Err() == nil; c.rounds[i].Add(1) {
				refreshed = c.round(u, f.url, refreshed)
			}
		})
	}
	return c
}

// round is what one user does again and again, who has last refreshed at a time, and
// returns that time. Every request must be answered well; but on a busy machine the
// access token may have expired before the next refresh, and that says nothing.
func (c *crowd) round(u *user, server string, refreshed time.Time) time.Time {
	for _, step := range []struct {
		status       int
		method, path string
	}{
		{200, "GET", "/api/me"},
		{200, "GET", "/api/auth/token-health"},
		{204, "POST", "/api/auth/refresh"},
	} {
		began := time.Now()
		r, err := u.send(step.method, server+step.path, "")
		expired := time.Since(refreshed) > accessTTL-time.Second && (r.word("error") == "no_token" || r.word("error") == "expired" || r.word("action") == "refresh")
		switch {
		case err != nil:
			c.bad.add("%s: %s: %v", u.name, step.path, err)
		case expired && step.method == "GET":
		case r.status != step.status:
			c.bad.add("%s: %s: got %v, want %d", u.name, step.path, r, step.status)
		case r.json["action"] != nil && r.word("action") != "none":
			c.bad.add("%s: %s: got %v, want nothing to do", u.name, step.path, r)
		case step.method == "POST":
			refreshed = began
		}
		time.Sleep(pause)
	}
	return refreshed
}

// settle waits until every user has made a whole round that began after the call.
func (c *crowd) settle(t *testing.T) {
	t.Helper()
	whole := make([]int64, len(c.rounds))
	for i := range whole {
		whole[i] = c.rounds[i].Load() + 2
	}
	for i := range whole {
		eventually(t, "every user has been served", func() bool { return c.rounds[i].Load() >= whole[i] })
	}
}

// leave ends the crowd and reports what went wrong.
func (c *crowd) leave(t *testing.T) {
	t.Helper()
	c.end()
	c.gone.Wait()
	total := int64(0)
	for i := range c.rounds {
		total += c.rounds[i].Load()
	}
	t.Logf("%d users made %d requests", len(c.rounds), 3*total)
	c.bad.report(t)
}

// problems collects what went wrong, from many goroutines.
type problems struct {
	mu    sync.Mutex
	n     int
	first []string
}

func (p *problems) add(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.n++; len(p.first) < 5 {
		p.first = append(p.first, fmt.Sprintf(format, args...))
	}
}

func (p *problems) report(t *testing.T) {
	t.Helper()
	if p.n > 0 {
		t.Errorf("%d requests went wrong, such as:\n%s", p.n, strings.Join(p.first, "\n"))
	}
}

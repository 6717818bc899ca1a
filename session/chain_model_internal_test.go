package session

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sessionring/sessionring/internal/race"
)

// This file tries the rules of a chain against all that can happen to a user, one
// step after the other in every order, until no new state turns up.
//
// The parts are one record, one cookie jar, and up to four messages under way at
// once, one of each tab. A tab sends what the jar holds, at any moment. A message
// arrives within D ticks, overtakes others, or is lost. Two tabs that send in the
// same tick are also one request that arrives twice. Faults come on top, as the
// scene says. A user is lost when a request is answered with moveReuse.
//
// The clock stands still, and everything else grows older, though nothing beyond
// the grace G. Generations that nobody holds are forgotten, and the others renamed
// in their order; where a failover makes distances matter, those beyond 3 count as
// 3. So the states are finite.

// decider is chain.decide, or a rule that is wrong on purpose.
type decider func(c chain, g int64, now time.Time, grace time.Duration) (chain, move)

// A model goes on by one tick, and its clock stands still.
const tick = time.Second

var standstill = time.UnixMilli(1 << 40)

// longAgo is the last time that a grace of so many ticks does not reach.
func longAgo(grace int8) int64 { return standstill.Add(-time.Duration(grace) * tick).UnixMilli() }

// signedIn is the chain of a sign-in.
func signedIn(grace int8) chain {
	c := newChain()
	c.age(0, grace)
	return c
}

// present makes c the chain after a refresh of g.
func (c *chain) present(g int64, grace int8, rule decider) (did move) {
	*c, did = rule(*c, g, standstill, time.Duration(grace)*tick)
	return did
}

// age makes c older by d.
func (c *chain) age(d time.Duration, grace int8) {
	c.Minted = max(c.Minted-d.Milliseconds(), longAgo(grace))
	c.Choice = max(c.Choice-d.Milliseconds(), longAgo(grace))
}

// forget drops what can no longer meet any of the tokens held.
func (c *chain) forget(held []int64, grace int8) {
	first := func(from, to int64) int64 {
		for _, h := range held {
			if h >= from {
				to = min(to, h)
			}
		}
		return to
	}
	over := c.Choice == longAgo(grace)
	if !slices.Contains(held, c.Chosen) {
		c.Chosen = 0
	}
	if over || !slices.Contains(held, c.Prev) {
		c.Prev = 0
	}
	lo := c.Lo
	c.Lo = first(lo, c.Gen)
	if c.PrevLo = first(c.PrevLo, lo); over || c.PrevLo == lo {
		c.PrevLo = c.Lo
	}
}

// renumber renames generations in their order. Up to base, they follow each other
// without a gap.
func renumber(base int64, gens []*int64) {
	var room [32]int64
	old := append(room[:0], 0)
	for _, g := range gens {
		old = append(old, *g)
	}
	slices.Sort(old)
	old = slices.Compact(old)
	var to [32]int64
	for i, g := range old[1:] {
		gap := int64(1)
		if g > base {
			gap = min(g-old[i], 3)
		}
		to[i+1] = to[i] + gap
	}
	for _, g := range gens {
		i, _ := slices.BinarySearch(old, *g)
		*g = to[i]
	}
}

func (c *chain) gens() []*int64 { return []*int64{&c.Gen, &c.Lo, &c.Chosen, &c.Prev, &c.PrevLo} }

// message is a request or an answer under way.
type message struct {
	gen       int64 // in an answer 0: no refresh token
	kind, age int8
}

const (
	freeSlot = iota
	aRequest
	anOrphan // a request of a client that has lost power since
	anAnswer
)

// world is one state of everything.
type world struct {
	server, replica           chain // replica: what a failover brings back; zero: it keeps up
	jar, disk, copied         int64 // disk: what a power loss brings back; copied: a request yet to come; 0: none
	behind, diskAge, copyAge  int8  // ages of replica, disk and copied
	access                    int8  // age of the access token, at most scene.life
	copies, failovers, clocks int8  // faults yet to come
	lost                      bool
	net                       [4]message
}

// scene says what can happen.
type scene struct {
	name         string
	tabs         int
	delay, grace int8    // D and G, in ticks
	rule         decider // nil: chain.decide
	bodies       bool    // clients store the token of every answer, even one that repeats theirs
	life         int8    // they refresh when the access token is that old; 0: at any time, as when a page loads
	power        int8    // any power loss brings back a jar of at most so long ago; 0: there is none
	copies       int8    // requests that come again later, by up to life, or at any time if that is 0
	failovers    int8    // to a replica that is behind by at most lag
	lag          int8
	clocks       int8 // steps of the store's clock by more than the grace
	big          bool // not with -short or -race
}

// normal gives all states that nothing can tell apart one form.
func (s *scene) normal(w *world) {
	slices.SortFunc(w.net[:], func(a, b message) int {
		return int(b.kind-a.kind)<<16 + int(b.gen-a.gen)<<8 + int(b.age-a.age)
	})
	if w.disk == w.jar {
		w.disk, w.diskAge = 0, 0
	}
	held := []int64{w.jar, w.disk, w.copied, w.net[0].gen, w.net[1].gen, w.net[2].gen, w.net[3].gen}
	tokens := []*int64{&w.jar, &w.disk, &w.copied, &w.net[0].gen, &w.net[1].gen, &w.net[2].gen, &w.net[3].gen}
	base := w.server.Gen
	w.server.forget(held, s.grace)
	if w.replica.Gen != 0 {
		w.replica.forget(held, s.grace)
		base = min(base, w.replica.Gen)
	}
	renumber(base, append(append(tokens, w.server.gens()...), w.replica.gens()...))
}

// next yields every state that can follow w.
func (s *scene) next(w world, yield func(what string, n world)) {
	s.wait(w, yield)
	s.send(w, yield)
	for i, m := range w.net[:s.tabs] {
		if m.kind != freeSlot && (i == 0 || m != w.net[i-1]) {
			s.arrive(w, i, yield)
		}
	}
	s.fail(w, yield)
	if w.copied != 0 {
		n := w
		n.copied, n.copyAge = 0, 0
		n.lost = n.server.present(w.copied, s.grace, s.rule) == moveReuse
		yield("copy arrives", n)
	}
	if w.clocks > 0 {
		w.clocks--
		w.server.age(time.Hour, s.grace)
		yield("clock step", w)
	}
}

// wait lets one tick pass, unless a message must arrive first.
func (s *scene) wait(w world, yield func(string, world)) {
	for i := range w.net {
		if w.net[i].kind == freeSlot {
			continue
		}
		if w.net[i].age++; w.net[i].age > s.delay {
			return
		}
	}
	w.server.age(tick, s.grace)
	w.access = min(w.access+1, s.life)
	if fade(&w.replica.Gen, &w.behind, s.lag); w.replica.Gen == 0 {
		w.replica = chain{}
	} else {
		w.replica.age(tick, s.grace)
	}
	fade(&w.disk, &w.diskAge, s.power)
	if s.life > 0 {
		fade(&w.copied, &w.copyAge, s.life)
	}
	yield("a tick", w)
}

// fade makes g, if there is one, older, and takes it away beyond the age of most.
func fade(g *int64, age *int8, most int8) {
	if *g == 0 {
		return
	}
	if *age++; *age > most {
		*g, *age = 0, 0
	}
}

// send lets a tab refresh.
func (s *scene) send(w world, yield func(string, world)) {
	i := slices.Index(w.net[:s.tabs], message{})
	if i < 0 || w.access < s.life {
		return
	}
	w.net[i] = message{kind: aRequest, gen: w.jar}
	yield("send", w)
	if w.copies > 0 {
		w.copies--
		w.copied = w.jar
		yield("send, with a copy", w)
	}
}

// arrive lets message i arrive or be lost.
func (s *scene) arrive(w world, i int, yield func(string, world)) {
	m := w.net[i]
	w.net[i] = message{}
	yield("a message is lost", w)
	switch m.kind {
	case aRequest, anOrphan:
		w.lost = w.server.present(m.gen, s.grace, s.rule) == moveReuse
		if m.kind == aRequest {
			w.net[i] = message{kind: anAnswer}
			if w.server.Gen != m.gen || s.bodies {
				w.net[i].gen = w.server.Gen
			}
		}
		yield("request arrives", w)
	case anAnswer:
		w.access = 0
		if m.gen != 0 && m.gen != w.jar {
			old := w.jar
			if w.jar = m.gen; w.disk != 0 {
				yield("answer arrives, the disk stays", w)
			}
			if s.power > 0 {
				w.disk, w.diskAge = old, 0
			}
		}
		yield("answer arrives", w)
	}
}

// fail brings back the jar of a moment ago, and what was sent still arrives; or it
// brings back the record of a moment ago.
func (s *scene) fail(w world, yield func(string, world)) {
	if n := w; w.disk != 0 {
		n.jar, n.disk, n.diskAge = n.disk, 0, 0
		for i, m := range n.net {
			if m.kind == aRequest {
				n.net[i].kind = anOrphan
			} else if m.kind == anAnswer {
				n.net[i] = message{}
			}
		}
		yield("power loss", n)
	}
	if w.replica.Gen != 0 {
		w.failovers--
		w.server, w.replica, w.behind = w.replica, chain{}, 0
		yield("failover", w)
	} else if w.failovers > 0 {
		w.replica = w.server
		yield("the replica falls behind", w)
	}
}

// explore visits every state, the nearest first, and returns how many there are
// and the shortest way to one in which the user is lost.
func (s scene) explore(t *testing.T) (states int, loss []string) {
	type step struct {
		world
		from int
		what string
	}
	if s.rule == nil {
		s.rule = chain.decide
	}
	first := world{server: signedIn(s.grace), jar: 1, access: s.life}
	first.copies, first.failovers, first.clocks = s.copies, s.failovers, s.clocks
	list, seen := []step{{world: first}}, map[world]bool{first: true}
	for at := 0; at < len(list); at++ {
		if len(list) > 1_000_000 {
			t.Fatalf("%s: states have no end", s.name)
		}
		if list[at].lost {
			for ; at > 0; at = list[at].from {
				loss = append(loss, fmt.Sprintf("%-31s %v", list[at].what, list[at].world))
			}
			slices.Reverse(loss)
			break
		}
		s.next(list[at].world, func(what string, n world) {
			if s.normal(&n); !seen[n] {
				seen[n] = true
				list = append(list, step{n, at, what})
			}
		})
	}
	return len(list), loss
}

// check explores a scene in which the user is lost or is not.
func (s scene) check(t *testing.T, lost bool) {
	t.Helper()
	if s.big && (testing.Short() || race.Enabled) { // a search has one goroutine
		return
	}
	n, loss := s.explore(t)
	t.Logf("%s: %d states, lost in %d steps", s.name, n, len(loss))
	if lost != (loss != nil) {
		t.Errorf("%s: got a user lost %v, want %v; steps:\n%s", s.name, !lost, lost, strings.Join(loss, "\n"))
	}
}

// TestHonestUser is P1: an honest user is never taken for a thief, if G >= 4 D;
// with power loss G >= 4 D + 2 of the ticks it undoes; and a replica that takes
// over is behind by less than G. One kind of fault at a time: a power loss around
// a failover, or two steps of the clock, do lose users.
func TestHonestUser(t *testing.T) {
	t.Parallel()
	for _, s := range []scene{ // 280,970 states, all there are; 93,360 with -short or -race
		{name: "one tab", tabs: 1, delay: 1, grace: 4},
		{name: "two tabs", tabs: 2, delay: 1, grace: 4},
		{name: "four tabs", tabs: 4, delay: 1, grace: 4},
		{name: "four tabs, bodies", tabs: 4, delay: 1, grace: 4, bodies: true},
		{name: "four tabs, odd grace", tabs: 4, delay: 1, grace: 5},
		{name: "four tabs, D 2", tabs: 4, delay: 2, grace: 8, big: true},
		{name: "three tabs, D 3", tabs: 3, delay: 3, grace: 12, big: true},
		{name: "power loss", tabs: 4, delay: 1, grace: 6, power: 1},
		{name: "power loss, bodies", tabs: 3, delay: 1, grace: 6, power: 1, bodies: true},
		{name: "power loss, slow disk", tabs: 3, delay: 1, grace: 8, power: 2},
		{name: "power loss, D 2", tabs: 3, delay: 2, grace: 10, power: 1, big: true},
		{name: "late copy, ordinary clients", tabs: 3, delay: 1, grace: 4, copies: 1, life: 16},
		{name: "late copy, D 2", tabs: 2, delay: 2, grace: 8, copies: 1, life: 32, big: true},
		{name: "failover", tabs: 4, delay: 1, grace: 4, failovers: 1, lag: 3, big: true},
		{name: "failover, D 2", tabs: 2, delay: 2, grace: 8, failovers: 1, lag: 7, big: true},
		{name: "failover, one tab, bodies", tabs: 1, delay: 1, grace: 4, failovers: 1, lag: 50, bodies: true},
		{name: "clock step", tabs: 4, delay: 1, grace: 4, clocks: 1},
	} {
		s.check(t, false)
	}
}

// TestLostUser finds users who are lost: beyond the bounds of TestHonestUser, and
// under wrong rules however long the grace. So the model can find them.
func TestLostUser(t *testing.T) {
	t.Parallel()
	oneSibling := func(_, next chain, _ int64) chain { next.Lo = next.Gen; return next }
	noPrevious := func(_, next chain, _ int64) chain { next.Prev = 0; return next }
	manyMints := func(c, _ chain, g int64) chain {
		if g < c.Lo {
			return c
		}
		return c.choose(g, standstill.UnixMilli())
	}
	for _, s := range []scene{
		{name: "G < 4 D", tabs: 2, delay: 1, grace: 3},
		{name: "G < 4 D, D 2", tabs: 2, delay: 2, grace: 7},
		{name: "power loss, G < 4 D + 2", tabs: 1, delay: 1, grace: 5, power: 1},
		{name: "late copy, any time", tabs: 2, delay: 1, grace: 9, copies: 1},
		{name: "failover, a grace behind", tabs: 2, delay: 1, grace: 4, failovers: 1, lag: 4},
		{name: "failover, bodies", tabs: 2, delay: 1, grace: 9, failovers: 1, bodies: true},
		{name: "clock step, bodies", tabs: 2, delay: 1, grace: 9, clocks: 1, bodies: true},
		{name: "two clock steps", tabs: 2, delay: 1, grace: 9, clocks: 2},
		{name: "power loss around a failover", tabs: 1, delay: 1, grace: 9, power: 1, failovers: 1},
		{name: "many mints in a grace", tabs: 2, delay: 1, grace: 9, rule: wrong(moveSame, moveSame, manyMints)},
		{name: "one sibling", tabs: 1, delay: 1, grace: 9, copies: 1, life: 36, rule: wrong(moveSibling, moveSibling, oneSibling)},
		{name: "no siblings", tabs: 1, delay: 1, grace: 9, rule: wrong(moveSibling, moveReuse, noMove)},
		{name: "no extension", tabs: 2, delay: 1, grace: 9, rule: wrong(moveExtend, moveSame, noMove)},
		{name: "no adoption", tabs: 1, delay: 1, grace: 9, failovers: 1, rule: wrong(moveAdopt, moveReuse, noMove)},
		{name: "no previous one", tabs: 2, delay: 1, grace: 9, clocks: 1, rule: wrong(moveChoose, moveChoose, noPrevious)},
	} {
		s.check(t, true)
	}
}

package session

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// later returns the store's time after a step of d.
func later(d time.Duration) time.Time { return standstill.Add(d) }

// TestDecide has generations 1 to 11 presented to one chain. Candidates are 7 to
// 9, chosen is 6; 4 and 5 were candidates before, and 3 was chosen then.
func TestDecide(t *testing.T) {
	t.Parallel()
	const half, g = 30 * time.Second, time.Minute
	for _, tt := range []struct {
		minted, choice, grace time.Duration // how long ago
		want                  string
	}{
		{0, 0, g, "re re sa sa sa sa sa sa sa ad ad"},
		{half - time.Millisecond, half, g, "re re sa sa sa sa sa sa sa ad ad"},
		{half, half, g, "re re ex ex ex ex ex ex sa ad ad"},
		{g - time.Millisecond, g - time.Millisecond, g, "re re ex ex ex ex ex ex sa ad ad"},
		{g, g, g, "re re re re re si ch ch ch ad ad"},
		{g, g - time.Millisecond, g, "re re re re re si ch ch ch ad ad"}, // a store's clock that went back
		{0, g, g, "re re re re re sa sa sa sa ad ad"},
		{0, g - time.Millisecond, g, "re re sa sa sa sa sa sa sa ad ad"},
		{g - time.Millisecond, 1000 * time.Hour, g, "re re re re re ex ex ex sa ad ad"},
		{-half + time.Millisecond, -half, g, "re re sa sa sa sa sa sa sa ad ad"}, // the clock went back a little
		{-half, -half, g, "re re ex ex ex ex ex ex sa ad ad"},
		{-g + time.Millisecond, -g + time.Millisecond, g, "re re ex ex ex ex ex ex sa ad ad"},
		{-g, -g, g, "re re re re re si ch ch ch ad ad"}, // and by far
		{0, -g, g, "re re re re re sa sa sa sa ad ad"},
		{0, 0, 0, "re re re re re si ch ch ch ad ad"}, // no grace
		{0, 0, -g, "re re re re re si ch ch ch ad ad"},
		{0, 0, time.Millisecond, "re re ex ex ex ex ex ex sa ad ad"},
		{time.Millisecond, 0, 3 * time.Millisecond, "re re ex ex ex ex ex ex sa ad ad"}, // an odd grace has the shorter half first
		{0, time.Millisecond, time.Millisecond, "re re re re re ex ex ex sa ad ad"},
	} {
		c := chain{Gen: 9, Lo: 7, Chosen: 6, Prev: 3, PrevLo: 4}
		c.Minted, c.Choice = later(-tt.minted).UnixMilli(), later(-tt.choice).UnixMilli()
		var got []string
		for gen := range int64(11) {
			next, did := c.decide(gen+1, standstill, tt.grace)
			checkMove(t, c, next, did, gen+1, standstill.UnixMilli(), tt.grace)
			got = append(got, string(did[:2]))
		}
		if got := strings.Join(got, " "); got != tt.want {
			t.Errorf("minted %v and chosen %v ago, grace %v: got %s, want %s", tt.minted, tt.choice, tt.grace, got, tt.want)
		}
	}
}

// TestChainStories presents generations to the chain of a sign-in, one after the
// other. A step is: time, generation presented, move, newest generation then.
func TestChainStories(t *testing.T) {
	t.Parallel()
	if got, _ := newChain().decide(1, standstill, time.Minute); got != adoptedChain(standstill.UnixMilli()) {
		t.Errorf("got %v after the first refresh, want that of a session from before the store", got)
	}
	for name, steps := range map[string]string{
		"an ordinary session": "0s,1,choose,2 15m,2,choose,3 30m,3,choose,4",
		"two tabs":            "0s,1,choose,2 1s,1,same,2 15m,2,choose,3 15m1s,2,same,3 15m2s,3,same,3",
		"a tab two behind":    "0s,1,choose,2 60s,2,choose,3 61s,1,same,3 119s,1,extend,3 120s,1,reuse,3",
		"scenario 29":         "0s,1,choose,2" + strings.Repeat(" 0s,1,same,2", 49),
		"scenario 31":         "0s,1,choose,2 10m,1,sibling,3 10m,1,same,3 25m,3,choose,4",
		"lost for a weekend":  "0s,1,choose,2 60h,1,sibling,3 120h,1,sibling,4 121h,2,choose,5 122h,5,choose,6",
		"scenario 32":         "0s,1,choose,2 15m,2,choose,3 16m,1,reuse,3",
		"second to move on":   "0s,1,choose,2 5m,1,sibling,3 10m,2,choose,4 20m,3,reuse,4",
		"handed over late":    "0s,1,choose,2 10m,1,sibling,3 10m50s,2,extend,3 11m40s,2,extend,3 12m40s,2,choose,4",
		"a racing sibling":    "0s,1,choose,2 10m,1,sibling,3 12m,2,choose,4 12m29s,3,same,4 12m30s,3,extend,4 13m,3,reuse,4",
		"failover":            "0s,1,choose,2 5s,9,adopt,10 6s,1,same,10 64s,2,extend,10 65s,2,reuse,10 2m5s,10,choose,11",
		"clock steps":         "9h,1,choose,2 1h,1,sibling,3 1h,2,same,3 59m45s,2,same,3 59m30s,2,extend,3 9h,3,choose,4",
	} {
		c := newChain()
		for _, step := range strings.Fields(steps) {
			at, want, _ := strings.Cut(step, ",")
			after, err := time.ParseDuration(at)
			if err != nil {
				t.Fatal(err)
			}
			var g int64
			fmt.Sscanf(want, "%d", &g)
			next, did := c.decide(g, later(after), time.Minute)
			checkMove(t, c, next, did, g, later(after).UnixMilli(), time.Minute)
			if got := fmt.Sprintf("%d,%s,%d", g, did, next.Gen); got != want {
				t.Errorf("%s, at %s: got %s, want %s", name, at, got, want)
			}
			c = next
		}
	}
}

// checkMove holds a move of genuine generation g against what a move may do.
func checkMove(t *testing.T, c, next chain, did move, g, now int64, grace time.Duration) {
	t.Helper()
	past := func(at int64, d time.Duration) bool { return max(now-at, at-now) >= d.Milliseconds() }
	candidate := c.Lo <= g && g <= c.Gen
	racing := !past(c.Choice, grace) && (g == c.Prev || c.PrevLo <= g && g < c.Lo)
	current, inGrace := candidate || g == c.Chosen || racing, !past(c.Minted, grace)
	want, may := c, false
	switch did {
	case moveSame:
		may = inGrace && current
	case moveExtend:
		want.Minted, may = now, inGrace && current && g < c.Gen && past(c.Minted, grace/2)
	case moveChoose:
		want, may = chain{c.Gen + 1, c.Gen + 1, g, c.Chosen, c.Lo, now, now}, !inGrace && candidate
	case moveSibling:
		want.Gen, want.Minted, may = c.Gen+1, now, !inGrace && g == c.Chosen
	case moveAdopt:
		want, may = chain{g + 1, g + 1, g, c.Chosen, c.Lo, now, now}, g > c.Gen
	case moveReuse:
		may = g < c.Lo && g != c.Chosen && !(inGrace && racing)
	}
	if !may || next != want {
		t.Fatalf("%v, %d at %d, grace %v: got %v %s, want %v, allowed %v", c, g, now, grace, next, did, want, may)
	}
	if !sound(next) || next.Gen < c.Gen {
		t.Fatalf("%v, %d at %d: %s made an unsound %v", c, g, now, did, next)
	}
}

// sound reports whether the generations in c can be those of a session.
func sound(c chain) bool {
	return 1 <= c.Lo && c.Lo <= c.Gen && 0 <= c.Chosen && c.Chosen < c.Lo &&
		0 <= c.Prev && c.Prev < c.PrevLo && 1 <= c.PrevLo && c.PrevLo <= c.Lo
}

// records yields every sound chain of up to 5 generations, its times up to 6 ticks
// ago: 11,662, to which TestRepeatedRefresh makes 485,286 repeated refreshes.
func records(yield func(c chain)) {
	for digits := range 7 * 7 * 7 * 7 * 7 * 7 * 7 {
		var n [7]int64
		for i := range n {
			n[i], digits = int64(digits%7), digits/7
		}
		c := chain{n[0], n[1], n[2], n[3], n[4], longAgo(int8(n[5])), longAgo(int8(n[6]))}
		if c.Gen < 6 && sound(c) {
			yield(c)
		}
	}
}

// TestRepeatedRefresh is P3: however many refreshes of one token come within the
// grace, all get the same generation, and there is no further mint; nor is anything
// else written in its first half. Another token that was valid gets the same.
func TestRepeatedRefresh(t *testing.T) {
	t.Parallel()
	const g = 6 * tick
	records(func(c chain) {
		for gen := int64(1); gen <= c.Gen+2; gen++ {
			next, did := c.decide(gen, standstill, g)
			checkMove(t, c, next, did, gen, standstill.UnixMilli(), g)
			again := func(gen int64, at time.Duration) {
				n, did := next.decide(gen, later(at), g)
				since := next.Minted
				if gen < next.Lo && gen != next.Chosen { // from before the last choice
					since = min(since, next.Choice)
				}
				age := later(at).Sub(time.UnixMilli(since))
				if age < g && n.Gen != next.Gen || age < g/2 && (did != moveSame || n != next) {
					t.Fatalf("%v, then %d after %v: got %v %s, want generation %d", next, gen, at, n, did, next.Gen)
				}
			}
			for at := time.Duration(0); at < g && did != moveReuse; at += tick {
				again(gen, at)
			}
			for other := int64(1); other <= c.Gen && did != moveReuse && did != moveAdopt; other++ {
				if _, did := c.decide(other, standstill, g); did != moveReuse {
					again(other, 0)
				}
			}
		}
	})
}

// wrong returns chain.decide with another end to the move did.
func wrong(did, instead move, end func(c, next chain, g int64) chain) decider {
	return func(c chain, g int64, now time.Time, grace time.Duration) (chain, move) {
		next, got := c.decide(g, now, grace)
		if got == did {
			return end(c, next, g), instead
		}
		return next, got
	}
}

func noMove(c, _ chain, _ int64) chain { return c }

// duel is a state of two holders of the tokens of one session. A tick is as long
// as a grace is, or a part of it.
type duel struct {
	server          chain
	user            int64
	thief           [6]int64 // all that can still be of use
	userAge, thfAge int8     // since their last refreshes
	userWas, thfWas bool     // whether they have refreshed since the theft
}

// duelists says how the two behave: each refreshes once in every life at least.
type duelists struct {
	grace, life int8
	hoards      bool // the thief may also present tokens older than the last one
	near        bool // the two may present within a grace of each other
	rule        decider
}

// class tells tokens apart, as far as it matters to who holds them; 0: dead.
func (d *duel) class(g int64, grace int8) int {
	s, racing := &d.server, d.server.Choice > longAgo(grace)
	return 1 + slices.Index([]bool{
		g == d.user, g == s.Gen, g >= s.Lo && g < s.Gen, g != 0 && g == s.Chosen,
		racing && g != 0 && g == s.Prev, racing && g >= s.PrevLo && g < s.Lo,
	}, true)
}

// normal gives all states that nothing can tell apart one form.
func (p duelists) normal(d duel) duel {
	tokens := append(d.server.gens(), &d.user)
	var have [7]bool
	for i, g := range d.thief {
		k := d.class(g, p.grace)
		if k == 0 || have[k] {
			d.thief[i] = 0
		}
		have[k] = true
		tokens = append(tokens, &d.thief[i])
	}
	d.server.forget(append(d.thief[:], d.user), p.grace)
	renumber(d.server.Gen, tokens)
	slices.Sort(d.thief[:])
	return d
}

// next yields what can follow d, and after how many ticks of both being active.
func (p duelists) next(d duel, yield func(n duel, ticks int, did move)) {
	if p.near || !d.thfWas || d.thfAge >= p.grace {
		n := d
		did := n.server.present(d.user, p.grace, p.rule)
		n.user, n.userAge, n.userWas = n.server.Gen, 0, true
		yield(n, 0, did)
	}
	for _, g := range d.thief {
		if g == 0 || !p.near && d.userWas && d.userAge < p.grace {
			continue
		}
		n := d
		did := n.server.present(g, p.grace, p.rule)
		if n.thfAge, n.thfWas = 0, true; !p.hoards {
			n.thief = [6]int64{}
		}
		n.thief[0] = n.server.Gen
		yield(n, 0, did)
	}
	if d.userAge < p.life && d.thfAge < p.life {
		d.server.age(tick, p.grace)
		d.userAge++
		d.thfAge++
		ticks := 0
		if d.userWas && d.thfWas {
			ticks = 1
		}
		yield(d, ticks, "")
	}
}

const never = 1 << 20

// longest returns for how many ticks both can be active from d on without reuse.
func (p duelists) longest(d duel, known map[duel]int) (most int) {
	if n, ok := known[d]; ok {
		return n
	}
	known[d] = never // should d come back
	p.next(d, func(n duel, ticks int, did move) {
		if n = p.normal(n); n != d && did != moveReuse && most < never {
			most = max(most, min(never, ticks+p.longest(n, known)))
		}
	})
	known[d] = most
	return most
}

// thefts returns the states in which a thief may take what an honest user holds,
// or all that the user ever held; answers to the user may have been lost.
func (p duelists) thefts() []duel {
	list := []duel{p.normal(duel{server: signedIn(p.grace), user: 1, thief: [6]int64{1}})}
	add := func(d duel) {
		if d = p.normal(d); !slices.Contains(list, d) {
			list = append(list, d)
		}
	}
	for at := 0; at < len(list); at++ {
		d := list[at]
		d.server.age(tick, p.grace)
		if d.userAge++; d.userAge <= p.life {
			add(d)
		}
		d = list[at]
		d.server.present(d.user, p.grace, p.rule)
		d.thief[0], d.userAge = d.server.Gen, 0
		add(d)
		d.user = d.server.Gen
		add(d)
	}
	return list
}

// TestTwoHolders is P2: of two who present tokens of one session, never within a
// grace of each other, one is found out within two access lifetimes of both being
// active, and within three if one keeps its older tokens for later use. It goes
// through every theft and every schedule: 26,693 states.
func TestTwoHolders(t *testing.T) {
	t.Parallel()
	const life = 15
	for _, tt := range []struct {
		name string
		duelists
		want int
	}{
		{"G 1", duelists{1, life, false, false, chain.decide}, 2 * life},
		{"G 3", duelists{3, life, false, false, chain.decide}, 2 * life},
		{"G 1, hoarding", duelists{1, life, true, false, chain.decide}, 3 * life},
		{"G 2, hoarding", duelists{2, life, true, false, chain.decide}, 3 * life},
		{"within the grace", duelists{1, life, false, true, chain.decide}, never}, // the limit of the rules
		{"live token to a late one", duelists{1, life, false, false, wrong(moveSibling, moveSame, noMove)}, never},
	} {
		known, worst := map[duel]int{}, 0
		for _, d := range tt.thefts() {
			for d.thfAge = range int8(life + 1) {
				worst = max(worst, tt.longest(d, known))
			}
		}
		t.Logf("%s: at most %d ticks, %d states", tt.name, worst, len(known))
		if worst > tt.want || tt.want == never && worst < never {
			t.Errorf("%s: got %d ticks until reuse, want %d", tt.name, worst, tt.want)
		}
	}
}

// TestOrdinaryThief has a thief take the token of a user at some time. Both refresh
// like any client, when they next need an access token after the last one ended.
func TestOrdinaryThief(t *testing.T) {
	t.Parallel()
	const life, runs = 15 * time.Minute, 2000
	for _, grace := range []time.Duration{time.Minute, 30 * time.Second, 10 * time.Second} {
		var found []time.Duration
		for run := range uint64(runs) {
			r := rand.New(rand.NewPCG(run, uint64(grace)))
			wait := func() time.Duration { return life + time.Duration(r.ExpFloat64()*float64(time.Minute)) }
			c, did := newChain().choose(1, standstill.UnixMilli()), moveSame
			held, next := [2]int64{2, 2}, [2]time.Duration{wait(), time.Duration(r.Int64N(int64(life)))}
			var at time.Duration
			for did != moveReuse && at < 7*24*time.Hour {
				at = min(next[0], next[1])
				who := slices.Index(next[:], at)
				c, did = c.decide(held[who], later(at), grace)
				held[who], next[who] = c.Gen, at+wait()
			}
			found = append(found, at)
		}
		slices.Sort(found)
		median, last := found[runs/2], found[runs-1]
		t.Logf("grace %v: found after %v, at most %v", grace, median, last)
		if median > 3*life || last > 24*time.Hour {
			t.Errorf("grace %v: found after %v, at most %v, want within %v and a day", grace, median, last, 3*life)
		}
	}
}

// FuzzDecide makes a chain by a history, two bytes a refresh: which generation, how
// long after the one before. Then any generation comes at any time and grace.
func FuzzDecide(f *testing.F) {
	f.Add([]byte{}, int64(1), int64(0), int64(time.Minute))
	f.Add([]byte{0, 10, 1, 20, 1, 70, 0, 70, 2, 40, 250, 1, 3, 200}, int64(3), int64(45_000), int64(time.Minute))
	f.Add([]byte{0, 70, 0, 70, 1, 70, 1, 70, 0, 190}, int64(2), int64(-20_000), int64(time.Nanosecond))
	f.Fuzz(func(t *testing.T, history []byte, g, after, grace int64) {
		c, now := newChain(), standstill.UnixMilli()
		refresh := func(g int64, grace time.Duration) {
			next, did := c.decide(g, time.UnixMilli(now), grace)
			checkMove(t, c, next, did, g, now, grace)
			again, did2 := next.decide(g, time.UnixMilli(now), grace)
			if did != moveReuse && grace >= 2*time.Millisecond && (again != next || did2 != moveSame) {
				t.Fatalf("%v, %d twice at %d: got %v %s, want %v", c, g, now, again, did2, next)
			}
			c = next
		}
		for i := 1; i < len(history); i += 2 {
			now += int64(int8(history[i])) * tick.Milliseconds()
			refresh(max(1, c.Gen-int64(int8(history[i-1]))), time.Minute)
		}
		now += after % (1 << 50)
		refresh(max(1, g%(1<<50)), time.Duration(grace))
	})
}

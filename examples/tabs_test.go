package examples_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	tabUsers  = 20
	tabRounds = 3
	tabGrace  = 3 * time.Second // far above what three requests take
)

// threeTabs has two servers behind one address and users with three tabs each, which
// wake at the same time and refresh with the same token. All get the same token.
func threeTabs(t *testing.T, store string) {
	env := on(store, "REFRESH_GRACE="+tabGrace.String())
	b := newBalancer(t)
	b.add(start(t, "quickstart", env...).url)
	b.add(start(t, "quickstart", env...).url)
	var bad problems
	var all sync.WaitGroup
	for i := range tabUsers {
		u := newUser(fmt.Sprint("tabs", i))
		held := u.signInBearer(t, b.url)
		all.Go(func() { wake(u, b.url, held, &bad) })
	}
	all.Wait()
	bad.report(t)
}

// wake lets three tabs of u refresh at once, again and again.
func wake(u *user, server string, held tokens, bad *problems) {
	for round := range tabRounds {
		var next [3]tokens
		var tabs sync.WaitGroup
		for i := range next {
			tabs.Go(func() {
				r, got, err := u.trade(server, held.refresh)
				if err != nil || r.status != 200 {
					bad.add("%s, round %d: got %v, %v", u.name, round, r, err)
				}
				next[i] = got
			})
		}
		tabs.Wait()
		a, b, c := factsOf(next[0].refresh), factsOf(next[1].refresh), factsOf(next[2].refresh)
		if a != b || b != c || a.Gen != int64(round)+2 || a.SID != factsOf(held.refresh).SID {
			bad.add("%s, round %d: got %+v, %+v, %+v, want one generation %d", u.name, round, a, b, c, round+2)
		}
		held = next[round%3]
		time.Sleep(tabGrace + 100*time.Millisecond)
	}
}

// stolen has a thief and the owner use the same refresh token, each going on from
// what it got. The second to move on is found out, and the session ends for both;
// another session of the owner lives.
func stolen(t *testing.T, store string) {
	const grace = 300 * time.Millisecond
	s := start(t, "quickstart", on(store, "ACCESS_TTL=20s", "LEEWAY=0s", "REFRESH_GRACE="+grace.String())...)
	owner, thief := newUser("alice"), newUser("mallory")
	other := owner.signInBearer(t, s.url)
	held := owner.signInBearer(t, s.url)
	sid := factsOf(held.refresh).SID
	copied := held

	found := ""
	for turn := 0; found == "" && turn < 10; turn++ {
		time.Sleep(grace + 50*time.Millisecond)
		who, has := owner, &held
		if turn%2 == 1 {
			who, has = thief, &copied
		}
		r, next, err := who.trade(s.url, has.refresh)
		switch {
		case err != nil || r.status != 200 && r.status != 401:
			t.Fatalf("turn %d: got %v, %v", turn, r, err)
		case r.status == 401:
			found = r.word("error")
		default:
			*has = next
		}
	}
	if found != "reused" {
		t.Errorf("got %q, want the theft to be found out", found)
	}
	for _, x := range []tokens{held, copied} {
		owner.wantTrade(t, 401, s.url, x.refresh)
		owner.wantMe(t, 401, s.url, x.access)
	}
	owner.wantMe(t, 200, s.url, owner.wantTrade(t, 200, s.url, other.refresh).access)
	s.stop(t)
	wantTheftLogged(t, s, sid, factsOf(other.refresh).SID)
}

// wantTheftLogged wants one line about the session of the theft, and none about others.
func wantTheftLogged(t *testing.T, s *process, sid, other string) {
	t.Helper()
	lines := 0
	for line := range strings.Lines(s.out.String()) {
		if !strings.Contains(line, "refresh token reused") {
			continue
		}
		lines++
		if !strings.Contains(line, "subject=alice") || !strings.Contains(line, sid) || strings.Contains(line, other) {
			t.Errorf("got %q, want session %s of alice", line, sid)
		}
	}
	if lines != 1 {
		t.Errorf("got %d lines about a theft, want 1:\n%s", lines, s.out)
	}
}

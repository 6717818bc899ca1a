package examples_test

import (
	"fmt"
	"testing"
	"time"
)

// adopted turns a store on under people who are signed in. Those who come before
// ADOPT_UNTIL stay so; without it they have to sign in again.
func adopted(t *testing.T, store string) {
	env := on(store)
	stateless := start(t, "quickstart", append(env, "SESSION_STORE=none")...)
	var users []*user
	sids := map[*user]string{}
	for i := range 10 {
		u := newUser(fmt.Sprint("adopted", i))
		sids[u] = u.signIn(t, stateless.url)
		users = append(users, u)
	}
	stateless.stop(t)

	closed := start(t, "quickstart", env...)
	before := users[0].cookie(t, closed.url, "local-refresh")
	r := users[0].want(t, 401, "POST", closed.url+"/api/auth/refresh", "")
	if r.word("error") != "revoked" || users[0].cookie(t, closed.url, "local-refresh") != before {
		t.Errorf("got %v, want revoked, and the cookies left", r)
	}
	closed.stop(t)

	open := start(t, "quickstart", append(env, "ADOPT_UNTIL="+soon())...)
	for _, u := range users {
		wantSession(t, u, open.url, sids[u], "v1")
		u.want(t, 204, "POST", open.url+"/api/auth/refresh", "")
		wantSession(t, u, open.url, sids[u], "v1")
	}
	open.stop(t)

	closed = start(t, "quickstart", env...)
	for _, u := range users {
		u.want(t, 204, "POST", closed.url+"/api/auth/refresh", "")
		wantSession(t, u, closed.url, sids[u], "v1")
	}
}

// adoptedLegacy is the same for a token of a Flask system, which knows neither
// sessions nor key ids: it has until LEGACY_UNTIL.
func adoptedLegacy(t *testing.T, store string) {
	secret := newSecret()
	env := []string{"ANY_USER=1", "SESSION_STORE=" + store, "SESSION_SECRET=" + secret, "REFRESH_GRACE=300ms"}
	u, old := newUser("alice"), flaskToken(secret, "refresh", time.Hour)
	closed := start(t, "quickstart", env...)
	u.wantTrade(t, 401, closed.url, old)
	closed.stop(t)

	open := start(t, "quickstart", append(env, "LEGACY_UNTIL="+soon())...)
	u.wantMe(t, 200, open.url, flaskToken(secret, "access", time.Minute))
	next := u.wantTrade(t, 200, open.url, old)
	if me := u.wantMe(t, 200, open.url, next.access); me.word("subject") != userID() {
		t.Errorf("got %v, want %s", me, userID())
	}
	time.Sleep(400 * time.Millisecond)
	third := u.wantTrade(t, 200, open.url, next.refresh)
	if a, b := factsOf(next.refresh), factsOf(third.refresh); a.SID == "" || a.SID != b.SID || a.Gen != 2 || b.Gen != 3 {
		t.Errorf("got %+v and %+v, want generations 2 and 3 of one session", a, b)
	}
	open.stop(t)

	closed = start(t, "quickstart", env...) // the date has passed; the session is ours now
	time.Sleep(400 * time.Millisecond)
	u.wantTrade(t, 200, closed.url, third.refresh)
	u.wantTrade(t, 401, closed.url, old)
}

// storedCrowd is how many people use a fleet with a store.
const storedCrowd = 15

// turnedOn replaces stateless servers by servers with a store, one by one, while
// people use them.
func turnedOn(t *testing.T, store string) {
	tell(t, rollout{
		name: "store turned on", tags: map[string]string{"A": "v1", "S": "v1"}, steps: "0S settle 1S 2S settle",
		env: func(config string) []string {
			if config == "A" {
				return []string{"SESSION_STORE=none"}
			}
			return []string{"SESSION_STORE=" + store, "ADOPT_UNTIL=" + soon(), "REFRESH_GRACE=500ms"}
		},
	}, storedCrowd)
}

// replaced replaces all servers of a fleet with a store by servers with a new key, and
// some of them back, while people use them.
func replaced(t *testing.T, store string) {
	tell(t, rollout{
		name: "servers replaced", tags: rising, steps: "0B settle 1B 2B settle 0A settle 0B",
		env: func(string) []string { return []string{"SESSION_STORE=" + store, "REFRESH_GRACE=500ms"} },
	}, storedCrowd)
}

package examples_test

import (
	"fmt"
	"testing"
	"time"
)

// replayers is how many users sign out; each leaves an access token and a refresh
// token, and each of these is sent to two servers.
const replayers = 200

// replayStrict replays tokens at once, at both servers.
func replayStrict(t *testing.T, store string) {
	env := on(store, "REVOCATION=strict")
	here, there := start(t, "quickstart", env...), start(t, "quickstart", env...)
	left := signAllOut(t, here.url, there.url)
	wantNoReplay(t, here.url, left)
	wantNoReplay(t, there.url, left)
}

// replayCached replays tokens at once where they were signed out, and a second and a
// half later at the other server.
func replayCached(t *testing.T, store string) {
	env := on(store)
	here, there := start(t, "quickstart", env...), start(t, "quickstart", env...)
	left := signAllOut(t, here.url, there.url)
	over := time.Now().Add(1500 * time.Millisecond)
	wantNoReplay(t, here.url, left)
	time.Sleep(time.Until(over))
	wantNoReplay(t, there.url, left)
}

// signAllOut signs users in at one server, has them seen by the other, signs them out
// at the first, and returns the tokens that thieves may have copied.
func signAllOut(t *testing.T, here, there string) []tokens {
	t.Helper()
	left := make([]tokens, replayers)
	crew(replayers, func(i int) {
		u := newUser(fmt.Sprint("replay", i))
		left[i] = u.signInBearer(t, here)
		u.wantMe(t, 200, there, left[i].access)
	})
	crew(replayers, func(i int) {
		u := newUser("")
		if i%2 == 0 {
			u.want(t, 204, "POST", here+"/api/auth/logout", "", "Authorization", "Bearer "+left[i].access)
			return
		}
		u.want(t, 204, "POST", here+"/api/auth/logout", `{"refresh_token":"`+left[i].refresh+`"}`)
	})
	return left
}

// wantNoReplay wants every token to be refused.
func wantNoReplay(t *testing.T, server string, left []tokens) {
	t.Helper()
	crew(len(left), func(i int) {
		u := newUser(fmt.Sprint("replay", i))
		u.wantMe(t, 401, server, left[i].access)
		u.wantTrade(t, 401, server, left[i].refresh)
	})
}

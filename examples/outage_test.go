package examples_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/sessionring/sessionring/session/storetest/drivers"
)

// TestPostgresOutage stops the database under load and starts it again.
func TestPostgresOutage(t *testing.T) {
	t.Parallel()
	dsn, db := drivers.StartPostgres(t)
	mustBeOurs(t, db)
	outage(t, dsn, db.Stop, db.Start)
}

// TestRedisOutage kills a Redis that saves everything, under load.
func TestRedisOutage(t *testing.T) {
	t.Parallel()
	dsn, db := drivers.StartRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	mustBeOurs(t, db)
	outage(t, dsn, db.Kill, db.Start)
}

// TestMinuteWithoutStore stops a database for a minute in which the keys are, too. The
// servers go on with those they have, make no others, and sign nobody out; when it is
// back, all is as before, and the keys can be rotated.
func TestMinuteWithoutStore(t *testing.T) {
	t.Parallel()
	gone := time.Minute
	if testing.Short() {
		gone = 10 * time.Second
	}
	dsn, db := drivers.StartPostgres(t)
	mustBeOurs(t, db)
	kek := newSecret()
	f := &fleet{balancer: newBalancer(t)}
	for i := range 2 {
		f.servers = append(f.servers, start(t, "quickstart", "ANY_USER=1", "SESSION_STORE="+dsn, "SESSION_KEYRING_KEK="+kek))
		f.add(f.servers[i].url)
	}
	operator := openKeys(t, dsn, kek, 0)
	users := f.signInAll(t, "minute", liveUsers)
	leave := underLoad(t, f.url, users[:20])
	time.Sleep(time.Second)
	db.Stop()
	over := time.Now().Add(gone)
	for time.Now().Before(over) {
		for i, s := range f.servers {
			wantOutage(t, s.url, users[20+i])
			s.hangUp(t)
			s.wantVersion(t, "v1")
		}
		if tag, err := operator.Rotate(t.Context()); err == nil {
			t.Errorf("got the key %s without a store, want an error", tag)
		}
		time.Sleep(gone / 10)
	}
	db.Start()
	for _, s := range f.servers {
		eventually(t, "the server is ready again", func() bool { return users[20].do(t, "GET", s.url+"/readyz", "").status == 200 })
	}
	wantRotation(t, operator, "v2")
	for _, s := range f.servers {
		s.hangUp(t)
		s.wantVersion(t, "v2")
	}
	leave()
	for _, u := range users {
		comeBack(t, u, f.url)
	}
}

// outage is the story of a store that is away for a while and keeps its data. The
// server says so and signs nobody out.
func outage(t *testing.T, store string, stop, restart func()) {
	s := start(t, "quickstart", on(store, "REFRESH_GRACE=500ms")...)
	var users []*user
	for i := range 20 {
		u := newUser(fmt.Sprint("outage", i))
		u.signIn(t, s.url)
		users = append(users, u)
	}
	leaver := newUser("leaver")
	left := leaver.signInBearer(t, s.url)
	leave := underLoad(t, s.url, users[:10])
	time.Sleep(time.Second)
	stop()
	wantOutage(t, s.url, users[10])
	leaver.want(t, 503, "POST", s.url+"/api/auth/logout", `{"refresh_token":"`+left.refresh+`"}`)
	restart()
	eventually(t, "the server is ready again", func() bool { return users[0].do(t, "GET", s.url+"/readyz", "").status == 200 })
	time.Sleep(time.Second)
	leave()
	for _, u := range users {
		u.want(t, 204, "POST", s.url+"/api/auth/refresh", "")
		u.want(t, 200, "GET", s.url+"/api/me", "")
	}
	eventually(t, "the sign-out is made up for", func() bool { r, _, _ := leaver.trade(s.url, left.refresh); return r.status == 401 })
}

// wantOutage wants the server to say that it cannot tell, and to change nothing. Of
// access tokens that is so when the list of ended sessions has become too old.
func wantOutage(t *testing.T, server string, u *user) {
	t.Helper()
	eventually(t, "the server is not ready", func() bool { return u.do(t, "GET", server+"/readyz", "").status == 503 })
	u.want(t, 200, "GET", server+"/healthz", "")
	wantLater(t, u.want(t, 503, "GET", server+"/readyz", ""))
	wantLater(t, u.want(t, 503, "POST", server+"/api/auth/refresh", ""))
	wantLater(t, u.want(t, 503, "POST", server+"/api/auth/login", u.credentials()))
	eventually(t, "access tokens cannot be judged", func() bool { return u.do(t, "GET", server+"/api/me", "").status == 503 })
	wantLater(t, u.want(t, 503, "GET", server+"/api/me", ""))
}

// wantLater wants an answer that asks to come again and leaves the cookies alone.
func wantLater(t *testing.T, r reply) {
	t.Helper()
	if r.word("error") != "unavailable" || r.header.Get("Retry-After") == "" || len(r.header["Set-Cookie"]) > 0 {
		t.Errorf("got %v with %v, want Retry-After and no cookies", r, r.header)
	}
}

// underLoad lets users refresh and ask who they are, until the function that it
// returns is called. Every answer must be good or ask to come again.
func underLoad(t *testing.T, server string, users []*user) (leave func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var bad problems
	var all sync.WaitGroup
	for _, u := range users {
		all.Go(func() {
			for ctx.Err() == nil {
				mayWait(u, 204, "POST", server+"/api/auth/refresh", &bad)
				mayWait(u, 200, "GET", server+"/api/me", &bad)
				time.Sleep(50 * time.Millisecond)
			}
		})
	}
	t.Cleanup(func() { cancel(); all.Wait() })
	return func() {
		t.Helper()
		cancel()
		all.Wait()
		bad.report(t)
	}
}

// mayWait sends a request that is answered well or with a 503 that changes nothing.
func mayWait(u *user, status int, method, url string, bad *problems) {
	r, err := u.send(method, url, "")
	switch {
	case err != nil:
		bad.add("%s: %v", u.name, err)
	case r.status == 503 && (r.header.Get("Retry-After") == "" || len(r.header["Set-Cookie"]) > 0):
		bad.add("%s: got %v with %v", u.name, r, r.header)
	case r.status != 503 && r.status != status:
		bad.add("%s: %s: got %v, want %d", u.name, url, r, status)
	}
}

// TestRedisForgets kills a Redis that saves nothing: all records are gone. Whoever
// refreshes has to sign in again; those who signed in during the last half minute are
// asked to wait first, since a record may be late. Access tokens are good until they
// expire, because the list of ended sessions is only forgotten, not wrong; what this
// instance ended it still knows, and tells the others again.
func TestRedisForgets(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	dsn, db := drivers.StartRedis(t)
	mustBeOurs(t, db)
	env := on(dsn)
	s := start(t, "quickstart", env...)
	old, young, out := newUser("old"), newUser("young"), newUser("out")
	old.signIn(t, s.url)
	held := old.signInBearer(t, s.url)
	time.Sleep(31 * time.Second)
	young.signIn(t, s.url)
	left := out.signInBearer(t, s.url)
	out.want(t, 204, "POST", s.url+"/api/auth/logout", `{"refresh_token":"`+left.refresh+`"}`)
	db.Kill()
	old.want(t, 503, "POST", s.url+"/api/auth/refresh", "")
	time.Sleep(2 * time.Second) // until the server has noticed; an outage may be shorter than that
	db.Start()
	eventually(t, "the server is ready again", func() bool { return old.do(t, "GET", s.url+"/readyz", "").status == 200 })

	r := old.want(t, 401, "POST", s.url+"/api/auth/refresh", "")
	if r.word("error") != "revoked" || len(r.header["Set-Cookie"]) > 0 {
		t.Errorf("got %v with %v, want revoked and the cookies left", r, r.header)
	}
	old.wantTrade(t, 401, s.url, held.refresh)
	old.want(t, 200, "GET", s.url+"/api/me", "")
	wantLater(t, young.want(t, 503, "POST", s.url+"/api/auth/refresh", ""))
	out.wantMe(t, 401, s.url, left.access)
	out.wantTrade(t, 401, s.url, left.refresh)
	another := start(t, "quickstart", env...)
	eventually(t, "another server knows who has signed out", func() bool {
		return out.do(t, "GET", another.url+"/api/me", "", "Authorization", "Bearer "+left.access).status == 401
	})
	out.wantTrade(t, 401, another.url, left.refresh)
	comeBack(t, signedInAgain(t, old, s.url), s.url)
}

// signedInAgain returns u after a new sign-in.
func signedInAgain(t *testing.T, u *user, server string) *user {
	t.Helper()
	u.signIn(t, server)
	return u
}

// mustBeOurs skips a test that would stop a server from the environment.
func mustBeOurs(t *testing.T, db *drivers.Server) {
	t.Helper()
	if db == nil {
		t.Skip("the server comes from the environment, and this test must stop one")
	}
}

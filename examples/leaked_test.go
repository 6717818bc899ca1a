package examples_test

import "testing"

// TestLeakedKey has a thief with the key of a fleet, who makes tokens by a server of
// his own. They are good until the key is revoked, and not any longer; those of honest
// users, for whom the spare vouches too, stay good.
func TestLeakedKey(t *testing.T) {
	t.Parallel()
	f := newFleet(t, rollout{tags: rising, first: "L", instances: 2})
	his := start(t, "quickstart", append(f.keys(t, "A"), "ANY_USER=1", "SESSION_STORE=none")...)
	honest, thief := newUser("alice"), newUser("alice")
	sid := honest.signIn(t, f.url)
	made := thief.signInBearer(t, his.url)
	thief.wantMe(t, 200, f.url, made.access)
	for i := range f.servers {
		f.deploy(t, i, "R")
	}
	for range f.servers {
		if r := thief.wantMe(t, 401, f.url, made.access); r.word("error") != "revoked" {
			t.Errorf("got %v, want revoked", r)
		}
		thief.wantTrade(t, 401, f.url, made.refresh)
		wantSession(t, honest, f.url, sid, "v1")
	}
	honest.want(t, 204, "POST", f.url+"/api/auth/refresh", "")
	wantSession(t, honest, f.url, sid, "v2")
}

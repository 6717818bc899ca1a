package examples_test

import (
	"fmt"
	"strings"
	"testing"
)

// operated has an administrator look after two servers on one store: the keys are
// rotated at one of them and seen at the other, and one that sessions need is dropped
// by force only.
func operated(t *testing.T, store string) {
	env := []string{"ANY_USER=1", "SESSION_STORE=" + store, "SESSION_KEYRING_KEK=" + newSecret(), "ACCESS_TTL=1m", "REFRESH_TTL=10m"}
	first, second := start(t, "quickstart", env...), start(t, "quickstart", env...)
	admin := newUser("admin")
	admin.signIn(t, first.url)
	newUser("alice").signIn(t, second.url)
	newUser("bob").signIn(t, second.url)
	eventually(t, "both servers in the store", func() bool { return len(admin.status(t, second.url)["instances"].([]any)) == 2 })
	s := admin.status(t, second.url)
	if got := fmt.Sprintf("%v %v %d %v", s["version"], s["sessions"], len(s["instances"].([]any)), s["alerts"]); got != "v1 map[v1:3] 2 []" {
		t.Errorf("got %s, want the key v1, three sessions, two servers and no alert", got)
	}
	wantError(t, "in_use", admin.want(t, 409, "POST", second.url+"/admin/api/keys/drop", `{"key":"v1"}`))
	if got := admin.want(t, 200, "POST", first.url+"/admin/api/keys/rotate", "{}").word("tag"); got != "v2" {
		t.Errorf("got the key %q, want v2", got)
	}
	eventually(t, "v2 at the other server", func() bool { return admin.status(t, second.url)["version"] == "v2" })
	page := admin.want(t, 200, "GET", second.url+"/admin/", "")
	if !strings.Contains(page.text, "sessions that would be lost now: 3") || !strings.Contains(page.text, "All instances, from the store") {
		t.Errorf("got the page %s, want it to count three sessions", page.text)
	}
	if policy := page.header.Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self'") {
		t.Errorf("got the policy %q, want the one of the dashboard", policy)
	}
	r := admin.want(t, 409, "POST", second.url+"/admin/api/keys/drop", `{"key":"v1"}`)
	if fmt.Sprint(r.json["sessions_lost"]) != "3" || !strings.Contains(r.word("message"), "live sessions that would be lost now: 3") {
		t.Errorf("got %v, want it to count three sessions", r)
	}
	admin.want(t, 200, "POST", second.url+"/admin/api/keys/drop", `{"key":"v1","force":true}`)
	wantError(t, "unknown_key", admin.want(t, 503, "GET", second.url+"/api/me", ""))
	first.stop(t)
	second.stop(t)
}

// estranged starts two servers on one store that share no key, as after a rotation
// that forgot the old secret: each tells of it, at its start and until it is mended.
func estranged(t *testing.T, store string) {
	secret := newSecret()
	first := start(t, "quickstart", "ANY_USER=1", "SESSION_STORE="+store, "SESSION_SECRET="+secret)
	newUser("alice").signIn(t, first.url)
	forgetful := start(t, "quickstart", "ANY_USER=1", "SESSION_STORE="+store, "SESSION_SECRET="+newSecret())
	for _, p := range []*process{forgetful, first} {
		eventually(t, "no_shared_key in the log", func() bool { return strings.Contains(p.out.String(), "no_shared_key") })
	}
	admin := newUser("admin")
	admin.signIn(t, forgetful.url)
	eventually(t, "the alerts", func() bool {
		list := fmt.Sprint(admin.status(t, forgetful.url)["alerts"])
		return strings.Contains(list, "no_shared_key") && strings.Contains(list, "needed_key_missing")
	})
	if strings.Contains(forgetful.out.String()+first.out.String(), secret) {
		t.Error("got the secret in a log")
	}
	forgetful.stop(t)
	admin.signIn(t, first.url)
	eventually(t, "the end of the alert", func() bool {
		return !strings.Contains(fmt.Sprint(admin.status(t, first.url)["alerts"]), "no_shared_key")
	})
}

// status returns what a server tells its administrator.
func (u *user) status(t *testing.T, server string) map[string]any {
	t.Helper()
	return u.want(t, 200, "GET", server+"/admin/api/status", "").json
}

// wantError wants the word of a refusal.
func wantError(t *testing.T, word string, r reply) {
	t.Helper()
	if r.word("error") != word {
		t.Errorf("got %v, want the error %s", r, word)
	}
}

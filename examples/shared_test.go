package examples_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// sharedKeyring starts servers at once that have a KEK and no keys. They make one key,
// keep it in the store, and find it there again.
func sharedKeyring(t *testing.T, store string) {
	env := []string{"ANY_USER=1", "SESSION_STORE=" + store, "SESSION_KEYRING_KEK=" + newSecret()}
	first, second := launch(t, "quickstart", env...), launch(t, "quickstart", env...)
	first.listening(t)
	second.listening(t)
	u := newUser("alice")
	sid := u.signIn(t, first.url)
	wantSession(t, u, second.url, sid, "v1")
	wantVouchers(t, u, second.url, "signs current")
	for _, s := range []*process{first, second} {
		s.stop(t)
		if !strings.Contains(s.out.String(), "keys:     shared, sealed in the store") {
			t.Errorf("got %s, want a word about the shared keyring", s.out)
		}
	}
	wantRefusal(t, "quickstart", refusal{
		env:  []string{"SESSION_STORE=" + store, "SESSION_KEYRING_KEK=" + newSecret()},
		want: "SESSION_KEYRING_KEK",
	})
	again := start(t, "quickstart", env...)
	wantSession(t, u, again.url, sid, "v1")
	u.want(t, 204, "POST", again.url+"/api/auth/refresh", "")
}

// devices shows a user where it is signed in, and lets it end each of these, and
// none of others.
func devices(t *testing.T, store string) {
	s := start(t, "quickstart", on(store)...)
	here, phone, bob := newUser("alice"), newUser("alice"), newUser("bob")
	current, other := here.signIn(t, s.url), phone.signIn(t, s.url)
	bobs := bob.signIn(t, s.url)
	wantDevices(t, here, s.url, map[string]bool{current: true, other: false})
	for _, id := range []string{bobs, "unknown", other, other} {
		here.want(t, 204, "DELETE", s.url+"/api/auth/sessions/"+id, "")
	}
	wantDevices(t, here, s.url, map[string]bool{current: true})
	wantDevices(t, bob, s.url, map[string]bool{bobs: true})
	phone.want(t, 401, "GET", s.url+"/api/me", "")
	phone.want(t, 401, "POST", s.url+"/api/auth/refresh", "")
	here.want(t, 204, "DELETE", s.url+"/api/auth/sessions/"+current, "")
	here.want(t, 401, "GET", s.url+"/api/auth/sessions", "")
}

// wantDevices wants u to have these sessions, true for the current one, described by
// exactly the members of the contract.
func wantDevices(t *testing.T, u *user, server string, want map[string]bool) {
	t.Helper()
	r := u.want(t, 200, "GET", server+"/api/auth/sessions", "")
	list, _ := r.json["sessions"].([]any)
	if len(r.json) != 1 || len(list) != len(want) {
		t.Errorf("got %v, want %d sessions", r, len(want))
	}
	for _, item := range list {
		m, _ := item.(map[string]any)
		var names []string
		for name := range m {
			names = append(names, name)
		}
		slices.Sort(names)
		if strings.Join(names, ",") != "auth_time,current,expires_at,id,label,refreshed,tag" {
			t.Errorf("got members %v", names)
		}
		current, known := want[fmt.Sprint(m["id"])]
		if !known || m["current"] != current || m["tag"] != "v1" || m["label"] == "" || m["subject"] != nil {
			t.Errorf("got %v, want one of %v", m, want)
		}
		for _, name := range []string{"auth_time", "refreshed", "expires_at"} {
			if _, err := time.Parse(time.RFC3339, fmt.Sprint(m[name])); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

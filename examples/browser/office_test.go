package browser_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sessionring/sessionring/cookie"
	"github.com/sessionring/sessionring/health"
	"github.com/sessionring/sessionring/health/dashboard"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// office is a service with a dashboard for the user admin, in the middle of a rotation.
type office struct {
	*service
	m      *session.Manager
	keys   *keyring.Keyring
	store  *memstore.Store
	health *health.Handler
	url    string           // of the dashboard
	users  []session.Tokens // of v1

	planted counts // what other instances have seen
}

// newOffice returns one that issued its tokens under v1 until 40 minutes ago.
func newOffice(t *testing.T, policy cookie.Config) *office {
	t.Helper()
	o := &office{service: newService(t), store: new(memstore.Store), planted: counts{}}
	o.url = o.at(sibling) + "/admin/"
	file := filepath.Join(t.TempDir(), "keys.json")
	if err := keyring.InitFile(file); err != nil {
		t.Fatal(err)
	}
	before := o.manager(file, policy)
	for i := range 240 {
		o.users = append(o.users, o.issue(before, fmt.Sprint("user-", i), ""))
	}
	o.issue(before, "demo", "Firefox on Linux")
	o.plantHour()
	rotated := o.open(file)
	if _, err := rotated.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.date(file, -40*time.Minute, -61*24*time.Hour)
	o.m = o.manager(file, policy)
	o.health = health.New(o.m)
	o.serveDashboard()
	if err := o.m.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return o
}

// open opens a keyring file.
func (o *office) open(file string) *keyring.Keyring {
	o.Helper()
	keys, err := keyring.FromFile(file)
	if err != nil {
		o.Fatal(err)
	}
	return keys
}

// manager returns the sessions of the office under the keys of a file.
func (o *office) manager(file string, policy cookie.Config) *session.Manager {
	o.Helper()
	cookies, err := cookie.New(policy)
	if err != nil {
		o.Fatal(err)
	}
	o.keys = o.open(file)
	m, err := session.New(session.Config{Keys: o.keys, Cookies: cookies, Store: o.store})
	if err != nil {
		o.Fatal(err)
	}
	return m
}

// date sets when the keys of a file were made, the newest first.
func (o *office) date(file string, ages ...time.Duration) {
	o.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		o.Fatal(err)
	}
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	if err := json.Unmarshal(data, &set); err != nil || len(set.Keys) != len(ages) {
		o.Fatal(len(set.Keys), err)
	}
	for i, age := range ages {
		set.Keys[i]["iat"] = time.Now().Add(age).Unix()
	}
	if data, err = json.Marshal(set); err != nil {
		o.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		o.Fatal(err)
	}
}

// serveDashboard serves the dashboard, and a page that signs in whomever it likes.
func (o *office) serveDashboard() {
	o.Helper()
	board, err := dashboard.New(dashboard.Config{
		Sessions: o.m, Keys: o.keys, Health: o.health, Store: o.store, RefreshPath: "/refresh", SignInPath: "/",
		Allow: func(c *session.Claims) error {
			if c.Subject != "admin" {
				return session.ErrForbidden
			}
			return nil
		},
	})
	if err != nil {
		o.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "sign in here") })
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if err := o.m.SignIn(w, r, session.Grant{Subject: r.FormValue("user")}); err != nil {
			http.Error(w, err.Error(), session.Status(err))
		}
	})
	mux.HandleFunc("/refresh", o.m.HandleRefresh)
	mux.Handle("/admin/", board)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.api = mux // without the policy before it, which refuses foreign pages by itself
}

// issue begins a session of a device.
func (o *office) issue(m *session.Manager, user, device string) session.Tokens {
	o.Helper()
	tokens, err := m.Issue(o.Context(), session.Grant{Subject: user, Label: device})
	if err != nil {
		o.Fatal(err)
	}
	return tokens
}

// plant writes a record into the store, as another instance would.
func (o *office) plant(id, group string, v any) {
	o.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		o.Fatal(err)
	}
	if ok, err := o.store.Swap(o.Context(), id, nil, data, group, "", time.Now().Add(time.Hour)); !ok || err != nil {
		o.Fatal(ok, err)
	}
}

// counts is what the history says of an interval, by kind and name.
type counts map[string]map[string]int64

// plantHour writes what other instances have seen before these five minutes.
func (o *office) plantHour() {
	o.Helper()
	for ago := int64(1); ago <= 11; ago++ {
		checks, moved := 560+17*(ago*ago%7), max(0, 9-ago) // since the rotation
		begins := time.Now().Add(-time.Duration(ago) * 5 * time.Minute).Truncate(5 * time.Minute).Unix()
		c := counts{
			"verified": {"v1": checks * (10 - moved) / 10, "v2": checks * moved / 10},
			"refused":  {"expired": 31 - ago%4, "no_token": 12 + ago%5, "invalid": ago % 2},
			"health":   {"ok": 180 - 15*moved, "previous_key": 15 * moved, "expired": 12 + ago%3},
			"sessions": {"v1": 240 - 14*moved, "v2": 14 * moved},
		}
		o.plant(fmt.Sprint("history:5m:", begins), "history:5m", c)
		for kind, names := range c {
			for name, n := range names {
				if o.planted[kind] == nil {
					o.planted[kind] = map[string]int64{}
				}
				o.planted[kind][name] += n
			}
		}
	}
	o.plant("history:issued", "", map[string]int64{"v1": time.Now().Add(-40 * time.Minute).Unix()})
}

// work has the service do what services do: a part of the sessions moves on to v2.
func (o *office) work() {
	o.Helper()
	for range 70 {
		o.m.Verify(o.Context(), o.users[0].AccessToken)
	}
	fresh := o.issue(o.m, "demo", "Chrome on Android")
	for range 30 {
		o.m.Verify(o.Context(), fresh.AccessToken)
	}
	for range 4 {
		o.m.Verify(o.Context(), "x")
	}
	for range 9 {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", "Bearer "+o.users[0].AccessToken)
		o.health.ServeHTTP(httptest.NewRecorder(), r)
	}
	for _, tokens := range o.users[:150] {
		if _, err := o.m.Refresh(o.Context(), tokens.RefreshToken); err != nil {
			o.Fatal(err)
		}
	}
}

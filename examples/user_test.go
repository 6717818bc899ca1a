package examples_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/sessionring/sessionring/examples/internal/stage"
)

// user is one person with one browser.
type user struct {
	name string
	stage.Browser
}

// connections are shared by all users, and enough for them.
var connections = &http.Transport{MaxIdleConnsPerHost: 100}

func newUser(name string) *user { return &user{name, stage.NewBrowser(connections, patience)} }

// reply is an answer, read to its end.
type reply struct {
	status int
	header http.Header
	text   string
	json   map[string]any // nil unless the body is an object
}

func (r reply) String() string { return stage.Reply{Status: r.status, Text: r.text}.String() }

// word returns a member of the body that is text, or "".
func (r reply) word(name string) string { return stage.Reply{JSON: r.json}.Word(name) }

// send sends a request with the cookies of u and further headers, name by value.
func (u *user) send(method, url, body string, headers ...string) (reply, error) {
	r, err := u.Send(method, url, body, headers...)
	return reply{r.Status, r.Header, r.Text, r.JSON}, err
}

// do is send where no failure is expected.
func (u *user) do(t *testing.T, method, url, body string, headers ...string) reply {
	t.Helper()
	r, err := u.send(method, url, body, headers...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	return r
}

// want is do with the status that must come.
func (u *user) want(t *testing.T, status int, method, url, body string, headers ...string) reply {
	t.Helper()
	r := u.do(t, method, url, body, headers...)
	if r.status != status {
		t.Errorf("%s %s: got %v, want %d", method, url, r, status)
	}
	return r
}

// credentials is the body of a sign-in under ANY_USER.
func (u *user) credentials() string {
	return fmt.Sprintf(`{"username":%q,"password":%q}`, u.name, u.name)
}

// signIn signs u in and returns the session id.
func (u *user) signIn(t *testing.T, server string) string {
	t.Helper()
	return u.want(t, 200, "POST", server+"/api/auth/login", u.credentials()).word("session_id")
}

// health returns what the server says about the tokens of u.
func (u *user) health(t *testing.T, server string) reply {
	t.Helper()
	return u.do(t, "GET", server+"/api/auth/token-health", "")
}

// cookie returns the value of a cookie in the jar, or "".
func (u *user) cookie(t *testing.T, server, name string) string {
	t.Helper()
	req, err := http.NewRequest("GET", server, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range u.Jar.Cookies(req.URL) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

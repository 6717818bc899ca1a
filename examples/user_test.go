package examples_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
)

// user is one person with one browser: a cookie jar.
type user struct {
	name   string
	client *http.Client
}

// connections are shared by all users, and enough for them.
var connections = &http.Transport{MaxIdleConnsPerHost: 100}

func newUser(name string) *user {
	jar, _ := cookiejar.New(nil)
	return &user{name, &http.Client{Jar: jar, Transport: connections, Timeout: patience}}
}

// reply is an answer, read to its end.
type reply struct {
	status int
	header http.Header
	text   string
	json   map[string]any // nil unless the body is an object
}

func (r reply) String() string { return fmt.Sprintf("%d %s", r.status, strings.TrimSpace(r.text)) }

// word returns a member of the body that is text, or "".
func (r reply) word(name string) string {
	s, _ := r.json[name].(string)
	return s
}

// send sends a request with the cookies of u and further headers, name by value.
func (u *user) send(method, url, body string, headers ...string) (reply, error) {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
	}
	answer, err := u.client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	r := reply{status: answer.StatusCode, header: answer.Header, text: string(data)}
	json.Unmarshal(data, &r.json)
	return r, err
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
	for _, c := range u.client.Jar.Cookies(req.URL) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

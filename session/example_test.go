package session_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/sessionring/sessionring/cookie"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
)

// exampleKeys stands for keyring.FromEnv in the examples: keys with these tags,
// the first of which signs.
func exampleKeys(tags ...string) *keyring.Keyring {
	var list []keyring.Key
	for _, tag := range tags {
		key, err := keyring.NewKey(tag, secretOf(tag))
		if err != nil {
			log.Fatal(err)
		}
		list = append(list, key)
	}
	keys, err := keyring.New(list...)
	if err != nil {
		log.Fatal(err)
	}
	return keys
}

// The routes of a service with cookies, and a browser that signs in, comes back
// with a new access token, and signs out.
func Example() {
	sessions, err := session.New(session.Config{Keys: exampleKeys("v1"), Cookies: cookie.SameSite()})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		user, password := r.FormValue("username"), r.FormValue("password")
		if user != "demo" || password != "demo" { // your own check goes here
			http.Error(w, "wrong name or password", http.StatusUnauthorized)
			return
		}
		if err := sessions.SignIn(w, r, session.Grant{Subject: user}); err != nil {
			http.Error(w, "please try again", session.Status(err))
		}
	})
	mux.HandleFunc("POST /refresh", sessions.HandleRefresh)
	mux.HandleFunc("POST /logout", sessions.HandleSignOut)
	mux.Handle("GET /me", sessions.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "hello", session.FromContext(r.Context()).Subject)
	})))

	server := httptest.NewTLSServer(mux)
	defer server.Close()
	browser := server.Client()
	browser.Jar, _ = cookiejar.New(nil)
	status := func(res *http.Response, err error) string {
		if err != nil {
			return err.Error()
		}
		res.Body.Close()
		return res.Status
	}
	fmt.Println("me:     ", status(browser.Get(server.URL+"/me")))
	fmt.Println("login:  ", status(browser.PostForm(server.URL+"/login", url.Values{"username": {"demo"}, "password": {"demo"}})))
	fmt.Println("me:     ", status(browser.Get(server.URL+"/me")))
	fmt.Println("refresh:", status(browser.Post(server.URL+"/refresh", "", nil)))
	fmt.Println("me:     ", status(browser.Get(server.URL+"/me")))
	fmt.Println("logout: ", status(browser.Post(server.URL+"/logout", "", nil)))
	fmt.Println("me:     ", status(browser.Get(server.URL+"/me")))
	// Output:
	// me:      401 Unauthorized
	// login:   200 OK
	// me:      200 OK
	// refresh: 204 No Content
	// me:      200 OK
	// logout:  204 No Content
	// me:      401 Unauthorized
}

// Where a browser keeps no cookies, the tokens go into a body, once, and come back
// in the Authorization header. A refresh is answered the way it was asked.
func ExampleManager_Issue() {
	policy, err := cookie.New(cookie.Config{CrossSite: true, Origins: []string{"https://app.example.net"}})
	if err != nil {
		log.Fatal(err)
	}
	sessions, err := session.New(session.Config{Keys: exampleKeys("v1"), Cookies: policy})
	if err != nil {
		log.Fatal(err)
	}
	signIn := func(w http.ResponseWriter, r *http.Request) {
		grant := session.Grant{Subject: "alice", Label: r.UserAgent()}
		if r.FormValue("transport") != "bearer" {
			if err := sessions.SignIn(w, r, grant); err != nil {
				http.Error(w, "please try again", session.Status(err))
			}
			return
		}
		tokens, err := sessions.Issue(r.Context(), grant) // the one place where tokens may go into a body
		if err != nil {
			http.Error(w, "please try again", session.Status(err))
			return
		}
		tokens.WriteJSON(w)
	}
	for _, transport := range []string{"cookie", "bearer"} {
		w := httptest.NewRecorder()
		signIn(w, httptest.NewRequest("POST", "/login?transport="+transport, nil))
		fmt.Printf("%s: %d cookies, tokens in the body: %t, %s\n", transport,
			len(w.Result().Cookies()), strings.Contains(w.Body.String(), "access_token"), w.Header().Get("Cache-Control"))
	}
	// Output:
	// cookie: 2 cookies, tokens in the body: false, no-store
	// bearer: 0 cookies, tokens in the body: true, no-store
}

// Everyone sees the home page; it greets those who are signed in.
func ExampleManager_Optional() {
	sessions, err := session.New(session.Config{Keys: exampleKeys("v1"), Cookies: cookie.SameSite(),
		SilentRefresh: true,
		Refuse: func(w http.ResponseWriter, r *http.Request, err error) {
			if status := session.Status(err); status != http.StatusUnauthorized {
				http.Error(w, "please try again", status)
				return
			}
			http.Redirect(w, r, "/login?next="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
		}})
	if err != nil {
		log.Fatal(err)
	}
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c := session.FromContext(r.Context()); c != nil {
			fmt.Fprint(w, "hello ", c.Subject)
			return
		}
		fmt.Fprint(w, "hello stranger") // FromContext is nil for strangers
	})
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", sessions.Optional(page))
	mux.Handle("GET /account", sessions.Require(page))

	// A browser whose access cookie has gone, and which has its refresh cookie still.
	w := httptest.NewRecorder()
	if err := sessions.SignIn(w, httptest.NewRequest("POST", "/login", nil), session.Grant{Subject: "alice"}); err != nil {
		log.Fatal(err)
	}
	returning := httptest.NewRequest("GET", "/account", nil)
	for _, c := range w.Result().Cookies() {
		if c.Name == "__Host-refresh" {
			returning.AddCookie(c)
		}
	}
	for _, r := range []*http.Request{httptest.NewRequest("GET", "/", nil), httptest.NewRequest("GET", "/account", nil), returning} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Header().Get("Location"), strings.TrimSpace(strings.Split(w.Body.String(), "<")[0]), len(w.Result().Cookies()), "cookies")
	}
	// Output:
	// 200  hello stranger 0 cookies
	// 303 /login?next=%2Faccount  0 cookies
	// 200  hello alice 2 cookies
}

package cookie_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/sessionring/sessionring/cookie"
)

// Pages and API on one origin: no configuration at all.
func ExampleSameSite() {
	policy := cookie.SameSite()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		now := time.Now()
		err := policy.Set(w, r, "access-token", "refresh-token", now.Add(15*time.Minute), now.Add(7*24*time.Hour))
		if err != nil {
			http.Error(w, "please try again", http.StatusServiceUnavailable)
		}
	})

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("POST", "/login", nil))
	for _, line := range w.Result().Header["Set-Cookie"] {
		fmt.Println(line)
	}
	// Output:
	// __Host-access=access-token; Path=/; Max-Age=900; HttpOnly; Secure; SameSite=Lax
	// __Host-refresh=refresh-token; Path=/; Max-Age=604800; HttpOnly; Secure; SameSite=Lax
}

// Pages on another site: browsers keep the cookies apart for each such site.
func ExampleNew_crossSite() {
	policy, err := cookie.New(cookie.Config{CrossSite: true, Origins: []string{"https://app.example.net"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	w, r := httptest.NewRecorder(), httptest.NewRequest("POST", "/login", nil)
	err = policy.Set(w, r, "access-token", "", time.Time{}, time.Time{}) // until the browser closes
	fmt.Println(w.Header().Get("Set-Cookie"), err)
	// Output:
	// __Host-access-p=access-token; Path=/; HttpOnly; Secure; SameSite=None; Partitioned <nil>
}

// The names of a Flask service that sets the same cookies.
func ExampleNew_flask() {
	policy, err := cookie.New(cookie.Config{CrossSite: true, Origins: []string{"https://app.example.net"},
		Unpartitioned: true, AccessName: "access_token", RefreshName: "refresh_token"})
	if err != nil {
		fmt.Println(err)
		return
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Cookie", "access_token=abc; access_token=def")
	for n := 0; ; n++ {
		token, ok := policy.Token(r, "access", n)
		if !ok {
			break
		}
		fmt.Println(token)
	}
	// Output:
	// abc
	// def
}

// From cookies for one host to cookies for a domain: the old ones are still read,
// and removed when new ones are set, or at sign-out.
func ExampleNew_former() {
	policy, err := cookie.New(cookie.Config{Domain: "example.com", Former: []cookie.Config{{}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	w, r := httptest.NewRecorder(), httptest.NewRequest("POST", "/refresh", nil)
	r.Header.Set("Cookie", "__Host-access=old")
	fmt.Println(policy.Token(r, "access", 0))
	policy.Set(w, r, "new", "", time.Time{}, time.Time{})
	for _, line := range w.Header()["Set-Cookie"] {
		fmt.Println(line)
	}
	// Output:
	// old true
	// __Host-access=; Path=/; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0; HttpOnly; Secure; SameSite=Lax
	// __Secure-access=new; Path=/; Domain=example.com; HttpOnly; Secure; SameSite=Lax
}

// Everything that is wrong comes in one error, when the program starts.
func ExampleNew_incorrect() {
	_, err := cookie.New(cookie.Config{
		CrossSite: true,
		SameSite:  http.SameSiteLaxMode,
		Origins:   []string{"*", "https://app.example.net/"},
	})
	fmt.Println(err)
	// Output:
	// cookie: SameSite "Lax" with CrossSite, where browsers send only None: leave SameSite out
	// cookie: origin "*": list every origin in full, there are no wildcards
	// cookie: origin "https://app.example.net/": leave out user, path and query, and the slash at the end
}

// Outermost, so that refusals of every kind carry CORS headers too.
func ExamplePolicy_Handler() {
	policy, err := cookie.New(cookie.Config{CrossSite: true, Origins: []string{"https://app.example.net"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/me", func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "please sign in", http.StatusUnauthorized)
	})
	server := policy.Handler(mux)

	for _, origin := range []string{"https://app.example.net", "https://evil.example"} {
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/api/me", nil)
		r.Header.Set("Origin", origin)
		server.ServeHTTP(w, r)
		fmt.Printf("%d %q\n", w.Code, w.Header().Get("Access-Control-Allow-Origin"))
	}
	// Output:
	// 401 "https://app.example.net"
	// 401 ""
}

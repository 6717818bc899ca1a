package session_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/sessionring/sessionring/cookie"
	"github.com/sessionring/sessionring/session"
)

// A plain struct in, the same struct out, looked up again at each refresh. So a
// change of roles reaches a session within the life of an access token, and a
// closed account ends there.
func ExampleClaims_Decode() {
	type appClaims struct {
		Tenant string   `json:"tenant"`
		Roles  []string `json:"roles"`
	}
	users := map[string]appClaims{"alice": {"acme", []string{"admin"}}}
	sessions, err := session.New(session.Config{
		Keys: exampleKeys("v1"),
		OnRefresh: func(_ context.Context, c *session.Claims) (any, error) {
			claims, ok := users[c.Subject]
			if !ok {
				return nil, session.ErrRevoked // the account is closed: the session ends here
			}
			return claims, nil // any other error would leave the session as it is
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	show := func(token string) {
		c, err := sessions.Verify(ctx, token)
		if err != nil {
			log.Fatal(err)
		}
		var app appClaims
		if err := c.Decode(&app); err != nil {
			log.Fatal(err)
		}
		fmt.Println(c.Subject, app.Tenant, app.Roles)
	}

	tokens, err := sessions.Issue(ctx, session.Grant{Subject: "alice", Claims: users["alice"]})
	if err != nil {
		log.Fatal(err)
	}
	show(tokens.AccessToken)

	users["alice"] = appClaims{"acme", []string{"guest"}}
	tokens, err = sessions.Refresh(ctx, tokens.RefreshToken)
	if err != nil {
		log.Fatal(err)
	}
	show(tokens.AccessToken)

	delete(users, "alice")
	_, err = sessions.Refresh(ctx, tokens.RefreshToken)
	fmt.Println(session.Status(err), session.Reason(err))
	// Output:
	// alice acme [admin]
	// alice acme [guest]
	// 401 revoked
}

// Someone of the staff acts as a user: visibly, for an hour at most, and without a
// fresh sign-in time that would pass the check of ExampleManager_RequireFunc.
func ExampleManager_SignIn_impersonation() {
	sessions, err := session.New(session.Config{Keys: exampleKeys("v1"), Cookies: cookie.SameSite()})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	isStaff := sessions.RequireFunc(func(c *session.Claims) error {
		if c.Subject != "staff" || c.Actor != "" {
			return errors.New("not staff")
		}
		return nil
	})
	mux.Handle("POST /act-as/{user}", isStaff(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		staff := session.FromContext(r.Context())
		err := sessions.SignIn(w, r, session.Grant{Subject: r.PathValue("user"),
			Actor: staff.Subject, AuthTime: staff.AuthTime, MaxAge: time.Hour, Forget: true})
		if err != nil {
			http.Error(w, "please try again", session.Status(err))
		}
	})))

	tokens, err := sessions.Issue(context.Background(), session.Grant{Subject: "staff", AuthTime: time.Now().Add(-time.Hour)})
	if err != nil {
		log.Fatal(err)
	}
	r := httptest.NewRequest("POST", "/act-as/alice", nil)
	r.AddCookie(&http.Cookie{Name: "__Host-access", Value: tokens.AccessToken})
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	for _, cookie := range w.Result().Cookies() {
		if cookie.Name == "__Host-access" {
			c, err := sessions.Verify(r.Context(), cookie.Value)
			if err != nil {
				log.Fatal(err)
			}
			fmt.Println(c.Subject, "by", c.Actor, "who signed in an hour ago:", time.Since(c.AuthTime) > 59*time.Minute)
		}
	}
	// Output: alice by staff who signed in an hour ago: true
}

// A route for those who have proved who they are in the last five minutes; others
// get 403.
func ExampleManager_RequireFunc() {
	sessions, err := session.New(session.Config{Keys: exampleKeys("v1")})
	if err != nil {
		log.Fatal(err)
	}
	fresh := sessions.RequireFunc(func(c *session.Claims) error {
		if time.Since(c.AuthTime) > 5*time.Minute {
			return errors.New("signed in too long ago")
		}
		return nil
	})
	h := fresh(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "password changed") }))

	for _, ago := range []time.Duration{time.Minute, time.Hour} {
		tokens, err := sessions.Issue(context.Background(), session.Grant{Subject: "alice", AuthTime: time.Now().Add(-ago)})
		if err != nil {
			log.Fatal(err)
		}
		r := httptest.NewRequest("POST", "/password", nil)
		r.Header.Set("Authorization", "Bearer "+tokens.AccessToken)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 password changed
	// 403 {"error":"forbidden"}
}

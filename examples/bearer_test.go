package examples_test

import "testing"

// bearer is the whole life of a session whose client keeps no cookies: it gets tokens
// in the body because its sign-in asked for that, and no cookies (scenario 52).
func bearer(t *testing.T, store string) {
	s := start(t, "quickstart", on(store)...)
	u := newUser("alice")
	in := u.want(t, 200, "POST", s.url+"/api/auth/login", `{"username":"alice","password":"alice","transport":"bearer"}`)
	if len(in.header["Set-Cookie"]) > 0 || in.word("token_type") != "Bearer" || in.json["expires_in"].(float64) < 890 {
		t.Errorf("got %v with %d cookies; want tokens for 15 minutes and no cookies", in.json["expires_in"], len(in.header["Set-Cookie"]))
	}
	if me := u.wantMe(t, 200, s.url, in.word("access_token")); me.word("session_id") != in.word("session_id") {
		t.Errorf("got %v, want the session of %v", me, in)
	}
	auth := "Bearer " + in.word("access_token")
	keys := decodeList(t, u.want(t, 200, "GET", s.url+"/api/me/keys", "", "Authorization", auth).text)
	if len(keys) != 1 || keys[0]["role"] != "signs" || keys[0]["tag"] != "v1" {
		t.Errorf("got keys %v, want v1 alone", keys)
	}
	if h := u.do(t, "GET", s.url+"/api/auth/token-health", "", "Authorization", auth); h.word("transport") != "header" {
		t.Errorf("got %v, want transport header", h)
	}
	next := u.want(t, 200, "POST", s.url+"/api/auth/refresh", `{"refresh_token":"`+in.word("refresh_token")+`"}`)
	wantBody(t, next, "access_token,expires_in,refresh_token,token_type")
	if len(next.header["Set-Cookie"]) > 0 {
		t.Error("a refresh by body has set cookies")
	}
	u.wantMe(t, 401, s.url, next.word("refresh_token"))
	u.wantTrade(t, 401, s.url, next.word("access_token"))
	u.want(t, 204, "POST", s.url+"/api/auth/logout", "", "Authorization", "Bearer "+next.word("access_token"))
	for _, left := range []reply{in, next} {
		u.wantMe(t, 401, s.url, left.word("access_token"))
		u.wantTrade(t, 401, s.url, left.word("refresh_token"))
	}
	badHeader(t, s.url)
	s.stop(t)
}

// badHeader sends a good cookie beside a header that is no good: the cookie is not
// looked at (scenario 51). Nor does a client that has cookies get tokens in a body.
func badHeader(t *testing.T, server string) {
	t.Helper()
	u, gone := newUser("bob"), newUser("bob")
	u.signIn(t, server)
	out := gone.signInBearer(t, server)
	gone.want(t, 204, "POST", server+"/api/auth/logout", `{"refresh_token":"`+out.refresh+`"}`)
	for _, header := range []string{"Bearer x", "Bearer ", "Basic x", "Bearer " + out.access, "Bearer " + out.refresh} {
		u.want(t, 401, "GET", server+"/api/me", "", "Authorization", header)
	}
	u.want(t, 200, "GET", server+"/api/me", "")
	if r := u.want(t, 204, "POST", server+"/api/auth/refresh", ""); r.text != "" {
		t.Errorf("a refresh by cookie has the body %q, want none", r.text)
	}
}

package examples_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const email = "Alice@Example.com"

// userID is what Flask calls the user of that address.
func userID() string {
	sum := sha256.Sum256([]byte(strings.ToLower(email)))
	return hex.EncodeToString(sum[:8])
}

const flaskLogin = `{"email":"` + email + `","password":"any"}`

// flaskToken issues a token as PyJWT does: HS256, no kid, and the claims of the Flask
// system.
func flaskToken(secret, kind string, life time.Duration) string {
	return flaskSign(secret, map[string]any{
		"user_id": userID(), "sub": userID(), "type": kind, "version": "v1",
		"iat": time.Now().Unix(), "exp": time.Now().Add(life).Unix(),
	})
}

func flaskSign(secret string, claims map[string]any) string {
	payload, _ := json.Marshal(claims)
	encode := base64.RawURLEncoding.EncodeToString
	input := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encode(payload)
	return input + "." + encode(hs256(secret, input))
}

func hs256(secret, input string) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(input))
	return mac.Sum(nil)
}

// flaskVerify checks a token as PyJWT does, with the claims that Flask looks at, and
// returns the claims, or nil.
func flaskVerify(secret, kind, token string) map[string]any {
	i := strings.LastIndexByte(token, '.')
	if i < 0 {
		return nil
	}
	mac, _ := base64.RawURLEncoding.DecodeString(token[i+1:])
	if !hmac.Equal(mac, hs256(secret, token[:i])) {
		return nil
	}
	var header struct{ Alg string }
	var claims map[string]any
	head, body, _ := strings.Cut(token[:i], ".")
	decodeSegment(head, &header)
	decodeSegment(body, &claims)
	exp, _ := claims["exp"].(float64)
	if header.Alg != "HS256" || claims["type"] != kind || claims["user_id"] == nil || int64(exp) <= time.Now().Unix() {
		return nil
	}
	return claims
}

func decodeSegment(segment string, v any) {
	data, _ := base64.RawURLEncoding.DecodeString(segment)
	json.Unmarshal(data, v)
}

// newFlask is a small server in the manner of the Flask system.
func newFlask(t *testing.T, secret string) string {
	deliver := func(w http.ResponseWriter) {
		body := map[string]string{"user_id": userID()}
		for kind, life := range map[string]time.Duration{"access": 15 * time.Minute, "refresh": 7 * 24 * time.Hour} {
			token := flaskToken(secret, kind, life)
			http.SetCookie(w, &http.Cookie{Name: kind + "_token", Value: token, Path: "/", HttpOnly: true, MaxAge: int(life.Seconds())})
			body[kind+"_token"] = token
		}
		json.NewEncoder(w).Encode(body)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/auth/login", func(w http.ResponseWriter, r *http.Request) { deliver(w) })
	mux.HandleFunc("POST /api/auth/refresh", func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie("refresh_token"); err != nil || flaskVerify(secret, "refresh", c.Value) == nil {
			http.Error(w, `{"error":"refused"}`, http.StatusUnauthorized)
			return
		}
		deliver(w)
	})
	mux.HandleFunc("GET /api/me", func(w http.ResponseWriter, r *http.Request) {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if c, err := r.Cookie("access_token"); !ok && err == nil {
			token = c.Value
		}
		claims := flaskVerify(secret, "access", token)
		if claims == nil {
			http.Error(w, `{"error":"refused"}`, http.StatusUnauthorized)
			return
		}
		json.NewEncoder(w).Encode(map[string]any{"user_id": claims["user_id"]})
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

// TestFlaskTokens wants tokens that Flask issued to be good here, for their own use
// only, and to be traded for ours.
func TestFlaskTokens(t *testing.T) {
	t.Parallel()
	secret, older := newSecret(), newSecret()
	s := start(t, "flask", "FLASK_SECRET_KEY="+secret, "FLASK_SECRET_KEY_OLD="+older, "TOKEN_VERSION=v2", "COOKIE_SECURE=0")
	for name, key := range map[string]string{"current": secret, "old": older} {
		t.Run(name, func(t *testing.T) {
			u := newUser("alice")
			access, refresh := flaskToken(key, "access", time.Minute), flaskToken(key, "refresh", time.Hour)
			me := u.want(t, 200, "GET", s.url+"/api/me", "", "Authorization", "Bearer "+access)
			if me.word("user_id") != userID() || me.word("token_version") != "v1" || me.word("server_version") != "v2" {
				t.Errorf("got %v, want user %s at v1 of v2", me, userID())
			}
			u.want(t, 200, "GET", s.url+"/api/me", "", "Cookie", "access_token="+access)
			u.want(t, 401, "GET", s.url+"/api/me", "", "Authorization", "Bearer "+refresh)
			u.want(t, 401, "POST", s.url+"/api/auth/refresh", `{"refresh_token":"`+access+`"}`)
			wantFlaskAnswer(t, u.want(t, 200, "POST", s.url+"/api/auth/refresh", "", "Cookie", "refresh_token="+refresh), secret)
			wantFlaskAnswer(t, u.want(t, 200, "POST", s.url+"/api/auth/refresh", `{"refresh_token":"`+refresh+`"}`), secret)
			if r := u.want(t, 200, "GET", s.url+"/api/me", ""); r.word("token_version") != "v2" {
				t.Errorf("got %v after the refresh, want v2", r)
			}
		})
	}
	u := newUser("mallory")
	for name, token := range map[string]string{
		"another secret": flaskToken(newSecret(), "access", time.Minute),
		"expired":        flaskToken(secret, "access", -time.Hour),
		"no type":        flaskSign(secret, map[string]any{"user_id": "x", "iat": time.Now().Unix(), "exp": time.Now().Unix() + 60}),
		"two users":      flaskSign(secret, map[string]any{"user_id": "x", "sub": "y", "type": "access", "iat": time.Now().Unix(), "exp": time.Now().Unix() + 60}),
	} {
		if r := u.do(t, "GET", s.url+"/api/me", "", "Authorization", "Bearer "+token); r.status != 401 {
			t.Errorf("%s: got %v, want 401", name, r)
		}
	}
	s.stop(t)
}

// wantFlaskAnswer wants both tokens in the body and as cookies, good for Flask.
func wantFlaskAnswer(t *testing.T, r reply, secret string) {
	t.Helper()
	for _, kind := range []string{"access", "refresh"} {
		token := r.word(kind + "_token")
		claims := flaskVerify(secret, kind, token)
		if claims["user_id"] != userID() || claims["version"] == nil || claims["iat"] == nil || claims["iss"] != nil || claims["aud"] != nil {
			t.Errorf("got %s token with claims %v", kind, claims)
		}
		if !strings.Contains(strings.Join(r.header["Set-Cookie"], "\n"), kind+"_token="+token+"; Path=/; ") {
			t.Errorf("the cookie does not hold the %s token of the body", kind)
		}
	}
	if r.word("user_id") != userID() || r.word("token_version") == "" || r.header.Get("Cache-Control") != "no-store" {
		t.Errorf("got %s at %s with %v", r.word("user_id"), r.word("token_version"), r.header)
	}
}

// TestFlaskToGoAndBack keeps one user signed in while the server behind the address is
// Flask, then ours, then Flask again, and while both answer in turn.
func TestFlaskToGoAndBack(t *testing.T) {
	t.Parallel()
	secret := newSecret()
	flask := newFlask(t, secret)
	ours := start(t, "flask", "FLASK_SECRET_KEY="+secret, "COOKIE_SECURE=0")
	u := newUser("alice")
	u.want(t, 200, "POST", flask+"/api/auth/login", flaskLogin)
	for i, server := range []string{flask, ours.url, flask, ours.url} {
		if r := u.want(t, 200, "GET", server+"/api/me", ""); r.word("user_id") != userID() {
			t.Errorf("server %d: got %v, want %s", i, r, userID())
		}
		u.want(t, 200, "POST", server+"/api/auth/refresh", "")
	}
	b := newBalancer(t)
	b.add(flask)
	b.add(ours.url)
	for range 4 {
		u := newUser("alice")
		u.want(t, 200, "POST", b.url+"/api/auth/login", flaskLogin)
		for range 5 {
			u.want(t, 200, "GET", b.url+"/api/me", "")
			u.want(t, 200, "POST", b.url+"/api/auth/refresh", "")
			u.want(t, 200, "GET", b.url+"/api/me", "")
		}
	}
	ours.stop(t)
}

// TestFlaskRoutes holds the successor to its routes.
func TestFlaskRoutes(t *testing.T) {
	t.Parallel()
	secret := newSecret()
	s := start(t, "flask", "FLASK_SECRET_KEY="+secret, "COOKIE_SECURE=0", "ACCESS_TTL_SECONDS=600", "REFRESH_TTL_SECONDS=15552000") // 180 days
	u := newUser("alice")
	in := u.want(t, 200, "POST", s.url+"/api/auth/login", flaskLogin)
	wantFlaskAnswer(t, in, secret)
	wantCookie(t, in, "access_token", "Path=/", "HttpOnly", "SameSite=Lax")
	wantCookie(t, in, "refresh_token", "Path=/", "HttpOnly", "SameSite=Lax", "Max-Age=15552000")
	if life := in.json["expires_in"].(float64); life < 590 || life > 600 {
		t.Errorf("got %v s of life, want 600", life)
	}
	header := []string{"Authorization", "Bearer " + in.word("access_token")}
	stranger := newUser("nobody")
	stranger.want(t, 200, "GET", s.url+"/api/me", "", header...)
	u.want(t, 200, "GET", s.url+"/api/me", "")
	u.want(t, 401, "GET", s.url+"/api/me", "", "Authorization", "Bearer x")
	if h := u.want(t, 200, "GET", s.url+"/api/auth/token-health", ""); h.word("status") != "ok" || h.word("token_version") != "v1" {
		t.Errorf("got %v, want ok at v1", h)
	}
	for _, r := range []row{
		{name: "wrong password", method: "POST", path: "/api/auth/login", body: `{"email":"a@example.com","password":"wrong"}`, status: 401, want: "wrong_password"},
		{name: "no e-mail", method: "POST", path: "/api/auth/login", body: `{"password":"any"}`, status: 400, want: "invalid"},
		{name: "no JSON", method: "POST", path: "/api/auth/login", body: `email=a`, status: 400, want: "invalid"},
		{name: "login by GET", method: "GET", path: "/api/auth/login", status: 405, want: "invalid"},
		{name: "refresh without", method: "POST", path: "/api/auth/refresh", status: 401, want: "no_token"},
		{name: "refresh by garbage", method: "POST", path: "/api/auth/refresh", body: `{"refresh_token":"x"}`, status: 401, want: "invalid"},
		{name: "refresh by GET", method: "GET", path: "/api/auth/refresh", status: 405, want: "invalid"},
		{name: "me without", method: "GET", path: "/api/me", status: 401, want: "no_token"},
		{name: "me by POST", method: "POST", path: "/api/me", status: 405, want: "invalid"},
		{name: "logout without", method: "POST", path: "/api/auth/logout", status: 204},
		{name: "healthz", method: "GET", path: "/healthz", status: 200, want: "status"},
		{name: "login from a foreign page", method: "POST", path: "/api/auth/login", body: flaskLogin, headers: []string{"Origin", foreign}, status: 403, want: "cross_origin"},
	} {
		t.Run(r.name, func(t *testing.T) {
			got := stranger.want(t, r.status, r.method, s.url+r.path, r.body, r.headers...)
			wantBody(t, got, r.want)
			wantHeaders(t, got)
		})
	}
	u.want(t, 204, "POST", s.url+"/api/auth/logout", "")
	u.want(t, 401, "GET", s.url+"/api/me", "")
	s.stop(t)
}

// TestFlaskCookies wants the cookies that Flask sets, and tokens out of bodies where
// that is asked for.
func TestFlaskCookies(t *testing.T) {
	t.Parallel()
	const page = "https://app.example.net"
	for name, env := range map[string][]string{"without pages": nil, "with pages": {"FRONTEND_ORIGINS=" + page}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, "flask", append(env, "FLASK_SECRET_KEY="+newSecret(), "BODY_TOKENS=0", "LEGACY_UNTIL=2100-01-01T00:00:00Z")...)
			u := newUser("alice")
			in := u.want(t, 200, "POST", s.url+"/api/auth/login", flaskLogin)
			wantBody(t, in, "token_version,user_id")
			for _, name := range []string{"access_token", "refresh_token"} {
				wantCookie(t, in, name, "Path=/", "HttpOnly", "Secure", "SameSite=None")
			}
			refresh := strings.TrimPrefix(strings.Split(in.header["Set-Cookie"][1], ";")[0], "refresh_token=")
			for _, send := range [][]string{{"", "Cookie", "refresh_token=" + refresh}, {`{"refresh_token":"` + refresh + `"}`}} {
				wantBody(t, u.want(t, 200, "POST", s.url+"/api/auth/refresh", send[0], send[1:]...), "token_version,user_id")
			}
			status := map[bool]int{true: 200, false: 403}[env != nil]
			r := u.want(t, status, "POST", s.url+"/api/auth/login", flaskLogin, "Origin", page)
			wantCORS(t, r, map[bool]string{true: page}[env != nil])
			u.want(t, 403, "POST", s.url+"/api/auth/login", flaskLogin, "Origin", foreign)
			s.stop(t)
			if warned := strings.Contains(s.out.String(), "LEGACY_UNTIL is not set"); warned {
				t.Error("got a warning about LEGACY_UNTIL, which is set")
			}
		})
	}
}

// TestFlaskCookiesInDoubt finds the right one among several refresh cookies, prefers
// the body, and refuses two users at once.
func TestFlaskCookiesInDoubt(t *testing.T) {
	t.Parallel()
	s := start(t, "flask", "FLASK_SECRET_KEY="+newSecret(), "COOKIE_SECURE=0")
	var tokens [2]string
	for i := range tokens {
		u := newUser("x")
		in := u.want(t, 200, "POST", s.url+"/api/auth/login", fmt.Sprintf(`{"email":"%d@example.com","password":"any"}`, i))
		tokens[i] = in.word("refresh_token")
	}
	refresh := func(status int, body, cookies string) reply {
		t.Helper() // by a user without a jar of cookies
		return newUser("nobody").want(t, status, "POST", s.url+"/api/auth/refresh", body, "Cookie", cookies)
	}
	refresh(200, "", "refresh_token=stale; refresh_token="+tokens[0]+"; refresh_token=x")
	refresh(401, "", "refresh_token="+tokens[0]+"; refresh_token="+tokens[1])
	first := refresh(200, `{"refresh_token":"`+tokens[0]+`"}`, "refresh_token="+tokens[1])
	second := refresh(200, `{}`, "refresh_token="+tokens[1])
	if first.word("user_id") == second.word("user_id") {
		t.Error("the token of the body did not win over the cookie")
	}
	s.stop(t)
	if !strings.Contains(s.out.String(), "LEGACY_UNTIL is not set") {
		t.Errorf("got no warning that LEGACY_UNTIL is not set:\n%s", s.out)
	}
}

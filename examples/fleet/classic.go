package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/sessionring/sessionring/examples/internal/server"
)

// classic is a server with the rule that everybody writes, for comparison: sign with
// the current secret; accept what the current or the previous one has signed, by
// trying both. All else is as in the server that is played: cookies, lifetimes,
// routes, and a 401 for what does not verify.
type classic struct {
	url  string
	http *http.Server

	mu                sync.Mutex // guards what follows
	current, previous secret
}

// secret is a signing secret and its version. The zero secret is none.
type secret struct {
	tag   string
	bytes []byte
}

// startClassic starts a server on loopback.
func startClassic(current, previous secret) (*classic, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &classic{url: "http://" + ln.Addr().String(), current: current, previous: previous}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/auth/login", c.login)
	mux.HandleFunc("POST /api/auth/refresh", c.refresh)
	mux.HandleFunc("GET /api/me", c.me)
	c.http = &http.Server{Handler: mux}
	go c.http.Serve(ln)
	return c, nil
}

// set puts secrets in force.
func (c *classic) set(current, previous secret) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current, c.previous = current, previous
}

// held returns the secrets in force.
func (c *classic) held() (current, previous secret) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current, c.previous
}

// close ends the server at once.
func (c *classic) close() { c.http.Close() }

func (c *classic) login(w http.ResponseWriter, r *http.Request) {
	var in struct{ Username, Password string }
	if server.ReadJSON(w, r, &in) != nil || in.Username == "" || in.Username != in.Password {
		server.Refuse(w, http.StatusUnauthorized, "wrong_password")
		return
	}
	c.issue(w, in.Username)
	server.JSON(w, http.StatusOK, map[string]string{"subject": in.Username})
}

func (c *classic) refresh(w http.ResponseWriter, r *http.Request) {
	user, err := c.check(r, "refresh")
	if err != nil {
		server.Refuse(w, http.StatusUnauthorized, err.Error())
		return
	}
	c.issue(w, user)
	w.WriteHeader(http.StatusNoContent)
}

func (c *classic) me(w http.ResponseWriter, r *http.Request) {
	user, err := c.check(r, "access")
	if err != nil {
		server.Refuse(w, http.StatusUnauthorized, err.Error())
		return
	}
	server.JSON(w, http.StatusOK, map[string]string{"subject": user})
}

// claims are what a token says.
type claims struct {
	Subject string `json:"sub"`
	Type    string `json:"type"`
	Version string `json:"version"`
	Issued  int64  `json:"iat"`
	Expires int64  `json:"exp"`
}

// refreshTTL is how long a refresh token lives.
const refreshTTL = 7 * 24 * time.Hour

// issue sets cookies with an access token and a refresh token.
func (c *classic) issue(w http.ResponseWriter, user string) {
	current, _ := c.held()
	now := time.Now()
	for kind, ttl := range map[string]time.Duration{"access": accessTTL, "refresh": refreshTTL} {
		token := sign(claims{user, kind, current.tag, now.Unix(), now.Add(ttl).Unix()}, current.bytes)
		http.SetCookie(w, &http.Cookie{Name: kind, Value: token, Path: "/", MaxAge: int(ttl.Seconds()), HttpOnly: true, SameSite: http.SameSiteLaxMode})
	}
}

// check returns whose the token of that kind is. It tries both secrets.
func (c *classic) check(r *http.Request, kind string) (user string, err error) {
	cookie, err := r.Cookie(kind)
	if err != nil {
		return "", fmt.Errorf("no %s token", kind)
	}
	current, previous := c.held()
	said, ok := verify(cookie.Value, current.bytes)
	if !ok && previous.bytes != nil {
		said, ok = verify(cookie.Value, previous.bytes)
	}
	switch {
	case !ok:
		return "", fmt.Errorf("signed with %s at a server with %s", said.Version, tags(current, previous))
	case said.Type != kind:
		return "", fmt.Errorf("no %s token", kind)
	case time.Now().Unix() >= said.Expires:
		return "", fmt.Errorf("expired")
	}
	return said.Subject, nil
}

// tags returns the tags of secrets, for people.
func tags(current, previous secret) string {
	if previous.bytes == nil {
		return current.tag
	}
	return current.tag + " and " + previous.tag
}

// sign returns a token (RFC 7519), signed with HMAC-SHA-256.
func sign(c claims, secret []byte) string {
	body, _ := json.Marshal(c) // has no value that cannot be encoded
	text := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encode(body)
	return text + "." + encode(mac(text, secret))
}

// verify returns what a token says, and whether secret has signed it.
func verify(token string, secret []byte) (c claims, ok bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return c, false
	}
	body, _ := base64.RawURLEncoding.DecodeString(parts[1])
	if json.Unmarshal(body, &c) != nil {
		return c, false
	}
	return c, hmac.Equal([]byte(parts[2]), []byte(encode(mac(parts[0]+"."+parts[1], secret))))
}

func mac(text string, secret []byte) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

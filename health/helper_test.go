package health_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sessionring/sessionring/cookie"
	"github.com/sessionring/sessionring/health"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
)

// secretOf returns the secret of the key with that tag, the same in every test.
func secretOf(tag string) []byte {
	sum := sha256.Sum256([]byte("a secret for the tests of health: " + tag))
	return sum[:]
}

// ringOf returns a keyring of the keys with these tags; "!" marks a revoked one.
func ringOf(t testing.TB, tags string) *keyring.Keyring {
	t.Helper()
	var list []string
	for _, tag := range strings.Fields(tags) {
		name, revoked := strings.CutPrefix(tag, "!")
		list = append(list, fmt.Sprintf(`{"kty":"oct","kid":"%s","k":"%s","revoked":%t}`, name, base64.RawURLEncoding.EncodeToString(secretOf(name)), revoked))
	}
	keys, err := keyring.ParseKeys([]byte(`{"keys":[` + strings.Join(list, ",") + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	k, err := keyring.New(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// managerOf returns a Manager with cookies and keys of these tags.
func managerOf(t testing.TB, tags string, edits ...func(*session.Config)) *session.Manager {
	t.Helper()
	cfg := session.Config{Keys: ringOf(t, tags), Cookies: cookie.SameSite()}
	for _, edit := range edits {
		edit(&cfg)
	}
	m, err := session.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// forge returns a token of a kind, signed by the key tag, that was issued and
// expires so far from now. It is made without the code under test.
func forge(tag, kind string, issued, expires time.Duration) string {
	typ := map[string]string{"access": "at+jwt", "refresh": "rt+jwt"}[kind]
	now := time.Now()
	header := fmt.Sprintf(`{"alg":"HS256","kid":"%s","typ":"%s"}`, tag, typ)
	payload := fmt.Sprintf(`{"sub":"alice","sid":"s","jti":"j","iat":%d,"exp":%d,"auth_time":%d,"type":"%s","version":"%s"}`,
		now.Add(issued).Unix(), now.Add(expires).Unix(), now.Add(issued).Unix(), kind, tag)
	input := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	mac := hmac.New(sha256.New, secretOf(tag))
	mac.Write([]byte(input))
	return input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// tokenOf returns the token of a kind that a word describes, "" for none.
func tokenOf(word, kind string) string {
	switch word {
	case "good":
		return forge("v2", kind, 0, 10*time.Minute)
	case "previous":
		return forge("v1", kind, 0, 10*time.Minute)
	case "expired":
		return forge("v2", kind, -2*time.Hour, -time.Hour)
	case "late": // within the leeway
		return forge("v2", kind, -time.Hour, -30*time.Second)
	case "unknown":
		return forge("v9", kind, 0, 10*time.Minute)
	case "unknown and expired":
		return forge("v9", kind, -2*time.Hour, -time.Hour)
	case "revoked":
		return forge("v0", kind, 0, 10*time.Minute)
	case "ahead":
		return forge("v2", kind, time.Hour, 2*time.Hour)
	case "wrong kind":
		return forge("v2", map[string]string{"access": "refresh", "refresh": "access"}[kind], 0, 10*time.Minute)
	}
	return word
}

// request returns a request with the tokens that words describe, "" for none.
func request(method, header, access, refresh string) *http.Request {
	r := httptest.NewRequest(method, "/api/auth/token-health", nil)
	if header != "" {
		r.Header.Set("Authorization", strings.TrimSuffix("Bearer "+tokenOf(header, "access"), "Bearer EMPTY"))
	}
	if access != "" {
		r.Header.Add("Cookie", "__Host-access="+tokenOf(access, "access"))
	}
	if refresh != "" {
		r.Header.Add("Cookie", "__Host-refresh="+tokenOf(refresh, "refresh"))
	}
	return r
}

// serve returns the answer of h to r.
func serve(h http.Handler, r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

// verdictOf reads the body of an answer.
func verdictOf(t testing.TB, res *http.Response) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.NewDecoder(res.Body).Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// counted returns a handler and how often sessions were refreshed or ended.
func counted(m *session.Manager) (*health.Handler, func() int) {
	var mu sync.Mutex
	n := 0
	count := func(context.Context, session.Event) {
		mu.Lock()
		defer mu.Unlock()
		n++
	}
	m.Observe(session.Hooks{SignedIn: count, Refreshed: count, Revoked: count})
	return health.New(m), func() int {
		mu.Lock()
		defer mu.Unlock()
		return n
	}
}

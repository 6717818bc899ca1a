package session_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/session"
)

// FuzzVerify signs whatever payload it is given, rightly and on every way, and
// tries whatever text it is given as a token. What is accepted must say what a
// strict reader of its own finds in it.
func FuzzVerify(f *testing.F) {
	m := vouched(f)
	for _, c := range claimRows() {
		f.Add(ways[0].access(payloadOf(c.edits...)), []byte(payloadOf(c.edits...)))
	}
	f.Add(issue(f, m, session.Grant{Subject: "alice", Actor: "bob", Claims: appClaims{Tenant: "acme"}}).AccessToken, []byte(`{}`))
	f.Add("", []byte("null"))
	f.Add(ways[2].access(payloadOf()), []byte(payloadOf(`+"cs":{}`)))
	f.Fuzz(func(t *testing.T, token string, payload []byte) {
		accepted(t, m, token)
		m.Refresh(t.Context(), token)
		for _, w := range ways {
			accepted(t, m, w.access(string(payload)))
		}
	})
}

// accepted fails if m accepts token and it should not have been, or reads it wrongly.
func accepted(t *testing.T, m *session.Manager, token string) {
	t.Helper()
	c, err := m.Verify(t.Context(), token)
	if err != nil {
		if c != nil {
			t.Fatalf("got claims together with %v", err)
		}
		return
	}
	_, text := segments(t, token)
	claims := readStrictly(t, text)
	now := time.Now()
	number := func(name string) float64 {
		n, err := claims[name].(json.Number).Float64()
		if err != nil {
			t.Fatalf("got %s accepted as %s", claims[name], name)
		}
		return n
	}
	for name, got := range map[string]string{"sub": c.Subject, "sid": c.SessionID, "jti": c.TokenID, "type": "access"} {
		if claims[name] != got || got == "" {
			t.Fatalf("got %s %q, want %v", name, got, claims[name])
		}
	}
	if exp := number("exp"); exp < float64(now.Add(-2*time.Minute).Unix()) {
		t.Fatalf("got a token accepted that expired at %f", exp)
	}
	if iat := number("iat"); iat <= 0 || iat > float64(now.Add(11*time.Minute).Unix()) {
		t.Fatalf("got a token accepted of %f", iat)
	}
	var custom map[string]any
	if err := c.Decode(&custom); err != nil {
		t.Fatal(err)
	}
	for name := range custom {
		if _, there := claims[name]; !there || registered[strings.ToLower(name)] {
			t.Fatalf("got the claim %q for the application", name)
		}
	}
}

// registered are the names an application never sees.
var registered = map[string]bool{
	"iss": true, "aud": true, "sub": true, "sid": true, "jti": true, "iat": true, "exp": true, "nbf": true, "auth_time": true, "type": true, "version": true,
	"gen": true, "act": true, "cs": true, "session_end": true, "forget": true, "purpose": true,
}

// readStrictly returns the members of a JSON object, each name once.
func readStrictly(t *testing.T, text string) map[string]any {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Fatalf("got %q accepted, which is no UTF-8", text)
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	members := map[string]any{}
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		t.Fatalf("got %q accepted, which is no object", text)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		var value any
		if err := d.Decode(&value); err != nil {
			t.Fatal(err)
		}
		if _, twice := members[name.(string)]; twice {
			t.Fatalf("got %q accepted, which has %q twice", text, name)
		}
		members[name.(string)] = value
	}
	return members
}

// FuzzClaims: custom claims that are accepted come back equal, and no claim but
// those is added to the token (scenario 26).
func FuzzClaims(f *testing.F) {
	m := managerOf(f, "v2 v1", func(cfg *session.Config) { cfg.Issuer, cfg.LegacySubject = "id", "user_id" })
	for _, raw := range []string{
		`{"a":1}`, `{"tenant":"acme","roles":["admin"]}`, `{"a":{"cs":{"b":1}}}`, `{"cs":1}`, `{"SUB":1}`, `{"a":1e400}`, `{"a":"\ud83d\ude00"}`, `{"a":"\ud800"}`,
		`{"a":",\"cs\":{\"12345678\":\"1234567890123456789012\"}}"}`, `{"":1}`, `{"a\"b":1}`, `{"a":1,"A":2}`, `[]`, `null`, ``, `{"a":"<&>\u2028"}`, `{"user_id":"m"}`,
	} {
		f.Add(raw, "role", "admin")
	}
	f.Add(`{}`, `x","sub":"mallory`, `","sub":"mallory`)
	f.Add(`{}`, "ſub", "}}")
	f.Fuzz(func(t *testing.T, raw, name, value string) {
		comeBack(t, m, json.RawMessage(raw))
		comeBack(t, m, map[string]any{name: value})
		comeBack(t, m, map[string]any{"outer": map[string]string{name: value}})
	})
}

// comeBack issues tokens with claims, if it can, and compares what comes back.
func comeBack(t *testing.T, m *session.Manager, claims any) {
	t.Helper()
	tokens, err := m.Issue(t.Context(), session.Grant{Subject: "alice", Claims: claims})
	if err != nil {
		return
	}
	want := map[string]any{}
	if data, err := json.Marshal(claims); err != nil {
		t.Fatal(err)
	} else if string(data) != "null" {
		want = readStrictly(t, string(data))
	}
	next := refresh(t, m, tokens)
	for _, token := range []string{tokens.AccessToken, next.AccessToken} {
		var out json.RawMessage
		if err := verify(t, m, token).Decode(&out); err != nil {
			t.Fatal(err)
		}
		got := map[string]any{}
		if out != nil {
			got = readStrictly(t, string(out))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("custom claims (-in +out):\n%s", diff)
		}
		_, payload := segments(t, token)
		all := readStrictly(t, payload)
		for _, name := range []string{"iss", "sub", "user_id", "sid", "jti", "iat", "exp", "auth_time", "type", "version", "cs"} {
			if _, there := all[name]; !there {
				t.Fatalf("got %s, want %s in it", payload, name)
			}
			delete(all, name)
		}
		if diff := cmp.Diff(want, all); diff != "" {
			t.Fatalf("got more in the token than our claims and these (-in +token):\n%s", diff)
		}
	}
}

// FuzzBody: a refresh answers any body with one of four statuses, 200 only for a
// body that holds the token, and sets cookies only if the cookie was asked for.
func FuzzBody(f *testing.F) {
	m := managerOf(f, "v1", withCookies)
	tokens := issue(f, m, alice)
	for _, body := range []string{
		``, `{}`, `null`, `{"refresh_token":""}`, `{"refresh_token":null}`, `{"refresh_token":1}`, `{"refresh_token":"TOKEN"}`, ` {"refresh_token":"TOKEN","x":[{}]}`,
		`{"refresh_token":"x"}`, `{"refresh_token":"TOKEN","refresh_token":"TOKEN"}`, `[`, "\xff", `"TOKEN"`, `refresh_token=TOKEN`, `{"Refresh_Token":"TOKEN"}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		body = bytes.ReplaceAll(body, []byte("TOKEN"), []byte(tokens.RefreshToken))
		res := serve(http.HandlerFunc(m.HandleRefresh), withBody("POST /", string(body), cookieLine(refreshCookie, tokens.RefreshToken)))
		cookies := len(res.Header["Set-Cookie"])
		switch res.StatusCode {
		case 200:
			if cookies != 0 || !bytes.Contains(body, []byte("refresh_token")) && !bytes.Contains(body, []byte(`\u`)) {
				t.Errorf("got tokens in the answer to %q", body)
			}
		case 204:
			if cookies != 2 {
				t.Errorf("got %d cookies, want 2", cookies)
			}
		case 400, 401:
			if cookies != 0 {
				t.Errorf("got %d cookies with a refusal, want none", cookies)
			}
		default:
			t.Errorf("got %d for %q", res.StatusCode, body)
		}
		if res := serve(http.HandlerFunc(m.HandleSignOut), withBody("POST /", string(body))); res.StatusCode != 204 {
			t.Errorf("got %d from a sign-out with %q, want 204", res.StatusCode, body)
		}
	})
}

// FuzzAuthorization: a header decides alone. It is good exactly if it is the scheme,
// spaces and the token, and never because of the cookie beside it.
func FuzzAuthorization(f *testing.F) {
	m := managerOf(f, "v1", withCookies)
	tokens := issue(f, m, alice)
	for _, value := range []string{"", "Bearer TOKEN", "bearer TOKEN", "Bearer  TOKEN", "Bearer\tTOKEN", "Basic TOKEN", "TOKEN", "Bearer null", "Bearer", "Bearer TOKEN,x", "Bearer x.y.z"} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		value = strings.ReplaceAll(value, "TOKEN", tokens.AccessToken)
		r := request("/", cookieLine(accessCookie, tokens.AccessToken, refreshCookie, tokens.RefreshToken))
		r.Header["Authorization"] = []string{value}
		c, err := m.Check(r)
		scheme, token, _ := strings.Cut(value, " ")
		if want := strings.EqualFold(scheme, "bearer") && strings.TrimLeft(token, " ") == tokens.AccessToken; (err == nil) != want {
			t.Errorf("got %v for %q, want it accepted %t", err, value, want)
		}
		if err == nil && c.Transport != "header" {
			t.Errorf("got the transport %q, want header", c.Transport)
		}
		if res := serve(m.Optional(hello), r); res.StatusCode != 200 || len(res.Header["Set-Cookie"]) != 0 {
			t.Errorf("got %d on a public page, want 200 (scenario 50)", res.StatusCode)
		}
	})
}

package session_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/session"
)

// appClaims are those of an application.
type appClaims struct {
	Tenant string   `json:"tenant"`
	Roles  []string `json:"roles"`
}

// A plain struct in, the same struct out; a map likewise (API.md, caller h).
func TestDecode(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v2 v1")
	in := appClaims{Tenant: `ac"me`, Roles: []string{"admin", "<&>"}}
	c := verify(t, m, refresh(t, m, issue(t, m, session.Grant{Subject: "alice", Claims: in})).AccessToken)
	var out appClaims
	if err := c.Decode(&out); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(in, out); diff != "" {
		t.Errorf("struct (-in +out):\n%s", diff)
	}
	var loose map[string]any
	if err := c.Decode(&loose); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{"tenant": `ac"me`, "roles": []any{"admin", "<&>"}}, loose); diff != "" {
		t.Errorf("map (-want +got):\n%s", diff)
	}
	var wrong struct{ Tenant int }
	if err := c.Decode(&wrong); err == nil {
		t.Error("got no error for a field of another type, want one")
	}
}

// A token without custom claims leaves the value as it is.
func TestDecodeNothing(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v1")
	for name, claims := range map[string]any{
		"nil": nil, "a nil map": map[string]any(nil), "an empty map": map[string]any{}, "an empty struct": struct{}{}, "a nil pointer": (*appClaims)(nil),
	} {
		tokens := issue(t, m, session.Grant{Subject: "alice", Claims: claims})
		out := appClaims{Tenant: "before"}
		if err := verify(t, m, tokens.AccessToken).Decode(&out); err != nil || out.Tenant != "before" {
			t.Errorf("%s: got %+v, %v, want the value as it was", name, out, err)
		}
	}
}

// Registered names never reach the struct of the application, whatever its fields
// are called, and however a token spells them.
func TestRegisteredNamesStayOut(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v1", func(cfg *session.Config) { cfg.Issuer, cfg.LegacySubject = "id", "user_id" })
	payload := payloadOf(`iss="id"`, `user_id="alice"`, `+"SUB":"mallory"`, `+"ſub":"mallory"`, `+"Exp":1`, `+"USER_ID":"mallory"`, `+"CS":1`,
		`+"Session_End":1`, `+"plan":"free"`, `act={"sub":"bob"}`, `nbf=1`, `gen=1`)
	c := verify(t, m, forge("v1", headerOf("v1", "at+jwt"), payload))
	var app struct {
		Sub, Exp, Iss, Sid, Jti, Iat, Type, Version, Act, Nbf, Gen, CS any
		UserID                                                         any `json:"user_id"`
		End                                                            any `json:"session_end"`
		Plan                                                           string
	}
	if err := c.Decode(&app); err != nil {
		t.Fatal(err)
	}
	plan := app.Plan
	app.Plan = ""
	if got := fmt.Sprintf("%v", app); strings.Trim(got, "{<nil> }") != "" || plan != "free" {
		t.Errorf("got %s and plan %q, want nothing but the plan", got, plan)
	}
	var all map[string]any
	if err := c.Decode(&all); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{"plan": "free"}, all); diff != "" {
		t.Errorf("custom claims (-want +got):\n%s", diff)
	}
}

// Scenario 26 (GHSA-4cf7-xm37-g63h): names that would add claims, or that other
// readers would take for registered ones, are refused at sign-in, all at once.
func TestClaimNames(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v1", func(cfg *session.Config) { cfg.LegacySubject = "user_id" })
	reserved := []string{
		"iss", "aud", "sub", "sid", "jti", "iat", "exp", "nbf", "auth_time", "type", "version", "gen", "act", "cs", "session_end", "forget", "purpose", "user_id",
	}
	var bad []string
	for _, name := range reserved {
		bad = append(bad, name, strings.ToUpper(name), strings.ToUpper(name[:1])+name[1:])
	}
	bad = append(bad, "", `a"b`, `sub":"mallory","x`, "a\nb", "a\x00", "a b", " a", "é", "ſub", "a{", "a,b", "a'b", `a\b`, "日本", strings.Repeat("n", 65))
	for _, name := range bad {
		_, err := m.Issue(t.Context(), session.Grant{Subject: "alice", Claims: map[string]any{name: 1, "fine": 2}})
		if err == nil {
			t.Errorf("got no error for the name %q, want one", name)
		} else if strings.ContainsAny(err.Error(), "\x00\r") || strings.Contains(err.Error(), "a\nb") {
			t.Errorf("got the name %q unquoted in an error, want it quoted", name)
		}
	}
	for _, name := range []string{"a", "tenant", "https://example.com/claims/role", "x.y:z-1_2", "0", "subject", "csx", strings.Repeat("n", 64)} {
		issue(t, m, session.Grant{Subject: "alice", Claims: map[string]any{name: 1}})
	}
}

// Claims that are given as JSON are held to the same rules as those of a map.
func TestRawClaims(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v2 v1")
	for _, c := range []struct{ name, raw, want string }{
		{"an object", `{"a":1}`, ""},
		{"with space", " {\n\"a\" : [ 1 ] } ", ""},
		{"empty", `{}`, ""},
		{"null", `null`, ""},
		{"cs below", `{"a":{"cs":{"b":1}}}`, ""},
		{"cs below, at the end", `{"a":{"b":1,"cs":{"12345678":"1234567890123456789012"}}}`, ""},
		{"a text like a list", `{"a":",\"cs\":{\"12345678\":\"1234567890123456789012\"}}"}`, ""},
		{"numbers as they stand", `{"a":1.000000000000000000001e300,"b":123456789012345678901234567890}`, ""},
		{"an array", `[]`, "must be a struct or a map"},
		{"a number", `1`, "must be a struct or a map"},
		{"a text", `"a"`, "must be a struct or a map"},
		{"one name twice", `{"a":1,"a":2}`, "occurs twice"},
		{"one name twice, escaped", `{"a":1,"\u0061":2}`, "occurs twice"},
		{"one name twice below", `{"a":{"b":1,"b":2}}`, "occurs twice"},
		{"names that differ in case", `{"role":1,"Role":2}`, "differs from another only in case"},
		{"cs", `{"a":1,"cs":{"12345678":"1234567890123456789012"}}`, `"cs" is reserved`},
		{"a lone surrogate", `{"a":"\ud800"}`, "not valid Unicode"},
		{"too deep", `{"a":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + `}`, "nested too deeply"},
		{"not JSON", `{"a":`, "custom claims"},
	} {
		raw := json.RawMessage(c.raw)
		tokens, err := m.Issue(t.Context(), session.Grant{Subject: "alice", Claims: raw})
		switch {
		case c.want == "" && err == nil:
			sameJSON(t, c.name, raw, verify(t, m, tokens.AccessToken))
			sameJSON(t, c.name, raw, verify(t, managerOf(t, "v1"), tokens.AccessToken)) // by co-signature
		case err == nil || c.want == "" || !strings.Contains(err.Error(), c.want):
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

// sameJSON fails unless the custom claims of c are the object raw, number by number.
func sameJSON(t *testing.T, name string, raw json.RawMessage, c *session.Claims) {
	t.Helper()
	want, got := map[string]any{}, map[string]any{}
	var out json.RawMessage
	if err := c.Decode(&out); err != nil {
		t.Fatal(err)
	}
	for _, v := range []struct {
		data json.RawMessage
		into *map[string]any
	}{{raw, &want}, {out, &got}} {
		if len(v.data) == 0 || string(v.data) == "null" {
			continue
		}
		d := json.NewDecoder(strings.NewReader(string(v.data)))
		d.UseNumber()
		if err := d.Decode(v.into); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: custom claims (-in +out):\n%s", name, diff)
	}
}

// Section 6: claims that do not fit are refused at sign-in, by name, and what fits
// today fits under any ring: one key more or less makes no difference.
func TestClaimSize(t *testing.T) {
	t.Parallel()
	one, four := managerOf(t, "v1"), managerOf(t, "v4 v3 v2 v1")
	long := managerOf(t, strings.Repeat("x", 32)+" v3 v2 +v1")
	fits := func(m *session.Manager, n int) error {
		_, err := m.Issue(t.Context(), session.Grant{Subject: "alice", Forget: true, Claims: map[string]string{"short": "x", "filler": strings.Repeat("f", n)}})
		return err
	}
	size := 0
	for n := 1500; fits(one, n) == nil; n++ {
		size = n
	}
	if size == 0 || size > 3000 {
		t.Fatalf("got %d bytes that fit, want some 2,000", size)
	}
	err := fits(one, size+1)
	for _, part := range []string{"too long for a cookie", "short (3 bytes)", fmt.Sprintf("filler (%d bytes)", size+3)} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("got %v, want %q in it", err, part)
		}
	}
	if err := fits(four, size); err != nil {
		t.Errorf("got %v with four keys, want what fits with one to fit", err)
	}
	if err := fits(four, size+1); err == nil {
		t.Error("got what does not fit with one key to fit with four, want it refused")
	}
	tokens := issue(t, one, session.Grant{Subject: "alice", Forget: true, Claims: map[string]string{"short": "x", "filler": strings.Repeat("f", size)}})
	for name, m := range map[string]*session.Manager{"four keys": four, "one key": one, "a longer tag": long} {
		if _, err := m.Refresh(t.Context(), tokens.RefreshToken); err != nil {
			t.Errorf("got %v for a refresh with %s, want what fitted to fit", err, name)
		}
	}
	biggest := issue(t, four, session.Grant{Subject: "alice", Forget: true, Claims: map[string]string{"short": "x", "filler": strings.Repeat("f", size)}})
	if n := len(biggest.RefreshToken) + 64; n > 4096 {
		t.Errorf("got a token of %d bytes with the longest cookie name, want at most 4096", n)
	}
}

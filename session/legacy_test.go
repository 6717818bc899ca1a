package session_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// legacyHeader is the header that PyJWT writes.
const legacyHeader = `{"alg":"HS256","typ":"JWT"}`

// legacyOf returns the payload of an access token as the Flask system issues it.
func legacyOf(edits ...string) string {
	return payloadOf(append([]string{"-sub", "-sid", "-jti", "-auth_time", `user_id="alice"`}, edits...)...)
}

// takingOver accepts the tokens of the Flask system for another month.
func takingOver(cfg *session.Config) {
	cfg.LegacyUntil, cfg.LegacySubject = time.Now().Add(30*24*time.Hour), "user_id"
}

// Scenario 11: tokens without a kid, when switched on. The checks are those of any
// token, and type is required.
func TestLegacy(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v2 v1 !v0", takingOver)
	for _, c := range []struct {
		name, want, subject string
		tag, header         string
		edits               []string
	}{
		{"as Flask issues it", "ok", "alice", "v2", legacyHeader, nil},
		{"without typ", "ok", "alice", "v2", `{"alg":"HS256"}`, nil},
		{"under the previous key", "ok", "alice", "v1", legacyHeader, nil},
		{"under a revoked key", "invalid", "", "v0", legacyHeader, nil},
		{"under an unknown key", "invalid", "", "v9", legacyHeader, nil},
		{"by sub", "ok", "alice", "v2", legacyHeader, []string{"-user_id", `sub="alice"`}},
		{"by both", "ok", "alice", "v2", legacyHeader, []string{`sub="alice"`}},
		{"by both, which disagree", "invalid", "", "v2", legacyHeader, []string{`sub="mallory"`}},
		{"by both, one a number", "ok", "7", "v2", legacyHeader, []string{`sub="7"`, "user_id=7"}},
		{"by both, which are numbers", "ok", "7", "v2", legacyHeader, []string{"sub=7", "user_id=7"}},
		{"by both, numbers that disagree", "invalid", "", "v2", legacyHeader, []string{"sub=8", "user_id=7"}},
		{"by a number", "ok", "7", "v2", legacyHeader, []string{"user_id=7"}},
		{"by a number as sub", "ok", "7", "v2", legacyHeader, []string{"-user_id", "sub=7"}},
		{"by a negative number", "ok", "-7", "v2", legacyHeader, []string{"user_id=-7"}},
		{"by a fraction", "invalid", "", "v2", legacyHeader, []string{"user_id=7.5"}},
		{"by an exponent", "invalid", "", "v2", legacyHeader, []string{"user_id=7e3"}},
		{"by 2^63", "invalid", "", "v2", legacyHeader, []string{"user_id=9223372036854775808"}},
		{"by null", "invalid", "", "v2", legacyHeader, []string{"user_id=null"}},
		{"by true", "invalid", "", "v2", legacyHeader, []string{"user_id=true"}},
		{"by an array", "invalid", "", "v2", legacyHeader, []string{`user_id=["alice"]`}},
		{"by an empty text", "invalid", "", "v2", legacyHeader, []string{`user_id=""`}},
		{"by nothing", "invalid", "", "v2", legacyHeader, []string{"-user_id"}},
		{"by USER_ID", "invalid", "", "v2", legacyHeader, []string{"-user_id", `USER_ID="alice"`}},
		{"without type", "invalid", "", "v2", legacyHeader, []string{"-type"}},
		{"a refresh token", "invalid", "", "v2", legacyHeader, []string{`type="refresh"`}},
		{"without version", "ok", "alice", "v2", legacyHeader, []string{"-version"}},
		{"version is a number", "invalid", "", "v2", legacyHeader, []string{"version=1"}},
		{"without exp", "invalid", "", "v2", legacyHeader, []string{"-exp"}},
		{"without iat", "invalid", "", "v2", legacyHeader, []string{"-iat"}},
		{"expired", "expired", "", "v2", legacyHeader, []string{"exp=1000000000"}},
		{"from far ahead", "unavailable", "", "v2", legacyHeader, []string{"iat=" + at(time.Hour)}},
		{"with names of its own", "ok", "alice", "v2", legacyHeader, []string{`sid="s"`, `jti="j"`, "auth_time=" + at(-time.Hour)}},
		{"user_id twice", "invalid", "", "v2", legacyHeader, []string{`+"user_id":"mallory"`}},
		{"typ in another case", "invalid", "", "v2", `{"alg":"HS256","typ":"jwt"}`, nil},
		{"typ of ours, no kid", "invalid", "", "v2", `{"alg":"HS256","typ":"at+jwt"}`, nil},
		{"with a kid", "invalid", "", "v2", `{"alg":"HS256","kid":"v2","typ":"JWT"}`, nil},
		{"with an empty kid", "invalid", "", "v2", `{"alg":"HS256","kid":"","typ":"JWT"}`, nil},
		{"none", "invalid", "", "v2", `{"alg":"none","typ":"JWT"}`, nil},
		{"HS512", "invalid", "", "v2", `{"alg":"HS512","typ":"JWT"}`, nil},
		{"RS256", "invalid", "", "v2", `{"alg":"RS256","typ":"JWT"}`, nil},
		{"crit", "invalid", "", "v2", `{"alg":"HS256","typ":"JWT","crit":["exp"]}`, nil},
		{"alg twice", "invalid", "", "v2", `{"alg":"HS256","alg":"HS256","typ":"JWT"}`, nil},
	} {
		got, err := m.Verify(t.Context(), forge(c.tag, c.header, legacyOf(c.edits...)))
		if session.Reason(err) != c.want {
			t.Errorf("%s: got %q (%v), want %q", c.name, session.Reason(err), err, c.want)
		} else if err == nil && got.Subject != c.subject {
			t.Errorf("%s: got the subject %q, want %q", c.name, got.Subject, c.subject)
		}
	}
}

// Scenario 11: on until a date and no longer, and off unless switched on.
func TestLegacyUntil(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		until := time.Now().Add(24 * time.Hour)
		m := managerOf(t, "v1", func(cfg *session.Config) { cfg.LegacyUntil, cfg.LegacySubject = until, "user_id" })
		week := `exp=` + at(7*24*time.Hour)
		token := forge("v1", legacyHeader, legacyOf(week))
		refused(t, managerOf(t, "v1"), token, session.ErrInvalid)
		time.Sleep(24*time.Hour - time.Nanosecond)
		verify(t, m, token)
		time.Sleep(time.Nanosecond)
		refused(t, m, token, session.ErrInvalid)
	})
}

// Issuer and audience are demanded of legacy tokens too (C6).
func TestLegacyAudience(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v1", takingOver, func(cfg *session.Config) { cfg.Audience = "shop" })
	refused(t, m, forge("v1", legacyHeader, legacyOf()), session.ErrInvalid)
	verify(t, m, forge("v1", legacyHeader, legacyOf(`aud="shop"`)))
}

// What a legacy token lacks is derived from what it says, alike at every instance,
// and not from one token to another.
func TestLegacySession(t *testing.T) {
	t.Parallel()
	here, there := managerOf(t, "v1", takingOver), managerOf(t, "v2 v1", takingOver)
	token := forge("v1", legacyHeader, legacyOf("iat=1700000000"))
	a, b := verify(t, here, token), verify(t, there, token)
	if a.SessionID != b.SessionID || len(a.SessionID) != 22 || a.TokenID == "" {
		t.Errorf("got sessions %q and %q, want the same 22 characters", a.SessionID, b.SessionID)
	}
	if want := time.Unix(1700000000, 0); !a.AuthTime.Equal(want) || !a.IssuedAt.Equal(want) {
		t.Errorf("got auth_time %v, want that of iat, %v", a.AuthTime, want)
	}
	if !b.Previous || a.Previous {
		t.Errorf("got previous %t and %t, want false and true", a.Previous, b.Previous)
	}
	seen := map[string]string{a.SessionID: "the first"}
	for name, other := range map[string]string{
		"another user":   forge("v1", legacyHeader, legacyOf("iat=1700000000", `user_id="bob"`)),
		"another moment": forge("v1", legacyHeader, legacyOf("iat=1700000001")),
		"another end":    forge("v1", legacyHeader, legacyOf("iat=1700000000", "exp="+at(time.Hour))),
	} {
		c := verify(t, here, other)
		if twin := seen[c.SessionID]; twin != "" {
			t.Errorf("got one session for %s and %s, want two", name, twin)
		}
		seen[c.SessionID] = name
	}
}

// A refresh moves a legacy session to tokens of ours, which outlive LegacyUntil and
// which the other system can still read.
func TestLegacyRefresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := managerOf(t, "v2 v1", takingOver)
		iat := at(-24 * time.Hour)
		payload := legacyOf(`type="refresh"`, "iat="+iat, "exp="+at(6*24*time.Hour), `email="a@example.com"`, `SUB="mallory"`, `bad name=1`)
		for _, tag := range []string{"v2", "v1"} { // C6: under the previous key too
			tokens, err := m.Refresh(t.Context(), forge(tag, legacyHeader, payload))
			if err != nil {
				t.Fatal(err)
			}
			header, access := segments(t, tokens.AccessToken)
			if want := headerOf("v2", "at+jwt"); header != want {
				t.Errorf("got the header %s, want %s", header, want)
			}
			var flask struct {
				UserID string `json:"user_id"`
				Sub    string `json:"sub"`
				Type   string `json:"type"`
			}
			if err := json.Unmarshal([]byte(access), &flask); err != nil {
				t.Fatal(err)
			}
			if flask.UserID != "alice" || flask.Sub != "alice" || flask.Type != "access" {
				t.Errorf("got %+v, want alice in both claims", flask)
			}
			if strings.Contains(access, "mallory") || strings.Contains(access, "bad name") {
				t.Errorf("got %s, want no claim that an application could not give", access)
			}
			c := verify(t, m, tokens.AccessToken)
			var custom map[string]string
			if err := c.Decode(&custom); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(map[string]string{"email": "a@example.com"}, custom); diff != "" {
				t.Errorf("custom claims (-want +got):\n%s", diff)
			}
			time.Sleep(5 * 24 * time.Hour)
			next := refresh(t, managerOf(t, "v2"), tokens) // without LegacyUntil
			after := verify(t, m, next.AccessToken)
			if !after.AuthTime.Equal(c.AuthTime) || after.SessionID != c.SessionID {
				t.Errorf("got %v %q, want the session of %v %q", after.AuthTime, after.SessionID, c.AuthTime, c.SessionID)
			}
		}
	})
}

// A legacy session has the end of any other: SessionTTL from its iat.
func TestLegacyAbsoluteEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := managerOf(t, "v1", takingOver, func(cfg *session.Config) { cfg.SessionTTL = 10 * 24 * time.Hour })
		token := forge("v1", legacyHeader, legacyOf(`type="refresh"`, "exp="+at(20*24*time.Hour)))
		time.Sleep(9 * 24 * time.Hour)
		tokens, err := m.Refresh(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		if left := time.Until(tokens.RefreshUntil); left != 24*time.Hour {
			t.Errorf("got a refresh token for %v, want the day that is left", left)
		}
		time.Sleep(24 * time.Hour)
		if _, err := m.Refresh(t.Context(), token); session.Reason(err) != "expired" {
			t.Errorf("got %v, want expired", err)
		}
	})
}

// A store takes legacy sessions over until LegacyUntil, whatever AdoptUntil says and
// however it learns of endings: their access tokens are good, and their first refresh
// gives them a record. Ended before they have one, they stay so.
func TestLegacyOnStore(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		edit  func(*session.Config)
		ended string // the access token of a session that has ended
	}{{"cached", noStore, "revoked"}, {"strict", strictly, "revoked"}, {"off", notAtAll, "ok"}} {
		synctest.Test(t, func(t *testing.T) {
			m := managerOn(t, new(memstore.Store), withCookies, takingOver, c.edit)
			legacy := func(user string) session.Tokens {
				payload := func(kind string) string {
					return legacyOf("exp="+at(7*day), `user_id="`+user+`"`, `type="`+kind+`"`)
				}
				return session.Tokens{AccessToken: forge("v1", legacyHeader, payload("access")), RefreshToken: forge("v1", legacyHeader, payload("refresh"))}
			}
			old, gone := legacy("alice"), legacy("bob")
			time.Sleep(time.Minute)
			verify(t, m, old.AccessToken)
			tokens := refresh(t, m, old)
			verify(t, m, tokens.AccessToken)
			w := httptest.NewRecorder()
			if err := m.SignOut(w, request("POST /logout", cookieLine(accessCookie, gone.AccessToken, refreshCookie, gone.RefreshToken))); err != nil {
				t.Fatal(err)
			}
			if got := reason(t, m, gone.AccessToken); got != c.ended {
				t.Errorf("%s: got %q after the sign-out, want %q", c.name, got, c.ended)
			}
			notRefreshed(t, m, gone, session.ErrRevoked)
			time.Sleep(5 * time.Minute)
			tokens = refresh(t, m, tokens)
			time.Sleep(5 * time.Minute)
			refresh(t, m, tokens)
			notRefreshed(t, m, old, session.ErrReused)
		})
	}
}

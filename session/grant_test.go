package session_test

import (
	"math"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// What a Grant asks for is refused as a whole, with every fault, and nothing is
// issued. Such a refusal is a fault of the program and no word for a client.
func TestGrantFaults(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v1")
	now := time.Now()
	for _, c := range []struct {
		name  string
		grant session.Grant
		want  []string
	}{
		{"no subject", session.Grant{}, []string{"Subject is required"}},
		{"a subject that is no text", session.Grant{Subject: "a\xff"}, []string{"must be UTF-8"}},
		{"an actor that is no text", session.Grant{Subject: "a", Actor: "\xff"}, []string{"must be UTF-8"}},
		{"negative MaxAge", session.Grant{Subject: "a", MaxAge: -1}, []string{"MaxAge must be at least 1s"}},
		{"too short a MaxAge", session.Grant{Subject: "a", MaxAge: time.Millisecond}, []string{"MaxAge must be at least 1s"}},
		{"AuthTime ahead", session.Grant{Subject: "a", AuthTime: now.Add(time.Hour)}, []string{"AuthTime lies in the future"}},
		{"AuthTime too long ago", session.Grant{Subject: "a", AuthTime: now.Add(-91 * day)}, []string{"longer ago than Config.SessionTTL"}},
		{"AuthTime before 1970", session.Grant{Subject: "a", AuthTime: time.Unix(-1, 0)}, []string{"AuthTime lies before 1970"}},
		{"claims of the wrong type", session.Grant{Subject: "a", Claims: "text"}, []string{"must be a struct or a map"}},
		{"claims that do not encode", session.Grant{Subject: "a", Claims: map[string]any{"f": math.Inf(1)}}, []string{"custom claims"}},
		{"all at once", session.Grant{MaxAge: -1, AuthTime: now.Add(time.Hour), Claims: map[string]any{"sub": 1, "a b": 2}},
			[]string{"Subject is required", "MaxAge", "AuthTime", `"sub" is reserved`, `"a b"`}},
	} {
		tokens, err := m.Issue(t.Context(), c.grant)
		if err == nil || tokens != (session.Tokens{}) {
			t.Errorf("%s: got %v, want an error and no tokens", c.name, err)
			continue
		}
		for _, part := range c.want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: got %v, want %q in it", c.name, err, part)
			}
		}
		if got := session.Status(err); got != 503 {
			t.Errorf("%s: got the status %d, want 503: it is no refusal", c.name, got)
		}
	}
}

// The unlimited session has a beginning too: a date before 1970 would make tokens
// that nobody accepts.
func TestUnlimitedAuthTime(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v1", func(cfg *session.Config) { cfg.SessionTTL = -1 })
	if _, err := m.Issue(t.Context(), session.Grant{Subject: "a", AuthTime: time.Unix(-1, 0)}); err == nil {
		t.Error("got no error for an AuthTime before 1970, want one")
	}
	tokens := issue(t, m, session.Grant{Subject: "a", AuthTime: time.Unix(1, 0)})
	if got := verify(t, m, tokens.AccessToken).AuthTime; !got.Equal(time.Unix(1, 0)) {
		t.Errorf("got auth_time %v, want one second after 1970", got)
	}
}

// Subjects come back byte for byte.
func TestSubjects(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v2 v1")
	for _, subject := range []string{
		`a"b`, `a\b`, "line\nbreak", "\x00", "\u2028", "<script>", "&amp;", "ελληνικά", "日本", "😀", "\ufffd", " ", `","sub":"mallory`, "}}", `,"cs":{"`, strings.Repeat("u", 500),
	} {
		tokens := issue(t, m, session.Grant{Subject: subject, Actor: subject})
		for range 2 {
			if c := verify(t, m, tokens.AccessToken); c.Subject != subject || c.Actor != subject {
				t.Errorf("got %q and %q, want %q", c.Subject, c.Actor, subject)
			}
			tokens = refresh(t, m, tokens)
		}
	}
}

// A27, B9: names are 128 random bits and new for every session, whatever is asked
// for and by whom.
func TestNames(t *testing.T) {
	t.Parallel()
	m := managerOf(t, "v1")
	seen := map[string]bool{}
	for range 100 {
		tokens := issue(t, m, alice)
		c := verify(t, m, tokens.AccessToken)
		_, payload := segments(t, tokens.RefreshToken)
		for _, name := range []string{c.SessionID, c.TokenID} {
			if len(unb64(t, name)) != 16 || seen[name] {
				t.Fatalf("got the name %q, want 16 new bytes", name)
			}
			seen[name] = true
		}
		if strings.Contains(payload, c.TokenID) {
			t.Error("got one jti for both tokens, want two")
		}
	}
}

// random are the ids and the co-signatures of a payload.
var random = regexp.MustCompile(`"[\w-]{22}"`)

// Section 6: what stands in a token, byte for byte but for what is random.
func TestPayload(t *testing.T) {
	t.Parallel()
	named := func(cfg *session.Config) { cfg.Issuer, cfg.Audience, cfg.LegacySubject = `<"é">`, "shop", "user_id" }
	stored := func(cfg *session.Config) { cfg.Store = new(memstore.Store) }
	full := session.Grant{Subject: `al&"é"`, Actor: "<bob>", MaxAge: time.Hour, Forget: true, Claims: map[string]any{"role": "<admin>", "n": 1}}
	const (
		bare  = `{"sub":"alice","sid":$,"jti":$,"iat":946684800,`
		names = `{"iss":"\u003c\"é\"\u003e","aud":"shop","sub":"al\u0026\"é\"",`
		ids   = `"user_id":"al\u0026\"é\"","sid":$,"jti":$,"iat":946684800,`
		act   = `"act":{"sub":"\u003cbob\u003e"},`
		rest  = `"n":1,"role":"\u003cadmin\u003e","cs":{"qZb1YHrl":$}}`
	)
	for _, c := range []struct {
		name, words              string
		edit                     func(*session.Config)
		grant                    session.Grant
		access, refresh, purpose string
	}{
		{"bare", "v1", func(*session.Config) {}, session.Grant{Subject: "alice"},
			bare + `"exp":946685700,"auth_time":946684800,"type":"access","version":"v1"}`,
			bare + `"exp":947289600,"auth_time":946684800,"type":"refresh","version":"v1"}`,
			`{"sub":"alice","jti":$,"iat":946684800,"exp":946684860,"type":"purpose","purpose":"reset","version":"v1"}`},
		{"with a store", "v1", stored, session.Grant{Subject: "alice"},
			bare + `"exp":946685700,"auth_time":946684800,"type":"access","version":"v1"}`,
			bare + `"exp":947289600,"auth_time":946684800,"type":"refresh","version":"v1","gen":1}`,
			`{"sub":"alice","jti":$,"iat":946684800,"exp":946684860,"type":"purpose","purpose":"reset","version":"v1"}`},
		{"with all", "v2 v1", named, full,
			names + ids + `"exp":946685700,"auth_time":946684800,"type":"access","version":"v2",` + act + rest,
			names + ids + `"exp":946688400,"auth_time":946684800,"type":"refresh","version":"v2",` + act + `"session_end":946688400,"forget":true,` + rest,
			names + `"jti":$,"iat":946684800,"exp":946684860,"type":"purpose","purpose":"reset","version":"v2",` + rest},
	} {
		synctest.Test(t, func(t *testing.T) { // begins at 946684800
			m := managerOf(t, c.words, c.edit)
			tokens := issue(t, m, c.grant)
			purpose, err := m.Purpose("reset", time.Minute).Issue(t.Context(), c.grant.Subject, c.grant.Claims)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range [][2]string{{tokens.AccessToken, c.access}, {tokens.RefreshToken, c.refresh}, {purpose, c.purpose}} {
				_, got := segments(t, p[0])
				if got = random.ReplaceAllString(got, "$$"); got != p[1] {
					t.Errorf("%s:\ngot  %s\nwant %s", c.name, got, p[1])
				}
			}
		})
	}
}

// A token of two hours ago tells how long ago its user signed in.
func TestAuthTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := managerOf(t, "v1", func(cfg *session.Config) { cfg.SessionTTL = 30 * day })
		signedIn := time.Now().Add(-2 * day)
		tokens := issue(t, m, session.Grant{Subject: "alice", AuthTime: signedIn})
		for range 5 {
			if got := verify(t, m, tokens.AccessToken).AuthTime; !got.Equal(signedIn) {
				t.Errorf("got auth_time %v, want %v", got, signedIn)
			}
			time.Sleep(5 * day)
			tokens = refresh(t, m, tokens)
		}
		if got, want := tokens.RefreshUntil, signedIn.Add(30*day); !got.Equal(want) {
			t.Errorf("got the end %v, want %v: it counts from AuthTime", got, want)
		}
	})
}

// What Issue, Verify and Refresh say of a session is the same.
func TestClaimsAgree(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := managerOf(t, "v1")
		time.Sleep(300 * time.Millisecond)
		log := observe(m)
		tokens := issue(t, m, alice)
		c := verify(t, m, tokens.AccessToken)
		second := time.Unix(946684800, 0)
		want := &session.Claims{Subject: "alice", SessionID: c.SessionID, TokenID: c.TokenID, Tag: "v1", IssuedAt: second, ExpiresAt: second.Add(15 * time.Minute), AuthTime: second}
		if diff := cmp.Diff(want, c, cmp.AllowUnexported(session.Claims{}), cmpopts.IgnoreFields(session.Claims{}, "sole")); diff != "" {
			t.Errorf("claims (-want +got):\n%s", diff)
		}
		for _, e := range log.take() {
			if e.SessionID != c.SessionID || e.Subject != "alice" || e.Tag != "v1" {
				t.Errorf("got the event %+v, want it to be of the session %q", e, c.SessionID)
			}
		}
		if tokens.TokenType != "Bearer" || tokens.ExpiresIn != 900 {
			t.Errorf("got %q for %d s, want Bearer for 900 s", tokens.TokenType, tokens.ExpiresIn)
		}
	})
}

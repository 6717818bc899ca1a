package session_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/session"
)

// claimRow is a payload, by its difference from a good one, and the word for it.
type claimRow struct {
	name, want string
	edits      []string
}

// row is a claimRow on one line.
func row(name, want string, edits ...string) claimRow { return claimRow{name, want, edits} }

// nested returns a member x that is n arrays deep.
func nested(n int) string {
	return `+"x":` + strings.Repeat("[", n) + strings.Repeat("]", n)
}

// dateRows are what can be wrong with a date that must be there (A14, A15, A16).
func dateRows(name string) []claimRow {
	var rows []claimRow
	for _, raw := range []string{
		"", `""`, `"1900000000"`, "null", "true", "[]", "{}", "[1900000000]", "-1", "-0.5", "0", "0.0", "0e5", "1e400", "-1e400",
		"9223372036854775808", "18446744073709551616", "1e19", "253402300800", "1e12",
	} {
		edit := name + "=" + raw
		if raw == "" {
			edit = "-" + name
		}
		rows = append(rows, row(edit, "invalid", edit))
	}
	return rows
}

// textRows are what can be wrong with a text that must be there.
func textRows(name string) []claimRow {
	var rows []claimRow
	for _, raw := range []string{"", `""`, "null", "true", "1.5", "[]", `["alice"]`, `{"a":1}`, `"\ud800"`, `"\udc00\ud800"`, "\"\xff\""} {
		edit := name + "=" + raw
		if raw == "" {
			edit = "-" + name
		}
		rows = append(rows, row(edit, "invalid", edit))
	}
	return rows
}

// claimRows are payloads that are judged by their claims alone.
func claimRows() []claimRow {
	soon := time.Now().Add(5 * time.Minute).Unix()
	rows := []claimRow{
		row("good", "ok"),
		row("A15: fractions of a second", "ok", fmt.Sprintf("exp=%d.75", soon), fmt.Sprintf("iat=%s.5", at(-time.Minute))),
		row("A15: an exponent", "ok", "exp=1.9e9"),
		row("the last second of the year 9999", "ok", "exp=253402300799"),
		row("long expired", "expired", "exp=1000000000"),
		row("the first second that is a date", "expired", "exp=1"),

		row("A9: sub twice", "invalid", `+"sub":"alice"`),
		row("A9: sub twice, escaped", "invalid", `+"\u0073ub":"mallory"`),
		row("A9: exp twice", "invalid", `+"exp":1900000000`),
		row("A9: the same name twice below", "invalid", `+"x":{"a":1,"a":2}`),
		row("A9: the same name twice in an array", "invalid", `+"x":[1,{"y":{"a":1,"a":1}}]`),
		row("A9: the same unknown name twice", "invalid", `+"x":1,"x":1`),
		row("A13: SUB is not sub", "ok", `+"SUB":"mallory"`),
		row("A13: with a long s", "ok", `+"\u017fub":"mallory"`, `+"ſid":"other"`),
		row("A13: EXP is not exp", "ok", `+"EXP":1`, `+"Exp":1`),
		row("A13: only EXP", "invalid", "-exp", `+"EXP":1900000000`),
		row("A13: only Sub", "invalid", "-sub", `+"Sub":"alice"`),
		row("A13: only TYPE", "invalid", "-type", `+"TYPE":"access"`),
		row("A8: unknown claims", "ok", `+"unknown":{"a":[1,2,{"b":null}]}`, `+"":1`, `+"a b":1`),

		row("version may be absent", "ok", "-version"),
		row("version of another grammar", "ok", `version="a tag, with more than is allowed in it"`),
		row("version is a number", "invalid", "version=2"),
		row("version is null", "invalid", "version=null"),
		row("nbf long ago", "ok", "nbf=1000000000"),
		row("nbf now", "ok", "nbf="+at(0)),
		row("A15: nbf in an hour", "invalid", "nbf="+at(time.Hour)),
		row("nbf is a text", "invalid", `nbf="1000000000"`),
		row("nbf is null", "invalid", "nbf=null"),
		row("auth_time is a text", "invalid", `auth_time="1000000000"`),
		row("auth_time is absent", "invalid", "-auth_time"),
		row("session_end is a text", "invalid", `session_end="never"`),
		row("forget is a number", "invalid", "forget=1"),
		row("not to be forgotten", "ok", "forget=false"),
		row("gen of another release", "ok", "gen=7"),
		row("act is a text", "invalid", `act="bob"`),
		row("act names nobody", "invalid", `act={}`),
		row("act is empty", "invalid", `act={"sub":""}`),
		row("act is a number", "invalid", `act={"sub":7}`),
		row("act of another claim", "ok", `act={"sub":"bob","iss":"https://id.example"}`),
		row("aud of others, where none is wanted", "ok", `aud="others"`),
		row("iss of others, where none is wanted", "ok", `iss="others"`),
		row("iss is a number", "invalid", "iss=1"),

		row("deep enough", "ok", nested(15)),
		row("too deep", "invalid", nested(16)),
		row("far too deep", "invalid", nested(300)),
		row("a lone surrogate in a name", "invalid", `+"\ud800":1`),
		row("a lone surrogate below", "invalid", `+"x":["\udfff"]`),
		row("a pair of surrogates", "ok", `+"x":"\ud83d\ude00"`),
		row("bytes that are no UTF-8", "invalid", "+\"x\":\"\xc3\x28\""),
		row("an overlong encoding", "invalid", "+\"x\":\"\xc0\xaf\""),
		row("a control character", "invalid", "+\"x\":\"\x00\""),
	}
	for _, name := range []string{"exp", "iat"} {
		rows = append(rows, dateRows(name)...)
	}
	for _, name := range []string{"sub", "sid", "jti"} {
		rows = append(rows, textRows(name)...)
	}
	return rows
}

// A8, A9, A12 to A16, C6: every row is judged alike whichever key vouches, as an
// access and as a refresh token.
func TestClaims(t *testing.T) {
	t.Parallel()
	m := vouched(t)
	everyWay(t, func(t *testing.T, w way) {
		for _, c := range claimRows() {
			want := map[string]string{"access": c.want, "refresh": c.want}
			if diff := cmp.Diff(want, judged(t, m, w, c.edits...)); diff != "" {
				t.Errorf("%s: (-want +got)\n%s", c.name, diff)
			}
		}
	})
}

// A17, A18: the issuer is exactly ours, and one of the audiences is.
func TestIssuerAndAudience(t *testing.T) {
	t.Parallel()
	m := vouched(t, func(cfg *session.Config) { cfg.Issuer, cfg.Audience = "https://id.example", "shop" })
	const iss, aud = `iss="https://id.example"`, `aud="shop"`
	everyWay(t, func(t *testing.T, w way) {
		for _, c := range []claimRow{
			row("good", "ok", iss, aud),
			row("audience in an array", "ok", iss, `aud=["shop"]`),
			row("one of several audiences", "ok", iss, `aud=["bank","shop"]`),
			row("A18: no audience", "invalid", iss),
			row("another audience", "invalid", iss, `aud="bank"`),
			row("an audience that begins like ours", "invalid", iss, `aud="shopping"`),
			row("an audience in another case", "invalid", iss, `aud="Shop"`),
			row("an audience with space", "invalid", iss, `aud="shop "`),
			row("audiences in one text", "invalid", iss, `aud="bank,shop"`),
			row("other audiences", "invalid", iss, `aud=["bank","bakery"]`),
			row("no audiences", "invalid", iss, `aud=[]`),
			row("an empty audience", "invalid", iss, `aud=""`),
			row("an empty audience in an array", "invalid", iss, `aud=[""]`),
			row("null", "invalid", iss, `aud=null`),
			row("null beside ours", "invalid", iss, `aud=[null,"shop"]`),
			row("a number beside ours", "invalid", iss, `aud=["shop",1]`),
			row("an array in the array", "invalid", iss, `aud=[["shop"]]`),
			row("an object", "invalid", iss, `aud={"shop":"shop"}`),
			row("true", "invalid", iss, `aud=true`),
			row("aud in another case", "invalid", iss, `AUD="shop"`),
			row("A17: no issuer", "invalid", aud),
			row("another issuer", "invalid", aud, `iss="https://id.example.net"`),
			row("an issuer with a slash", "invalid", aud, `iss="https://id.example/"`),
			row("an issuer in another case", "invalid", aud, `iss="https://ID.example"`),
			row("issuers in an array", "invalid", aud, `iss=["https://id.example"]`),
			row("an empty issuer", "invalid", aud, `iss=""`),
			row("both swapped", "invalid", `iss="shop"`, `aud="https://id.example"`),
		} {
			want := map[string]string{"access": c.want, "refresh": c.want}
			if diff := cmp.Diff(want, judged(t, m, w, c.edits...)); diff != "" {
				t.Errorf("%s: (-want +got)\n%s", c.name, diff)
			}
		}
	})
}

// Tokens carry the issuer and the audience they are checked for; tokens of another
// audience under the same keys are refused (C9).
func TestAudiencesApart(t *testing.T) {
	t.Parallel()
	to := func(audience string) *session.Manager {
		return managerOf(t, "v1", func(cfg *session.Config) { cfg.Issuer, cfg.Audience = "id", audience })
	}
	shop, bank := to("shop"), to("bank")
	tokens := issue(t, shop, alice)
	verify(t, shop, tokens.AccessToken)
	refresh(t, shop, tokens)
	refused(t, bank, tokens.AccessToken, session.ErrInvalid)
	if _, err := bank.Refresh(t.Context(), tokens.RefreshToken); session.Reason(err) != "invalid" {
		t.Errorf("got %v, want invalid", err)
	}
}

// A14, A15, scenario 21: the edges of time, to the nanosecond.
func TestTimes(t *testing.T) {
	t.Parallel()
	const ns = time.Nanosecond
	for _, c := range []struct {
		name, want string
		leeway     time.Duration
		wait       time.Duration
		edits      []string
	}{
		{"just before exp", "ok", -1, 900*time.Second - ns, nil},
		{"at exp", "expired", -1, 900 * time.Second, nil},
		{"just before exp and the default leeway", "ok", 0, 960*time.Second - ns, nil},
		{"at exp and the default leeway", "expired", 0, 960 * time.Second, nil},
		{"just before exp and a leeway of 5 s", "ok", 5 * time.Second, 905*time.Second - ns, nil},
		{"at exp and a leeway of 5 s", "expired", 5 * time.Second, 905 * time.Second, nil},
		{"iat 20 s ahead, scenario 21", "ok", 0, 0, []string{"iat=946684820"}},
		{"iat 9 min ahead, no leeway", "ok", -1, 0, []string{"iat=946685340"}},
		{"iat 10 min ahead", "ok", 0, 0, []string{"iat=946685400"}},
		{"iat 10 min and 1 s ahead", "unavailable", 0, 0, []string{"iat=946685401"}},
		{"iat 11 min ahead", "unavailable", 0, 0, []string{"iat=946685460"}},
		{"iat 11 min ahead, a minute later", "ok", 0, time.Minute, []string{"iat=946685460"}},
		{"auth_time 20 min after iat, by two clocks", "ok", 0, 0, []string{"auth_time=946686000"}},
		{"auth_time 20 min and 1 s after iat", "invalid", 0, 0, []string{"auth_time=946686001"}},
		{"auth_time in a century", "invalid", 0, 0, []string{"auth_time=4102444800"}},
		{"nbf within the leeway", "ok", 0, 0, []string{"nbf=946684860"}},
		{"nbf behind the leeway", "invalid", 0, 0, []string{"nbf=946684861"}},
		{"nbf ahead, no leeway", "invalid", -1, 0, []string{"nbf=946684801"}},
		{"nbf now, no leeway", "ok", -1, time.Second, []string{"nbf=946684801"}},
		{"a fraction before exp", "ok", -1, 1500*time.Millisecond - ns, []string{"exp=946684801.5"}},
		{"at a fraction", "expired", -1, 1500 * time.Millisecond, []string{"exp=946684801.5"}},
	} {
		everyWay(t, func(t *testing.T, w way) {
			synctest.Test(t, func(t *testing.T) { // begins at 946684800, the year 2000
				m := vouched(t, func(cfg *session.Config) { cfg.Leeway = c.leeway })
				token := w.access(payloadOf(c.edits...))
				time.Sleep(c.wait)
				_, err := m.Verify(t.Context(), token)
				if got := session.Reason(err); got != c.want {
					t.Errorf("%s: got %q (%v), want %q", c.name, got, err, c.want)
				}
			})
		})
	}
}

package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// ringOf returns a keyring of these secrets, newest first, the last of them tagged v1.
func ringOf(t testing.TB, secrets ...string) *keyring.Keyring {
	t.Helper()
	var keys []keyring.Key
	for i, s := range secrets {
		k, err := keyring.NewKey(fmt.Sprint("v", len(secrets)-i), []byte(s))
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, k)
	}
	k, err := keyring.New(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// newRing returns a keyring of two new keys.
func newRing(t testing.TB) *keyring.Keyring {
	t.Helper()
	return ringOf(t, newSecret(), newSecret())
}

// hs256 returns a token signed with the secret and nothing else.
func hs256(secret, header, payload string) string {
	input := b64([]byte(header)) + "." + b64([]byte(payload))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(input))
	return input + "." + b64(mac.Sum(nil))
}

// judged returns what explain makes of a token now.
func judged(t testing.TB, token string, keys *keyring.Keyring) *explained {
	t.Helper()
	x, err := explain(token, keys, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// TestVerdicts: claims and when they are looked at, in seconds from their making.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	const head = `{"sub":"alice","sid":"s","jti":"j","auth_time":NOW,`
	for name, c := range map[string]struct {
		claims string
		after  time.Duration
		status int
		why    string
	}{
		"good":               {`"iat":NOW,"exp":END,"type":"access"}`, 0, done, "an access token"},
		"within the leeway":  {`"iat":NOW,"exp":END,"type":"access"}`, 959 * time.Second, done, "an access token"},
		"ended":              {`"iat":NOW,"exp":END,"type":"access"}`, 960 * time.Second, refused, "ended 60 seconds ago"},
		"ahead, a little":    {`"iat":NOW,"exp":END,"type":"access"}`, -10 * time.Minute, done, "an access token"},
		"ahead":              {`"iat":NOW,"exp":END,"type":"access"}`, -601 * time.Second, cannotTell, "issued in 10 minutes: one of the clocks is wrong"},
		"not begun":          {`"iat":NOW,"exp":END,"nbf":END,"type":"access"}`, 0, refused, "begins in 15 minutes"},
		"no end":             {`"iat":NOW,"type":"access"}`, 0, refused, "missing"},
		"an end of no kind":  {`"iat":NOW,"exp":"never","type":"access"}`, 0, refused, "missing"},
		"no beginning":       {`"exp":END,"type":"access"}`, 0, refused, "missing"},
		"no type":            {`"iat":NOW,"exp":END}`, 0, refused, "missing"},
		"another type":       {`"iat":NOW,"exp":END,"type":"refresh"}`, 0, refused, "not that of the header"},
		"a type of no kind":  {`"iat":NOW,"exp":END,"type":"other"}`, 0, refused, "missing"},
		"posing as purpose":  {`"iat":NOW,"exp":END,"type":"purpose","purpose":"x"}`, 0, refused, "wrong signature"},
		"a name that counts": {`"iat":NOW,"exp":END,"type":"access","TYPE":"refresh"}`, 0, done, "an access token"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				now := time.Now()
				keys := newRing(t)
				fill := strings.NewReplacer("NOW", fmt.Sprint(now.Unix()), "END", fmt.Sprint(now.Unix()+900))
				x, err := explain(sign(t, keys, fill.Replace(head+c.claims)), keys, now.Add(c.after))
				if err != nil {
					t.Fatal(err)
				}
				if x.status != c.status || !strings.Contains(x.Why, c.why) {
					t.Errorf("got %+v, want status %d and %q", x, c.status, c.why)
				}
				if x.Genuine != !strings.Contains(c.why, "signature") {
					t.Errorf("got genuine: %v", x.Genuine)
				}
			})
		})
	}
}

// TestInspectAgreesWithServers: what a server takes is accepted, and what it refuses,
// for the reasons that a ring has, is refused: for tokens of all kinds, in every ring.
func TestInspectAgreesWithServers(t *testing.T) {
	t.Parallel()
	ring := newRing(t)
	m := manager(t, ring)
	pair := issue(t, m, session.Grant{Subject: "alice"})
	purpose, err := m.Purpose("invitation", time.Hour).Issue(t.Context(), "alice", map[string]int{"team": 7})
	if err != nil {
		t.Fatal(err)
	}
	for name, keys := range map[string]*keyring.Keyring{"its own": ring, "another": newRing(t)} {
		server := manager(t, keys)
		_, access := server.Verify(t.Context(), pair.AccessToken)
		_, refresh := server.Refresh(t.Context(), pair.RefreshToken)
		once, err := session.New(session.Config{Keys: keys, Store: new(memstore.Store)})
		if err != nil {
			t.Fatal(err)
		}
		_, redeem := once.Purpose("invitation", time.Hour).Redeem(t.Context(), purpose)
		for token, err := range map[string]error{pair.AccessToken: access, pair.RefreshToken: refresh, purpose: redeem} {
			if x := judged(t, token, keys); (x.status == done) != (err == nil) {
				t.Errorf("%s: got %+v, want what the server says: %v", name, x, err)
			}
		}
	}
}

// TestInspectCoSigners: who vouches, who is held, and whose signature is right.
func TestInspectCoSigners(t *testing.T) {
	t.Parallel()
	file := newFile(t, 2)
	keys, err := keyring.FromFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pair := issue(t, manager(t, keys), session.Grant{Subject: "alice"})
	parts := strings.Split(pair.RefreshToken, ".")
	forged := parts[0] + "." + parts[1] + "." + strings.Repeat("A", 43)
	show := func(token string) string {
		var words []string
		x := judged(t, token, keys)
		for _, s := range x.Signatures {
			tag, _, _ := strings.Cut(s.Key, ".")
			words = append(words, fmt.Sprint(tag, " ", s.role(), " ", s.State, " ", s.finding()))
		}
		return fmt.Sprintf("%d: %s", x.status, strings.Join(words, ", "))
	}
	if got, want := show(pair.RefreshToken), "0: v3 signed current right, v2 co-signed previous right, v1 co-signed previous right"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := show(forged), "1: v3 signed current WRONG, v2 co-signed previous right, v1 co-signed previous right"; got != want {
		t.Errorf("forged: got %q, want %q", got, want)
	}
	for _, step := range []struct{ do, want string }{
		{"revoke v3", "0: v3 signed revoked right, but counts for nothing, v2 co-signed previous right, v1 co-signed previous right"},
		{"drop v3", "0: v3 signed revoked not verified, v2 co-signed previous right, v1 co-signed previous right"},
		{"drop -force v2", "0: v3 signed revoked not verified, %s co-signed  not verified, v1 co-signed previous right"},
	} {
		ok(t, append(strings.Fields(step.do), "-file", file)...)
		lost := keys.List()[2].ID
		if err := keys.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(step.want, "%s") {
			_, print, _ := strings.Cut(lost, ".")
			step.want = fmt.Sprintf(step.want, print)
		}
		if got := show(pair.RefreshToken); got != step.want {
			t.Errorf("after %s: got %q, want %q", step.do, got, step.want)
		}
	}
	// The bearer has altered the signature of a key that is held no more: nobody minds.
	if x := judged(t, forged, keys); x.status != done {
		t.Errorf("got %+v", x)
	}
}

// TestSignersThatDisagree: an access token passes by the key that decides, and it is
// said that a refresh token would not.
func TestSignersThatDisagree(t *testing.T) {
	t.Parallel()
	stolen := newSecret()
	ring := ringOf(t, stolen, newSecret())
	pair := issue(t, manager(t, ring), session.Grant{Subject: "alice"})
	guessed := func(token string) string {
		parts := strings.Split(token, ".")
		header, payload := unb64(t, parts[0]), unb64(t, parts[1])
		end := len(payload) - len(`"}}`)
		return hs256(stolen, header, payload[:end-22]+strings.Repeat("A", 22)+payload[end:])
	}
	if x := judged(t, guessed(pair.AccessToken), ring); x.status != done || !strings.Contains(x.Why, "a key has leaked") {
		t.Errorf("access: got %+v", x)
	}
	if x := judged(t, guessed(pair.RefreshToken), ring); x.status != refused || !strings.Contains(x.Why, "signatures disagree") {
		t.Errorf("refresh: got %+v", x)
	}
}

// TestLegacyTokens: a token without a kid is held against every key.
func TestLegacyTokens(t *testing.T) {
	t.Parallel()
	old := newSecret()
	now := time.Now().Unix()
	token := hs256(old, `{"alg":"HS256","typ":"JWT"}`, fmt.Sprintf(`{"user_id":7,"iat":%d,"exp":%d,"type":"access"}`, now, now+60))
	x := judged(t, token, ringOf(t, newSecret(), old))
	if x.status != done || !strings.Contains(x.Why, "LegacyUntil") || len(x.Signatures) != 1 || x.Signatures[0].State != "previous" || !x.Signatures[0].Right {
		t.Errorf("held: got %+v", x)
	}
	if x := judged(t, token, newRing(t)); x.status != refused || !strings.Contains(x.Why, "wrong signature") {
		t.Errorf("not held: got %+v", x)
	}
	if x := judged(t, token, nil); x.status != cannotTell {
		t.Errorf("no ring: got %+v", x)
	}
}

// TestInspectBounds: input is bounded, and no part of it is repeated in a refusal.
func TestInspectBounds(t *testing.T) {
	t.Parallel()
	for in, status := range map[string]int{
		"": misused, " \n": misused, "Bearer ": refused, "x": refused, "a.b": refused, "..": refused, strings.Repeat("a", 1<<20): refused,
		strings.Repeat("a", 4096) + ".b.c": refused, "{}": refused, "\x00": refused, "e30.e30.": refused,
	} {
		got, out, errs := keyringDo(t, in, "inspect")
		if got != status || out != "" || len(errs) > 200 {
			t.Errorf("%.20q: got %d, %q, %q, want %d", in, got, out, errs, status)
		}
	}
}

// TestInspectOnTerminals: no claim commands the terminal, or forges a line.
func TestInspectOnTerminals(t *testing.T) {
	t.Parallel()
	claims := map[string]any{"a\x1b[2Jb": "\x1b]0;x\a", "c": "\u202e\u009b2J\U000e0001", "d": "x\nACCEPTED: y", "e": []any{"\x7f", map[string]any{"f": "g"}}}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	token := b64([]byte(`{"alg":"HS256","kid":"v1","\u001b":"\u001b"}`)) + "." + b64(payload) + "." + b64(make([]byte, 32))
	for _, args := range [][]string{{"inspect"}, {"inspect", "-json"}} {
		status, out, _ := keyringDo(t, token, args...)
		if status != cannotTell || strings.ContainsAny(out, "\x1b\a\u202e\u009b\U000e0001\x7f") || strings.Contains(out, "\nACCEPTED") {
			t.Errorf("%q: got %d, %q", args, status, out)
		}
		if !strings.Contains(out, `\u009b2J\udb40\udc01`) {
			t.Errorf("%q: got %q, want what the token says", args, out)
		}
	}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func unb64(t *testing.T, text string) string {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// FuzzInspect: no panic; nothing is accepted but what the ring has made; what is shown
// holds no signature and commands no terminal; and the answer is JSON.
func FuzzInspect(f *testing.F) {
	ring := newRing(f)
	now := time.Now().Unix()
	good := sign(f, ring, fmt.Sprintf(`{"sub":"alice","iat":%d,"exp":%d,"type":"access","x":{"y":[1]}}`, now, now+1e9))
	for _, s := range []string{good, "", "..", "a.b.c", "e30.e30.e30", b64([]byte(`{"alg":"HS256","kid":"v1"}`)) + ".e30.x", "Bearer " + good} {
		f.Add(s, uint16(0), uint16(0))
		f.Add(s, uint16(9), uint16(40))
	}
	f.Fuzz(func(t *testing.T, text string, at, cut uint16) {
		i := int(at) % (len(good) + 1)
		for _, token := range []string{text, good[:i] + text + good[min(i+int(cut), len(good)):]} {
			for _, keys := range []*keyring.Keyring{ring, nil} {
				x, err := explain(token, keys, time.Now())
				if err != nil {
					if len(err.Error()) > 100 {
						t.Fatalf("got %q", err)
					}
					continue
				}
				if x.status == done && (keys == nil || !strings.HasPrefix(good, token[:strings.LastIndexByte(token, '.')])) {
					t.Fatalf("accepted %q", token)
				}
				checkShown(t, x, token)
			}
		}
	})
}

// checkShown checks what is shown of a token.
func checkShown(t *testing.T, x *explained, token string) {
	t.Helper()
	var text, asJSON strings.Builder
	if err := x.write(&text); err != nil {
		t.Fatal(err)
	}
	if err := writeJSON(&asJSON, x); err != nil {
		t.Fatal(err)
	}
	if !json.Valid([]byte(asJSON.String())) {
		t.Fatalf("not JSON: %s", asJSON.String())
	}
	shown := text.String() + asJSON.String()
	if signature := token[strings.LastIndexByte(token, '.')+1:]; len(signature) > 30 && strings.Contains(shown, signature) {
		t.Fatalf("a signature is shown: %s", shown)
	}
	if plainLines(shown) != shown {
		t.Fatalf("got %q", shown)
	}
}

package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/keyring"
)

// envOf returns the path of an env file. In its lines a, b and c stand for secrets.
func envOf(t testing.TB, secrets map[string]string, lines ...string) string {
	t.Helper()
	var b strings.Builder
	for _, line := range lines {
		name, values, _ := strings.Cut(line, "=")
		list := strings.Split(values, ",")
		for i, v := range list {
			if s := secrets[v]; s != "" {
				list[i] = s
			}
		}
		fmt.Fprintf(&b, "%s='%s'\n", name, strings.Join(list, ","))
	}
	return write(t, "some.env", b.String())
}

// newSecrets returns secrets named a to f.
func newSecrets() map[string]string {
	secrets := map[string]string{}
	for c := range strings.SplitSeq("abcdef", "") {
		secrets[c] = newSecret()
	}
	return secrets
}

// tagsOf returns tags and states of the keys in an env file.
func tagsOf(t testing.TB, env string, flags ...string) string {
	t.Helper()
	out := ok(t, append([]string{"check", "-json", "-env", env}, flags...)...)
	var words []string
	for _, k := range decode[checked](t, out).Keys {
		words = append(words, k.Tag+" "+k.State)
	}
	return strings.Join(words, ", ")
}

// TestNextEnv: the output is an environment of its own, with the keys that follow, and
// shares a key with the one before.
func TestNextEnv(t *testing.T) {
	t.Parallel()
	odd := func(inner string) string { return newSecret()[:24] + inner + newSecret()[:24] }
	for name, c := range map[string]struct {
		lines []string
		want  string
		names string // of the variables that are printed
	}{
		"first":                       {[]string{"SESSION_SECRET=a"}, "v2 current, v1 previous", "SECRET SECRET_OLD VERSION"},
		"second":                      {[]string{"SESSION_SECRET=b", "SESSION_SECRET_OLD=a", "TOKEN_VERSION=v2"}, "v3 current, v2 previous, v1 previous", "SECRET SECRET_OLD VERSION"},
		"labels of one's own":         {[]string{"SESSION_SECRET=b", "SESSION_SECRET_OLD=a", "TOKEN_VERSION=blue", "TOKEN_VERSION_OLD=red"}, "blue-2 current, blue previous, red previous", "SECRET SECRET_OLD VERSION VERSION_OLD"},
		"a label that does not count": {[]string{"SESSION_SECRET=a", "TOKEN_VERSION=blue"}, "blue-2 current, blue previous", "SECRET SECRET_OLD VERSION VERSION_OLD"},
		"labels that are left over":   {[]string{"SESSION_SECRET=b", "SESSION_SECRET_OLD=a", "TOKEN_VERSION=v2", "TOKEN_VERSION_OLD=v1"}, "v3 current, v2 previous, v1 previous", "SECRET SECRET_OLD VERSION VERSION_OLD"},
		"the version was forgotten":   {[]string{"SESSION_SECRET=b", "SESSION_SECRET_OLD=a"}, "v2 current, v1 previous, old1 previous", "SECRET SECRET_OLD VERSION"},
		"the next label is taken":     {[]string{"SESSION_SECRET=b", "SESSION_SECRET_OLD=a", "TOKEN_VERSION=v1", "TOKEN_VERSION_OLD=v2"}, "v3 current, v1 previous, v2 previous", "SECRET SECRET_OLD VERSION VERSION_OLD"},
		"a spare":                     {[]string{"SESSION_SECRET=a", "SESSION_SECRET_SPARE=b"}, "v2 current, v1 previous, spare spare", "SECRET SECRET_OLD VERSION SECRET_SPARE"},
		"a stolen old key, by tag":    {[]string{"SESSION_SECRET=b", "SESSION_SECRET_OLD=a", "TOKEN_VERSION=v2", "SESSION_SECRET_REVOKED=v1"}, "v3 current, v2 previous, v1 revoked", "SECRET SECRET_OLD VERSION SECRET_REVOKED"},
		"stolen keys that are gone":   {[]string{"SESSION_SECRET=a", "SESSION_SECRET_REVOKED=v0.AAAAAAAA,x.BBBBBBBB"}, "v2 current, v1 previous, v0 revoked, x revoked", "SECRET SECRET_OLD VERSION SECRET_REVOKED"},
		"the present one is stolen":   {[]string{"SESSION_SECRET=b", "SESSION_SECRET_OLD=a", "TOKEN_VERSION=v2", "SESSION_SECRET_REVOKED=v2"}, "v3 current, v2 revoked, v1 previous", "SECRET SECRET_OLD VERSION SECRET_REVOKED"},
		"many old ones":               {[]string{"SESSION_SECRET=a", "SESSION_SECRET_OLD=b,c,d,e", "SESSION_SECRET_SPARE=f", "TOKEN_VERSION=v5"}, "v6 current, v5 previous, v4 previous, v3 previous, v2 previous, v1 previous, spare spare", "SECRET SECRET_OLD VERSION SECRET_SPARE"},
		"empty variables":             {[]string{"SESSION_SECRET=a", "SESSION_SECRET_OLD=", "TOKEN_VERSION=", "SESSION_SECRET_SPARE="}, "v2 current, v1 previous", "SECRET SECRET_OLD VERSION"},
		"a comma":                     {[]string{"SESSION_SECRET=" + odd(",")}, "v2 current, v1 previous", "SECRET SECRET_OLD VERSION"},
		"a dollar, a backslash":       {[]string{"SESSION_SECRET=" + odd(`$HOME\n"`)}, "v2 current, v1 previous", "SECRET SECRET_OLD VERSION"},
		"another alphabet":            {[]string{"SESSION_SECRET=" + odd("éß€")}, "v2 current, v1 previous", "SECRET SECRET_OLD VERSION"},
		"with a prefix":               {[]string{"SESSION_SECRET=hex:" + newSecret(), "SESSION_SECRET_SPARE=base64:" + strings.Repeat("q7Z+", 3) + newSecret()[:36]}, "v2 current, v1 previous, spare spare", "SECRET SECRET_OLD VERSION SECRET_SPARE"},
		"it was activated":            {[]string{"SESSION_SECRET=b", "SESSION_SECRET_OLD=a", "TOKEN_VERSION=v2", "SESSION_SECRET_ACTIVATES_AT=2020-01-01T00:00:00Z"}, "v3 spare, v2 current, v1 previous", "SECRET SECRET_OLD VERSION SECRET_ACTIVATES_AT"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := envOf(t, newSecrets(), c.lines...)
			next := write(t, "next.env", ok(t, "env", "-env", now))
			if got := tagsOf(t, next); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			for _, args := range [][]string{{"-env", next, "-against", now}, {"-env", now, "-against", next}} {
				out := decode[checked](t, ok(t, append([]string{"check", "-json"}, args...)...))
				if !out.Against.Shares || out.Against.Lost != nil {
					t.Errorf("%q: got %+v, want a shared key and no loss", args, out.Against)
				}
			}
			if got := namesIn(t, next); got != c.names {
				t.Errorf("got the variables %q, want %q", got, c.names)
			}
		})
	}
}

// namesIn returns the variables of an env file in short.
func namesIn(t testing.TB, env string) string {
	t.Helper()
	var names []string
	for line := range strings.Lines(content(t, env)) {
		if name, _, ok := strings.Cut(line, "="); ok && line[0] != '#' {
			names = append(names, strings.TrimPrefix(strings.TrimPrefix(name, "SESSION_"), "TOKEN_"))
		}
	}
	return strings.Join(names, " ")
}

// TestNextEnvDates: from when the old secret may be removed, and until when a new one
// only co-signs where that is wanted.
func TestNextEnvDates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now := envOf(t, newSecrets(), "SESSION_SECRET=a", "SESSION_SECRET_ACTIVATES_AT=2000-01-02T00:00:00Z")
		want(t, refused, "signs from 2000-01-02 00:00Z on: rotate it after that", "env", "-env", now)
		time.Sleep(24 * time.Hour)
		r := decode[rotation](t, ok(t, "env", "-json", "-env", now, "-lifetime", "720h"))
		if got := time.Until(r.RemoveOldFrom); got != 744*time.Hour {
			t.Errorf("got %v from now, want 31 days", got)
		}
		if at, _ := r.lookup("SESSION_SECRET_ACTIVATES_AT"); at != "2000-01-03T00:00:00Z" {
			t.Errorf("got %q, want a day from now", at)
		}
		if r.Tag != "v2" || !strings.HasPrefix(r.KID, "v2.") || !strings.HasPrefix(r.Old, "v1.") {
			t.Errorf("got %q, %q, %q", r.Tag, r.KID, r.Old)
		}
	})
}

// TestFlaskEnv: the names of Flask, and a word on what it does not read.
func TestFlaskEnv(t *testing.T) {
	t.Parallel()
	now := envOf(t, newSecrets(), "FLASK_SECRET_KEY=b", "TOKEN_VERSION=v2")
	out := ok(t, "env", "-flask", "-env", now)
	next := write(t, "next.env", out)
	if got := tagsOf(t, next, "-flask"); got != "v3 current, v2 previous" || strings.Contains(out, "Flask") {
		t.Errorf("got %q: %s", got, out)
	}
	out = ok(t, "env", "-flask", "-env", next)
	if !strings.Contains(out, "# Flask itself reads one old secret") || !strings.Contains(out, "\nFLASK_SECRET_KEY_OLD=") {
		t.Errorf("got %s", out)
	}
	want(t, refused, "SESSION_SECRET is not set", "env", "-env", now)
}

// TestCompare: who accepts whose tokens, and what is lost without a key.
func TestCompare(t *testing.T) {
	t.Parallel()
	secrets := newSecrets()
	env := func(words string) string {
		var lines []string
		for word := range strings.FieldsSeq(words) {
			kind, value, _ := strings.Cut(word, ":")
			lines = append(lines, map[string]string{"s": "SESSION_SECRET=", "o": "SESSION_SECRET_OLD=", "spare": "SESSION_SECRET_SPARE=", "v": "TOKEN_VERSION=", "r": "SESSION_SECRET_REVOKED="}[kind]+value)
		}
		return envOf(t, secrets, lines...)
	}
	for name, c := range map[string]struct {
		here, there string
		status      int
		lost        string
		says        string
	}{
		"rotated":                         {"s:b o:a v:v2", "s:a", done, "", "no token is lost"},
		"rolled back":                     {"s:a", "s:b o:a v:v2", done, "", "no token is lost"},
		"the same":                        {"s:a", "s:a", done, "", "no token is lost"},
		"the old one gone too early":      {"s:b v:v2", "s:a", refused, "v1 not held", "no live key"},
		"the oldest gone":                 {"s:c o:b v:v3", "s:b o:a v:v2", done, "v1 not held", "from now on"},
		"the oldest revoked":              {"s:c o:b,a v:v3 r:v1", "s:b o:a v:v2", done, "v1 revoked", "it is revoked there"},
		"one in the middle gone":          {"s:d o:a v:v4", "s:c o:b,a v:v3", done, "", "no token is lost"},
		"only the spare is shared":        {"s:b spare:c", "s:a spare:c", done, "v1 not held", "from now on"},
		"the spare gone":                  {"s:a", "s:a spare:c", done, "spare not held", "from now on"},
		"the shared one is revoked here":  {"s:b o:a v:v2 r:v1", "s:a", refused, "v1 revoked", "no live key"},
		"the shared one is revoked there": {"s:b v:v2", "s:a o:b v:v3 r:v2", refused, "v3 not held", "no live key"},
		"too many keys there":             {"s:f v:v9", "s:a o:b,c,d,e,f", refused, "v1 not held", "Too many keys: what"},
		"too many keys here":              {"s:a o:b,c,d,e,f", "s:f v:v9", refused, "", "Too many keys: what"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := []string{"check", "-env", env(c.here), "-against", env(c.there)}
			want(t, c.status, c.says, args...)
			out, _ := want(t, c.status, "", append(args, "-json")...)
			got := decode[checked](t, out).Against
			var lost []string
			for _, l := range got.Lost {
				tag, _, _ := strings.Cut(l.KID, ".")
				lost = append(lost, tag+" "+l.Here)
			}
			if got.Shares != (c.status == done) || !strings.Contains(strings.Join(lost, ", "), c.lost) || c.lost == "" && lost != nil {
				t.Errorf("got %+v, want the loss %q", got, c.lost)
			}
		})
	}
}

// TestCompareIsTrue: the comparison says of tokens what becomes of them, whichever keys
// the two hold: of those that each issues now, and of those that the other issued when
// each of its keys was the newest, of which none is refused without a word.
func TestCompareIsTrue(t *testing.T) {
	t.Parallel()
	var all []keyring.Key
	for i := range 5 {
		k, err := keyring.NewKey(fmt.Sprint("k", i), []byte(newSecret()))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, k)
	}
	subset := func(mask int) *keyring.Keyring {
		var keys []keyring.Key
		for i, k := range all {
			if mask>>i&1 == 1 {
				keys = append(keys, k)
			}
		}
		k, err := keyring.New(keys...)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	opens := func(k *keyring.Keyring, token string) bool {
		_, err := k.Live().Ring().Open(token, time.Now(), 0)
		return err == nil
	}
	for here := 1; here < 32; here++ {
		for there := 1; there < 32; there++ {
			a, b := subset(here), subset(there)
			c := compare(a, b, time.Hour)
			if forth, back := opens(a, sign(t, b, `{"exp":4000000000}`)), opens(b, sign(t, a, `{"exp":4000000000}`)); c.forth != forth || c.back != back {
				t.Fatalf("%05b and %05b: got %v, %v, want %v, %v", here, there, c.forth, c.back, forth, back)
			}
			for i, k := range all {
				if there>>i&1 == 0 || opens(a, sign(t, subset(there>>i<<i), `{"exp":4000000000}`)) {
					continue
				}
				if !slices.ContainsFunc(c.Lost, func(l loss) bool { return l.KID == k.String() }) {
					t.Fatalf("%05b and %05b: tokens of %s are lost, got %v", here, there, k, c.Lost)
				}
			}
		}
	}
}

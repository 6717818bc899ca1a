package keyring_test

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/internal/ring"
	"github.com/sessionring/sessionring/keyring"
)

// openEnv opens the keyring of variables, each NAME=value, under the default names.
func openEnv(vars ...string) (*keyring.Keyring, error) {
	return keyring.OpenEnv(keyring.Env{}, environment(vars))
}

// environment returns the look-up in variables, each NAME=value.
func environment(vars []string) func(string) (string, bool) {
	values := map[string]string{}
	for _, v := range vars {
		name, value, _ := strings.Cut(v, "=")
		values[name] = value
	}
	return func(name string) (string, bool) { v, ok := values[name]; return v, ok }
}

func TestEnv(t *testing.T) {
	t.Parallel()
	a, b, c, s := newSecret(), newSecret(), newSecret(), newSecret()
	for name, e := range map[string]struct {
		vars []string
		want string
	}{
		"one secret":                 {[]string{"SESSION_SECRET=" + a}, "v1 current"},
		"its version":                {[]string{"SESSION_SECRET=" + a, "TOKEN_VERSION=v7"}, "v7 current"},
		"a final line break":         {[]string{"SESSION_SECRET=" + a + "\n", "TOKEN_VERSION=v7\r\n"}, "v7 current"},
		"two secrets":                {[]string{"SESSION_SECRET=" + b, "SESSION_SECRET_OLD=" + a, "TOKEN_VERSION=v2"}, "v2 current, v1 previous"},
		"old secrets, newest first":  {[]string{"SESSION_SECRET=" + c, "SESSION_SECRET_OLD=" + b + "," + a, "TOKEN_VERSION=v3"}, "v3 current, v2 previous, v1 previous"},
		"TOKEN_VERSION not raised":   {[]string{"SESSION_SECRET=" + b, "SESSION_SECRET_OLD=" + a, "TOKEN_VERSION=v1", "TOKEN_VERSION_OLD=v1"}, "v1 current, v1 previous"},
		"empty companions":           {[]string{"SESSION_SECRET=" + a, "SESSION_SECRET_OLD=", "TOKEN_VERSION=", "TOKEN_VERSION_OLD=", "SESSION_SECRET_SPARE=", "SESSION_SECRET_REVOKED=", "SESSION_SECRET_ACTIVATES_AT="}, "v1 current"},
		"empty but for a line break": {[]string{"SESSION_SECRET=" + a, "SESSION_SECRET_OLD=\n"}, "v1 current"},
		"a spare":                    {[]string{"SESSION_SECRET=" + a, "SESSION_SECRET_SPARE=" + s}, "v1 current, spare spare"},
		"activation ahead, alone":    {[]string{"SESSION_SECRET=" + a, "SESSION_SECRET_ACTIVATES_AT=2999-01-01T00:00:00Z"}, "v1 current"},
		"activation ahead":           {[]string{"SESSION_SECRET=" + b, "SESSION_SECRET_OLD=" + a, "TOKEN_VERSION=v2", "SESSION_SECRET_ACTIVATES_AT=2999-01-01T00:00:00+01:00\n"}, "v2 spare, v1 current"},
		"activation past":            {[]string{"SESSION_SECRET=" + b, "SESSION_SECRET_OLD=" + a, "TOKEN_VERSION=v2", "SESSION_SECRET_ACTIVATES_AT=2020-01-01T00:00:00Z"}, "v2 current, v1 previous"},
		"a comma in the secret":      {[]string{"SESSION_SECRET=" + a + "," + b}, "v1 current"},
		"spaces between tags":        {[]string{"SESSION_SECRET=" + c, "SESSION_SECRET_OLD=" + b + "," + a, "TOKEN_VERSION_OLD=x, y"}, "v1 current, x previous, y previous"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantStates(t, must(openEnv(e.vars...))(t), e.want)
		})
	}
}

// The text is the key (as Flask takes it); hex: and base64: decode.
func TestEnvForms(t *testing.T) {
	t.Parallel()
	raw := append(random(31), 0xff) // 0xff: both alphabets of base64 are told apart
	raw[0], raw[1] = 0xfb, 0xff
	text := newSecret()
	for name, c := range map[string]struct {
		value string
		want  []byte
	}{
		"text":            {text, []byte(text)},
		"UTF-8":           {"ключ-" + text, []byte("ключ-" + text)},
		"text, line":      {text + "\n", []byte(text)},
		"text, CR LF":     {text + "\r\n", []byte(text)},
		"hex":             {"hex:" + hex.EncodeToString(raw), raw},
		"hex, capitals":   {"hex:" + strings.ToUpper(hex.EncodeToString(raw)), raw},
		"base64":          {"base64:" + base64.StdEncoding.EncodeToString(raw), raw},
		"base64, raw":     {"base64:" + base64.RawStdEncoding.EncodeToString(raw), raw},
		"base64, URL":     {"base64:" + base64.URLEncoding.EncodeToString(raw), raw},
		"base64, raw URL": {"base64:" + base64.RawURLEncoding.EncodeToString(raw) + "\n", raw},
		"hex of text":     {"hex:" + hex.EncodeToString([]byte(text)), []byte(text)},
		"hex of spaces":   {"hex:" + hex.EncodeToString([]byte("a b "+text)), []byte("a b " + text)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := must(openEnv("SESSION_SECRET=" + c.value))(t)
			if got, want := k.List()[0].ID, ring.NewHMAC("v1", c.want).ID(); got != want {
				t.Errorf("got the key %s, want %s", got, want)
			}
		})
	}
}

// Scenarios 9 and 10: secrets that are missing, short, weak or repeated.
func TestEnvRefuses(t *testing.T) {
	t.Parallel()
	a, b, c := newSecret(), newSecret(), newSecret()
	short, ok := a[:31], "SESSION_SECRET="+a
	kid := func(secret string) string { return ring.NewHMAC("v1", []byte(secret)).ID() }
	for name, e := range map[string]struct {
		vars []string
		want []string
	}{
		"unset (9)":                {nil, []string{"SESSION_SECRET is not set"}},
		"set but empty (9)":        {[]string{"SESSION_SECRET="}, []string{"SESSION_SECRET is set but empty"}},
		"only a line break (9)":    {[]string{"SESSION_SECRET=\n"}, []string{"SESSION_SECRET is set but empty"}},
		"only an old one (9)":      {[]string{"SESSION_SECRET_OLD=" + a}, []string{"SESSION_SECRET is not set"}},
		"short (10, A21)":          {[]string{"SESSION_SECRET=" + short}, []string{"SESSION_SECRET is 31 bytes long and needs at least 32"}},
		"short, decoded (A21)":     {[]string{"SESSION_SECRET=hex:" + a[:62]}, []string{"SESSION_SECRET is 31 bytes long"}},
		"hex, odd":                 {[]string{"SESSION_SECRET=hex:" + a + "0"}, []string{"behind hex: than pairs"}},
		"hex, other characters":    {[]string{"SESSION_SECRET=hex:" + a + "zz"}, []string{"behind hex: than pairs"}},
		"base64, other characters": {[]string{"SESSION_SECRET=base64:" + a + "!"}, []string{"behind base64: than canonical"}},
		"base64, stray bits":       {[]string{"SESSION_SECRET=base64:" + a + "AB"}, []string{"canonical base64"}},
		"inner space":              {[]string{"SESSION_SECRET=" + a + " " + b}, []string{"SESSION_SECRET has white space"}},
		"leading space":            {[]string{"SESSION_SECRET= " + a}, []string{"SESSION_SECRET begins or ends with white space"}},
		"two line breaks":          {[]string{"SESSION_SECRET=" + a + "\n\n"}, []string{"begins or ends with white space"}},
		"no-break space":           {[]string{"SESSION_SECRET=" + a + "\u00a0"}, []string{"begins or ends with white space"}},
		"byte order mark":          {[]string{"SESSION_SECRET=\ufeff" + a}, []string{"invisible character"}},
		"zero-width space":         {[]string{"SESSION_SECRET=" + a + "\u200b" + b}, []string{"invisible character"}},
		"tab behind hex:":          {[]string{"SESSION_SECRET=hex:" + a + "\t"}, []string{"begins or ends with white space"}},
		"not UTF-8":                {[]string{"SESSION_SECRET=" + a + "\xff"}, []string{"not valid UTF-8"}},
		"placeholder":              {[]string{"SESSION_SECRET=your-super-secret-jwt-key-change-me-in-production"}, []string{"SESSION_SECRET is a placeholder"}},
		"regular":                  {[]string{"SESSION_SECRET=" + strings.Repeat("x", 40)}, []string{"SESSION_SECRET is too regular"}},
		"placeholder in base64":    {[]string{"SESSION_SECRET=base64:" + b64("please-change-this-secret-key-in-production")}, []string{"SESSION_SECRET is a placeholder"}},
		"short old one":            {[]string{ok, "SESSION_SECRET_OLD=" + short}, []string{"SESSION_SECRET_OLD is 31 bytes long"}},
		"short spare":              {[]string{ok, "SESSION_SECRET_SPARE=" + short}, []string{"SESSION_SECRET_SPARE is 31 bytes long"}},
		"old one with a comma":     {[]string{ok, "SESSION_SECRET_OLD=" + b[:20] + "," + b[20:]}, []string{"SESSION_SECRET_OLD (value 1) is 20 bytes", "holds a comma, write the whole one with the prefix hex: or base64:"}},
		"space behind a comma":     {[]string{ok, "SESSION_SECRET_OLD=" + b + ", " + c}, []string{"SESSION_SECRET_OLD (value 2) begins or ends with white space"}},
		"nothing between commas":   {[]string{ok, "SESSION_SECRET_OLD=" + b + ",," + c}, []string{"SESSION_SECRET_OLD has a comma with nothing before or behind it"}},
		"comma at the end":         {[]string{ok, "SESSION_SECRET_OLD=" + b + ","}, []string{"SESSION_SECRET_OLD has a comma with nothing"}},
		"equal (10, C7)":           {[]string{ok, "SESSION_SECRET_OLD=" + a}, []string{"SESSION_SECRET and SESSION_SECRET_OLD are the same key"}},
		"equal old ones (10, C7)":  {[]string{ok, "SESSION_SECRET_OLD=" + b + "," + b}, []string{"SESSION_SECRET_OLD (value 1) and SESSION_SECRET_OLD (value 2) are the same key"}},
		"equal spare (10, C7)":     {[]string{ok, "SESSION_SECRET_SPARE=hex:" + hex.EncodeToString([]byte(a))}, []string{"SESSION_SECRET and SESSION_SECRET_SPARE are the same key"}},
		"equivalent (C7)":          {[]string{"SESSION_SECRET=" + a[:32], "SESSION_SECRET_OLD=hex:" + hex.EncodeToString([]byte(a[:32]+"\x00"))}, []string{"equivalent for HMAC"}},
		"bad version":              {[]string{ok, "TOKEN_VERSION=v 2"}, []string{"TOKEN_VERSION is refused: a tag is"}},
		"secret as version":        {[]string{ok, "TOKEN_VERSION=" + a}, []string{"TOKEN_VERSION is refused"}},
		"short secret as version":  {[]string{"SESSION_SECRET=" + a[:32], "TOKEN_VERSION=" + a[:32]}, []string{"TOKEN_VERSION holds a secret"}},
		"bad old version":          {[]string{ok, "SESSION_SECRET_OLD=" + b + "," + c, "TOKEN_VERSION_OLD=v2,v/1"}, []string{"TOKEN_VERSION_OLD (value 2) is refused"}},
		"more tags than secrets":   {[]string{ok, "SESSION_SECRET_OLD=" + b, "TOKEN_VERSION_OLD=v2,v1"}, []string{"TOKEN_VERSION_OLD has 2 tags, but SESSION_SECRET_OLD has 1 secrets"}},
		"tags without secrets":     {[]string{ok, "TOKEN_VERSION_OLD=v1"}, []string{"TOKEN_VERSION_OLD has 1 tags, but SESSION_SECRET_OLD has 0"}},
		"empty tag in the list":    {[]string{ok, "SESSION_SECRET_OLD=" + b + "," + c, "TOKEN_VERSION_OLD=v1,"}, []string{"TOKEN_VERSION_OLD has a comma with nothing"}},
		"activation no time":       {[]string{ok, "SESSION_SECRET_ACTIVATES_AT=tomorrow"}, []string{"SESSION_SECRET_ACTIVATES_AT is not a time as in RFC 3339"}},
		"activation without zone":  {[]string{ok, "SESSION_SECRET_ACTIVATES_AT=2027-01-01T00:00:00"}, []string{"SESSION_SECRET_ACTIVATES_AT is not a time"}},
		"all revoked":              {[]string{ok, "SESSION_SECRET_REVOKED=" + kid(a)}, []string{"no key is left to sign with", "SESSION_SECRET_REVOKED", "set a new SESSION_SECRET"}},
		"revoked tag of none":      {[]string{ok, "SESSION_SECRET_REVOKED=v9"}, []string{"SESSION_SECRET_REVOKED is neither a whole kid", "write the whole kid"}},
		"revoked tag of several":   {[]string{ok, "SESSION_SECRET_OLD=" + b, "TOKEN_VERSION_OLD=v1", "SESSION_SECRET_REVOKED=v1"}, []string{"SESSION_SECRET_REVOKED is the tag of several keys", kid(a), kid(b)}},
		"revoked, no kid":          {[]string{ok, "SESSION_SECRET_OLD=" + b, "SESSION_SECRET_REVOKED=v1.abc/d,v1"}, []string{"SESSION_SECRET_REVOKED (value 1) is neither"}},
		"secret as revoked":        {[]string{ok, "SESSION_SECRET_OLD=" + b, "SESSION_SECRET_REVOKED=" + b[:32]}, []string{"SESSION_SECRET_REVOKED is neither"}},
		"revoked, comma at end":    {[]string{ok, "SESSION_SECRET_OLD=" + b, "SESSION_SECRET_REVOKED=" + kid(b) + ","}, []string{"SESSION_SECRET_REVOKED has a comma with nothing"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k, err := openEnv(e.vars...)
			refused(t, err, []string{a, b, c, short, a[:32], b[:32], b[:20], b[20:]}, e.want...)
			if k != nil {
				t.Error("got a keyring together with an error")
			}
			if n := strings.Count(err.Error(), "\n") + 1; n > 2 {
				t.Errorf("got %d faults, want the one or two that were made:\n%v", n, err)
			}
		})
	}
}

func TestEnvReportsAllFaultsAtOnce(t *testing.T) {
	t.Parallel()
	a := newSecret()
	_, err := openEnv("SESSION_SECRET=changeme", "SESSION_SECRET_OLD="+a+","+a+", "+a+",", "TOKEN_VERSION=v/1",
		"TOKEN_VERSION_OLD=a,b,c,d,e", "SESSION_SECRET_SPARE=secret", "SESSION_SECRET_REVOKED=a,,b,~~", "SESSION_SECRET_ACTIVATES_AT=now")
	refused(t, err, []string{"changeme", a}, "SESSION_SECRET is 8 bytes", "SESSION_SECRET_OLD (value 3)", "SESSION_SECRET_OLD has a comma",
		"(value 1) and SESSION_SECRET_OLD (value 2) are the same", "TOKEN_VERSION is refused", "TOKEN_VERSION_OLD has 5 tags",
		"SESSION_SECRET_SPARE is 6 bytes", "SESSION_SECRET_REVOKED has a comma", "SESSION_SECRET_REVOKED (value 4) is neither", "SESSION_SECRET_ACTIVATES_AT")
	if got := strings.Count(err.Error(), "\n") + 1; got != 10 {
		t.Errorf("got %d faults, want 10:\n%v", got, err)
	}
}

// Labels count down from the version before: v3, v2, v1, old1, old2.
func TestEnvLabels(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		version, old string
		want         []string
	}{
		"default":              {"", "", []string{"v1", "old1", "old2"}},
		"v3":                   {"v3", "", []string{"v3", "v2", "v1", "old1", "old2"}},
		"v2":                   {"v2", "", []string{"v2", "v1", "old1"}},
		"v10":                  {"v10", "", []string{"v10", "v9"}},
		"v0":                   {"v0", "", []string{"v0", "old1"}},
		"letters":              {"release3", "", []string{"release3", "release2", "release1", "old1"}},
		"no number":            {"blue", "", []string{"blue", "old1", "old2"}},
		"no letters":           {"3", "", []string{"3", "old1"}},
		"not letters, number":  {"v-3", "", []string{"v-3", "old1"}},
		"number, then letters": {"3v", "", []string{"3v", "old1"}},
		"leading zero":         {"v03", "", []string{"v03", "old1"}},
		"too large a number":   {"v99999999999999999999", "", []string{"v99999999999999999999", "old1"}},
		"old1 itself":          {"old1", "", []string{"old1", "old2", "old3"}},
		"all named":            {"v3", "green,blue", []string{"v3", "green", "blue"}},
		"one named, counts on": {"v9", "v5", []string{"v9", "v5", "v4", "v3"}},
		"named word, then old": {"v9", "blue", []string{"v9", "blue", "old1", "old2"}},
		"named v1, then old":   {"v9", "v1", []string{"v9", "v1", "old1"}},
		"named old3, counts":   {"v9", "old3", []string{"v9", "old3", "old4"}},
		"the same name twice":  {"v1", "v1", []string{"v1", "v1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var old []string
			for range len(c.want) - 1 {
				old = append(old, newSecret())
			}
			k := must(openEnv("SESSION_SECRET="+newSecret(), "SESSION_SECRET_OLD="+strings.Join(old, ","), "TOKEN_VERSION="+c.version, "TOKEN_VERSION_OLD="+c.old))(t)
			var got []string
			for _, i := range k.List() {
				got = append(got, i.Tag)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("tags (-want +got):\n%s", d)
			}
		})
	}
}

func TestEnvRevoked(t *testing.T) {
	t.Parallel()
	a, b, s := newSecret(), newSecret(), newSecret()
	kid := func(tag, secret string) string { return ring.NewHMAC(tag, []byte(secret)).ID() }
	vars := []string{"SESSION_SECRET=" + b, "SESSION_SECRET_OLD=" + a, "TOKEN_VERSION=v2", "SESSION_SECRET_SPARE=" + s}
	for name, c := range map[string]struct{ revoked, want string }{
		"a held kid":             {kid("v1", a), "v2 current, v1 revoked, spare spare"},
		"a held kid, other tag":  {kid("x", a), "v2 current, v1 revoked, spare spare"},
		"a bare tag":             {"v1", "v2 current, v1 revoked, spare spare"},
		"the current one":        {kid("v2", b), "v2 revoked, v1 current, spare spare"},
		"all but the spare":      {kid("v2", b) + ", v1\n", "v2 revoked, v1 revoked, spare current"},
		"the spare":              {"spare", "v2 current, v1 previous, spare revoked"},
		"a kid that is not held": {"v1.AAAAAAAA", "v2 current, v1 previous, spare spare, v1 revoked"},
		"the same twice":         {"v1.AAAAAAAA,v0.AAAAAAAA,v1,v1", "v2 current, v1 revoked, spare spare, v1 revoked"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantStates(t, must(openEnv(append(vars, "SESSION_SECRET_REVOKED="+c.revoked)...))(t), c.want)
		})
	}
}

// A tag that looks like a kid is a tag where a held key has it.
func TestEnvRevokesTagThatLooksLikeKID(t *testing.T) {
	t.Parallel()
	k := must(openEnv("SESSION_SECRET="+newSecret(), "SESSION_SECRET_OLD="+newSecret(), "TOKEN_VERSION_OLD=release.20270301", "SESSION_SECRET_REVOKED=release.20270301"))(t)
	wantStates(t, k, "v1 current, release.20270301 revoked")
}

// Scenario 14: a stolen key fails at once, tokens that the spare vouches for live.
func TestEnvStolenKeyStory(t *testing.T) {
	t.Parallel()
	stolen, spare := newSecret(), newSecret()
	before := must(openEnv("SESSION_SECRET="+stolen, "SESSION_SECRET_SPARE="+spare))(t)
	honest, forged := issue(t, before), issue(t, must(openEnv("SESSION_SECRET="+stolen))(t))
	after := must(openEnv("SESSION_SECRET="+newSecret(), "TOKEN_VERSION=v2", "SESSION_SECRET_SPARE="+spare, "SESSION_SECRET_REVOKED="+before.List()[0].ID))(t)
	wantStates(t, after, "v2 current, spare spare, v1 revoked")
	if got, err := verify(after, honest); got != "spare" || err != nil {
		t.Errorf("an honest token: got %q, %v, want the spare to vouch", got, err)
	}
	if _, err := verify(after, forged); !errors.Is(err, ring.ErrRevoked) {
		t.Errorf("a forged token: got %v, want %v", err, ring.ErrRevoked)
	}
}

func TestEnvActivates(t *testing.T) {
	t.Parallel()
	k := must(openEnv("SESSION_SECRET="+newSecret(), "SESSION_SECRET_OLD="+newSecret(), "SESSION_SECRET_ACTIVATES_AT=2999-01-01T00:00:00Z"))(t)
	want := time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)
	if got := k.List()[0].Activates; got != want {
		t.Errorf("the current secret activates: got %v, want %v", got, want)
	}
	if got := k.List()[1].Activates; !got.IsZero() {
		t.Errorf("the old secret activates: got %v, want none", got)
	}
}

func TestEnvNames(t *testing.T) {
	t.Parallel()
	a, b, s := newSecret(), newSecret(), newSecret()
	names := keyring.Env{Secret: "S", SecretOld: "SO", Version: "V", VersionOld: "VO", Spare: "P", Revoked: "R", ActivatesAt: "A"}
	k := must(keyring.OpenEnv(names, environment([]string{"S=" + a, "SO=" + b, "V=v9", "VO=v8", "P=" + s, "R=v8", "A=2020-01-01T00:00:00Z"})))(t)
	wantStates(t, k, "v9 current, v8 revoked, spare spare")
	_, err := keyring.OpenEnv(names, environment([]string{"SO=,", "V=/", "VO=,", "P=x", "R=,", "A=x"}))
	refused(t, err, nil, "S is not set", "SO has a comma", "V is refused", "VO has a comma", "P is 1 bytes", "R has a comma", "A is not a time")
}

func TestFlaskEnv(t *testing.T) {
	t.Parallel()
	a, b := newSecret(), newSecret()
	k := must(keyring.OpenEnv(keyring.FlaskEnv(), environment([]string{"FLASK_SECRET_KEY=" + a, "FLASK_SECRET_KEY_OLD=" + b, "TOKEN_VERSION=v2", "SESSION_SECRET_REVOKED=v1"})))(t)
	wantStates(t, k, "v2 current, v1 revoked")
	_, err := keyring.OpenEnv(keyring.FlaskEnv(), environment([]string{"SESSION_SECRET=" + a}))
	refused(t, err, []string{a}, "FLASK_SECRET_KEY is not set")
}

// FromEnv and Open read the environment of the process.
func TestFromEnv(t *testing.T) {
	for _, name := range []string{"SESSION_SECRET_OLD", "TOKEN_VERSION", "TOKEN_VERSION_OLD", "SESSION_SECRET_SPARE", "SESSION_SECRET_REVOKED", "SESSION_SECRET_ACTIVATES_AT"} {
		t.Setenv(name, "")
	}
	t.Setenv("SESSION_SECRET", newSecret())
	k := must(keyring.FromEnv())(t)
	wantStates(t, k, "v1 current")
	if k.Live().Load != nil {
		t.Error("the environment of a process does not change, but can be reloaded")
	}
	t.Setenv("SESSION_SECRET", "")
	_, err := keyring.FromEnv()
	refused(t, err, nil, "SESSION_SECRET is set but empty")
	os.Unsetenv("SESSION_SECRET")
	_, err = keyring.FromEnv()
	refused(t, err, nil, "SESSION_SECRET is not set")
	t.Setenv("FLASK_SECRET_KEY", newSecret())
	wantStates(t, must(keyring.FlaskEnv().Open())(t), "v1 current")
}

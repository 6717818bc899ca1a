package keyring_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/internal/ring"
	"github.com/sessionring/sessionring/keyring"
)

func TestNewKey(t *testing.T) {
	t.Parallel()
	secret := random(32)
	k, err := keyring.NewKey("v1", secret)
	if err != nil {
		t.Fatal(err)
	}
	if want := ring.NewHMAC("v1", secret).ID(); k.String() != want {
		t.Errorf("got the kid %s, want %s", k, want)
	}
	token := issue(t, must(keyring.New(k))(t))
	again, err := keyring.NewKey("v2", secret)
	if err != nil {
		t.Fatal(err)
	}
	clear(secret) // it was copied
	if _, err := verify(must(keyring.New(again))(t), token); err != nil {
		t.Errorf("the same bytes verify: got %v", err)
	}
}

// Scenarios 9 and 10: secrets that are no good, and tags.
func TestNewKeyRefuses(t *testing.T) {
	t.Parallel()
	text := newSecret()
	for name, c := range map[string]struct {
		tag    string
		secret string
		want   []string
	}{
		"empty tag":               {"", text, []string{"the tag is refused: a tag is 1 to 32 characters"}},
		"long tag":                {strings.Repeat("v", 33), text, []string{"the tag is refused"}},
		"tag with a slash":        {"v/1", text, []string{"the tag is refused"}},
		"arguments swapped":       {text, "v1", []string{"the tag is refused", "the secret is 2 bytes long"}},
		"no secret (9)":           {"v1", "", []string{"the secret is 0 bytes long and needs at least 32"}},
		"31 bytes (10, A21)":      {"v1", text[:31], []string{"the secret is 31 bytes long"}},
		"a file with its line":    {"v1", text + "\n", []string{"the secret is text with white space in it"}},
		"text with spaces":        {"v1", text[:20] + " " + text[20:], []string{"the secret is text with white space in it"}},
		"zeros (A22)":             {"v1", strings.Repeat("\x00", 32), []string{"the secret is too regular"}},
		"counting bytes (A22)":    {"v1", "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x0b\x0c\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x20\x21\x22", []string{"too regular"}},
		"placeholder (A22)":       {"v1", "change-this-to-a-long-random-string", []string{"the secret is a placeholder"}},
		"placeholder, NUL padded": {"v1", "supersecretkeychangeme" + strings.Repeat("\x00", 10), []string{"the secret is a placeholder"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k, err := keyring.NewKey(c.tag, []byte(c.secret))
			refused(t, err, []string{text, text[:20], text[:31]}, c.want...)
			if k != (keyring.Key{}) {
				t.Error("got a key together with an error")
			}
		})
	}
}

func TestParseKeys(t *testing.T) {
	t.Parallel()
	a, b, c := newSecret(), newSecret(), newSecret()
	id := func(tag, secret string) string { return ring.NewHMAC(tag, []byte(secret)).ID() }
	for name, e := range map[string]struct {
		set  string
		want []string
	}{
		"one":                            {jwks(jwk("v1", a)), []string{id("v1", a)}},
		"kid with its own fingerprint":   {jwks(jwk(id("v1", a), a)), []string{id("v1", a)}},
		"kid with another's fingerprint": {jwks(jwk("v1.AAAAAAAA", a)), []string{id("v1.AAAAAAAA", a)}},
		"kid that is only a fingerprint": {jwks(jwk(id("", a), a)), []string{id(id("", a), a)}},
		"kid that is no tag":             {jwks(jwk("prod/2027:1", a)), []string{id("prod-2027-1", a)}},
		"kid of 128 characters":          {jwks(jwk(strings.Repeat("k", 128), a)), []string{id(strings.Repeat("k", 32), a)}},
		"all members":                    {jwks(jwk("v1", a, `"alg":"HS256","use":"sig","key_ops":["verify","sign"],"iat":1,"nbf":2.5,"exp":4e9,"revoked":false,"spare":false`)), []string{id("v1", a)}},
		"unknown members":                {`{"x":{},"keys":[` + jwk("v1", a, `"d":1,"x5c":null,"comment":{"a":[]}`) + `],"y":1}`, []string{id("v1", a)}},
		"order of the set":               {jwks(jwk("c", a), jwk("a", b), jwk("b", c)), []string{id("c", a), id("a", b), id("b", c)}},
		"order by iat":                   {jwks(jwk("a", a, `"iat":1`), jwk("b", b, `"iat":3`), jwk("c", c, `"iat":2.5`)), []string{id("b", b), id("c", c), id("a", a)}},
		"order by iat is stable":         {jwks(jwk("a", a, `"iat":5`), jwk("b", b, `"iat":5`), jwk("c", c, `"iat":6`)), []string{id("c", c), id("a", a), id("b", b)}},
		"one without iat: as it stands":  {jwks(jwk("a", a, `"iat":1`), jwk("b", b), jwk("c", c, `"iat":9`)), []string{id("a", a), id("b", b), id("c", c)}},
		"remembered without iat":         {jwks(`{"kty":"oct","kid":"v0.AAAAAAAA","revoked":7}`, jwk("a", a, `"iat":1`), jwk("b", b, `"iat":3`)), []string{id("b", b), id("a", a), "v0.AAAAAAAA"}},
		"weak but revoked":               {jwks(jwk("v2", a), jwk("v1", "changeme", `"revoked":true`)), []string{id("v2", a), id("v1", "changeme")}},
		"escaped names":                  {`{"\u006beys":[{"\u006bty":"oct","kid":"v1","k":"` + b64(a) + `"}]}`, []string{id("v1", a)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keys, err := keyring.ParseKeys([]byte(e.set))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, k := range keys {
				got = append(got, k.String())
			}
			if d := cmp.Diff(e.want, got); d != "" {
				t.Errorf("kids (-want +got):\n%s", d)
			}
		})
	}
}

// Keys of one date stay as they stand, however many there are.
func TestParseKeysKeepsTheOrderOfOneDate(t *testing.T) {
	t.Parallel()
	var set, want, older []string
	for i := range 40 {
		tag := fmt.Sprint("v", i)
		set = append(set, jwk(tag, newSecret(), fmt.Sprint(`"iat":`, 7+i%2)))
		if i%2 == 1 {
			want = append(want, tag)
		} else {
			older = append(older, tag)
		}
	}
	want = append(want, older...)
	keys, err := keyring.ParseKeys([]byte(jwks(set...)))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := must(keyring.New(keys...))(t).String(), "keyring("+strings.Join(want, " ")+")"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestParseKeysRefuses(t *testing.T) {
	t.Parallel()
	a, b := newSecret(), newSecret()
	id := ring.NewHMAC("v1", []byte(a)).ID()
	with := func(more string) string { return jwks(jwk("v1", a, more)) }
	k := func(text string) string { return jwks(fmt.Sprintf(`{"kty":"oct","kid":"v1","k":%q}`, text)) }
	ones := strings.Repeat("_", 42) + "8" // 32 bytes of ones, canonical
	for name, c := range map[string]struct {
		set  string
		want []string
	}{
		"empty":                        {``, []string{"JWK Set is no JWK Set: not one JSON object"}},
		"an array":                     {`[]`, []string{"not one JSON object"}},
		"two objects":                  {jwks(jwk("v1", a)) + "{}", []string{"not one JSON object"}},
		"a single key":                 {jwk("v1", a), []string{`it must have an array "keys"`}},
		"keys is no array":             {`{"keys":{}}`, []string{`it must have an array "keys"`}},
		"Keys":                         {`{"Keys":[` + jwk("v1", a) + `]}`, []string{`it must have an array "keys"`}},
		"no keys":                      {`{"keys":[]}`, []string{"JWK Set holds no key"}},
		"over 1 MiB (A29)":             {jwks(jwk("v1", a)) + strings.Repeat(" ", 1<<20), []string{"larger than 1048576 bytes"}},
		"names twice (A9)":             {`{"keys":[],"keys":[` + jwk("v1", a) + `]}`, []string{"a name occurs twice"}},
		"names twice in a key (A9)":    {with(`"k":"` + b64(b) + `"`), []string{"a name occurs twice"}},
		"names twice below (A9)":       {with(`"x":{"y":1,"y":2}`), []string{"a name occurs twice"}},
		"not UTF-8 (A12)":              {with("\"x\":\"\xff\""), []string{"not valid Unicode"}},
		"nested deeply":                {with(`"x":` + strings.Repeat("[", 99) + strings.Repeat("]", 99)), []string{"nested too deeply"}},
		"a key that is no object":      {`{"keys":[` + jwk("v1", a) + `,"x"]}`, []string{"key 2: not one JSON object"}},
		"no kid":                       {jwks(`{"kty":"oct","k":"` + b64(a) + `"}`), []string{"key 1: kid must be there"}},
		"kid is a number":              {jwks(`{"kty":"oct","kid":1,"k":"` + b64(a) + `"}`), []string{"kid must be a string"}},
		"kid is empty":                 {jwks(jwk("", a)), []string{"kid must be there"}},
		"kid too long":                 {jwks(jwk(strings.Repeat("k", 129), a)), []string{"1 to 128 printable ASCII"}},
		"kid with a space":             {jwks(jwk("v 1", a)), []string{"without spaces and quotes"}},
		"kid with a quote":             {jwks(jwk(`v"1`, a)), []string{"without spaces and quotes"}},
		"kid with a line break (E13)":  {jwks(jwk("v\n1", a)), []string{"printable ASCII"}},
		"kid with DEL":                 {jwks(jwk("v\x7f1", a)), []string{"printable ASCII"}},
		"kid not ASCII":                {jwks(jwk("vé", a)), []string{"printable ASCII"}},
		"kid is the secret":            {jwks(jwk(a, a)), []string{"kid holds the secret itself"}},
		"kid holds k":                  {jwks(jwk("x"+b64(a), a)), []string{"kid holds the secret itself"}},
		"no kty":                       {jwks(`{"kid":"v1","k":"` + b64(a) + `"}`), []string{`key 1 ("v1"): kty must be "oct"`}},
		"kty RSA":                      {jwks(`{"kty":"RSA","kid":"v1","n":"AQAB","e":"AQAB"}`), []string{"n has 17 bits: use 2048 to 8192"}},
		"kty of another kind":          {jwks(`{"kty":"OCT","kid":"v1","k":"` + b64(a) + `"}`), []string{`kty must be "oct"`}},
		"kty is no string":             {jwks(`{"kty":null,"kid":"v1","k":"` + b64(a) + `"}`), []string{"kty must be a string"}},
		"alg HS512 (A4)":               {with(`"alg":"HS512"`), []string{`key 1 ("v1"): alg must be "HS256"`}},
		"alg none (A2)":                {with(`"alg":"none"`), []string{`alg must be "HS256"`}},
		"alg hs256 (A3)":               {with(`"alg":"hs256"`), []string{`alg must be "HS256"`}},
		"alg is no string":             {with(`"alg":null`), []string{"alg must be a string"}},
		"use enc (C9)":                 {with(`"use":"enc"`), []string{`use must be "sig"`}},
		"use of another kind (C9)":     {with(`"use":"SIG"`), []string{`use must be "sig"`}},
		"key_ops without sign":         {with(`"key_ops":["verify"]`), []string{`key_ops must be ["sign","verify"]`}},
		"key_ops with more (C9)":       {with(`"key_ops":["sign","verify","encrypt"]`), []string{"key_ops must be"}},
		"key_ops twice the same":       {with(`"key_ops":["sign","verify","verify"]`), []string{"key_ops must be"}},
		"key_ops is no list":           {with(`"key_ops":"sign"`), []string{"key_ops must be"}},
		"key_ops is null":              {with(`"key_ops":null`), []string{"key_ops must be"}},
		"no k":                         {jwks(`{"kty":"oct","kid":"v1"}`), []string{"has no k: only a revoked key may"}},
		"k is no string":               {jwks(`{"kty":"oct","kid":"v1","k":["` + b64(a) + `"]}`), []string{"k must be a string"}},
		"k is empty":                   {k(""), []string{"k is empty"}},
		"k padded (A11)":               {k(base64.URLEncoding.EncodeToString(random(32))), []string{"k is not canonical base64url"}},
		"k in the std alphabet (A11)":  {k("+" + b64(a)), []string{"k is not canonical base64url"}},
		"k with a line break (A11)":    {k(b64(a)[:40] + "\n" + b64(a)[40:]), []string{"k is not canonical base64url"}},
		"k with stray bits (A11)":      {k(ones[:42] + "9"), []string{"k is not canonical base64url"}},
		"k of 31 bytes (A21)":          {jwks(jwk("v1", a[:31])), []string{"k is 31 bytes long and needs at least 32"}},
		"k regular (A22)":              {k(ones), []string{"k is too regular"}},
		"k a placeholder (A22)":        {jwks(jwk("v1", "your-secret-key-goes-here-please-change-it")), []string{"k is a placeholder"}},
		"iat is a string (A15)":        {with(`"iat":"2027-01-01"`), []string{"iat must be a date as a number"}},
		"nbf is negative (A16)":        {with(`"nbf":-1`), []string{"nbf must be a date"}},
		"exp is out of range (A16)":    {with(`"exp":1e400`), []string{"exp must be a date"}},
		"exp is in milliseconds (A16)": {with(`"exp":1800000000000`), []string{"exp must be a date"}},
		"exp is null":                  {with(`"exp":null`), []string{"exp must be a date"}},
		"spare is a string":            {with(`"spare":"true"`), []string{"spare must be true or false"}},
		"spare is a number":            {with(`"spare":1`), []string{"spare must be true or false"}},
		"revoked is a string":          {with(`"revoked":"yes"`), []string{"revoked must be true, false or a date"}},
		"revoked is null":              {with(`"revoked":null`), []string{"revoked must be"}},
		"revoked, no k, no kid form":   {jwks(`{"kty":"oct","kid":"v1","revoked":true}`), []string{"its kid must be tag.fingerprint"}},
		"not revoked and no k":         {jwks(`{"kty":"oct","kid":"v1.AAAAAAAA","revoked":false}`), []string{"has no k"}},
		"the same kid twice":           {jwks(jwk("v1", a), jwk("v1", b)), []string{`key 2 ("v1") has the kid of JWK Set: key 1 ("v1")`}},
		"the same key twice (10)":      {jwks(jwk("v1", a), jwk("v2", a)), []string{`key 1 ("v1") and JWK Set: key 2 ("v2") are the same key`}},
		"HMAC-equivalent (C7)":         {jwks(jwk("v1", a), jwk("v2", a[:32]+"\x00"), jwk("v3", a[:32])), []string{"equivalent for HMAC"}},
		"a copied kid":                 {jwks(jwk(id, b), jwk("v1", a)), []string{"has a kid that means", "give it its own"}},
		"held and remembered":          {jwks(jwk("v1", a), `{"kty":"oct","kid":"`+id+`","revoked":1}`), []string{"are the same key " + id + ": keep one"}},
		"kid with a verb":              {jwks(jwk("%s%d%!", a, `"exp":"x"`)), []string{`key 1 ("%s%d%!"): exp must be`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keys, err := keyring.ParseKeys([]byte(c.set))
			refused(t, err, []string{a, b, b64(a), b64(b), a[:31], ones}, c.want...)
			if keys != nil {
				t.Error("got keys together with an error")
			}
			if n := strings.Count(err.Error(), "\n") + 1; n > 2 {
				t.Errorf("got %d faults, want the one or two that were made:\n%v", n, err)
			}
		})
	}
}

func TestParseKeysReportsAllFaultsAtOnce(t *testing.T) {
	t.Parallel()
	a := newSecret()
	set := jwks(jwk("v1", a), jwk("v2", "short", `"alg":"none","exp":"x"`), `7`, jwk("v1", a))
	_, err := keyring.ParseKeys([]byte(set))
	refused(t, err, []string{a, b64(a)}, `key 2 ("v2"): k is 5 bytes`, `key 2 ("v2"): alg`, "exp must be", "key 3: not one", `key 4 ("v1") has the kid of`, "are the same key")
	if n := strings.Count(err.Error(), "\n") + 1; n != 6 {
		t.Errorf("got %d faults, want 6:\n%v", n, err)
	}
}

// A token whose header has the whole kid of a JWK Set finds the key by it.
func TestParsedKeysKeepTheirKID(t *testing.T) {
	t.Parallel()
	keys, err := keyring.ParseKeys([]byte(jwks(jwk("prod/2027:1", newSecret()))))
	if err != nil {
		t.Fatal(err)
	}
	k := must(keyring.New(keys...))(t)
	if got := k.Live().Ring().Find("prod/2027:1"); got == nil || got.Tag != "prod-2027-1" {
		t.Errorf("got %v, want the key", got)
	}
}

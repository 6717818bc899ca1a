package session

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/internal/ring"
	"github.com/sessionring/sessionring/internal/strictjson"
	"github.com/sessionring/sessionring/keyring"
)

// slow checks tokens by the rules as they are written down: nothing is compared, cached or
// scanned, all is taken apart by the strict readers. Its keys are HS256.
type slow struct {
	m       *Manager
	secrets map[string][]byte // by fingerprint
}

// newSlow returns a Manager with the keys of two tags, and the secret of a third key that
// it does not hold.
func newSlow(tb testing.TB) (s *slow, stranger *Manager) {
	tb.Helper()
	s = &slow{secrets: map[string][]byte{}}
	var keys []keyring.Key
	for _, tag := range []string{"v3", "v2", "v1"} {
		secret := make([]byte, 32)
		rand.Read(secret)
		k, err := keyring.NewKey(tag, secret)
		if err != nil {
			tb.Fatal(err)
		}
		keys = append(keys, k)
		if tag != "v3" {
			s.secrets[k.String()[len(tag)+1:]] = secret
		}
	}
	return &slow{fastManager(tb, keys[1:]...), s.secrets}, fastManager(tb, keys...)
}

func fastManager(tb testing.TB, keys ...keyring.Key) *Manager {
	tb.Helper()
	k, err := keyring.New(keys...)
	if err != nil {
		tb.Fatal(err)
	}
	m, err := New(Config{Keys: k, Issuer: "https://id.example.com", LegacySubject: "user_id"})
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// canonical decodes base64url in its only spelling.
func canonical(segment string) (string, bool) {
	data, err := base64.RawURLEncoding.DecodeString(segment)
	return string(data), err == nil && base64.RawURLEncoding.EncodeToString(data) == segment && segment != ""
}

// check returns the claims of an access token, nil if it is refused.
func (s *slow) check(token string) *Claims {
	parts := strings.Split(token, ".")
	if len(token) > ring.MaxToken || len(parts) != 3 {
		return nil
	}
	_, signed := canonical(parts[2])
	payload, encoded := canonical(parts[1])
	kid, typ, ok := s.header(parts[0])
	if !signed || !encoded || !ok {
		return nil
	}
	key := s.m.live.Ring().Find(kid)
	if key != nil {
		if mac(s.secrets[key.Fingerprint], parts[0]+"."+parts[1], 32) != parts[2] {
			return nil
		}
	} else if key = s.cosigner(parts[0]+".", payload); key == nil {
		return nil
	}
	p, err := parsePayload([]byte(payload), s.m.cfg.LegacySubject)
	if now := time.Now(); err == nil && s.m.check(p, ring.Token{Type: typ}, kindAccess, now) == nil && now.Before(p.exp.Add(s.m.cfg.Leeway)) {
		return claimsOf(p, key, key != s.m.live.Ring().Current(now))
	}
	return nil
}

// claimsOf is payload.claims without shared memory.
func claimsOf(p *payload, key *ring.Key, previous bool) *Claims {
	c := &Claims{
		Subject: string(p.sub), SessionID: string(p.sid), TokenID: string(p.jti), Actor: string(p.actor), Tag: key.Tag, Previous: previous,
		IssuedAt: p.iat, ExpiresAt: p.exp, AuthTime: p.authTime, end: p.end, forget: p.forget, gen: p.gen,
	}
	if ring.ValidTag(string(p.version)) {
		c.Tag = string(p.version)
	}
	if p.custom != nil {
		c.custom = "{" + string(p.custom) + "}"
	}
	return c
}

// header reads a header segment.
func (s *slow) header(segment string) (kid string, typ ring.Type, ok bool) {
	text, ok := canonical(segment)
	members, err := strictjson.Object([]byte(text))
	if !ok || err != nil {
		return "", "", false
	}
	found := map[string]string{}
	for _, m := range members {
		switch m.Name {
		case "crit", "b64", "jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256":
			return "", "", false
		case "alg", "kid", "typ":
			if found[m.Name], ok = strictjson.String(m.Raw); !ok || found[m.Name] == "" {
				return "", "", false
			}
		}
	}
	typ = ring.Type(strings.TrimPrefix(strings.ToLower(found["typ"]), "application/"))
	known := typ == ring.Access || typ == ring.Refresh || typ == ring.Purpose || found["typ"] == ""
	named := regexp.MustCompile(`^([A-Za-z0-9._-]{1,32}\.[A-Za-z0-9_-]{8}|[A-Za-z0-9._-]{1,32})$`).MatchString(found["kid"])
	held := s.m.live.Ring().Find(found["kid"]) != nil
	algorithm := found["alg"] == "HS256" || !held && regexp.MustCompile(`^(EdDSA|ES256|RS256|PS256)$`).MatchString(found["alg"])
	return found["kid"], typ, known && named && algorithm
}

var listForm = regexp.MustCompile(`(?s)^(.*),"cs":\{("[\w-]{8}":"([\w-]{22}|[\w-]{86})"(?:,"[\w-]{8}":"(?:[\w-]{22}|[\w-]{86})"){0,2})\}\}$`)

// cosigner returns the key that decides, nil if none does or it refuses.
func (s *slow) cosigner(head, payload string) *ring.Key {
	form := listForm.FindStringSubmatch(payload)
	if form == nil {
		return nil
	}
	entries, seen := strings.Split(form[2], ","), map[string]bool{}
	for _, e := range entries {
		if seen[e[1:9]] {
			return nil
		}
		seen[e[1:9]] = true
	}
	var blank []string
	for _, e := range entries {
		blank = append(blank, e[:11]+`""`)
	}
	for _, e := range entries {
		if secret := s.secrets[e[1:9]]; secret != nil {
			own, _ := hkdf.Key(sha256.New, secret, nil, "sessionring co-signature v1", 32)
			if mac(own, head+form[1]+`,"cs":{`+strings.Join(blank, ",")+`}}`, 16) != e[12:len(e)-1] {
				return nil
			}
			return s.m.live.Ring().Find("x." + e[1:9])
		}
	}
	return nil
}

// mac returns the first bytes of an HMAC in base64url.
func mac(secret []byte, text string, size int) string {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(text))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:size])
}

// same fails unless m accepts token exactly if the slow path does, and with equal claims.
// It reports whether it was accepted.
func (s *slow) same(t *testing.T, token string) bool {
	t.Helper()
	want := s.check(token)
	got, err := s.m.Verify(t.Context(), token)
	if (err == nil) != (want != nil) {
		t.Fatalf("%q: got %v, want accepted %t", token, err, want != nil)
	}
	if want != nil {
		want.sole = got.sole
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(Claims{})); diff != "" {
			t.Fatalf("%q (-slow +fast):\n%s", token, diff)
		}
	}
	return err == nil
}

// sealed returns a token over any header and payload, signed by the key with that
// fingerprint, or co-signed by it if the payload has a place for that.
func (s *slow) sealed(print, header, payload string) string {
	head := base64.RawURLEncoding.EncodeToString([]byte(header))
	if strings.HasSuffix(payload, `"`+print+`":""}}`) {
		own, _ := hkdf.Key(sha256.New, s.secrets[print], nil, "sessionring co-signature v1", 32)
		blank := regexp.MustCompile(`":"[a-z]{22}"`).ReplaceAllString(payload, `":""`)
		payload = strings.TrimSuffix(payload, `"}}`) + mac(own, head+"."+blank, 16) + `"}}`
	}
	input := head + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	return input + "." + mac(s.secrets[print], input, 32)
}

// FuzzFastPath holds the whole check, with its constant headers, scanner and decoder of
// its own, against the slow one: on whatever header and payload, well signed or
// co-signed; on a token that was cut into anywhere; and on what is issued, which both
// accept.
func FuzzFastPath(f *testing.F) {
	s, stranger := newSlow(f)
	const access, other = `"typ":"at+jwt"`, "abcdefghijklmnopqrstuv"
	own := strings.NewReplacer("1899999100", "1700000000", "1900000000", "4000000000", "1899990000", "1700000000").Replace(ownClaims)
	for _, header := range []string{
		`{"alg":"HS256","kid":"OWN",` + access + `}`, `{"alg":"HS256","kid":"KID",` + access + `}`, `{"alg":"ES256","kid":"x.AAAAAAAA",` + access + `}`,
		`{ "typ":"application/AT+JWT","kid":"v2","alg":"HS256","x":[] }`, `{"alg":"HS256","kid":"KID"}`, `{"alg":"none","kid":"KID"}`, `{"alg":"none","alg":"HS256","kid":"KID"}`, `{"alg":"none","kid":"x.AAAAAAAA",` + access + `}`, `{"alg":"HS256","kid":"KID","crit":["x"]}`, `{"alg":"HS256","typ":"JWT"}`, "",
	} {
		for _, payload := range []string{
			"{" + own + "}", "{" + own + "," + theirs + "}", "{" + own + `,"cs":{"PRINT":""}}`, "{" + own + `,"user_id":"alice","act":{"sub":"bob"},"cs":{"AAAAAAAA":"` + other + `","PRINT":""}}`,
			"{" + own + `,"cs":{"AAAAAAAA":"` + other + `","AAAAAAAA":"` + other + `","PRINT":""}}`,
			`{ "x":"\u0041",` + own + "}", "{" + own + `,"exp":4000000001}`, "{" + own + `,"sub":7}`, "{}",
		} {
			f.Add(header, payload, "alice", uint16(7), byte('A'))
		}
	}
	f.Fuzz(func(t *testing.T, header, payload, text string, at uint16, c byte) {
		for print := range s.secrets {
			fill := strings.NewReplacer("OWN", s.m.live.Ring().Find("x."+print).ID(), "KID", "x."+print, "PRINT", print)
			s.same(t, s.sealed(print, fill.Replace(header), fill.Replace(payload)))
		}
		s.same(t, text)
		s.issued(t, stranger, text, payload, int(at), c)
	})
}

// issued is the part of FuzzFastPath about tokens that are issued, here or by an instance
// with a newer key, and about what becomes of them when one character is another.
func (s *slow) issued(t *testing.T, stranger *Manager, text, custom string, at int, c byte) {
	g := Grant{Subject: text, Actor: text}
	if json.Valid([]byte(custom)) {
		g.Claims = json.RawMessage(custom)
	}
	for _, issuer := range []*Manager{s.m, stranger} {
		tokens, err := issuer.Issue(t.Context(), g)
		if err != nil { // as of claims that no application may have
			tokens, err = issuer.Issue(t.Context(), Grant{Subject: strings.ToValidUTF8(text+"x", "")})
		}
		if err != nil {
			if utf8.RuneCountInString(text) < 500 {
				t.Fatal(err)
			}
			return
		}
		token := tokens.AccessToken
		if !s.same(t, token) {
			t.Fatalf("got %q refused, which was issued", token)
		}
		if s.same(t, tokens.RefreshToken) {
			t.Fatalf("got the refresh token %q accepted", tokens.RefreshToken)
		}
		for i := range len(token) { // another character, with what may be left over, at the end of a part
			if i+1 == len(token) || token[i+1] == '.' {
				s.same(t, token[:i]+string(alphabet[(strings.IndexByte(alphabet, token[i])+1)%len(alphabet)])+token[i+1:])
			}
		}
		at %= len(token)
		s.same(t, token[:at]+string(rune(c))+token[at+1:])
		s.same(t, token[:at])
		s.same(t, token[:at]+token[at+1:])
	}
}

package session_test

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"
)

// What is in this file makes tokens from a secret, RFC 7515 and the words of the
// design alone, without the code under test, so that tests can sign what a
// Manager never would.

// secretOf returns the secret of the key with that tag, the same in every test.
func secretOf(tag string) []byte {
	sum := sha256.Sum256([]byte("a secret for the tests of session: " + tag))
	return sum[:]
}

func b64(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

func unb64(t testing.TB, text string) []byte {
	t.Helper()
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatalf("got %v, want base64url in %.40q", err, text)
	}
	return data
}

func hs256(secret []byte, text string) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func derive(secret []byte, info string, n int) []byte {
	key, err := hkdf.Key(sha256.New, secret, nil, info, n)
	if err != nil {
		panic(err)
	}
	return key
}

func fingerprintOf(tag string) string {
	return b64(derive(secretOf(tag), "sessionring fingerprint v1", 6))
}

func kidOf(tag string) string { return tag + "." + fingerprintOf(tag) }

// headerOf returns the header that a token of the key tag has.
func headerOf(tag, typ string) string {
	return fmt.Sprintf(`{"alg":"HS256","kid":"%s","typ":"%s"}`, kidOf(tag), typ)
}

// forge returns the token with that header and payload, signed by the key tag.
func forge(tag, header, payload string) string { return forgeWith(secretOf(tag), header, payload) }

func forgeWith(secret []byte, header, payload string) string {
	input := b64([]byte(header)) + "." + b64([]byte(payload))
	return input + "." + b64(hs256(secret, input))
}

// forgeCosigned returns a token signed by the key first and co-signed by others.
// A payload that is no object cannot be co-signed and gets no list.
func forgeCosigned(first, header, payload string, others ...string) string {
	return forge(first, header, cosignedPayload(header, payload, others...))
}

func cosignedPayload(header, payload string, others ...string) string {
	open, isObject := strings.CutSuffix(payload, "}")
	if !isObject {
		return payload
	}
	list := func(mac func(tag string) string) string {
		var entries []string
		for _, tag := range others {
			entries = append(entries, fmt.Sprintf(`"%s":"%s"`, fingerprintOf(tag), mac(tag)))
		}
		return open + `,"cs":{` + strings.Join(entries, ",") + "}}"
	}
	blank := list(func(string) string { return "" })
	return list(func(tag string) string {
		key := derive(secretOf(tag), "sessionring co-signature v1", 32)
		return b64(hs256(key, b64([]byte(header))+"."+blank)[:16])
	})
}

// payloadOf returns the payload of a good access token issued now, changed by
// edits: `name=raw` gives a member that raw value, `-name` leaves it out, and
// `+text` appends members as they stand.
func payloadOf(edits ...string) string {
	now := time.Now().Unix()
	members := [][2]string{
		{"sub", `"alice"`}, {"sid", `"sid-of-alice"`}, {"jti", `"jti-of-alice"`},
		{"iat", fmt.Sprint(now)}, {"exp", fmt.Sprint(now + 900)}, {"auth_time", fmt.Sprint(now)},
		{"type", `"access"`}, {"version", `"v1"`},
	}
	var more []string
	for _, edit := range edits {
		name, raw, isSet := strings.Cut(edit, "=")
		switch {
		case edit[0] == '+':
			more = append(more, edit[1:])
		case edit[0] == '-':
			members = without(members, edit[1:])
		case isSet:
			members = append(without(members, name), [2]string{name, raw})
		}
	}
	var all []string
	for _, m := range members {
		all = append(all, fmt.Sprintf(`"%s":%s`, m[0], m[1]))
	}
	return "{" + strings.Join(append(all, more...), ",") + "}"
}

func without(members [][2]string, name string) (kept [][2]string) {
	for _, m := range members {
		if m[0] != name {
			kept = append(kept, m)
		}
	}
	return kept
}

// refreshOf is payloadOf for a refresh token.
func refreshOf(edits ...string) string {
	week := fmt.Sprint(time.Now().Unix() + 7*24*3600)
	return payloadOf(append([]string{`type="refresh"`, "exp=" + week}, edits...)...)
}

// at returns a date as it stands in a token, that far from now.
func at(d time.Duration) string { return fmt.Sprint(time.Now().Add(d).Unix()) }

// segments returns header and payload of a token as they stand.
func segments(t testing.TB, token string) (header, payload string) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("got %d parts, want 3", len(parts))
	}
	return string(unb64(t, parts[0])), string(unb64(t, parts[1]))
}

// retold returns token with edit made to its payload, and its signatures as they were.
func retold(t testing.TB, token, old, new string) string {
	t.Helper()
	header, payload := segments(t, token)
	if !strings.Contains(payload, old) {
		t.Fatalf("got the payload %s, want %q in it", payload, old)
	}
	signature := token[strings.LastIndexByte(token, '.'):]
	return b64([]byte(header)) + "." + b64([]byte(strings.Replace(payload, old, new, 1))) + signature
}

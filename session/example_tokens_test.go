package session_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/sessionring/sessionring/cookie"
	"github.com/sessionring/sessionring/session"
)

// A link for setting a new password. It is no session, it is good for an hour, and
// a rotation of keys in between does not break it.
func ExampleManager_Purpose() {
	before, err := session.New(session.Config{Keys: exampleKeys("v1")})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	token, err := before.Purpose("password-reset", time.Hour).Issue(ctx, "alice", nil)
	if err != nil {
		log.Fatal(err)
	}

	after, err := session.New(session.Config{Keys: exampleKeys("v2", "v1")})
	if err != nil {
		log.Fatal(err)
	}
	resets := after.Purpose("password-reset", time.Hour)
	c, err := resets.Verify(ctx, token)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("a new password for", c.Subject)
	_, err = after.Verify(ctx, token)
	fmt.Println("as a session:", session.Reason(err))
	// Output:
	// a new password for alice
	// as a session: invalid
}

// Taking over from a Flask service: the tokens it has issued are good until a date,
// and what a refresh gives for them is good at both.
func ExampleConfig_legacy() {
	policy, err := cookie.New(cookie.Config{CrossSite: true, Origins: []string{"https://app.example.net"},
		Unpartitioned: true, AccessName: "access_token", RefreshName: "refresh_token"})
	if err != nil {
		log.Fatal(err)
	}
	keys := exampleKeys("v1") // keyring.FlaskEnv().Open() in a program
	sessions, err := session.New(session.Config{Keys: keys, Cookies: policy,
		LegacyUntil: time.Now().AddDate(0, 6, 0), LegacySubject: "user_id"})
	if err != nil {
		log.Fatal(err)
	}

	// As PyJWT makes it of {"user_id": "alice", "type": "refresh", …}.
	now := time.Now().Unix()
	payload := fmt.Sprintf(`{"user_id":"alice","type":"refresh","version":"v1","iat":%d,"exp":%d}`, now, now+604800)
	input := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	mac := hmac.New(sha256.New, secretOf("v1"))
	mac.Write([]byte(input))
	flask := input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))

	tokens, err := sessions.Refresh(context.Background(), flask)
	if err != nil {
		log.Fatal(err)
	}
	c, err := sessions.Verify(context.Background(), tokens.AccessToken)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.Subject, "is still signed in, under", c.Tag)
	// Output: alice is still signed in, under v1
}

// The classic mistake: to sign with the current secret and to try the current and
// then the previous one at every check. While a deployment rolls, an instance that
// has not been replaced yet is shown tokens of the new secret, and signs those
// people out. And a signature alone says nothing about what a token is for: the
// refresh token passes as an access token, and an expired one would too.
func ExampleManager_Verify_incorrect() {
	current, previous := "v2", "v1"
	replaced, err := session.New(session.Config{Keys: exampleKeys(current, previous)})
	if err != nil {
		log.Fatal(err)
	}
	waiting, err := session.New(session.Config{Keys: exampleKeys(previous)}) // knows nothing of v2
	if err != nil {
		log.Fatal(err)
	}
	byHand := func(token string, tags ...string) string {
		input, signature := token[:strings.LastIndexByte(token, '.')], token[strings.LastIndexByte(token, '.')+1:]
		for _, tag := range tags {
			mac := hmac.New(sha256.New, secretOf(tag))
			mac.Write([]byte(input))
			if hmac.Equal([]byte(base64.RawURLEncoding.EncodeToString(mac.Sum(nil))), []byte(signature)) {
				return "let in"
			}
		}
		return "signed out"
	}
	ctx := context.Background()
	tokens, err := replaced.Issue(ctx, session.Grant{Subject: "alice"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("by hand, access token:  ", byHand(tokens.AccessToken, previous))
	fmt.Println("by hand, refresh token: ", byHand(tokens.RefreshToken, current, previous))

	_, err = waiting.Verify(ctx, tokens.AccessToken) // co-signed by v1
	fmt.Println("Verify, access token:   ", session.Reason(err))
	_, err = replaced.Verify(ctx, tokens.RefreshToken)
	fmt.Println("Verify, refresh token:  ", session.Reason(err))
	// Output:
	// by hand, access token:   signed out
	// by hand, refresh token:  let in
	// Verify, access token:    ok
	// Verify, refresh token:   invalid
}

package contender

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
)

// All are all contenders, sessionring first.
func All() []Contender {
	var list []Contender
	for _, some := range [][]Contender{
		Ours(), {golangJWT(), goJose()}, jwx2(), jwx3(), {katarasJWT(), cristalhq()}, secureCookies(), {pasetoLocal(), alexSCS(), chiJWTAuth()},
	} {
		list = append(list, some...)
	}
	return list
}

// head is the header segment of a token under a kid.
func head(kid string) string { return encode(`{"alg":"HS256","kid":"` + kid + `","typ":"at+jwt"}`) }

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// Sign returns a JWT made by hand, under a header in the clear.
func Sign(header string, c *Claims, secret []byte) (string, error) {
	payload, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	input := encode(header) + "." + encode(string(payload))
	return input + "." + encode(string(mac(input, secret))), nil
}

// SignUnder returns a JWT under the kid of a key.
func SignUnder(k Key, c *Claims) (string, error) {
	return Sign(`{"alg":"HS256","kid":"`+k.ID+`","typ":"at+jwt"}`, c, k.Secret)
}

// SignLegacy returns a JWT without a kid, as other systems issue them.
func SignLegacy(k Key, c *Claims) (string, error) {
	return Sign(`{"alg":"HS256","typ":"JWT"}`, c, k.Secret)
}

// Input is what the signature of a JWT is over.
func Input(token string) []byte { return []byte(token[:max(0, strings.LastIndexByte(token, '.'))]) }

func mac(input string, secret []byte) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(input))
	return h.Sum(nil)
}

// Accept is the reference: a check of a JWT by the book and without haste. It returns
// what the token says.
func Accept(token string, keys []Key) (Claims, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return Claims{}, errors.New("not three parts")
	}
	var header struct{ Alg, Kid string }
	if err := decodeJSON(parts[0], &header); err != nil || header.Alg != "HS256" {
		return Claims{}, errors.Join(errors.New("bad header"), err)
	}
	signature, err := base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if err != nil {
		return Claims{}, err
	}
	for _, k := range keys {
		if k.ID == header.Kid && hmac.Equal(signature, mac(parts[0]+"."+parts[1], k.Secret)) {
			return acceptClaims(parts[1])
		}
	}
	return Claims{}, errKey
}

func acceptClaims(payload string) (Claims, error) {
	var members map[string]json.RawMessage
	if err := decodeJSON(payload, &members); err != nil {
		return Claims{}, err
	}
	if aud := members["aud"]; bytes.HasPrefix(aud, []byte("[")) {
		members["aud"] = bytes.Trim(aud, "[]")
	}
	data, err := json.Marshal(members)
	if err != nil {
		return Claims{}, err
	}
	var c Claims
	if err := json.Unmarshal(data, &c); err != nil {
		return Claims{}, err
	}
	return c, c.good()
}

func decodeJSON(segment string, v any) error {
	data, err := base64.RawURLEncoding.Strict().DecodeString(segment)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, v)
}

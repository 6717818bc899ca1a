package contender

import (
	"errors"

	"github.com/gorilla/securecookie"
)

func secureCookies() []Contender {
	with := func(name, form string, serializer securecookie.Serializer) Contender {
		return Contender{
			Name: name, Module: "github.com/gorilla/securecookie", Signers: 1,
			Does:  "MAC and its own time stamp over a value " + form + "; tries its keys in turn.",
			Lacks: "No kid, so an old key costs a try of each newer one. iss, aud, kind and exp checked behind it. No revocation, no CSRF.",
			New:   func(keys []Key) (*Service, error) { return newSecurecookie(keys, serializer) },
		}
	}
	return []Contender{
		with("securecookie, JSON", "in JSON", securecookie.JSONEncoder{}),
		with("securecookie, gob", "in gob, as is its default", securecookie.GobEncoder{}),
	}
}

func newSecurecookie(keys []Key, serializer securecookie.Serializer) (*Service, error) {
	var pairs [][]byte
	for _, k := range keys {
		pairs = append(pairs, k.Secret, nil)
	}
	codecs := securecookie.CodecsFromPairs(pairs...)
	for _, c := range codecs {
		s, ok := c.(*securecookie.SecureCookie)
		if !ok {
			return nil, errors.New("securecookie: another type of codec than before")
		}
		s.SetSerializer(serializer)
		s.MaxAge(int(lifetime.Seconds()))
	}
	s := signed(keys[0].Tag, func(c *Claims) (string, error) { return securecookie.EncodeMulti(accessCookie, c, codecs...) })
	s.Verify = func(token string) (any, error) {
		var c Claims
		if err := securecookie.DecodeMulti(accessCookie, token, &c, codecs...); err != nil {
			return nil, err
		}
		return &c, c.good()
	}
	s.Legacy = s.Verify // no value names a key
	return s, nil
}

package main

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/sessionring/sessionring/examples/internal/server"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
)

// voucher is a key that vouches for a token.
type voucher struct {
	Tag   string `json:"tag"`  // "" if this server does not hold the key
	ID    string `json:"id"`   // kid, or only the fingerprint of a key that is not held
	Role  string `json:"role"` // "signs" or "co-signs"
	Held  bool   `json:"held"`
	State string `json:"state"` // "" if this server does not hold the key
}

// myKeys tells which keys vouch for the access token of the request: the one that
// signed it, and those that co-signed. While one of them is held, it is good.
func (a *app) myKeys(w http.ResponseWriter, r *http.Request) {
	kid, prints := namedKeys(a.accessToken(r))
	held := a.keys.List()
	list := []voucher{}
	if kid != "" {
		list = append(list, vouch("signs", kid, held))
	}
	for _, print := range prints {
		list = append(list, vouch("co-signs", print, held))
	}
	server.JSON(w, http.StatusOK, list)
}

// vouch describes the key that a kid or a bare fingerprint names.
func vouch(role, name string, held []keyring.KeyInfo) voucher {
	for _, k := range held {
		if fingerprint(k.ID) == fingerprint(name) {
			return voucher{Tag: k.Tag, ID: k.ID, Role: role, Held: true, State: k.State}
		}
	}
	return voucher{ID: name, Role: role}
}

// fingerprint returns what stands behind the last dot of a kid.
func fingerprint(kid string) string { return kid[strings.LastIndexByte(kid, '.')+1:] }

// accessToken returns the token by which r has come through Require: the one of the
// header, or else the cookie that verifies to the same claims.
func (a *app) accessToken(r *http.Request) string {
	me := session.FromContext(r.Context())
	if me.Transport == "header" {
		_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		return token
	}
	for n := 0; ; n++ {
		token, ok := a.policy.Token(r, "access", n)
		if !ok {
			return ""
		}
		if c, err := a.sessions.Verify(r.Context(), token); err == nil && c.TokenID == me.TokenID {
			return token
		}
	}
}

// namedKeys returns the kid in the header of a token, and the fingerprints of the
// co-signers at the end of its payload. It checks nothing: the token is verified.
func namedKeys(token string) (kid string, prints []string) {
	head, rest, _ := strings.Cut(token, ".")
	body, _, _ := strings.Cut(rest, ".")
	var header struct{ KID string }
	decode(head, &header)
	var payload struct{ CS map[string]string }
	decode(body, &payload)
	return header.KID, slices.Sorted(maps.Keys(payload.CS))
}

// decode decodes a segment of a token into v, which it leaves as it is otherwise.
func decode(segment string, v any) {
	data, err := base64.RawURLEncoding.DecodeString(segment)
	if err == nil {
		json.Unmarshal(data, v)
	}
}

package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// refusal returns the error for an answer that is not 200. What a server says in its
// own words is passed on.
func refusal(code int, data []byte) error {
	f := &failure{status: cannotTell}
	if json.Unmarshal(data, f) != nil || !isWord(f.Word) {
		return unsure("the server answers %d and no reason: does -server name an instance that serves /admin/api?", code)
	}
	said := strings.TrimSpace(f.Message)
	switch code {
	case http.StatusUnauthorized:
		f.status, said = refused, fmt.Sprintf("the server does not take the token (%s): put a fresh access token of an administrator into KEYRING_TOKEN or the token file", f.Word)
	case http.StatusForbidden:
		f.status, said = refused, fmt.Sprintf("the server does not let the user of the token do that (%s): use the token of an administrator", f.Word)
	case http.StatusBadRequest, http.StatusConflict:
		f.status = refused
	case http.StatusNotFound:
		if f.Word == "no_such_key" {
			f.status = refused
		} else {
			said = fmt.Sprintf("the server answers 404 (%s): -server must name an instance that serves /admin/api, and the token be that of an administrator", f.Word)
		}
	}
	said = strings.TrimPrefix(cmp.Or(said, fmt.Sprintf("the server answers %d (%s)", code, f.Word)), "keyring: ")
	f.Message, f.Faults = "keyring: "+said, nil
	return f
}

// isWord reports whether word is one that scripts can tell from others.
func isWord(word string) bool {
	return word != "" && len(word) <= 40 && strings.Trim(word, "abcdefghijklmnopqrstuvwxyz_") == ""
}

package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/sessionring/sessionring/keyring"
)

// inspect explains a token from standard input.
func inspect(_ context.Context, c *call) error {
	token, err := c.readToken()
	if err != nil {
		return err
	}
	keys, where, err := c.ringIfAny()
	if err != nil {
		return unsure("the token cannot be held against the keys: %s", strings.TrimPrefix(err.Error(), "keyring: "))
	}
	x, err := explain(token, keys, time.Now())
	if err != nil {
		return err
	}
	x.Ring = where
	if c.json {
		err = writeJSON(c.out, x)
	} else {
		err = x.write(c.out)
	}
	if err == nil && x.status != done {
		return verdict(x.status)
	}
	return err
}

// readToken reads the token, with the word Bearer before it or without.
func (c *call) readToken() (string, error) {
	data, err := io.ReadAll(io.LimitReader(c.in, 4*maxToken))
	if err != nil {
		return "", unsure("standard input: %v", err)
	}
	token := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(string(data)), "Bearer "))
	if token == "" {
		return "", c.usage("give the token on standard input, such as: keyring inspect -file keys.json <token.txt")
	}
	return token, nil
}

// ringIfAny returns the ring that the flags name, or that of the environment if its
// secret is set, or nil.
func (c *call) ringIfAny() (*keyring.Keyring, string, error) {
	if c.file == "" && c.env == "" {
		find, _, err := c.variables()
		if err != nil {
			return nil, "", err
		}
		if _, set := find(c.names().Secret); !set {
			return nil, "", nil
		}
	}
	return c.ring()
}

// explained is a token taken apart.
type explained struct {
	status int

	Verdict    string      `json:"verdict"` // accepted, refused or unavailable, as by a server
	Why        string      `json:"why"`
	Ring       string      `json:"ring,omitempty"` // whose verdict it is; "" if no ring was given
	Genuine    bool        `json:"genuine"`        // whether keys of the ring vouch for it, ended or not
	Kind       string      `json:"kind"`           // access, refresh, purpose, or "" for none of these
	Header     members     `json:"header"`
	Claims     members     `json:"claims"` // true if the token is genuine
	Signatures []signature `json:"signatures"`

	now time.Time
}

// signature is one signature of a token.
type signature struct {
	Key      string `json:"key"`             // kid, or the fingerprint of a co-signer that is not held; "" if the token names none
	Cosigned bool   `json:"cosigned"`        // beside the ordinary signature
	Held     bool   `json:"held"`            // whether the ring holds the key
	State    string `json:"state,omitempty"` // of the key in the ring
	Verified bool   `json:"verified"`        // whether the signature could be checked
	Right    bool   `json:"right"`
}

// member is a member of a JSON object, with the date that it is, if it is one.
type member struct {
	name  string
	value json.RawMessage
	at    time.Time
}

// members print in JSON as an object.
type members []member

// MarshalJSON returns the object, in the order of the token.
func (list members) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(m.name)
		if err != nil {
			return nil, err
		}
		b.Write(append(append(name, ':'), m.value...))
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// write shows x in words.
func (x *explained) write(out io.Writer) error {
	var b strings.Builder
	title := map[int]string{done: "ACCEPTED", refused: "REFUSED", cannotTell: "CANNOT TELL"}[x.status]
	fmt.Fprintf(&b, "%s: %s\n\n", title, plain(x.Why))
	fmt.Fprintln(&b, "header")
	x.writeMembers(&b, x.Header)
	fmt.Fprintln(&b, x.claimsTitle())
	x.writeMembers(&b, x.Claims)
	t := table{head: []string{"  KEY", "ROLE", "STATE", "SIGNATURE"}}
	for _, s := range x.Signatures {
		t.add("  "+cmp.Or(s.Key, "not named"), s.role(), x.standing(s), s.finding())
	}
	if len(t.rows) > 0 {
		fmt.Fprintln(&b, "signatures")
		t.write(&b)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// claimsTitle says how far the claims can be trusted.
func (x *explained) claimsTitle() string {
	if x.Genuine {
		return "claims"
	}
	return "claims, not verified"
}

// writeMembers writes one line for each member, dates in words too.
func (x *explained) writeMembers(b *strings.Builder, list members) {
	for _, m := range list {
		var value bytes.Buffer
		json.Compact(&value, m.value) // it is valid: it was read
		fmt.Fprintf(b, "  %-10s %s", plain(m.name), plain(value.String()))
		if !m.at.IsZero() {
			fmt.Fprintf(b, "  %s, %s", m.at.UTC().Format(time.DateTime+"Z"), away(m.at, x.now))
		}
		b.WriteByte('\n')
	}
}

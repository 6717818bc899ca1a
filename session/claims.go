package session

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/sessionring/sessionring/internal/strictjson"
)

// Claims is what a verified token says. It must not be modified: the claims of a
// request are shared by all who handle it, and with Config.VerifiedCache by all requests
// with the same token.
type Claims struct {
	Subject, SessionID, TokenID   string
	Actor                         string // "" unless someone acts as Subject (RFC 8693, section 4.1)
	Tag                           string // version of the key that signed it
	Previous                      bool   // what vouches for it here is no longer the current key
	forget                        bool   // not remembered: cookies end with the browser
	legacy                        bool   // issued by another system
	Transport                     string // "header" or "cookie"; "" from Verify
	IssuedAt, ExpiresAt, AuthTime time.Time

	custom string    // the members of the application, as an object; "" if none
	end    time.Time // cap on the session, zero if only Config.SessionTTL caps it
	gen    int64     // generation of a refresh token of a stored session, 0 if none
	sole   string    // fingerprint of the one live key that vouches for it; "" if several do
}

// Decode stores the custom claims in v, as json.Unmarshal does; a token without
// any leaves v as it is. Claims that nobody decodes cost nothing.
//
// Only the members of the application are decoded. Registered ones, such as sub
// and exp, never reach v, whatever its fields are called.
func (c *Claims) Decode(v any) error {
	if c.custom == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(c.custom), v); err != nil {
		return fmt.Errorf("session: custom claims: %w", err)
	}
	return nil
}

// claimsKey is the context key of the claims of a request.
type claimsKey struct{}

// FromContext returns the claims of the request that Require or Optional let
// through. Below Require they are never nil; below Optional nil is a stranger.
func FromContext(ctx context.Context) *Claims {
	c, _ := ctx.Value(claimsKey{}).(*Claims)
	return c
}

// Members that the library writes itself or keeps for itself.
var ours = map[string]bool{
	"iss": true, "aud": true, "sub": true, "sid": true, "jti": true, "iat": true, "exp": true, "nbf": true,
	"auth_time": true, "type": true, "version": true, "gen": true, "act": true, "cs": true,
	"session_end": true, "forget": true, "purpose": true,
}

// oursByLength are the same, by how long they are; none has the greatest length.
var oursByLength = func() (names [16][][]byte) {
	for name := range ours {
		names[len(name)] = append(names[len(name)], []byte(name))
	}
	return names
}()

// reserved reports whether the application cannot use name. Case is ignored:
// other readers of the token may fold it, as encoding/json does.
func reserved(name []byte) bool {
	for _, own := range oursByLength[min(len(name), len(oursByLength)-1)] {
		if bytes.EqualFold(own, name) {
			return true
		}
	}
	return false
}

// usable reports whether the application can use name: nameFault, of one name alone,
// without the words. Both names are ASCII, so they fold to one only at one length.
func usable(name []byte, legacySubject string) bool {
	return validClaimName(name) && !reserved(name) && (len(name) != len(legacySubject) || !bytes.EqualFold(name, []byte(legacySubject)))
}

// nameFault returns why name cannot be that of a custom claim.
func nameFault(name, legacySubject string, seen map[string]bool) error {
	switch {
	case !validClaimName([]byte(name)):
		return fmt.Errorf("session: custom claim %.80q: names are 1 to 64 characters of A-Z a-z 0-9 _ . : / -", name)
	case reserved([]byte(name)) || strings.EqualFold(name, legacySubject):
		return fmt.Errorf("session: custom claim %q is reserved: choose another name", name)
	case seen[strings.ToLower(name)]:
		return fmt.Errorf("session: custom claim %q differs from another only in case", name)
	}
	return nil
}

// claimNames lists the names of custom claims with the size of each, for errors.
func claimNames(custom []byte) string {
	members, _ := strictjson.Object(custom)
	var list []string
	for _, m := range members {
		list = append(list, fmt.Sprintf("%s (%d bytes)", m.Name, len(m.Raw)))
	}
	return strings.Join(list, ", ")
}

// joinMembers makes the inside of an object of members, nil if there are none.
func joinMembers(members []strictjson.Member) []byte {
	var b bytes.Buffer
	for i, m := range members {
		if i > 0 {
			b.WriteByte(',')
		}
		name, _ := json.Marshal(m.Name)
		b.Write(name)
		b.WriteByte(':')
		b.Write(m.Raw)
	}
	return b.Bytes()
}

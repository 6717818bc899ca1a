package keyring

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
	"github.com/sessionring/sessionring/internal/strictjson"
)

// jwksAge is how long others may keep the set. It must be far shorter than
// activationLead.
const jwksAge = 5 * time.Minute

// ServeJWKS answers GET and HEAD with the public keys as a JWK Set, for services that
// verify the tokens of this one: every live key that has a public half, those that do
// not sign yet included. Secrets, and keys that are only a secret, are never in it; of
// a keyring without public halves the set is empty.
//
// The kid is that of the tokens that a key signs, tag, dot and fingerprint, or for a
// key that only verifies the one it came with. Others may keep the set for five
// minutes: a key whose activation lies further ahead than that, as with Rotate, is
// known to all before it makes an ordinary signature. It is safe for concurrent use.
//
// See RFC 7517, section 5: https://www.rfc-editor.org/rfc/rfc7517#section-5
func (k *Keyring) ServeJWKS(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	set := publicSet(held(k.ring()), time.Now())
	sum := sha256.Sum256(set)
	h := w.Header()
	h.Set("Content-Type", "application/jwk-set+json")
	h.Set("Cache-Control", fmt.Sprintf("public, max-age=%d", int(jwksAge.Seconds())))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("ETag", `"`+base64.RawURLEncoding.EncodeToString(sum[:12])+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(set))
}

// publicSet returns the public halves of those keys that are live, as a JWK Set. It
// is made of public halves alone, so no secret can get into it.
func publicSet(keys []*ring.Key, now time.Time) []byte {
	var b bytes.Buffer
	b.WriteString(`{"keys":[`)
	first := true
	for _, k := range keys {
		if k.Public() == nil || !k.Live(now) {
			continue
		}
		if !first {
			b.WriteByte(',')
		}
		first = false
		writeObject(&b, jwkOf(k))
	}
	b.WriteString("]}\n")
	return b.Bytes()
}

// jwkOf returns the members of the JWK of a public half.
func jwkOf(k *ring.Key) []strictjson.Member {
	material, err := publicMembers(k.Public())
	if err != nil {
		return nil // no such key gets into a ring
	}
	kid := k.ID()
	if !k.Signs() && k.SetKID != "" {
		kid = k.SetKID
	}
	members := []strictjson.Member{text("kty", material["kty"]), text("kid", kid), text("alg", k.Algorithm), text("use", "sig")}
	for _, name := range []string{"crv", "x", "y", "n", "e"} {
		if material[name] != "" {
			members = append(members, text(name, material[name]))
		}
	}
	return members
}

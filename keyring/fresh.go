package keyring

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
	"github.com/sessionring/sessionring/internal/strictjson"
)

// activationLead is how long a new key with a public half only co-signs. It is far
// longer than ServeJWKS lets anybody keep the set, so all who verify know the key when
// its ordinary signatures come.
const activationLead = 24 * time.Hour

// algorithms are those of new keys, as a message says it.
const algorithms = `"HS256", "EdDSA" or "ES256"`

// signs reports whether new keys may be for alg.
func signs(alg string) bool { return alg == ring.HS256 || alg == ring.EdDSA || alg == ring.ES256 }

// errAlgorithm is the refusal of an algorithm that new keys cannot be for.
func errAlgorithm(alg string) error {
	return fmt.Errorf("keyring: the algorithm is %q: use %s", alg, algorithms)
}

// errPublicSet is the refusal of a new key beside public ones only: all would sign
// with a key that nobody else knows.
var errPublicSet = errors.New("keyring: these keys are public ones, which only verify: make the new key where the private ones are")

// rotate puts a new key first and returns its tag. Its date is at least that of the
// others, whose clocks may have been ahead. One with a public half signs after lead.
func (s *set) rotate(now time.Time, lead time.Duration) (string, error) {
	alg, err := s.nextAlgorithm()
	if err != nil {
		return "", err
	}
	made := now
	for _, k := range s.keys() {
		if ceil := k.Made.Add(time.Second - 1); ceil.Unix() > made.Unix() {
			made = ceil
		}
	}
	tag := s.nextTag()
	e := newEntry(alg, tag, made)
	if alg != ring.HS256 && lead > 0 && s.ring.Current(now) != nil {
		e.members = append(e.members, strictjson.Member{Name: "nbf", Raw: seconds(made.Add(lead))})
	}
	s.entries = slices.Insert(s.entries, 0, e)
	return tag, nil
}

// nextTag returns the tag of the next key.
func (s *set) nextTag() string {
	keys, tag := s.keys(), firstTag
	if i := slices.IndexFunc(keys, func(k *ring.Key) bool { return !k.Spare }); i >= 0 {
		tag = NextTag(keys[i].Tag)
	}
	for slices.ContainsFunc(keys, func(k *ring.Key) bool { return k.Tag == tag }) {
		tag = NextTag(tag)
	}
	return tag
}

// nextAlgorithm returns the algorithm of the next key: the one that is asked for, or
// that of the newest key that signs, and is no spare if there is another.
func (s *set) nextAlgorithm() (string, error) {
	alg, public := "", false
	for _, k := range s.keys() {
		public = public || k.Public() != nil
		if k.Signs() && !k.Spare {
			alg = k.Algorithm
			break
		}
		if k.Signs() && alg == "" {
			alg = k.Algorithm
		}
	}
	switch {
	case alg == "" && public:
		return "", errPublicSet
	case s.algorithm != "":
		return s.algorithm, nil
	case alg == "":
		return ring.HS256, nil
	}
	return alg, nil
}

// newEntry returns a fresh key for alg as an entry of a set.
func newEntry(alg, tag string, made time.Time) entry {
	material, k := newMaterial(alg, tag)
	members := []strictjson.Member{text("kty", material["kty"]), text("kid", k.ID()), text("alg", alg), text("use", "sig")}
	for _, name := range []string{"crv", "x", "y", "d", "k"} {
		if material[name] != "" {
			members = append(members, text(name, material[name]))
		}
	}
	return entry{key: k, members: append(members, strictjson.Member{Name: "iat", Raw: seconds(made)})}
}

// newMaterial returns the material of a fresh key, as members of a JWK, and the key.
func newMaterial(alg, tag string) (map[string]string, *ring.Key) {
	secret := make([]byte, 32)
	rand.Read(secret) // never fails
	var s crypto.Signer
	switch alg {
	case ring.HS256:
		return map[string]string{"kty": "oct", "k": base64.RawURLEncoding.EncodeToString(secret)}, ring.NewHMAC(tag, secret)
	case ring.EdDSA:
		s = ed25519.NewKeyFromSeed(secret)
	default:
		k := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
		s, secret = k, must(k.Bytes())
	}
	material := must(publicMembers(s.Public()))
	material["d"] = base64.RawURLEncoding.EncodeToString(secret)
	return material, must(ring.NewSigner(tag, s))
}

// must returns v, since a fresh key is a good one.
func must[T any](v T, err error) T {
	if err != nil {
		panic("keyring: " + err.Error())
	}
	return v
}

// text returns a member that is a plain string.
func text(name, s string) strictjson.Member {
	return strictjson.Member{Name: name, Raw: json.RawMessage(strconv.Quote(s))}
}

// seconds returns t as a date in JSON.
func seconds(t time.Time) json.RawMessage { return strconv.AppendInt(nil, t.Unix(), 10) }

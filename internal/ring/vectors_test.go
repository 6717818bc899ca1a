package ring_test

import (
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/internal/ring"
)

var update = flag.Bool("update", false, "rewrite the files in testdata")

const vectorsFile = "testdata/tokens.json"

// vectors are tokens that every release must issue and accept as they are.
type vectors struct {
	Comment string   `json:"comment"`
	Tokens  []vector `json:"tokens"`
}

// vector is one token. The secret of a key is 32 bytes: first_byte, and so on up.
type vector struct {
	Name    string      `json:"name"`
	Ring    []vectorKey `json:"ring"`    // newest first
	Signers []string    `json:"signers"` // kids; the first signs, the others co-sign
	Type    ring.Type   `json:"type"`
	Claims  string      `json:"claims"`
	Payload string      `json:"payload"` // the claims and the co-signatures
	Token   string      `json:"token"`
}

type vectorKey struct {
	Tag       string `json:"tag"`
	FirstByte byte   `json:"first_byte"`
	KID       string `json:"kid"`
	Spare     bool   `json:"spare,omitempty"`
	Ahead     bool   `json:"activation_ahead,omitempty"`
}

func (k vectorKey) secret() []byte { return pattern(k.FirstByte) }

// key returns the key as the library makes it.
func (k vectorKey) key() *ring.Key {
	made := ring.NewHMAC(k.Tag, k.secret())
	made.Spare = k.Spare
	if k.Ahead {
		made.Activates = now.AddDate(1, 0, 0)
	}
	return made
}

// by finds the secret of a signer.
func (v vector) by(kid string) []byte {
	for _, k := range v.Ring {
		if k.KID == kid {
			return k.secret()
		}
	}
	return nil
}

// signers returns the keys that vouch, as the library chooses them.
func (v vector) signers(t *testing.T) ring.Signers {
	t.Helper()
	var keys []*ring.Key
	for _, k := range v.Ring {
		keys = append(keys, k.key())
	}
	return newRing(t, keys...).Signers(now)
}

// issue returns the token as the library issues it.
func (v vector) issue(t *testing.T) string {
	t.Helper()
	s := v.signers(t)
	token, err := s.Sign(v.Type, []byte(v.Claims))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// rebuild returns the token as the design says it is made.
func (v vector) rebuild() string {
	header := `{"alg":"HS256","kid":"` + v.Signers[0] + `","typ":"` + string(v.Type) + `"}`
	payload := v.Claims
	var others [][]byte
	for _, kid := range v.Signers[1:] {
		others = append(others, v.by(kid))
	}
	if len(others) > 0 {
		payload = cosign(header, payload, others...)
	}
	return sign(v.by(v.Signers[0]), header, payload)
}

func TestVectors(t *testing.T) {
	t.Parallel()
	if *update {
		writeVectors(t)
	}
	data, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	var file vectors
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Tokens) < 8 {
		t.Fatalf("got %d vectors, want at least 8", len(file.Tokens))
	}
	for _, v := range file.Tokens {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			if d := cmp.Diff(v.Token, v.rebuild()); d != "" {
				t.Errorf("as the design says (-want +got):\n%s", d)
			}
			if d := cmp.Diff(v.Token, v.issue(t)); d != "" {
				t.Errorf("as issued (-want +got):\n%s", d)
			}
			if d := cmp.Diff(v.Payload, apart(t, v.Token).payload); d != "" {
				t.Errorf("payload (-want +got):\n%s", d)
			}
			v.accepted(t)
		})
	}
}

// accepted checks that each key alone vouches for v exactly if it is a signer.
func (v vector) accepted(t *testing.T) {
	t.Helper()
	for _, k := range v.Ring {
		if got := k.Tag + "." + fingerprint(k.secret()); got != k.KID {
			t.Errorf("got kid %s, want %s", got, k.KID)
		}
		want := ring.ErrUnknownKey
		for _, kid := range v.Signers {
			if kid == k.KID {
				want = nil
			}
		}
		got, err := newRing(t, k.key()).Open(v.Token, now, 0)
		check(t, err, want)
		if err == nil && (got.Type != v.Type || string(got.Payload) != v.Payload) {
			t.Errorf("under %s: got %s %s", k.KID, got.Type, got.Payload)
		}
	}
}

// writeVectors writes the file anew. A change in it is a change of the format:
// tokens issued by earlier releases must still be accepted.
func writeVectors(t *testing.T) {
	t.Helper()
	k := func(tag string, first byte) vectorKey {
		return vectorKey{Tag: tag, FirstByte: first, KID: tag + "." + fingerprint(pattern(first))}
	}
	v1, v2, v3, v4, v5, spare := k("v1", 0), k("v2", 32), k("v3", 64), k("v4", 96), k("v5", 128), k("spare", 224)
	spare.Spare = true
	ahead := v2
	ahead.Ahead = true
	const short = `{"sub":"alice","exp":1900000000}`
	file := vectors{
		Comment: "Tokens of sessionring. The secret of a key is the 32 bytes first_byte, first_byte+1, and so on. " +
			"Written by go test ./internal/ring -run TestVectors -update.",
		Tokens: []vector{
			{Name: "one key", Ring: []vectorKey{v1}, Type: ring.Access, Claims: short},
			{Name: "two keys", Ring: []vectorKey{v2, v1}, Type: ring.Access, Claims: short},
			{Name: "three keys, a refresh token", Ring: []vectorKey{v3, v2, v1}, Type: ring.Refresh, Claims: short},
			{Name: "four keys", Ring: []vectorKey{v4, v3, v2, v1}, Type: ring.Access, Claims: short},
			{Name: "six keys, one of them spare", Ring: []vectorKey{v5, v4, v3, v2, v1, spare}, Type: ring.Access, Claims: short},
			{Name: "activation ahead", Ring: []vectorKey{ahead, v1}, Type: ring.Access, Claims: short},
			{Name: "only the spare", Ring: []vectorKey{spare}, Type: ring.Access, Claims: short},
			{Name: "a token for a purpose", Ring: []vectorKey{v2, v1, spare}, Type: ring.Purpose, Claims: `{"purpose":"password-reset","sub":"alice","exp":1900000000}`},
			{Name: "claims as sessions have them", Ring: []vectorKey{v2, v1}, Type: ring.Access, Claims: `{"iss":"https://id.example.com","aud":"shop","sub":"alice","sid":"AAECAwQFBgcICQoLDA0ODw","jti":"EBESExQVFhcYGRobHB0eHw","iat":1899999100,"exp":1900000000,"auth_time":1899990000,"type":"access","version":"v2","roles":["admin","café"]}`},
			{Name: "claims that look like co-signatures", Ring: []vectorKey{v2, v1}, Type: ring.Access, Claims: `{"sub":"alice","exp":1900000000,"x":{"y":1,"cs":{"AAAAAAAA":"AAAAAAAAAAAAAAAAAAAAAA"}}}`},
		},
	}
	for i := range file.Tokens {
		v := &file.Tokens[i]
		v.Token = v.issue(t)
		v.Payload = apart(t, v.Token).payload
		signers := v.signers(t)
		for _, k := range signers.Keys() {
			v.Signers = append(v.Signers, k.ID())
		}
	}
	data, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(vectorsFile, append(data, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

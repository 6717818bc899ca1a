package session

import (
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sessionring/sessionring/internal/ring"
)

// record is one session in a store. Who can read the store can forge nothing: a
// refresh token needs a signature as well.
type record struct {
	Subject  string `json:"sub"`
	Key      []byte `json:"k,omitempty"` // 32 random bytes, from which the ids of its refresh tokens are made
	AuthTime int64  `json:"at"`          // Unix seconds
	End      int64  `json:"end"`         // absolute end, Unix seconds
	Device   string `json:"d,omitempty"` // label for a list of sessions

	chain
	Issued       int64    `json:"i"`            // iat of the newest refresh token, Unix seconds
	RefreshUntil int64    `json:"ru"`           // exp of it
	Tag          string   `json:"t,omitempty"`  // version of the key that signed it
	Signers      []string `json:"s,omitempty"`  // fingerprints of all that vouch for it, sorted
	AccessUntil  int64    `json:"au"`           // latest exp of any access token; never moves back
	Adopted      bool     `json:"a,omitempty"`  // began without a store: tokens without a generation are its first
	Contended    int      `json:"n,omitempty"`  // refreshes in a row that were not by the newest token
	Revoked      int64    `json:"r,omitempty"`  // when it ended, Unix ms; 0: it lives
	Cause        string   `json:"rc,omitempty"` // why
}

// Names of records. Each kind has a prefix of its own.
func sessionID(sid string) string   { return "session:" + sid }
func sidOf(id string) string        { return strings.TrimPrefix(id, sessionID("")) }
func cutID(subject string) string   { return "cut:" + subject }
func groupOf(subject string) string { return "subject:" + subject }

// storable reports whether every store can have text in an id: PostgreSQL, for one,
// has no NUL.
func storable(text string) bool { return utf8.ValidString(text) && !strings.Contains(text, "\x00") }

const sessionKeySize = 32

// newSessionKey returns the key of a new session.
func newSessionKey() []byte {
	key := make([]byte, sessionKeySize)
	rand.Read(key)
	return key
}

// tokenID returns the jti of a refresh token: nobody can name it without the
// record, and all who refresh at once get the same.
func (r *record) tokenID(sid string, gen int64) string {
	h := hmac.New(sha256.New, r.Key)
	h.Write([]byte("refresh\x00" + sid + "\x00"))
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(gen)))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:16])
}

// issued reports whether c, the claims of a well signed refresh token, is what this
// session has issued. A token without a generation is one only of a session that
// began before there was a store.
func (r *record) issued(c *Claims) bool {
	if c.Subject != r.Subject || c.AuthTime.Unix() != r.AuthTime {
		return false
	}
	if c.gen == 0 {
		return r.Adopted
	}
	return subtle.ConstantTimeCompare([]byte(r.tokenID(c.SessionID, c.gen)), []byte(c.TokenID)) == 1
}

// signedBy notes which keys vouch for the newest tokens.
func (r *record) signedBy(s *ring.Signers) {
	r.Tag, r.Signers = s.Tag(), prints(s.Keys())
	slices.Sort(r.Signers)
}

// label is what Index.Count counts a record under; "" for one that has ended.
func (r *record) label() string {
	if r.Revoked != 0 {
		return ""
	}
	return strings.Join(r.Signers, ",")
}

// expires is when the store forgets the record: when the last of its tokens is
// refused, which is so long after its expiry as the leeway says, or at the absolute
// end of the session. Until then it is listed and counted, and not a moment longer.
//
// That a session was ended is kept until the last access token is refused, too, and of
// one that began without a store as long as a copy of its tokens could be adopted.
func (r *record) expires(leeway time.Duration) time.Time {
	end := time.Unix(r.End, 0)
	last := time.Unix(max(r.RefreshUntil, r.AccessUntil), 0).Add(leeway)
	switch {
	case r.Revoked == 0:
		return earlier(end, last)
	case r.Adopted:
		return end.Add(leeway)
	}
	return earlier(end.Add(leeway), last)
}

func (r *record) encode() []byte {
	data, err := json.Marshal(r)
	if err != nil {
		panic("session: " + err.Error()) // numbers and strings always encode
	}
	return data
}

// errUnreadable is no refusal: nobody is signed out by a store that is damaged.
var errUnreadable = fmt.Errorf("%w: a record of the store cannot be read", ErrUnavailable)

// decodeRecord reads a record.
func decodeRecord(data []byte) (*record, error) {
	r := new(record)
	if err := json.Unmarshal(data, r); err != nil || !r.sound() {
		return nil, errUnreadable
	}
	return r, nil
}

// sound reports whether r is complete, and in the ranges that we write.
func (r *record) sound() bool {
	for _, date := range []int64{r.AuthTime, r.End, r.Issued, r.RefreshUntil, r.AccessUntil} {
		if date < 0 || date > farFuture.Unix() {
			return false
		}
	}
	return r.Subject != "" && len(r.Key) == sessionKeySize && r.chain.sound()
}

// info describes the session.
func (r *record) info(sid string) Info {
	return Info{
		ID: sid, Subject: r.Subject, Label: r.Device, Tag: r.Tag,
		AuthTime: time.Unix(r.AuthTime, 0).UTC(), Refreshed: time.Unix(r.Issued, 0).UTC(),
		ExpiresAt: time.Unix(min(r.End, r.RefreshUntil), 0).UTC(),
	}
}

// Info describes one session, for a list of devices.
type Info struct {
	ID        string    `json:"id"`
	Subject   string    `json:"subject"`
	Label     string    `json:"label"` // device name of the sign-in
	Tag       string    `json:"tag"`   // version of the key that signed its newest tokens
	AuthTime  time.Time `json:"auth_time"`
	Refreshed time.Time `json:"refreshed"` // when its newest refresh token was made
	ExpiresAt time.Time `json:"expires_at"`
}

// newestFirst orders sessions by their sign-in.
func newestFirst(a, b Info) int {
	return cmp.Or(b.AuthTime.Compare(a.AuthTime), strings.Compare(a.ID, b.ID))
}

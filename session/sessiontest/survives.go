package sessiontest

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
	"github.com/sessionring/sessionring/keyring"
)

// SurvivesRotation fails the test unless all who sign in to app stay signed in while its
// keys rotate.
//
// The request signIn must sign somebody in: by cookies, or by a JSON answer with an
// access_token. The request check must be answered below 400 to those who are signed in,
// and otherwise to those who are not: a page, the refresh route, a form. Both are sent
// many times. A body is kept and sent again; where GetBody is set it is asked for each
// time. Neither may carry a session of its own.
//
// The story: keys join, two in a row; requests reach instances that have the new key and
// instances that do not have it yet, back and forth; the change is rolled back; and the
// newest key is revoked, as if it were stolen. At every stage somebody signs in, and all
// who did so before must be answered as they were before the rotation. In the end the
// keyring holds what it held.
//
// Keys must be the keyring of the Manager behind app. It is changed meanwhile, so no
// other test may use it at the same time.
func SurvivesRotation(t testing.TB, keys *keyring.Keyring, app http.Handler, signIn, check *http.Request) {
	t.Helper()
	live := keys.Live()
	before := live.Ring()
	defer live.Swap(before)
	s := &story{t: t, app: app, signIn: again(t, signIn), check: again(t, check)}
	if !s.begin() {
		return
	}
	first := joined(t, before)
	second := joined(t, first)
	for _, stage := range []struct {
		name string
		ring *ring.Ring
	}{
		{"a new key has joined", first},
		{"an instance that does not have the new key", before},
		{"the instance with the new key again", first},
		{"a second new key has joined", second},
		{"an instance that does not have the second", first},
		{"an instance that has neither", before},
		{"the newest key is revoked", revoked(t, second, 1)},
	} {
		live.Swap(stage.ring)
		s.play(stage.name)
	}
	live.Swap(joined(t, revoked(t, second, len(second.Keys()))))
	s.end()
}

// joined returns r with a new key in front.
func joined(t testing.TB, r *ring.Ring) *ring.Ring {
	t.Helper()
	secret := make([]byte, 32)
	rand.Read(secret)
	return ringOf(t, append([]*ring.Key{ring.NewHMAC("survives", secret)}, r.Keys()...))
}

// revoked returns r with its n newest keys revoked.
func revoked(t testing.TB, r *ring.Ring, n int) *ring.Ring {
	t.Helper()
	keys := r.Keys()
	for i := range n {
		k := *keys[i]
		k.Revoked = true
		keys[i] = &k
	}
	return ringOf(t, keys)
}

func ringOf(t testing.TB, keys []*ring.Key) *ring.Ring {
	t.Helper()
	r, err := ring.New(keys)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// story is what happens to the people who use app.
type story struct {
	t             testing.TB
	app           http.Handler
	signIn, check func() *http.Request
	people        []*person
	want          int // the status of check for those who are signed in
}

// person is one who has signed in.
type person struct {
	since   string // the stage
	cookies map[string]*http.Cookie
	bearer  string
}

// begin signs the first in, and finds out how check is answered.
func (s *story) begin() bool {
	s.t.Helper()
	if !s.join("before the rotation") {
		return false
	}
	s.want = s.send(s.people[0], s.check()).Code
	if stranger := s.send(new(person), s.check()).Code; s.want >= 400 || stranger == s.want {
		s.t.Errorf("check is answered with %d to who is signed in and %d to others: choose a request that only those who are signed in can make", s.want, stranger)
		return false
	}
	return true
}

// play has everybody come by at a stage, and one more sign in.
func (s *story) play(stage string) {
	s.t.Helper()
	for _, p := range s.people {
		if w := s.send(p, s.check()); w.Code != s.want {
			s.t.Errorf("%s: got %d for who signed in %s, want %d: %.200s", stage, w.Code, p.since, s.want, w.Body)
		}
	}
	s.join("when " + stage)
}

// end checks, with all keys revoked, that the story was about these keys at all.
func (s *story) end() {
	s.t.Helper()
	for _, p := range s.people {
		if w := s.send(p, s.check()); w.Code == s.want {
			s.t.Errorf("got %d with all keys revoked: the app checks with another keyring than the one it is given here", w.Code)
			return
		}
	}
}

// join signs one more person in.
func (s *story) join(since string) bool {
	s.t.Helper()
	p := &person{since: since}
	w := s.send(p, s.signIn())
	if w.Code >= 400 || len(p.cookies) == 0 && p.bearer == "" {
		s.t.Errorf("signIn %s: got %d, want an answer that sets cookies or has an access_token", since, w.Code)
		return false
	}
	s.people = append(s.people, p)
	return true
}

// send sends r from p, who keeps what the answer brings.
func (s *story) send(p *person, r *http.Request) *httptest.ResponseRecorder {
	for _, c := range p.cookies {
		r.AddCookie(c)
	}
	if p.bearer != "" {
		r.Header.Set("Authorization", "Bearer "+p.bearer)
	}
	w := httptest.NewRecorder()
	s.app.ServeHTTP(w, r)
	p.keep(w)
	return w
}

// keep keeps the cookies and the access token of an answer.
func (p *person) keep(w *httptest.ResponseRecorder) {
	for _, c := range w.Result().Cookies() {
		if p.cookies == nil {
			p.cookies = map[string]*http.Cookie{}
		}
		p.cookies[c.Name] = c
		if c.MaxAge < 0 || !c.Expires.IsZero() && c.Expires.Before(time.Now()) {
			delete(p.cookies, c.Name)
		}
	}
	var body struct {
		AccessToken string `json:"access_token"`
	}
	if json.Unmarshal(w.Body.Bytes(), &body) == nil && body.AccessToken != "" {
		p.bearer = body.AccessToken
	}
}

// again returns what makes r anew, each time as it was.
func again(t testing.TB, r *http.Request) func() *http.Request {
	t.Helper()
	var body []byte
	if r.Body != nil && r.GetBody == nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			t.Fatal(err)
		}
	}
	return func() *http.Request {
		c := r.Clone(r.Context())
		c.Body = io.NopCloser(bytes.NewReader(body))
		if r.GetBody != nil {
			fresh, err := r.GetBody()
			if err != nil {
				t.Fatal(err)
			}
			c.Body = fresh
		}
		return c
	}
}

package session_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// genuineRefresh returns the payload of a refresh token with edits to its members.
func genuineRefresh(t *testing.T, token string, edits map[string]any) string {
	t.Helper()
	_, payload := segments(t, token)
	members := map[string]any{}
	if err := json.Unmarshal([]byte(payload), &members); err != nil {
		t.Fatal(err)
	}
	for name, value := range edits {
		if members[name] = value; value == nil {
			delete(members, name)
		}
	}
	data, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// A thief of a signing key cannot have a refresh token that the session did not
// issue traded for a genuine one, which would outlive the key: not for another
// generation, user or date, and not by leaving the generation out. The session
// goes on, and the alarm is raised.
func TestForgedRefresh(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		edits map[string]any
	}{
		{"an id of its own", map[string]any{"jti": "AAAAAAAAAAAAAAAAAAAAAA"}},
		{"the next generation", map[string]any{"gen": 2}},
		{"a generation far ahead", map[string]any{"gen": 1 << 40}},
		{"no generation", map[string]any{"gen": nil}},
		{"no generation, an id of its own", map[string]any{"gen": nil, "jti": "AAAAAAAAAAAAAAAAAAAAAA"}},
		{"another user", map[string]any{"sub": "admin"}},
		{"another user, no generation", map[string]any{"sub": "admin", "gen": nil}},
		{"a younger session", map[string]any{"auth_time": time.Now().Unix() + 300}},
		{"an older session", map[string]any{"auth_time": time.Now().Unix() - 3600}},
	} {
		for _, chosen := range []bool{false, true} {
			m := managerOn(t, new(memstore.Store))
			tokens := issue(t, m, alice)
			if chosen {
				refresh(t, m, tokens)
			}
			heard := observe(m)
			token := forge("v1", headerOf("v1", "rt+jwt"), genuineRefresh(t, tokens.RefreshToken, c.edits))
			notRefreshed(t, m, session.Tokens{RefreshToken: token}, session.ErrInvalid)
			var got []string
			for _, e := range heard.take() {
				got = append(got, e.Hook+": "+e.Name+" "+e.Reason)
			}
			if diff := cmp.Diff([]string{"key: refresh token forged invalid", "refreshed: refresh refused invalid"}, got); diff != "" {
				t.Errorf("%s: events (-want +got):\n%s", c.name, diff)
			}
			refresh(t, m, tokens)
		}
	}
}

// An adopted session has refresh tokens without a generation, but of its own user.
func TestForgedRefreshOfAdopted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := managerOn(t, new(memstore.Store), adoptDay)
		old := issue(t, managerOf(t, "v1"), alice)
		next := refresh(t, m, old)
		token := forge("v1", headerOf("v1", "rt+jwt"), genuineRefresh(t, old.RefreshToken, map[string]any{"sub": "admin"}))
		notRefreshed(t, m, session.Tokens{RefreshToken: token}, session.ErrInvalid)
		refresh(t, m, old)
		refresh(t, m, next)
	})
}

// Whoever reads the store, and has no signing key, can forge nothing: neither with
// what is in a record nor with a secret made of it.
func TestReaderOfTheStore(t *testing.T) {
	t.Parallel()
	s := new(memstore.Store)
	m := managerOn(t, s)
	tokens := issue(t, m, alice)
	sid := sidOf(t, m, tokens)
	data, _, err := s.Get(t.Context(), "session:"+sid)
	if err != nil || data == nil {
		t.Fatal(err)
	}
	var record struct {
		Key []byte `json:"k"`
	}
	if err := json.Unmarshal(data, &record); err != nil || len(record.Key) != 32 {
		t.Fatalf("got a session key of %d bytes, %v, want 32", len(record.Key), err)
	}
	for _, secret := range []string{tokens.RefreshToken, tokens.AccessToken, string(secretOf("v1")), b64(secretOf("v1"))} {
		if strings.Contains(string(data), secret) {
			t.Errorf("the record holds a token or a secret: %s", data)
		}
	}
	payload := genuineRefresh(t, tokens.RefreshToken, map[string]any{"exp": time.Now().Unix() + 900})
	for _, secret := range [][]byte{record.Key, data, []byte(b64(record.Key)), nil} {
		token := forgeWith(secret, headerOf("v1", "rt+jwt"), payload)
		notRefreshed(t, m, session.Tokens{RefreshToken: token}, session.ErrInvalid)
	}
}

// FuzzRecord: whatever the store returns for a session, there is no panic, no
// refresh, and nobody is signed out: 503.
func FuzzRecord(f *testing.F) {
	for _, s := range []string{
		``, `null`, `{}`, `[]`, `0`, `"x"`, `{`, `{"sub":"alice"}`, `{"sub":"alice","end":99999999999}`, "\xff\x00",
		`{"sub":"alice","k":"AAAA","at":1,"end":99999999999,"g":1,"l":1,"c":0,"m":0,"i":1,"ru":99999999999,"au":1}`,
		`{"sub":"alice","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","at":1,"end":99999999999,"g":1,"l":1,"c":0,"m":0,"i":1,"ru":99999999999,"au":1}`,
		`{"sub":"alice","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","at":1,"end":9223372036854775807,"g":9223372036854775807,"l":1,"c":0}`,
		`{"sub":"alice","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","at":1,"end":9,"g":1,"l":2,"c":3}`,
		`{"sub":"alice","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","at":1,"end":99999999999,"g":1,"l":1,"r":1}`,
	} {
		f.Add([]byte(s))
	}
	s := new(unsteady)
	m, strict := managerOn(f, s), managerOn(f, s, strictly)
	tokens := issue(f, m, alice)
	f.Fuzz(func(t *testing.T, data []byte) {
		answer := func(id string) []byte {
			if !strings.HasPrefix(id, "session:") {
				return nil
			}
			return append([]byte{}, data...)
		}
		s.garble.Store(&answer)
		defer s.garble.Store(nil)
		var whole struct {
			Key []byte `json:"k"`
		}
		unreadable := json.Unmarshal(data, &whole) != nil || len(whole.Key) != 32
		for name, try := range map[string]func() error{
			"refresh":        func() error { _, err := m.Refresh(t.Context(), tokens.RefreshToken); return err },
			"strict refresh": func() error { _, err := strict.Refresh(t.Context(), tokens.RefreshToken); return err },
		} {
			err := try()
			if err == nil {
				t.Fatalf("%s: got tokens from a record that is not ours: %q", name, data)
			}
			if unreadable && session.Status(err) != 503 {
				t.Fatalf("%s: got %v from what is no record, want 503: %q", name, err, data)
			}
		}
		if _, err := strict.Verify(t.Context(), tokens.AccessToken); unreadable && session.Status(err) != 503 {
			t.Fatalf("strict check: got %v from what is no record, want 503: %q", err, data)
		}
		if err := m.Revoke(t.Context(), "mallory", "some-id"); unreadable && session.Status(err) != 503 {
			t.Fatalf("revoke: got %v from what is no record, want 503: %q", err, data)
		}
	})
}

// A record in a list that cannot be read is an error, not a shorter list.
func TestUnreadableInList(t *testing.T) {
	t.Parallel()
	s := new(memstore.Store)
	m := managerOn(t, s)
	issue(t, m, alice)
	for i, data := range []string{"null", "{}", "x"} {
		id := fmt.Sprint("s", i) // and shorter than the prefix
		if ok, err := s.Swap(t.Context(), id, nil, []byte(data), "subject:alice", "", time.Time{}); !ok || err != nil {
			t.Fatal(ok, err)
		}
		_, err := m.Sessions(t.Context(), "alice")
		wantErr(t, err, session.ErrUnavailable)
	}
}

// What says that sessions have ended, and cannot be read, is a fault of the store and
// no permission. It is written anew by the next call of RevokeBefore or RevokeSubject.
func TestUnreadableCut(t *testing.T) {
	t.Parallel()
	for _, data := range []string{"", "x", " ", " 5", "1.5 sid", "99999999999999999999", "\x00"} {
		s := new(memstore.Store)
		stored := issue(t, managerOn(t, s), alice)
		stateless := issue(t, managerOf(t, "v1"), session.Grant{Subject: "bob"})
		strict := managerOn(t, s, strictly, adoptDay)
		for _, id := range []string{"cut", "cut:bob"} {
			if ok, err := s.Swap(t.Context(), id, nil, []byte(data), "", "", time.Time{}); !ok || err != nil {
				t.Fatal(ok, err)
			}
		}
		refused(t, strict, stored.AccessToken, session.ErrUnavailable)
		notRefreshed(t, managerOn(t, s, notAtAll), stored, session.ErrUnavailable)
		_, err := strict.Sessions(t.Context(), "alice")
		wantErr(t, err, session.ErrUnavailable)
		notRefreshed(t, managerOn(t, s, adoptDay), stateless, session.ErrUnavailable)
		if err := strict.RevokeBefore(t.Context(), time.Now().Add(-time.Minute)); err != nil {
			t.Errorf("%q: got %v, want it written anew", data, err)
		}
		verify(t, strict, stored.AccessToken)
		refused(t, strict, stateless.AccessToken, session.ErrUnavailable)
		issue(t, strict, session.Grant{Subject: "bob"})
	}
}

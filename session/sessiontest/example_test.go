package sessiontest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/sessiontest"
)

// Routes are those of the application under test.
func Routes(m *session.Manager) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if err := m.SignIn(w, r, session.Grant{Subject: "alice"}); err != nil {
			http.Error(w, "please try again", session.Status(err))
		}
	})
	mux.Handle("GET /report", m.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte("for " + session.FromContext(r.Context()).Subject))
	})))
	return mux
}

// Two tests of an application: a page for those who are signed in, and the promise that
// they stay so while keys rotate.
func Example() {
	_ = func(t *testing.T) { // TestReport
		sessions, err := session.New(sessiontest.Config(t))
		if err != nil {
			t.Fatal(err)
		}
		r, w := httptest.NewRequest("GET", "/report", nil), httptest.NewRecorder()
		sessiontest.SignIn(t, sessions, r, session.Grant{Subject: "alice"})
		Routes(sessions).ServeHTTP(w, r)
		if got := w.Body.String(); got != "for alice" {
			t.Errorf("got %q", got)
		}
	}
	_ = func(t *testing.T) { // TestKeysRotate
		cfg := sessiontest.Config(t)
		sessions, err := session.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		sessiontest.SurvivesRotation(t, cfg.Keys, Routes(sessions),
			httptest.NewRequest("POST", "/login", strings.NewReader("username=alice")),
			httptest.NewRequest("GET", "/report", nil))
	}
}

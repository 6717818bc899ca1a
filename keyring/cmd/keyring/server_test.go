package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/keyring"
)

// fakeInstance answers the administration routes as a server does that keeps its keys in
// a file: v1 is needed by 12 sessions.
type fakeInstance struct {
	*httptest.Server
	token string
	file  string

	mu sync.Mutex
}

// newInstance starts one with the keys v2 and v1.
func newInstance(t testing.TB) *fakeInstance {
	t.Helper()
	s := &fakeInstance{token: newSecret() + ".eyJ-_~+/=", file: newFile(t, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /admin/api/status", s.status)
	for _, what := range []string{"rotate", "revoke", "drop"} {
		mux.HandleFunc("POST /admin/api/keys/"+what, s.change)
	}
	s.Server = httptest.NewServer(s.guard(mux))
	t.Cleanup(s.Close)
	return s
}

// guard lets administrators through.
func (s *fakeInstance) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Header.Get("Authorization") {
		case "Bearer " + s.token:
			s.mu.Lock()
			defer s.mu.Unlock()
			next.ServeHTTP(w, r)
		case "Bearer user." + s.token:
			answer(w, 404, `{"error":"not_found"}`)
		default:
			answer(w, 401, `{"error":"invalid"}`)
		}
	})
}

func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprint(w, body)
}

func (s *fakeInstance) keys() *keyring.Keyring {
	keys, err := keyring.FromFile(s.file)
	if err != nil {
		panic(err)
	}
	return keys
}

func (s *fakeInstance) status(w http.ResponseWriter, r *http.Request) {
	var keys []map[string]any
	for _, k := range s.keys().List() {
		data, _ := json.Marshal(k)
		var m map[string]any
		json.Unmarshal(data, &m)
		m["droppable"] = map[bool]string{true: "yes", false: "no"}[k.State == "revoked"]
		if k.Tag == "v1" {
			m["last_needed"], m["droppable_from"], m["sessions_lost"] = "2027-01-02T03:04:05Z", "2027-01-09T03:04:05Z", 12
		}
		keys = append(keys, m)
	}
	data, _ := json.Marshal(map[string]any{
		"time": "2027-01-02T03:04:06Z", "version": keys[0]["tag"], "keys": keys, "sessions": map[string]int{"v2": 10, "v1": 12},
		"instances": []any{map[string]any{"id": "web-1", "fingerprint": "AbCdEfGh", "tags": []string{"v2", "v1"}, "version": "v2", "started": "2027-01-02T03:00:00Z", "seen": "2027-01-02T03:04:00Z"}},
		"alerts":    []any{map[string]any{"name": "unknown_key", "text": "tokens name the key \u001b[31mv9", "since": "2027-01-02T03:01:00Z"}},
		"error":     "unavailable", "refreshes": map[string]int{"choose": 3}, "later": []int{1},
	})
	answer(w, 200, string(data))
}

func (s *fakeInstance) change(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Key   string
		Force bool
	}
	if json.NewDecoder(r.Body).Decode(&q) != nil || r.Header.Get("Content-Type") != "application/json" {
		answer(w, 400, `{"error":"bad_request"}`)
		return
	}
	f := &keyFile{s.file, time.Nanosecond}
	var k named
	var err error
	switch {
	case strings.HasSuffix(r.URL.Path, "/rotate"):
		k, err = f.rotate(r.Context(), "")
	case strings.HasSuffix(r.URL.Path, "/revoke"):
		k, err = f.revoke(r.Context(), q.Key)
	case q.Key == "v1" && !q.Force && nameOf(s.keys(), "v1").Tag != "":
		answer(w, 409, `{"error":"in_use","message":"v1 is needed until 2027-01-09T03:04:05Z; 12 live sessions would be lost now","sessions_lost":12,"droppable_from":"2027-01-09T03:04:05Z"}`)
		return
	default:
		k, err = f.drop(r.Context(), q.Key, q.Force)
	}
	if err != nil {
		answer(w, 404, `{"error":"no_such_key","message":"there is no key of that name"}`)
		return
	}
	answer(w, 200, fmt.Sprintf(`{"tag":%q,"kid":%q}`, k.Tag, k.KID))
}

// tokenFile returns the path of a file with the token of s.
func (s *fakeInstance) tokenFile(t testing.TB) string {
	t.Helper()
	return write(t, "token", s.token)
}

// TestStatusOfServer: all of the answer is shown, and nothing of it commands the terminal.
func TestStatusOfServer(t *testing.T) {
	t.Parallel()
	s := newInstance(t)
	args := []string{"status", "-server", s.URL + "/", "-token-file", s.tokenFile(t)}
	text := ok(t, args...)
	for _, want := range []string{
		"2027-01-02 03:04Z  current key v2", "12                            22  #########........... 45 %\n", "previous", "2027-01-09 03:05Z  12\n", "v1           12\n", "v2           10\n",
		"web-1", "AbCdEfGh", "v2 v1", "6 seconds ago", "unknown_key", `\u001b[31mv9`, "the server says unavailable.",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("got %s, want it to say %q", text, want)
		}
	}
	if strings.Contains(text, "\x1b") {
		t.Error("the server commands the terminal")
	}
	got := decode[report](t, ok(t, append(args, "-json")...))
	list := decode[struct{ Keys []keyState }](t, ok(t, "list", "-json", "-server", s.URL, "-token-file", args[4]))
	if d := cmp.Diff(got.Keys, list.Keys); d != "" || len(got.Keys) != 2 || *got.Keys[1].SessionsLost != 12 || got.Sessions["v2"] != 10 {
		t.Errorf("got %+v, and list (-status +list):\n%s", got, d)
	}
}

// TestWatchRotation: -watch shows how the sessions move on from the old key, through an
// answer that fails, until it is interrupted.
func TestWatchRotation(t *testing.T) {
	t.Parallel()
	left := []int{9, -1, 0} // sessions that need v1, -1 for an outage
	asked := make(chan int, 8)
	n := 0
	url := hostile(t, func(w http.ResponseWriter, _ *http.Request) {
		lost := left[min(n, len(left)-1)]
		n++
		if lost < 0 {
			answer(w, 503, `{"error":"unavailable","message":"nobody can tell"}`)
		} else {
			answer(w, 200, fmt.Sprintf(`{"version":"v2","sessions":{"v2":%d,"v1":%d},"keys":[{"tag":"v2","id":"v2.AAAAAAAA","state":"current","sessions_lost":0},{"tag":"v1","id":"v1.BBBBBBBB","state":"previous","sessions_lost":%d}]}`, 10-lost, lost, lost))
		}
		asked <- n
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for i := range asked {
			if i > len(left) {
				cancel()
				return
			}
		}
	}()
	var out, errs bytes.Buffer
	status := run(ctx, []string{"status", "-watch", "-server", url, "-token-file", write(t, "token", newSecret())}, strings.NewReader(""), &out, &errs)
	rest := out.String()
	for _, want := range []string{
		"v1.BBBBBBBB   9                             10  ##.................. 10 %", "nobody can tell",
		"v1.BBBBBBBB   0                             10  #################### 100 %",
	} {
		_, after, found := strings.Cut(rest, want)
		if !found {
			t.Fatalf("got %s, want %q in it, in order", &out, want)
		}
		rest = after
	}
	if status != done || errs.Len() > 0 {
		t.Errorf("got status %d, %q, want 0", status, &errs)
	}
}

// TestShortNames: a server may call the kid kid, and the algorithm alg.
func TestShortNames(t *testing.T) {
	t.Parallel()
	s := hostile(t, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 200, `{"version":"v1","keys":[{"tag":"v1","kid":"v1.AAAAAAAA","alg":"HS256","state":"current","droppable":"no"}]}`)
	})
	out := ok(t, "list", "-server", s, "-token-file", write(t, "token", newSecret()))
	if want := "KID          STATE    ALGORITHM\nv1.AAAAAAAA  current  HS256\n"; out != want {
		t.Errorf("got %q, want %q", out, want)
	}
}

// hostile returns the address of a server that does what it likes.
func hostile(t *testing.T, do http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // until then it is not noticed that the client has gone
		do(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// TestHostileServers: whatever a server answers, the command ends in time, says so,
// does not send the token on, and does not show it.
func TestHostileServers(t *testing.T) {
	t.Parallel()
	var elsewhere int
	other := hostile(t, func(http.ResponseWriter, *http.Request) { elsewhere++ })
	say := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { answer(w, status, body) }
	}
	for name, c := range map[string]struct {
		do     http.HandlerFunc
		status int
		words  string
	}{
		"redirect":         {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other, http.StatusTemporaryRedirect) }, cannotTell, "another address"},
		"redirect as JSON": {func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Location", other); answer(w, 301, "{}") }, cannotTell, "another address"},
		"HTML": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<p>hello")
		}, cannotTell, "text/html"},
		"HTML, unnamed": {func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<html>") }, cannotTell, "text/html"},
		"huge":          {huge, cannotTell, "longer than"},
		"never ends":    {endless, cannotTell, "no answer within"},
		"never begins":  {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, cannotTell, "no answer within"},
		"hangs up":      {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, cannotTell, "EOF"},
		"cut off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			w.Write([]byte("{}"))
		}, cannotTell, "EOF"},
		"no JSON":            {say(200, `{"keys":[`), cannotTell, "not the answer of an instance"},
		"other JSON":         {say(200, `{"hello":"world"}`), cannotTell, "not the answer of an instance"},
		"a list":             {say(200, `[]`), cannotTell, "not the answer of an instance"},
		"null":               {say(200, `null`), cannotTell, "not the answer of an instance"},
		"keys without names": {say(200, `{"keys":[{}]}`), cannotTell, "not the answer of an instance"},
		"of other types":     {say(200, `{"keys":[{"id":7}]}`), cannotTell, "not the answer of an instance"},
		"empty":              {say(200, ``), cannotTell, "not the answer of an instance"},
		"not found":          {say(404, `{"error":"not_found"}`), cannotTell, "404 (not_found): -server must name an instance that serves /admin/api, and the token be that of an administrator"},
		"not found, as text": {http.NotFound, cannotTell, "404"},
		"no reason":          {say(409, `{}`), cannotTell, "409"},
		"reason with escape": {say(409, `{"error":"\u001b[2J"}`), cannotTell, "409"},
		"message in colours": {say(409, `{"error":"in_use","message":"\u001b[2Jno\nno\u202e"}`), refused, `\u001b[2Jno`},
		"unavailable":        {say(503, `{"error":"unavailable","message":"nobody can tell"}`), cannotTell, "nobody can tell"},
		"not changeable":     {say(409, `{"error":"not_changeable","message":"the keys come from the environment"}`), refused, "come from the environment"},
		"signed out":         {say(401, `{"error":"expired"}`), refused, "does not take the token (expired)"},
		"no administrator":   {say(403, `{"error":"forbidden"}`), refused, "administrator"},
		"too many":           {say(429, `{"error":"too_many"}`), cannotTell, "429"},
		"broken":             {say(500, `{"error":"internal"}`), cannotTell, "500"},
		"the request":        {echo, refused, "[token]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token := newSecret()
			file := write(t, "token", token)
			url := hostile(t, c.do)
			for _, args := range [][]string{{"status"}, {"list", "-json"}, {"rotate"}, {"revoke", "v1"}, {"drop", "v1", "-json"}} {
				patience := "1m"
				if strings.HasPrefix(name, "never") {
					patience = "200ms"
				}
				args = append(args, "-server", url, "-token-file", file, "-timeout", patience)
				out, errs := want(t, c.status, c.words, args...)
				if strings.Contains(out+errs, token) || strings.ContainsAny(out+errs, "\x1b\u202e") {
					t.Errorf("%q: got %q, %q: the token, or a command to the terminal", args, out, errs)
				}
			}
		})
	}
	t.Cleanup(func() {
		if elsewhere > 0 {
			t.Errorf("redirects were followed %d times", elsewhere)
		}
	})
}

func huge(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	piece := []byte(strings.Repeat(" ", 1<<20))
	for range 8 {
		w.Write(piece)
	}
}

func endless(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	for r.Context().Err() == nil {
		fmt.Fprint(w, " ")
		w.(http.Flusher).Flush()
		time.Sleep(20 * time.Millisecond)
	}
}

func echo(w http.ResponseWriter, r *http.Request) {
	answer(w, 409, fmt.Sprintf(`{"error":"in_use","message":%q}`, r.Header.Get("Authorization")))
}

// TestServerAddresses: plain http to this machine only, and nothing secret in the address.
func TestServerAddresses(t *testing.T) {
	t.Parallel()
	for address, good := range map[string]bool{
		"https://id.example.com": true, "https://id.example.com/base/": true, "http://localhost:8080": true, "http://127.0.0.1": true,
		"http://127.8.9.10:1": true, "http://[::1]:8080": true, "http://[::ffff:127.0.0.1]": true,
		"http://id.example.com": false, "http://localhost.example.com": false, "http://127.1": false, "http://10.0.0.1": false, "http://[::2]": false,
		"http://127.0.0.1.example.com": false, "http://0.0.0.0": false, "ftp://localhost": false, "localhost:8080": false, "//localhost": false, "": false, "https://": false,
		"https://name:password@id.example.com": false, "https://id.example.com/?a=b": false, "https://id.example.com/#a": false, "https://%zz": false,
	} {
		c := &call{server: address}
		_, err := newServer(c)
		if (err == nil) != good {
			t.Errorf("%q: got %v, want it taken: %v", address, err, good)
		}
		if err != nil && (failureOf(err).status != misused || strings.Contains(err.Error(), "password@")) {
			t.Errorf("%q: got %v", address, err)
		}
	}
}

// TestTokenFiles: one token, which nobody else can read, and nothing of it in a message.
func TestTokenFiles(t *testing.T) {
	t.Parallel()
	secret := newSecret()
	for content, good := range map[string]bool{
		secret: true, " " + secret + "\r\n": true, "Bearer " + secret: false, secret + "\n" + secret: false, "": false, "\n": false,
		secret + "\x00": false, secret + "é": false, strings.Repeat(secret, 65): false, strings.Repeat("\n", 9000) + secret: false,
	} {
		c := &call{tokenFile: write(t, "token", content)}
		token, err := c.token()
		if (err == nil) != good || good && token != secret {
			t.Errorf("%.20q…: got %v, want it taken: %v", content, err, good)
		}
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("the error holds the token: %v", err)
		}
	}
	for mode, good := range map[os.FileMode]bool{0o600: true, 0o400: true, 0o440: true, 0o640: true, 0o644: false, 0o660: false, 0o604: false, 0o602: false} {
		file := write(t, "token", secret)
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		c := &call{tokenFile: file}
		if _, err := c.token(); (err == nil) != good {
			t.Errorf("mode %o: got %v, want it taken: %v", mode, err, good)
		}
	}
	c := &call{tokenFile: t.TempDir()}
	if _, err := c.token(); err == nil {
		t.Error("a directory was taken")
	}
}

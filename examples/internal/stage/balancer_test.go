package stage_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/sessionring/sessionring/examples/internal/stage"
)

// echo starts a server that answers with its name and the body of the request.
func echo(t *testing.T, name string) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		io.WriteString(w, name+" "+string(body))
	}))
	t.Cleanup(s.Close)
	return s
}

// balance starts a balancer in front of servers.
func balance(t *testing.T, retry bool, servers ...*httptest.Server) (*stage.Balancer, string) {
	b := &stage.Balancer{Retry: retry}
	for i, s := range servers {
		if err := b.Add(string(rune('a'+i)), s.URL); err != nil {
			t.Fatal(err)
		}
	}
	s := httptest.NewServer(b)
	t.Cleanup(s.Close)
	return b, s.URL
}

// send sends a request with a body and returns the answer.
func send(t *testing.T, url string) stage.Reply {
	t.Helper()
	r, err := stage.NewBrowser(http.DefaultTransport, time.Minute).Send("POST", url, "hello")
	if err != nil {
		t.Error(err)
	}
	return r
}

// Requests go to the servers in turn, and each answer says from whom it is.
func TestBalancerTurns(t *testing.T) {
	t.Parallel()
	b, url := balance(t, false, echo(t, "a"), echo(t, "b"))
	first, second, third := send(t, url), send(t, url), send(t, url)
	if first.Text == second.Text || first.Text != third.Text {
		t.Errorf("got %v, %v, %v, want turns", first, second, third)
	}
	for _, r := range []stage.Reply{first, second} {
		if name := r.Header.Get("X-Instance"); r.Text != name+" hello" {
			t.Errorf("got %v from %q", r, name)
		}
	}
	b.Remove("http://127.0.0.1:1") // is not there
}

// A request to a server that does not answer is a 502, or passed on whole.
func TestBalancerRetries(t *testing.T) {
	t.Parallel()
	good, bad := echo(t, "a"), echo(t, "b")
	bad.Close()
	_, strict := balance(t, false, good, bad)
	got := map[int]int{}
	for range 4 {
		got[send(t, strict).Status]++
	}
	if got[200] != 2 || got[502] != 2 {
		t.Errorf("got %v, want half of each without retries", got)
	}
	_, lenient := balance(t, true, good, bad)
	for range 4 {
		if r := send(t, lenient); r.Text != "a hello" {
			t.Errorf("got %v, want the other server", r)
		}
	}
	var many sync.WaitGroup // whose turns interleave
	for range 50 {
		many.Go(func() {
			if r := send(t, lenient); r.Status != 200 {
				t.Errorf("got %v, want the other server", r)
			}
		})
	}
	many.Wait()
	for _, none := range [][]*httptest.Server{nil, {bad, bad}} {
		_, url := balance(t, true, none...)
		if r := send(t, url); r.Status != 502 {
			t.Errorf("got %v from %d servers that do not answer, want 502", r, len(none))
		}
	}
}

// A server that is removed has answered what it was asked.
func TestBalancerDrains(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan bool), make(chan bool)
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked <- true; <-answer }))
	t.Cleanup(slow.Close)
	b, url := balance(t, false, slow)
	status, removed := make(chan int), make(chan bool)
	go func() { status <- send(t, url).Status }()
	<-asked
	go func() { b.Remove(slow.URL); close(removed) }()
	select {
	case <-removed:
		t.Error("removed before it has answered")
	case <-time.After(50 * time.Millisecond):
	}
	if r := send(t, url); r.Status != 502 {
		t.Errorf("got %v from a balancer without servers, want 502", r)
	}
	close(answer)
	if got := <-status; got != 200 {
		t.Errorf("got %d, want 200", got)
	}
	<-removed
}

// A server that closes connections which are idle, as all do, loses no request.
func TestBalancerOfHastyServer(t *testing.T) {
	t.Parallel()
	hasty := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	hasty.Config.IdleTimeout = 2 * time.Millisecond
	hasty.Start()
	t.Cleanup(hasty.Close)
	_, url := balance(t, false, hasty)
	var many sync.WaitGroup
	for range 8 {
		many.Go(func() {
			for n := range 200 {
				if r := send(t, url); r.Status != http.StatusOK {
					t.Errorf("got %v, want an answer", r)
				}
				time.Sleep(2*time.Millisecond + time.Duration(n%10)*100*time.Microsecond)
			}
		})
	}
	many.Wait()
}

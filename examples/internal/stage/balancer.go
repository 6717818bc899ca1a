package stage

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
)

// Balancer is a handler that passes requests to its servers in turn, and names the one
// that answered in the header X-Instance. It is safe for concurrent use; its fields
// are set before.
type Balancer struct {
	Transport http.RoundTripper // nil: http.DefaultTransport
	// Retry has a request to which there is no answer passed on to the next server, as
	// proxies do. It may then be done twice, which no route of the examples minds.
	Retry bool

	mu      sync.Mutex // guards what follows
	servers []*target
	turn    int
}

// target is a server behind a balancer.
type target struct {
	name string
	url  *url.URL
	busy sync.WaitGroup
}

// Add lets requests go to a server at an address, such as http://127.0.0.1:8080.
func (b *Balancer) Add(name, address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.servers = append(b.servers, &target{name: name, url: u})
	return nil
}

// Remove lets no more requests go to the server at an address, and waits for those
// under way.
func (b *Balancer) Remove(address string) {
	b.mu.Lock()
	i := slices.IndexFunc(b.servers, func(s *target) bool { return s.url.String() == address })
	if i < 0 {
		b.mu.Unlock()
		return
	}
	gone := b.servers[i]
	b.servers = slices.Delete(b.servers, i, i+1)
	b.mu.Unlock()
	gone.busy.Wait()
}

// maxBody is the longest body that is passed on: sign-ins are short.
const maxBody = 64 << 10

// ServeHTTP passes a request on.
func (b *Balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	for range b.attempts() {
		r.Body = io.NopCloser(bytes.NewReader(body))
		if b.pass(w, r) || r.Context().Err() != nil {
			return
		}
	}
	w.WriteHeader(http.StatusBadGateway)
}

// attempts returns how many servers a request may be passed to.
func (b *Balancer) attempts() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.Retry {
		return len(b.servers)
	}
	return min(1, len(b.servers))
}

// pass passes a request to the next server and reports whether that has answered.
func (b *Balancer) pass(w http.ResponseWriter, r *http.Request) (answered bool) {
	s := b.next()
	if s == nil {
		return false
	}
	defer s.busy.Done()
	answered = true
	proxy := httputil.ReverseProxy{
		Transport: b.Transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(s.url)
			r.Out.Host = r.In.Host
		},
		ModifyResponse: func(r *http.Response) error {
			r.Header.Set("X-Instance", s.name)
			return nil
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { answered = false },
	}
	proxy.ServeHTTP(w, r)
	return answered
}

// next returns whose turn it is, marked as busy, or nil.
func (b *Balancer) next() *target {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.servers) == 0 {
		return nil
	}
	b.turn++
	s := b.servers[b.turn%len(b.servers)]
	s.busy.Add(1)
	return s
}

package stage

import (
	"bytes"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
)

// Balancer is a handler that passes requests to its servers in turn, and names the one
// that answered in the header X-Instance. It is safe for concurrent use; Retry is set
// before.
type Balancer struct {
	// Retry has a request to which there is no answer passed on to the next server, as
	// proxies do. It may then be done twice, which no route of the examples minds.
	Retry bool

	mu      sync.Mutex // guards what follows
	servers []*target
	turn    int
}

// target is a server behind a balancer.
type target struct {
	name        string
	url         *url.URL
	connections http.RoundTripper
	busy        sync.WaitGroup
}

// Add lets requests go to a server at an address, such as http://127.0.0.1:8080.
func (b *Balancer) Add(name, address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	// A connection for each request: the server may close one that is kept at the moment
	// a request is written to it, and that request could not be sent again.
	b.servers = append(b.servers, &target{name: name, url: u, connections: &http.Transport{DisableKeepAlives: true}})
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
	var tried []*target
	err = errors.New("no server")
	for s := b.next(tried); s != nil; s = b.next(tried) {
		r.Body = io.NopCloser(bytes.NewReader(body))
		if err = s.pass(w, r); err == nil || r.Context().Err() != nil {
			return
		}
		if tried = append(tried, s); !b.Retry {
			break
		}
	}
	http.Error(w, err.Error(), http.StatusBadGateway)
}

// pass passes a request to s, which is marked as busy. It returns why there was no
// answer, and then nothing has been written.
func (s *target) pass(w http.ResponseWriter, r *http.Request) (err error) {
	defer s.busy.Done()
	proxy := httputil.ReverseProxy{
		Transport: s.connections,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(s.url)
			r.Out.Host = r.In.Host
		},
		ModifyResponse: func(r *http.Response) error {
			r.Header.Set("X-Instance", s.name)
			return nil
		},
		ErrorLog:     log.New(io.Discard, "", 0), // the client sees it
		ErrorHandler: func(_ http.ResponseWriter, _ *http.Request, why error) { err = why },
	}
	proxy.ServeHTTP(w, r)
	return err
}

// next returns whose turn it is, marked as busy, or nil if all have been tried.
func (b *Balancer) next(tried []*target) *target {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range b.servers {
		b.turn++
		if s := b.servers[b.turn%len(b.servers)]; !slices.Contains(tried, s) {
			s.busy.Add(1)
			return s
		}
	}
	return nil
}

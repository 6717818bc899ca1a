package examples_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"testing"
)

// balancer passes requests to its backends in turn.
type balancer struct {
	url string

	mu       sync.Mutex // guards what follows
	backends []*backend
	turn     int
}

type backend struct {
	url   string
	proxy *httputil.ReverseProxy
	busy  sync.WaitGroup
}

func newBalancer(t *testing.T) *balancer {
	b := new(balancer)
	s := httptest.NewServer(b)
	t.Cleanup(s.Close)
	b.url = s.URL
	return b
}

func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	next := b.next()
	defer next.busy.Done()
	next.proxy.ServeHTTP(w, r)
}

// next returns whose turn it is, marked as busy.
func (b *balancer) next() *backend {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn++
	next := b.backends[b.turn%len(b.backends)]
	next.busy.Add(1)
	return next
}

// add lets requests go to a server.
func (b *balancer) add(server string) {
	target, _ := url.Parse(server)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.backends = append(b.backends, &backend{url: server, proxy: &httputil.ReverseProxy{
		Transport: connections,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
		},
	}})
}

// remove lets no more requests go to a server, and waits for those under way.
func (b *balancer) remove(server string) {
	b.mu.Lock()
	i := slices.IndexFunc(b.backends, func(x *backend) bool { return x.url == server })
	gone := b.backends[i]
	b.backends = slices.Delete(b.backends, i, i+1)
	b.mu.Unlock()
	gone.busy.Wait()
}

// decodeList decodes a JSON array of objects.
func decodeList(t *testing.T, text string) []map[string]any {
	t.Helper()
	var list []map[string]any
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return list
}

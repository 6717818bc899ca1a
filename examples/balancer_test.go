package examples_test

import (
	"encoding/json"
	"net/http/httptest"
	"testing"

	"github.com/sessionring/sessionring/examples/internal/stage"
)

// balancer passes requests to its servers in turn.
type balancer struct {
	stage.Balancer
	url string
}

func newBalancer(t *testing.T) *balancer {
	b := new(balancer)
	s := httptest.NewServer(b)
	t.Cleanup(s.Close)
	b.url = s.URL
	return b
}

// add lets requests go to a server.
func (b *balancer) add(server string) { b.Add(server, server) }

// remove lets no more requests go to a server, and waits for those under way.
func (b *balancer) remove(server string) { b.Remove(server) }

// decodeList decodes a JSON array of objects.
func decodeList(t *testing.T, text string) []map[string]any {
	t.Helper()
	var list []map[string]any
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return list
}

package session

import (
	"net/http"

	"github.com/sessionring/sessionring/internal/fetch"
)

// ReadFeedBy has m read the feed of another service by way of a transport.
func ReadFeedBy(m *Manager, by http.RoundTripper) {
	d := m.follow.feed.(*distant)
	d.source, _ = fetch.New(m.cfg.Revocations.URL, by)
}

// ReadPage reads an answer of the feed, and writes it again.
func ReadPage(data []byte) ([]byte, error) {
	p, err := decodePage(data)
	if err != nil {
		return nil, err
	}
	return p.encode(), nil
}

// ReadPlace reads a place in the feed, and writes it again; the start is "e30".
func ReadPlace(text string) string { return parsePlace(text).String() }

// ServePages has m serve pages of so many bytes.
func ServePages(m *Manager, size int) { m.serves.size = size }

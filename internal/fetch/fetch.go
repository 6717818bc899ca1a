// Package fetch gets small documents from one address whose answers decide about
// security: https or this machine, no redirects, so many bytes and no more.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Source is one address. It is safe for concurrent use.
type Source struct {
	Name   string // the address without its query, for messages
	url    url.URL
	client http.Client
}

// New returns the source at an address, to be asked by way of a transport. An error
// follows the name of what has the address.
func New(address string, by http.RoundTripper) (*Source, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return nil, errors.New("needs an address such as https://id.example.com/.well-known/jwks.json")
	case u.User != nil || u.Fragment != "":
		return nil, errors.New("takes no user and no fragment in the address")
	case u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())):
		return nil, fmt.Errorf("cannot trust %s://%s, where anybody on the way may answer: use https", u.Scheme, u.Host)
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Source{
		Name: u.Scheme + "://" + u.Host + u.EscapedPath(), url: *u,
		client: http.Client{Transport: by, CheckRedirect: stay},
	}, nil
}

// isLoopback reports whether a host is this machine, by its name.
func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.IsLoopback()
}

// Transport returns a transport that gives up a connection after a time, and keeps one
// that is idle for another. It speaks HTTP/1.1, where an answer that does not come
// takes its connection with it: the next question goes out on a new one.
func Transport(dial, idle time.Duration) *http.Transport {
	old := new(http.Protocols)
	old.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: dial}).DialContext,
		TLSHandshakeTimeout:    dial,
		Protocols:              old,
		MaxIdleConns:           1,
		IdleConnTimeout:        idle,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// Answer is what came.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte // of a 200
}

// Get asks with headers, and a query beside that of the address. A body of more than limit
// bytes is an error. It takes as long as ctx lets it.
func (s *Source) Get(ctx context.Context, query url.Values, header http.Header, limit int64) (*Answer, error) {
	u := s.url
	if len(query) > 0 {
		all := u.Query()
		maps.Copy(all, query)
		u.RawQuery = all.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be asked", s.Name)
	}
	r.Header = header
	res, err := s.client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be fetched: %w", s.Name, cause(err))
	}
	defer res.Body.Close()
	a := &Answer{Status: res.StatusCode, Header: res.Header}
	if a.Status != http.StatusOK {
		return a, nil
	}
	a.Body, err = io.ReadAll(io.LimitReader(res.Body, limit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s cannot be read: %w", s.Name, cause(err))
	case int64(len(a.Body)) > limit:
		return nil, fmt.Errorf("%s answered with more than %d bytes", s.Name, limit)
	}
	return a, nil
}

// cause returns err without the address, whose query may be nobody's business.
func cause(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

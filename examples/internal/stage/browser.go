package stage

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"time"
)

// Browser is what one person has: a client with a cookie jar.
type Browser struct{ *http.Client }

// NewBrowser returns a browser without cookies. Many may share a transport.
func NewBrowser(transport http.RoundTripper, timeout time.Duration) Browser {
	jar, _ := cookiejar.New(nil)
	return Browser{&http.Client{Jar: jar, Transport: transport, Timeout: timeout}}
}

// Reply is an answer, read to its end.
type Reply struct {
	Status int
	Header http.Header
	Text   string
	JSON   map[string]any // nil unless the body is an object
}

// String returns the status and the body.
func (r Reply) String() string { return fmt.Sprintf("%d %s", r.Status, strings.TrimSpace(r.Text)) }

// Word returns a member of the body that is text, or "".
func (r Reply) Word(name string) string {
	s, _ := r.JSON[name].(string)
	return s
}

// Send sends a request with further headers, name by value.
func (b Browser) Send(method, url, body string, headers ...string) (Reply, error) {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return Reply{}, err
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
	}
	answer, err := b.Do(req)
	if err != nil {
		return Reply{}, err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	r := Reply{Status: answer.StatusCode, Header: answer.Header, Text: string(data)}
	json.Unmarshal(data, &r.JSON)
	return r, err
}

package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"time"
)

// maxAnswer is how much of an answer is read, in bytes.
const maxAnswer = 4 << 20

// server is a running instance, whose administration routes are asked.
type server struct {
	base    *url.URL
	client  *http.Client
	timeout time.Duration
	token   func() (string, error)
}

// newServer returns the server that the flags of the call name.
func newServer(c *call) (*server, error) {
	base, err := url.Parse(c.server)
	switch {
	case err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https":
		return nil, c.usage("-server is an address such as https://id.example.com")
	case base.User != nil || base.RawQuery != "" || base.Fragment != "":
		return nil, c.usage("-server is an address without a name, a password, ? and #: the token goes into KEYRING_TOKEN or -token-file")
	case base.Scheme == "http" && !loopback(base.Hostname()):
		return nil, c.usage("plain http would show the administrator's token to all on the way: use https, or http on this machine")
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &server{base, client, c.timeout, c.token}, nil
}

// loopback reports whether host is this machine.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

func (s *server) report(ctx context.Context) (*report, error) {
	var answer struct {
		report
		Keys []serverKey `json:"keys"`
	}
	if err := s.ask(ctx, http.MethodGet, "status", nil, &answer); err != nil {
		return nil, err
	}
	if len(answer.Keys) == 0 {
		return nil, errForeign
	}
	for _, k := range answer.Keys {
		k.ID, k.Algorithm = cmp.Or(k.ID, k.KID), cmp.Or(k.Algorithm, k.Alg)
		if k.ID == "" {
			return nil, errForeign
		}
		k.undate(answer.Time)
		answer.report.Keys = append(answer.report.Keys, k.keyState)
	}
	return &answer.report, nil
}

// serverKey is a key as a server describes it, with the short names too.
type serverKey struct {
	keyState
	KID string `json:"kid"`
	Alg string `json:"alg"`
}

func (s *server) rotate(ctx context.Context, _ string) (named, error) {
	return s.change(ctx, "rotate", struct{}{})
}

func (s *server) revoke(ctx context.Context, key string) (named, error) {
	return s.change(ctx, "revoke", map[string]any{"key": key})
}

func (s *server) drop(ctx context.Context, key string, force bool) (named, error) {
	return s.change(ctx, "drop", map[string]any{"key": key, "force": force})
}

// change asks for a change of the keys.
func (s *server) change(ctx context.Context, what string, question any) (named, error) {
	var k named
	if err := s.ask(ctx, http.MethodPost, "keys/"+what, question, &k); err != nil {
		return named{}, err
	}
	if k.Tag == "" {
		return named{}, errForeign
	}
	return named{Tag: k.Tag, KID: cmp.Or(k.KID, k.Tag), Activates: k.Activates}, nil // a new key may be gone before its kid is known
}

// errForeign is returned for what no instance answers.
var errForeign = unsure("that is not the answer of an instance: does -server name one that serves /admin/api?")

// ask sends a question and reads the answer to it.
func (s *server) ask(ctx context.Context, method, route string, question, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	token, err := s.token()
	if err != nil {
		return err
	}
	req, err := s.request(ctx, method, route, question)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := s.client.Do(req)
	if err != nil {
		return s.silent(method, err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return s.silent(method, err)
	}
	// A server that answers with the request must not get the token onto the screen.
	return read(res, bytes.ReplaceAll(data, []byte(token), []byte("[token]")), answer)
}

// request returns the request that asks a question.
func (s *server) request(ctx context.Context, method, route string, question any) (*http.Request, error) {
	var body io.Reader
	if question != nil {
		data, err := json.Marshal(question)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, s.base.JoinPath("admin/api", route).String(), body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// silent returns the error for an answer that has not come, or not whole.
func (s *server) silent(method string, err error) error {
	var addressed *url.Error
	if errors.As(err, &addressed) {
		err = addressed.Err
	}
	why := err.Error()
	if errors.Is(err, context.DeadlineExceeded) {
		why = fmt.Sprintf("no answer within %v", s.timeout)
	}
	if method == http.MethodPost {
		why += "; the change may have been made all the same: look with keyring list"
	}
	return unsure("%s: %s", s.base.Host, why)
}

// read reads an answer.
func read(res *http.Response, data []byte, answer any) error {
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	switch {
	case res.StatusCode >= 300 && res.StatusCode < 400:
		return unsure("the server points to another address, which would get the token: give that address to -server yourself if it is yours")
	case len(data) > maxAnswer:
		return unsure("the answer is longer than %d bytes", maxAnswer)
	case kind != "application/json":
		return unsure("the server answers %d with %.40q: does -server name an instance that serves /admin/api?", res.StatusCode, kind)
	case res.StatusCode != http.StatusOK:
		return refusal(res.StatusCode, data)
	case json.Unmarshal(data, answer) != nil:
		return errForeign
	}
	return nil
}

package keyring_test

import (
	"compress/gzip"
	"context"
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
	"github.com/sessionring/sessionring/keyring"
)

// issuer serves a JWK Set, or whatever else handle does.
type issuer struct {
	mu     sync.Mutex
	handle http.HandlerFunc
	asked  atomic.Int64
}

func (i *issuer) serves(h http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.handle = h
}

func (i *issuer) says(text string) {
	i.serves(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) })
}

func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.asked.Add(1)
	i.mu.Lock()
	h := i.handle
	i.mu.Unlock()
	h(w, r)
}

// start returns the address of i.
func (i *issuer) start(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(i)
	t.Cleanup(s.Close)
	return s.URL + "/.well-known/jwks.json"
}

// The keys of ServeJWKS are followed: a token is good before its key signs and after.
func TestFromURL(t *testing.T) {
	t.Parallel()
	path, _ := initFile(t)
	signs := must(keyring.FromFile(path))(t)
	_, err := signs.RotateTo(t.Context(), "ES256")
	do(t, err)
	i := new(issuer)
	i.serves(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Accept"); !strings.HasPrefix(got, "application/jwk-set+json") {
			t.Errorf("asked for %q, want a JWK Set", got)
		}
		signs.ServeJWKS(w, r)
	})
	verifies := must(keyring.FromURL(t.Context(), i.start(t)+"?secret=x"))(t)
	if got := verifies.Live().Interval; got != 5*time.Minute {
		t.Errorf("interval: got %v, want 5 minutes", got)
	}
	wantStates(t, verifies, "v2 previous")
	if tag, err := verify(verifies, issue(t, signs)); tag != "v2" || err != nil { // by its co-signature
		t.Errorf("got %q, %v, want v2", tag, err)
	}
	_, err = signs.RotateTo(t.Context(), "EdDSA")
	do(t, err)
	do(t, verifies.Reload(t.Context()))
	wantStates(t, verifies, "v3 previous, v2 previous")
	_, err = verifies.Rotate(t.Context())
	refused(t, err, nil, "the keys come from http://127.0.0.1:")
	if strings.Contains(err.Error(), "secret") || !errors.Is(err, keyring.ErrFixed) {
		t.Errorf("got %v, want ErrFixed, without the query", err)
	}
}

// Kids of other issuers, whatever they look like, are found.
func TestForeignKIDs(t *testing.T) {
	t.Parallel()
	for _, kid := range []string{"6f1c1c1e-9c5b-4a67-8d5a-0f4f3f1f9a10", "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", "aW/s+9==", "1", "urn:example:key:2027"} {
		s := newSigner(t, "EdDSA")
		i := new(issuer)
		i.says(jwks(asymmetric(t, "another", newSigner(t, "ES256").Public()), asymmetric(t, kid, s.Public())))
		k := must(keyring.FromURL(t.Context(), i.start(t)))(t)
		head := b64(fmt.Sprintf(`{"alg":"EdDSA","kid":%q}`, kid)) + "."
		for _, c := range []struct {
			head string
			want error
		}{{head, nil}, {b64(fmt.Sprintf(`{"alg":"EdDSA","kid":%q,"jku":"https://evil.example.com"}`, kid)) + ".", ring.ErrInvalid}} {
			input := c.head + b64(`{"exp":9999999999}`)
			sig, err := s.Sign(nil, []byte(input), crypto.Hash(0))
			do(t, err)
			if _, err := verify(k, input+"."+b64(sig)); !errors.Is(err, c.want) {
				t.Errorf("%s: got %v, want %v", kid, err, c.want)
			}
		}
		if n := i.asked.Load(); n != 1 {
			t.Errorf("%s: asked %d times, want once", kid, n)
		}
	}
}

// Keys for other uses and algorithms are passed over, as RFC 7517, section 5, says.
func TestFromURLPassesOver(t *testing.T) {
	t.Parallel()
	rs := rsaKey(t)
	i := new(issuer)
	i.says(jwks(`{"kty":"EC","crv":"P-521","kid":"a","x":"AA","y":"AA"}`, `{"kty":"new","kid":"b"}`, `{}`,
		asymmetric(t, "f", newSigner(t, "ES256").Public(), `"alg":"ECDH-ES"`), asymmetric(t, "g", newSigner(t, "EdDSA").Public(), `"alg":"Ed448"`),
		asymmetric(t, "c", rs.Public(), `"use":"enc"`), asymmetric(t, "d", rs.Public(), `"alg":"RS512"`), asymmetric(t, "e", rs.Public(), `"use":"sig"`)))
	wantStates(t, must(keyring.FromURL(t.Context(), i.start(t)))(t), "e previous")
}

// inTime asks again if there was no answer within the time that there is: the machine
// may be busy.
func inTime(ask func() error) (err error) {
	for range 5 {
		if err = ask(); !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
	}
	return err
}

// What is no JWK Set of public keys is refused, at the start and later, when the good
// keys stay.
func TestFromURLRefuses(t *testing.T) {
	t.Parallel()
	ed := newSigner(t, "EdDSA")
	good := jwks(asymmetric(t, "v1", ed.Public()))
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { elsewhere.Add(1); io.WriteString(w, good) }))
	t.Cleanup(other.Close)
	secret := newSecret()
	i := new(issuer)
	address := i.start(t)
	i.says(good)
	k := must(keyring.FromURL(t.Context(), address))(t)
	token := issue(t, must(keyring.New(signerKey(t, "v1", ed)))(t))
	many := make([]string, 65)
	for n := range many {
		many[n] = asymmetric(t, fmt.Sprint("k", n), newSigner(t, "EdDSA").Public())
	}
	text := func(s string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, s) }
	}
	for name, c := range map[string]struct {
		handle http.HandlerFunc
		want   string
	}{
		"a secret":            {text(jwks(asymmetric(t, "v1", ed.Public()), jwk("v0", secret))), "key 2 is a secret or a private key"},
		"a remembered secret": {text(jwks(asymmetric(t, "v1", ed.Public()), `{"kty":"oct","kid":"v0.AAAAAAAA","revoked":true}`)), "key 2 is a secret"},
		"a private key":       {text(jwks(asymmetric(t, "v1", ed))), "key 1 is a secret or a private key"},
		"a private RSA key":   {text(jwks(asymmetric(t, "v1", rsaKey(t).Public(), `"dp":"AQAB"`))), "is a secret or a private key"},
		"a private enc key":   {text(jwks(asymmetric(t, "v1", ed.Public()), asymmetric(t, "v2", newSigner(t, "ES256"), `"use":"enc"`))), "key 2 is a secret"},
		"two keys of one kid": {text(jwks(asymmetric(t, "v1", ed.Public()), asymmetric(t, "v1", newSigner(t, "EdDSA").Public()))), "has the kid of"},
		"a weak key":          {text(jwks(asymmetric(t, "v1", &rsa.PublicKey{N: rsaKey(t).N, E: 3}))), "n has the exponent 3"},
		"no key of use":       {text(jwks(asymmetric(t, "v1", ed.Public(), `"use":"enc"`))), "holds no key that can be used"},
		"a key that is over":  {text(jwks(asymmetric(t, "v1", ed.Public(), `"exp":1`))), "holds no key that can be used"},
		"65 keys":             {text(jwks(many...)), "holds more than 64 keys"},
		"many faults":         {text(jwks(strings.Split(strings.Repeat("7 ", 999)+"7", " ")...)), "key 4: not one JSON object"},
		"an empty set":        {text(`{"keys":[]}`), "holds no key: an issuer with secrets (HS256) publishes none"},
		"HTML":                {text("<html>" + secret + "</html>"), "is no JWK Set: not one JSON object"},
		"nothing":             {text(""), "is no JWK Set"},
		"10 MB":               {text(good + strings.Repeat(" ", 10<<20)), "answered with more than 262144 bytes"},
		"10 MB, packed":       {packed(good + strings.Repeat(" ", 10<<20)), "answered with more than 262144 bytes"},
		"a redirect":          {http.RedirectHandler(other.URL, http.StatusFound).ServeHTTP, "answered with status 302"},
		"a redirect at home":  {http.RedirectHandler("/x", http.StatusTemporaryRedirect).ServeHTTP, "answered with status 307"},
		"an error with keys":  {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500); io.WriteString(w, good) }, "answered with status 500"},
		"an early end": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "999")
			io.WriteString(w, good)
		}, "cannot be read"},
	} {
		i.serves(c.handle)
		for when, ask := range map[string]func() error{
			"later":        func() error { return k.Reload(t.Context()) },
			"at the start": func() error { return onlyError(keyring.FromURL(t.Context(), address)) },
		} {
			err := inTime(ask)
			refused(t, err, []string{secret, b64(secret), b64(secretOf(t, ed))}, c.want)
			if err != nil && len(err.Error()) > 1000 {
				t.Errorf("%s, %s: the error has %d bytes", name, when, len(err.Error()))
			}
		}
		if _, err := verify(k, token); err != nil {
			t.Errorf("%s: %v, want the last good keys", name, err)
		}
	}
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("another address was asked %d times", n)
	}
}

// packed answers with text compressed.
func packed(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		io.WriteString(z, text)
		z.Close()
	}
}

func onlyError(_ *keyring.Keyring, err error) error { return err }

// Addresses from which anybody could put in keys.
func TestFromURLRefusesAddresses(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"": "needs an address", "id.example.com": "needs an address", "https:": "needs an address", "https:x": "needs an address", "http://[::1": "needs an address",
		"http://id.example.com/jwks": "use https", "http://localhost.example.com/": "use https", "http://127.0.0.1.example.com/": "use https", "http://10.0.0.1/": "use https",
		"ftp://localhost/": "use https", "http://localhost./": "use https", "file://localhost/etc/passwd": "use https",
		"https://user:pass@id.example.com/": "takes no user", "https://id.example.com/#x": "takes no user and no fragment",
	} {
		_, err := keyring.FromURL(t.Context(), address)
		refused(t, err, []string{"pass"}, want)
	}
	for _, address := range []string{"http://localhost:1/", "http://LocalHost:1/", "http://127.9.9.9:1/", "http://[::1]:1/", "https://127.0.0.1:1/"} {
		_, err := keyring.FromURL(t.Context(), address)
		refused(t, err, nil, "cannot be fetched")
	}
}

// transport answers without a network, so that time may be played.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answer(body io.Reader) *http.Response {
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(body)}
}

// drip gives a byte a second, until its request is given up.
type drip struct {
	io.Reader
	ctx context.Context
}

func (d *drip) Read(b []byte) (int, error) {
	select {
	case <-time.After(time.Second):
		return d.Reader.Read(b[:1])
	case <-d.ctx.Done():
		return 0, d.ctx.Err()
	}
}

// Keys that cannot be fetched again are used for a day. Then their tokens are of an
// unknown key, until the issuer is back.
func TestStaleKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSigner(t, "EdDSA")
		ends := time.Now().Add(20 * time.Hour).UTC()
		brief := asymmetric(t, "v0", newSigner(t, "EdDSA").Public(), fmt.Sprintf(`"exp":%d`, ends.Unix()))
		good, down := jwks(asymmetric(t, "v1/x", s.Public()), brief), true
		const address = "https://id.example.com/jwks"
		by := transport(func(*http.Request) (*http.Response, error) {
			if down {
				return nil, errors.New("down")
			}
			return answer(strings.NewReader(good)), nil
		})
		if _, err := keyring.FromURLBy(t.Context(), address, by); err == nil || !strings.Contains(err.Error(), "cannot be fetched: down") {
			t.Fatalf("got %v, want that the address is down", err)
		}
		down = false
		k := must(keyring.FromURLBy(t.Context(), address, by))(t)
		down = true
		token := func() string { return issue(t, must(keyring.New(signerKey(t, "v1", s)))(t)) }
		for range 23 {
			time.Sleep(time.Hour)
			refused(t, k.Reload(t.Context()), nil, "cannot be fetched: down")
			if _, err := verify(k, token()); err != nil {
				t.Fatalf("%v, want the last good keys", err)
			}
		}
		time.Sleep(time.Hour)
		version := k.Live().Version()
		for range 3 {
			refused(t, k.Reload(t.Context()), nil, "are out of use, because for 24h0m0s none came")
		}
		if got := k.Live().Version(); got != version+1 {
			t.Errorf("got %d changes, want 1", got-version)
		}
		if _, err := verify(k, token()); !errors.Is(err, ring.ErrUnknownKey) {
			t.Errorf("got %v, want an unknown key", err)
		}
		wantStates(t, k, "v1-x retired, v0 retired")
		for i, want := range []time.Time{ends.Add(4 * time.Hour), ends} { // the end that the issuer gave stays
			if got := k.List()[i].Retires; !got.Equal(want) {
				t.Errorf("%s: got the end %v, want %v", k.List()[i].Tag, got, want)
			}
		}
		down = false
		if !k.Live().Awaken(t.Context(), "v1/x", k.Live().Version()) {
			t.Error("a token does not have the keys fetched again")
		}
		if _, err := verify(k, token()); err != nil {
			t.Error(err)
		}
	})
}

// A slow issuer is given up after five seconds.
func TestSlowIssuer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		set := jwks(asymmetric(t, "v1", newSigner(t, "EdDSA").Public()))
		for name, by := range map[string]transport{
			"drips": func(r *http.Request) (*http.Response, error) {
				return answer(&drip{strings.NewReader(set), r.Context()}), nil
			},
			"hangs": func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() },
		} {
			begun := time.Now()
			_, err := keyring.FromURLBy(t.Context(), "https://id.example.com/jwks", by)
			if d := time.Since(begun); err == nil || d > 6*time.Second {
				t.Errorf("%s: got %v after %v, want an error after 5s", name, err, d)
			}
		}
	})
}

// 200 forged kids at once, and then 1,000 a second for half a minute: one fetch a
// second at most. A real rotation meanwhile is honoured within two.
func TestFloodOfForgedKIDs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var set atomic.Value
		set.Store(jwks(asymmetric(t, "v1", newSigner(t, "EdDSA").Public())))
		var asked atomic.Int64
		k := must(keyring.FromURLBy(t.Context(), "https://id.example.com/jwks", transport(func(*http.Request) (*http.Response, error) {
			asked.Add(1)
			time.Sleep(50 * time.Millisecond)
			return answer(strings.NewReader(set.Load().(string))), nil
		})))(t)
		version := k.Live().Version()
		forged := func(n, from int) {
			for i := range n {
				go k.Live().Awaken(t.Context(), fmt.Sprintf("v9.%08d", from+i), version)
			}
		}
		forged(200, 0)
		time.Sleep(900 * time.Millisecond)
		if n := asked.Load(); n != 2 { // the first one, and one more
			t.Errorf("200 forged kids: asked %d times, want twice", n)
		}
		for i := range 30 {
			forged(1000, 1000*(i+1))
			time.Sleep(time.Second)
		}
		if n := asked.Load(); n > 33 {
			t.Errorf("30,000 forged kids in 30 seconds: asked %d times, want at most 33", n)
		}
		s := newSigner(t, "ES256")
		set.Store(jwks(asymmetric(t, "v2", s.Public())))
		forged(1000, 900000)
		time.Sleep(2 * time.Second)
		if _, err := verify(k, issue(t, must(keyring.New(signerKey(t, "v2", s)))(t))); err != nil {
			t.Errorf("a real rotation: %v", err)
		}
	})
}

package keyring

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/sessionring/sessionring/internal/fetch"
	"github.com/sessionring/sessionring/internal/ring"
	"github.com/sessionring/sessionring/internal/strictjson"
)

// Bounds of what is fetched.
const (
	urlInterval = 5 * time.Minute
	urlTimeout  = 5 * time.Second // for the whole of one answer
	urlStale    = 24 * time.Hour  // that keys are used without being fetched again
	maxFetched  = 256 << 10       // bytes
	maxKeys     = 64
	maxFaults   = 4 // of a set that are reported
)

// FromURL returns a keyring that follows the public keys at an address, a JWK Set, and
// only verifies. What ServeJWKS gives out is one, and so is the set of another issuer.
//
// The address is https, or http on this machine: localhost, 127.0.0.0/8 or [::1]. An
// answer that is not a 200 with a JWK Set of at most 256 KiB and 64 keys within 5
// seconds is refused, redirects too. So is a set that holds a secret, a private key,
// two keys of one kid, or no key that can be used. Keys for other algorithms or uses
// than those of ParseKeys are passed over.
//
// It is fetched now, and again by Reload, every 5 minutes while session.Manager.Run
// runs, and when a token names an unknown key, at most once a second. What a token
// says of other addresses (jku) is not followed. If it cannot be fetched, or is
// refused, the keys in force stay for 24 hours. After that they verify nothing, and
// tokens are of an unknown key, which ends no session, until the set is there again.
// That is noticed where the set is fetched again, so call Run.
//
// A key that the issuer withdraws is one that is not in the set any more, and vouches for
// tokens here until that has been fetched. Rotate, Revoke, Retire and Drop are errors.
//
// See RFC 7517, section 5: https://www.rfc-editor.org/rfc/rfc7517#section-5
func FromURL(ctx context.Context, address string) (*Keyring, error) {
	return fromURL(ctx, address, fetch.Transport(urlTimeout, 2*urlInterval))
}

// fromURL is FromURL by way of a transport.
func fromURL(ctx context.Context, address string, by http.RoundTripper) (*Keyring, error) {
	source, err := fetch.New(address, by)
	if err != nil {
		return nil, fmt.Errorf("keyring: FromURL %w", err)
	}
	r := &remote{source: source}
	k := newKeyring(nil, "the keys come from "+source.Name+": they are changed there")
	k.live.Interval = urlInterval
	k.live.Load = r.load
	return k.loaded(ctx)
}

// remote is a JWK Set at an address.
type remote struct {
	source *fetch.Source

	mu      sync.Mutex
	good    *ring.Ring // the last that was fetched
	fetched time.Time  // and when
}

// load fetches the set. If that fails for too long, it returns beside the error the
// last keys as retired ones.
func (r *remote) load(ctx context.Context) (*ring.Ring, error) {
	data, err := r.fetch(ctx)
	var fresh *ring.Ring
	if err == nil {
		fresh, err = publicRing(r.source.Name, data)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		r.good, r.fetched = fresh, time.Now()
		return fresh, nil
	}
	if end := r.fetched.Add(urlStale); r.good != nil && !time.Now().Before(end) {
		return retiredAt(r.good, end), fmt.Errorf("%w; the keys from %s are out of use, because for %v none came", err, r.fetched.UTC().Format(time.RFC3339), urlStale)
	}
	return nil, err
}

// retiredAt returns a ring of the same keys, whose time is over at the latest then.
func retiredAt(r *ring.Ring, end time.Time) *ring.Ring {
	var keys []*ring.Key
	for _, k := range r.Keys() {
		c := *k
		if c.Retires.IsZero() || end.Before(c.Retires) {
			c.Retires = end
		}
		keys = append(keys, &c)
	}
	return must(ring.New(keys))
}

// fetch returns the body of a good answer.
func (r *remote) fetch(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, urlTimeout)
	defer cancel()
	accept := http.Header{"Accept": {"application/jwk-set+json, application/json"}}
	answer, err := r.source.Get(ctx, nil, accept, maxFetched)
	switch {
	case err != nil:
		return nil, fmt.Errorf("keyring: %w", err)
	case answer.Status != http.StatusOK:
		return nil, fmt.Errorf("keyring: %s answered with status %d: give an address that answers with the JWK Set itself", r.source.Name, answer.Status)
	}
	return answer.Body, nil
}

// publicRing returns the ring of the public keys in a set.
func publicRing(where string, data []byte) (*ring.Ring, error) {
	s, err := parseSetBy(where, data, parsePublicEntry)
	if errors.Is(err, errEmptySet) {
		return nil, fmt.Errorf("keyring: %s %w: an issuer with secrets (HS256) publishes none, so have it make a key for EdDSA or ES256", where, errEmptySet)
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		faults := joined.Unwrap()
		return nil, errors.Join(faults[:min(len(faults), maxFaults)]...)
	}
	if len(s.entries) > maxKeys {
		return nil, fmt.Errorf("keyring: %s holds more than %d keys", where, maxKeys)
	}
	if !anyLive(s.keys(), time.Now()) {
		return nil, fmt.Errorf("keyring: %s holds no key that can be used for EdDSA, ES256, RS256 or PS256", where)
	}
	return s.ring, nil
}

// parsePublicEntry is parseEntry for a key of somebody else. One for other uses or
// algorithms is passed over (RFC 7517, section 5), a secret refused.
func parsePublicEntry(source string, raw json.RawMessage) (entry, error) {
	members, err := strictjson.Object(raw)
	if err != nil {
		return entry{}, fmt.Errorf("%s: %w", source, err)
	}
	texts := map[string]string{}
	secret := false
	for _, m := range members {
		texts[m.Name], _ = strictjson.String(m.Raw)
		secret = secret || slices.Contains(privateMembers, m.Name) || texts["kty"] == "oct"
	}
	if secret {
		return entry{}, fmt.Errorf("%s is a secret or a private key, so whoever can read the set can sign: the issuer must replace it", source)
	}
	if !usable(texts) {
		return entry{members: members}, nil
	}
	return parseEntry(source, raw)
}

// usable reports whether a key is for signatures of our algorithms.
func usable(m map[string]string) bool {
	if m["use"] != "" && m["use"] != "sig" {
		return false
	}
	switch alg := m["alg"]; m["kty"] {
	case "OKP":
		return m["crv"] == "Ed25519" && (alg == "" || alg == ring.EdDSA)
	case "EC":
		return m["crv"] == "P-256" && (alg == "" || alg == ring.ES256)
	case "RSA":
		return alg == "" || alg == ring.RS256 || alg == ring.PS256
	}
	return false
}

package session

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/sessionring/sessionring/internal/fetch"
	"github.com/sessionring/sessionring/keyring"
)

// RevocationFeed is how services that only verify learn which sessions have ended: the
// one with the Store tells them by ServeRevocations. It prints without its secret, also
// inside of a Config; only in an unexported field of another struct fmt cannot know that,
// so log no such struct whole.
type RevocationFeed struct {
	// URL is the address of ServeRevocations at another service, https, or http on
	// this machine. It is for a Manager without a Store; empty: none.
	URL string
	// Secret is what the services share for this and for nothing else, at both ends: at
	// least 32 characters of A-Z a-z 0-9 - . _ ~ + / =, such as openssl rand -hex 32
	// prints. Several, newest first, are comma separated: each of them is accepted, and
	// each is tried until one is, so that a new one may reach the services in any order.
	Secret string
}

// String returns the words "revocation feed": the secret does not show.
func (f RevocationFeed) String() string { return "revocation feed" }

// Format writes what String returns, whatever the verb.
func (f RevocationFeed) Format(s fmt.State, _ rune) { io.WriteString(s, f.String()) }

// MarshalText returns what String does. Encoders of JSON and of logs use it.
func (f RevocationFeed) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// feedFaults returns what is wrong with Config.Revocations.
func (cfg Config) feedFaults() (f faults) {
	feed := cfg.Revocations
	if feed == (RevocationFeed{}) {
		return nil
	}
	_, hasFeed := cfg.Store.(Feed)
	f.add(feed.URL != "" && cfg.Store != nil, "Config.Revocations.URL is for a Manager without Config.Store: that has a feed of its own")
	f.add(feed.URL != "" && cfg.Revocation == Off, "Config.Revocations.URL goes with Config.Revocation Cached")
	f.add(feed.URL == "" && !hasFeed, "Config.Revocations needs a URL, or to serve others a Config.Store that has a feed")
	if feed.URL != "" {
		_, err := fetch.New(feed.URL, nil)
		f.add(err != nil, "Config.Revocations.URL %w", err)
	}
	f.add(feed.Secret == "", "Config.Revocations.Secret is required: make one with openssl rand -hex 32")
	for i, text := range feed.secrets() {
		err := judgeSecret(text)
		f.add(err != nil, "Config.Revocations.Secret, value %d: %w", i+1, err)
	}
	return f
}

// secrets returns the secrets, newest first.
func (f RevocationFeed) secrets() []string {
	if f.Secret == "" {
		return nil
	}
	return strings.Split(f.Secret, ",")
}

// judgeSecret returns why a secret is refused, or nil. It never quotes it.
func judgeSecret(text string) error {
	const chars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/="
	if strings.Trim(text, chars) != "" {
		return errors.New("it has other characters than a Bearer header can carry (RFC 6750, section 2.1)")
	}
	_, err := keyring.NewKey("feed", []byte(text)) // judges it as if it were a key
	if err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "keyring: "))
	}
	return nil
}

// accepted is the digests of the secrets that ServeRevocations accepts.
type accepted [][sha256.Size]byte

func acceptedOf(f RevocationFeed) (list accepted) {
	for _, text := range f.secrets() {
		list = append(list, sha256.Sum256([]byte(text)))
	}
	return list
}

// has reports whether a secret is accepted, in a time that does not tell which or why.
func (a accepted) has(secret string) bool {
	sum, found := sha256.Sum256([]byte(secret)), 0
	for _, digest := range a {
		found |= subtle.ConstantTimeCompare(sum[:], digest[:])
	}
	return found == 1
}

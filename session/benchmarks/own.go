package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/benchmarks/contender"
)

const own = "sessionring"

// ownTasks adds what the bounds are about and other libraries do not have.
func ownTasks(r *results) error {
	keys, err := contender.NewKeys(5)
	if err != nil {
		return err
	}
	for _, add := range []func(*results, []contender.Key) error{checks, strangers, issues, curves} {
		if err := add(r, keys); err != nil {
			return err
		}
	}
	return nil
}

// add adds a task of sessionring alone, beside an HMAC over what a token signs.
func (r *results) add(op, token string, do func(int) error) *task {
	t := &task{Group: own, Name: own, Op: op, Size: len(token), do: do, input: contender.Input(token)}
	r.Tasks = append(r.Tasks, t)
	return t
}

// access returns the access tokens of so many sessions.
func access(m *session.Manager, n int, g session.Grant) (list []string, err error) {
	for range n {
		t, err := m.Issue(context.Background(), g)
		if err != nil {
			return nil, err
		}
		list = append(list, t.AccessToken)
	}
	return list, nil
}

func grant() session.Grant { return session.Grant{Subject: user.Subject, Claims: &user.Custom} }

func checkBy(m *session.Manager) func(string) (any, error) {
	return func(token string) (any, error) { return m.Verify(context.Background(), token) }
}

// checks are those that end well: by each key of a ring of three, and by a co-signature.
func checks(r *results, keys []contender.Key) error {
	ring, err := contender.Manager(keys[2:5], nil)
	if err != nil {
		return err
	}
	for _, c := range []struct {
		name string
		by   []contender.Key
	}{
		{"verify, newest key", keys[2:3]}, {"verify, second key", keys[3:4]}, {"verify, oldest key", keys[4:5]},
		{"verify, co-signed twice", keys[2:5]}, {"verify by co-signature", []contender.Key{keys[0], keys[2]}},
		{"verify by the second co-signature", keys[:3]},
	} {
		m, err := contender.Manager(c.by, nil)
		if err != nil {
			return err
		}
		list, err := access(m, distinct, grant())
		if err != nil {
			return err
		}
		r.add(c.name, list[0], accepting(checkBy(ring), list))
	}
	return nil
}

// strangers are checks that end badly, and those of tokens that name no key.
func strangers(r *results, keys []contender.Key) error {
	ring := keys[2:5]
	m, err := contender.Manager(ring, nil)
	if err != nil {
		return err
	}
	one, err := contender.Manager(ring[:1], nil)
	if err != nil {
		return err
	}
	list, err := access(one, distinct, grant())
	if err != nil {
		return err
	}
	var foreign []string
	for _, t := range list {
		foreign = append(foreign, base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`))+t[strings.IndexByte(t, '.'):])
	}
	r.add("forged signature", list[0], refusing(checkBy(m), forged(list)))
	if err := r.addForgedCosignature(m, keys); err != nil {
		return err
	}
	r.add("garbage", list[0], refusing(checkBy(m), garbage()))
	r.add("garbage of three parts", list[0], refusing(checkBy(m), []string{strings.Repeat("x", 160) + "." + strings.Repeat("y", 160) + "." + strings.Repeat("z", 161)}))
	r.add("foreign header", list[0], refusing(checkBy(m), foreign))
	for i, name := range []string{"no kid, newest key", "no kid, second key", "no kid, oldest key"} {
		if err := r.addLegacy(name, ring, ring[i]); err != nil {
			return err
		}
	}
	return nil
}

// addForgedCosignature adds tokens under a kid that is not held, with a claim that nobody
// has co-signed: what an attacker makes a ring look at more closely.
func (r *results) addForgedCosignature(m *session.Manager, keys []contender.Key) error {
	other, err := contender.Manager([]contender.Key{keys[0], keys[2]}, nil)
	if err != nil {
		return err
	}
	list, err := access(other, distinct, grant())
	if err != nil {
		return err
	}
	var bad []string
	for _, t := range list {
		head, payload, _ := strings.Cut(t, ".")
		changed := map[bool]string{true: "B", false: "A"}[payload[40] == 'A']
		bad = append(bad, head+"."+payload[:40]+changed+payload[41:])
	}
	r.add("forged co-signature", list[0], refusing(checkBy(m), bad))
	return nil
}

// addLegacy adds the check of tokens without a kid by a ring.
func (r *results) addLegacy(op string, ring []contender.Key, by contender.Key) error {
	m, err := contender.Manager(ring, func(cfg *session.Config) { cfg.LegacyUntil = time.Now().Add(time.Hour) })
	if err != nil {
		return err
	}
	list, err := legacyTokens(by)
	if err != nil {
		return err
	}
	r.add(op, list[0], accepting(checkBy(m), list))
	return nil
}

// issues are sign-ins by rings of one to four keys, each of two tokens, and a purpose
// token, which is one.
func issues(r *results, keys []contender.Key) error {
	for n := range 4 {
		m, err := contender.Manager(keys[:n+1], nil)
		if err != nil {
			return err
		}
		bare := session.Grant{Subject: user.Subject}
		list, err := access(m, 1, bare)
		if err != nil {
			return err
		}
		r.add("issue, "+counted(n+1, "key"), list[0], func(int) error {
			_, err := m.Issue(context.Background(), bare)
			return err
		}).per = 2
		p := m.Purpose("reset", time.Hour)
		token, err := p.Issue(context.Background(), user.Subject, nil)
		if err != nil {
			return err
		}
		r.add("purpose token, "+counted(n+1, "key"), token, func(int) error {
			_, err := p.Issue(context.Background(), user.Subject, nil)
			return err
		})
	}
	return nil
}

// counted is a number of things, such as 1 key or 2 keys.
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// curves are checks by keys with a public half, of tokens that were and were not seen
// before (Config.VerifiedCache), beside the bare ones of the standard library.
func curves(r *results, _ []contender.Key) error {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	for _, c := range []struct {
		name string
		by   crypto.Signer
	}{{"EdDSA", ed}, {"ES256", ec}} {
		key, err := keyring.NewSigner("v1", c.by)
		if err != nil {
			return err
		}
		ring := []contender.Key{{Key: key}}
		m, err := contender.Manager(ring, nil)
		if err != nil {
			return err
		}
		list, err := access(m, distinct, grant())
		if err != nil {
			return err
		}
		r.add("verify, "+c.name, list[0], accepting(checkBy(m), list))
		again, err := contender.Manager(ring, func(cfg *session.Config) { cfg.VerifiedCache = 1 << 16 })
		if err != nil {
			return err
		}
		r.add("verify, "+c.name+", seen before", list[0], accepting(checkBy(again), list[:16]))
	}
	return r.bare(ed, ec)
}

// bare adds the two curves alone, over as many bytes and as many signatures: a processor
// learns the branches of one that comes again and again.
func (r *results) bare(ed ed25519.PrivateKey, ec *ecdsa.PrivateKey) (err error) {
	var inputs, byEd, byEC [distinct][]byte
	for i := range distinct {
		inputs[i] = make([]byte, 439)
		rand.Read(inputs[i])
		digest := sha256.Sum256(inputs[i])
		byEd[i] = ed25519.Sign(ed, inputs[i])
		if byEC[i], err = ecdsa.SignASN1(rand.Reader, ec, digest[:]); err != nil {
			return err
		}
	}
	edKey, token := ed.Public().(ed25519.PublicKey), string(inputs[0])+"."
	r.add("bare ed25519.Verify", token, func(i int) error {
		return must(ed25519.Verify(edKey, inputs[i%distinct], byEd[i%distinct]))
	})
	r.add("bare ecdsa.VerifyASN1", token, func(i int) error {
		digest := sha256.Sum256(inputs[i%distinct])
		return must(ecdsa.VerifyASN1(&ec.PublicKey, digest[:], byEC[i%distinct]))
	})
	return nil
}

func must(ok bool) error {
	if !ok {
		return errNotSeen
	}
	return nil
}

package session

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/sessionring/sessionring/internal/ring"
)

// Purpose issues tokens for one use other than a session: password reset links,
// invitations, the state of an OAuth exchange. They go through the same keyring,
// so a rotation does not break them, and are bound to their purpose: none passes
// as a session, as a token of another purpose, or with any other reader of the
// secret, because every purpose has keys of its own, derived from those of the
// ring (RFC 5869; RFC 8725, section 3.8). It is safe for concurrent use.
type Purpose struct {
	m     *Manager
	name  string
	ttl   time.Duration
	cache atomic.Pointer[derivedRing]
}

// derivedRing is the ring of a purpose and the one it was made from.
type derivedRing struct{ from, ring *ring.Ring }

// Purpose returns the tokens of that name and lifetime. It panics if the name is
// not [a-z0-9-]{1,32}, or the lifetime under a second.
func (m *Manager) Purpose(name string, ttl time.Duration) *Purpose {
	if name == "" || len(name) > 32 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		panic(fmt.Sprintf("session: Purpose name %.40q: use 1 to 32 of a-z 0-9 -", name))
	}
	if ttl < time.Second {
		panic(fmt.Sprintf("session: Purpose lifetime %v: use at least 1s", ttl))
	}
	m.evidence.lives(ttl)
	return &Purpose{m: m, name: name, ttl: ttl}
}

// ring returns the ring of this purpose.
func (p *Purpose) ring() *ring.Ring {
	from := p.m.live.Ring()
	d := p.cache.Load()
	if d == nil || d.from != from {
		d = &derivedRing{from, from.Derive("sessionring purpose v1 " + p.name)}
		p.cache.Store(d)
	}
	return d.ring
}

// Issue returns a token for subject, carrying claims if not nil, under the rules
// of Grant.Claims. The token may stand in a URL only if the page behind it sends
// no Referer and the token is soon used up.
func (p *Purpose) Issue(_ context.Context, subject string, claims any) (string, error) {
	if subject == "" || !utf8.ValidString(subject) {
		return "", fmt.Errorf("session: a %s token needs a subject, in UTF-8", p.name)
	}
	custom, err := encodeCustom(claims, p.m.cfg.LegacySubject)
	if err != nil {
		return "", err
	}
	now := time.Now()
	signers := p.ring().Signers(now)
	w := p.m.scratch.Get().(*ring.Scratch)
	defer p.m.scratch.Put(w)
	b := append(builder(w.Body[:0]), p.m.expected.opening...).quote(subject)
	b = append(b, `,"jti":`...).id()
	b = append(b, `,"iat":`...).date(now)
	b = append(b, `,"exp":`...).date(now.Add(p.ttl))
	b = append(append(b, `,"type":"`+kindPurpose+`","purpose":`...).quote(p.name), `,"version":`...).quote(signers.Tag())
	w.Body = b.close(custom)
	p.m.issuedBy(&signers, now, now.Add(p.ttl))
	w.Tokens = w.Tokens[:0]
	if err := p.m.sign(w, &signers, ring.Purpose, custom); err != nil {
		return "", err
	}
	return string(w.Tokens), nil
}

// Redeem checks a token of this purpose and uses it up; the second time is
// ErrReused, at every instance. It needs a Store. Its other errors are those of
// Manager.Verify, and ErrUnavailable while the store is down or without one.
func (p *Purpose) Redeem(ctx context.Context, token string) (*Claims, error) {
	if p.m.cfg.Store == nil {
		return nil, errNeedsStore
	}
	c, err := p.Verify(ctx, token)
	if err != nil {
		return nil, err
	}
	until := c.ExpiresAt.Add(p.m.cfg.Leeway + maxAhead) // the store's clock may be ahead of ours
	first, err := p.m.store.Swap(ctx, "purpose:"+p.name+":"+c.TokenID, nil, []byte("used"), "", "", until)
	switch {
	case err != nil:
		return nil, unavailable(err)
	case !first:
		return nil, ErrReused
	}
	return c, nil
}

// Verify checks a token of this purpose and leaves it usable: to show the form
// before the link is used up. Its errors are those of Manager.Verify.
func (p *Purpose) Verify(ctx context.Context, token string) (*Claims, error) {
	version, r := p.m.live.Version(), p.ring()
	w := p.m.scratch.Get().(*ring.Scratch)
	defer p.m.scratch.Put(w)
	w.At = time.Now()
	t, err := openIn(w, r, token, p.m.cfg.Leeway)
	if err == ErrUnknownKey && p.m.live.Awaken(ctx, ring.KID(token), version) {
		r = p.ring()
		t, err = openIn(w, r, token, p.m.cfg.Leeway)
		p.m.noticeKeys(ctx)
	}
	if err != nil {
		return nil, p.m.refused(ctx, token, err, w)
	}
	var pl payload
	if err := readPayload(t.Payload, p.m.expected, &pl); err != nil {
		return nil, err
	}
	if err := p.m.check(&pl, t, kindPurpose, w.At); err != nil {
		return nil, p.m.refused(ctx, token, err, w)
	}
	if string(pl.purpose) != p.name {
		return nil, errKind
	}
	c, err := p.m.unexpired(pl.claims(t.Key, r.Current(w.At)), w.At)
	if err == nil && t.Sole {
		c.sole = t.Key.Fingerprint
		p.m.vouched(ctx, c, r, w.At)
	}
	return c, err
}

// openIn opens a token by the ring r.
func openIn(w *ring.Scratch, r *ring.Ring, token string, leeway time.Duration) (ring.Token, error) {
	var sealed ring.Sealed
	if err := sealed.Look(r, token); err != nil {
		return ring.Token{}, err
	}
	return sealed.Open(w, leeway)
}

package keyring_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/internal/ring"
	"github.com/sessionring/sessionring/keyring"
)

func TestNew(t *testing.T) {
	t.Parallel()
	current, previous := newKey(t, "v2"), newKey(t, "v1")
	k := must(keyring.New(current, previous))(t)
	want := []keyring.KeyInfo{
		{Tag: "v2", ID: current.String(), Algorithm: "HS256", State: "current"},
		{Tag: "v1", ID: previous.String(), Algorithm: "HS256", State: "previous"},
	}
	if d := cmp.Diff(want, k.List()); d != "" {
		t.Errorf("List (-want +got):\n%s", d)
	}
	if k.Live().Interval != 0 || k.Live().Load != nil {
		t.Error("a keyring of the program can be reloaded")
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	secret := newSecret()
	a, err := keyring.NewKey("v1", []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	padded, err := keyring.NewKey("v2", []byte(secret[:32]+"\x00"))
	if err != nil {
		t.Fatal(err)
	}
	bare, err := keyring.NewKey("v1", []byte(secret[:32]))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := keyring.ParseKeys([]byte(jwks(jwk("old", newSecret(), `"exp":1`), jwk("bad", newSecret(), `"revoked":true`))))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		keys []keyring.Key
		want []string
	}{
		"no key (9)":                {nil, []string{"there is no live key"}},
		"the zero Key (9)":          {[]keyring.Key{a, {}}, []string{"key 2 of 2 is the zero Key"}},
		"tag and bytes twice (10)":  {[]keyring.Key{a, newKey(t, "v0"), a}, []string{"key 1 (v1.", "key 3 (v1.", "same key"}},
		"HMAC-equivalent (C7)":      {[]keyring.Key{padded, bare}, []string{"key 1 (v2.", "key 2 (v1.", "equivalent for HMAC"}},
		"none of them live (9)":     {parsed, []string{"there is no live key"}},
		"two faults, both reported": {[]keyring.Key{{}, a, a}, []string{"key 1 of 3", "key 2 (v1", "key 3 (v1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k, err := keyring.New(c.keys...)
			refused(t, err, []string{secret, secret[:32]}, c.want...)
			if k != nil {
				t.Error("got a keyring together with an error")
			}
		})
	}
}

// Scenarios 1, 2, 3, 6, 8: tokens of each configuration are good in the next.
func TestRotationStory(t *testing.T) {
	t.Parallel()
	a, b, c := newKey(t, "v1"), newKey(t, "v2"), newKey(t, "v3")
	ringA, ringBA, ringAB := must(keyring.New(a))(t), must(keyring.New(b, a))(t), must(keyring.New(a, b))(t)
	ringCB := must(keyring.New(c, b))(t)
	for name, s := range map[string]struct {
		by, at *keyring.Keyring
		want   string
	}{
		"issued before, seen after (1)":       {ringA, ringBA, "v1"},
		"issued by the newest (2)":            {ringBA, ringBA, "v2"},
		"issued after, seen before (6)":       {ringBA, ringA, "v1"},
		"rolled back, old token (8)":          {ringBA, ringAB, "v2"},
		"rolled back, new token (8)":          {ringAB, ringBA, "v1"},
		"the next rotation, by co-signer (3)": {ringBA, ringCB, "v2"},
		"back over one rotation":              {ringCB, ringBA, "v2"},
	} {
		if got, err := verify(s.at, issue(t, s.by)); err != nil || got != s.want {
			t.Errorf("%s: got %q, %v, want %q", name, got, err, s.want)
		}
	}
	// Scenarios 4, 7: no key in common.
	if _, err := verify(ringCB, issue(t, ringA)); !errors.Is(err, ring.ErrUnknownKey) {
		t.Errorf("a token of a dropped key: got %v, want %v", err, ring.ErrUnknownKey)
	}
}

func TestFixedKeyringsSayWhereToChange(t *testing.T) {
	t.Parallel()
	static := must(keyring.New(newKey(t, "v1")))(t)
	env := must(openEnv("SESSION_SECRET=" + newSecret()))(t)
	load := must(keyring.FromFunc(t.Context(), func(context.Context) ([]keyring.Key, error) {
		return []keyring.Key{newKey(t, "v1")}, nil
	}))(t)
	for name, c := range map[string]struct {
		k    *keyring.Keyring
		want string
	}{
		"New":      {static, "part of the program"},
		"FromEnv":  {env, "change SESSION_SECRET and SESSION_SECRET_OLD there and restart"},
		"FromFunc": {load, "a function of the program"},
		"zero":     {&keyring.Keyring{}, "the zero Keyring holds no keys"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := c.k.Rotate(t.Context())
			refused(t, err, nil, c.want)
			refused(t, c.k.Revoke(t.Context(), "v1"), nil, c.want)
			refused(t, c.k.Retire(t.Context(), "v1"), nil, c.want)
			refused(t, c.k.Drop(t.Context(), "v1"), nil, c.want)
			if name != "FromFunc" {
				refused(t, c.k.Reload(t.Context()), nil, c.want)
			}
		})
	}
}

func TestZeroKeyringHoldsNothing(t *testing.T) {
	t.Parallel()
	var k keyring.Keyring
	if k.List() != nil || k.Live() != nil || k.String() != "keyring()" {
		t.Errorf("got %v, %v, %q, want nothing", k.List(), k.Live(), k.String())
	}
}

// manager is a secret manager of the test.
type manager struct {
	mu   sync.Mutex
	keys []keyring.Key
	err  error
}

func (m *manager) load(ctx context.Context) ([]keyring.Key, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return m.keys, m.err
}

func (m *manager) set(err error, keys ...keyring.Key) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keys, m.err = keys, err
}

func TestFromFunc(t *testing.T) {
	t.Parallel()
	var m manager
	m.set(nil, newKey(t, "v1"))
	k := must(keyring.FromFunc(t.Context(), m.load))(t)
	wantStates(t, k, "v1 current")
	if k.Live().Interval != time.Minute {
		t.Errorf("interval: got %v, want a minute", k.Live().Interval)
	}

	m.set(nil, newKey(t, "v2"), newKey(t, "v1"))
	if err := k.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantStates(t, k, "v2 current, v1 previous")

	down := errors.New("manager is down")
	m.set(down)
	if err := k.Reload(t.Context()); !errors.Is(err, down) {
		t.Errorf("got %v, want it to wrap %v", err, down)
	}
	wantStates(t, k, "v2 current, v1 previous")

	m.set(nil)
	refused(t, k.Reload(t.Context()), nil, "no live key")
	wantStates(t, k, "v2 current, v1 previous")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := k.Reload(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v: the context goes to the function", err, context.Canceled)
	}
}

func TestFromFuncRefuses(t *testing.T) {
	t.Parallel()
	down := errors.New("manager is down")
	m := manager{err: down}
	k, err := keyring.FromFunc(t.Context(), m.load)
	refused(t, err, nil, "manager is down")
	if k != nil || !errors.Is(err, down) {
		t.Errorf("got %v, %v, want no keyring and an error that wraps %v", k, err, down)
	}
	m.set(nil, keyring.Key{})
	_, err = keyring.FromFunc(t.Context(), m.load)
	refused(t, err, nil, "key 1 of 1 is the zero Key")
	_, err = keyring.FromFunc(t.Context(), nil)
	refused(t, err, nil, "needs a function")
}

// Scenarios 12 and 13: keys change under traffic, and old handles see it.
func TestReloadDuringTraffic(t *testing.T) {
	t.Parallel()
	keys := []keyring.Key{newKey(t, "v5"), newKey(t, "v4"), newKey(t, "v3"), newKey(t, "v2"), newKey(t, "v1")}
	var m manager
	m.set(nil, keys[4])
	k := must(keyring.FromFunc(t.Context(), m.load))(t)
	var traffic sync.WaitGroup
	for range 20 {
		traffic.Go(func() {
			for range 50 {
				if _, err := verify(k, issue(t, k)); err != nil {
					t.Error(err)
				}
				_, _ = k.List(), k.String()
			}
		})
	}
	for i := range 4 {
		m.set(nil, keys[3-i:]...)
		if err := k.Reload(t.Context()); err != nil {
			t.Error(err)
		}
	}
	traffic.Wait()
	if got, err := verify(k, issue(t, k)); got != "v5" || err != nil {
		t.Errorf("got %q, %v, want v5", got, err)
	}
}

func TestKeyInfoJSON(t *testing.T) {
	t.Parallel()
	at := time.Date(2027, 3, 1, 12, 0, 0, 0, time.FixedZone("CET", 3600))
	for want, info := range map[string]keyring.KeyInfo{
		`{"tag":"v1","id":"v1.x","algorithm":"HS256","state":"current"}`:                                                                                                {Tag: "v1", ID: "v1.x", Algorithm: "HS256", State: "current"},
		`{"tag":"","id":"","algorithm":"","state":"","made":"2027-03-01T12:00:00+01:00","activates":"2027-03-01T12:00:00+01:00","retires":"2027-03-01T12:00:00+01:00"}`: {Made: at, Activates: at, Retires: at},
	} {
		if got, err := json.Marshal(info); string(got) != want || err != nil {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	}
}

// State words, and dates in UTC, as List gives them.
func TestListStates(t *testing.T) {
	t.Parallel()
	keys, err := keyring.ParseKeys([]byte(jwks(
		jwk("e", newSecret(), `"nbf":4000000000`), jwk("d", newSecret(), `"iat":1000000000`), jwk("c", newSecret()),
		jwk("s", newSecret(), `"spare":true`), jwk("r", newSecret(), `"exp":1000000000`), jwk("x", newSecret(), `"revoked":1000000000`),
	)))
	if err != nil {
		t.Fatal(err)
	}
	k := must(keyring.New(keys...))(t)
	wantStates(t, k, "e spare, d current, c previous, s spare, r retired, x revoked")
	list := k.List()
	for name, c := range map[string]struct{ got, want time.Time }{
		"activates": {list[0].Activates, time.Unix(4e9, 0).UTC()},
		"made":      {list[1].Made, time.Unix(1e9, 0).UTC()},
		"retires":   {list[4].Retires, time.Unix(1e9, 0).UTC()},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %v, want %v", name, c.got, c.want)
		}
	}
	if got := k.String(); !strings.HasPrefix(got, "keyring(e d c s r x)") {
		t.Errorf("got %s, want the tags", got)
	}
}

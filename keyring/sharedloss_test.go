package keyring_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
	"github.com/sessionring/sessionring/keyring"
)

// A store that goes back to an older keyring, by a failover or by somebody's hand,
// takes no key away and gives none its life back, as long as one instance is there
// that has seen the newer. Others, and those that start later, get it back too.
func TestSharedStoreGoesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, kek := new(shelf), newSecret()
		here, there := shared(t, s, kek), shared(t, s, kek)
		stolen, earlier := issue(t, here), [][]byte{s.sealed(t)}
		for _, step := range []struct {
			do   func() error
			want string
		}{
			{func() error { _, err := here.Rotate(t.Context()); return err }, "v2 current, v1 previous"},
			{func() error { return here.Revoke(t.Context(), "v1") }, "v2 current, v1 revoked"},
			{func() error { return here.Drop(t.Context(), "v1") }, "v2 current, v1 revoked"},
			{func() error { _, err := here.Rotate(t.Context()); return err }, "v3 current, v2 previous, v1 revoked"},
			{func() error { return here.Retire(t.Context(), "v2") }, "v3 current, v2 retired, v1 revoked"},
			{func() error { return here.Drop(t.Context(), "v2") }, "v3 current, v1 revoked"},
		} {
			time.Sleep(time.Hour)
			do(t, step.do())
			newest := here.Live().Ring().Fingerprint()
			for _, old := range earlier {
				s.put(t, old)
				do(t, here.Reload(t.Context()))
				wantStates(t, here, step.want)
				if got := here.Live().Ring().Fingerprint(); got != newest {
					t.Fatalf("got another ring than before, %s", here)
				}
			}
			earlier = append(earlier, s.sealed(t))
			do(t, there.Reload(t.Context()))
			wantStates(t, there, step.want)
			wantStates(t, shared(t, s, kek), step.want)
		}
		if _, err := verify(shared(t, s, kek), stolen); !errors.Is(err, ring.ErrRevoked) {
			t.Errorf("a token of the revoked key: got %v, want %v", err, ring.ErrRevoked)
		}
		before := s.swaps.Load()
		do(t, here.Reload(t.Context()))
		do(t, there.Reload(t.Context()))
		if got := s.swaps.Load() - before; got != 0 {
			t.Errorf("got %d writes when all agree, want none", got)
		}
	})
}

// A change on a store that went back is made to the newest keyring.
func TestSharedChangeAfterGoingBack(t *testing.T) {
	t.Parallel()
	s, kek := new(shelf), newSecret()
	k := shared(t, s, kek)
	old := s.sealed(t)
	rotate(t, k, "v2")
	do(t, k.Revoke(t.Context(), "v1"))
	s.put(t, old)
	rotate(t, k, "v3")
	wantStates(t, k, "v3 current, v2 previous, v1 revoked")
	s.put(t, old)
	do(t, k.Revoke(t.Context(), "v2"))
	wantStates(t, shared(t, s, kek), "v3 current, v2 revoked, v1 revoked")
}

// Two histories: the store was emptied, or went back, and an instance that knew no
// better went on from there. Nobody's tokens are lost, what was revoked in one of them
// stays so, and all agree in the end.
func TestSharedHistoriesMeet(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before func(k *keyring.Keyring) error // what is done before the store loses it
		back   bool                           // the store goes back to the first key, and is not emptied
		after  func(k *keyring.Keyring) error // what the other does then
	}{
		"emptied at once":               {nothing, false, nothing},
		"emptied after a rotation":      {rotateOnce, false, nothing},
		"went back, and rotated":        {rotateOnce, true, rotateOnce},
		"went back, and rotated longer": {rotateOnce, true, func(k *keyring.Keyring) error { return errors.Join(rotateOnce(k), rotateOnce(k)) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, kek := new(shelf), newSecret()
				here := shared(t, s, kek)
				first := s.sealed(t)
				do(t, c.before(here))
				tokens := []string{issue(t, here)}
				time.Sleep(time.Minute)
				s.put(t, nil)
				if c.back {
					s.put(t, first)
				}
				young := shared(t, s, kek)
				do(t, c.after(young))
				tokens = append(tokens, issue(t, young))
				for range 2 {
					do(t, here.Reload(t.Context()))
					do(t, young.Reload(t.Context()))
				}
				for _, k := range []*keyring.Keyring{here, young, shared(t, s, kek)} {
					for i, token := range tokens {
						if _, err := verify(k, token); err != nil {
							t.Errorf("token %d: got %v, want it good", i, err)
						}
					}
					if got, want := k.Live().Ring().Fingerprint(), here.Live().Ring().Fingerprint(); got != want {
						t.Errorf("got the rings %s and %s, want one", k, here)
					}
				}
				before := s.swaps.Load()
				do(t, here.Reload(t.Context()))
				do(t, young.Reload(t.Context()))
				if got := s.swaps.Load() - before; got != 0 {
					t.Errorf("got %d writes when all agree, want none", got)
				}
			})
		})
	}
}

func nothing(*keyring.Keyring) error { return nil }

func rotateOnce(k *keyring.Keyring) error {
	time.Sleep(time.Second)
	_, err := k.Rotate(context.Background())
	return err
}

// An instance that has not looked for long does not bring back what others have
// retired and dropped since.
func TestSharedLateInstanceTakesTheNewer(t *testing.T) {
	t.Parallel()
	s, kek := new(shelf), newSecret()
	here, late := shared(t, s, kek), shared(t, s, kek)
	rotate(t, here, "v2")
	do(t, here.Retire(t.Context(), "v1"))
	do(t, here.Drop(t.Context(), "v1"))
	before := s.swaps.Load()
	do(t, late.Reload(t.Context()))
	wantStates(t, late, "v2 current")
	if s.swaps.Load() != before {
		t.Error("the late instance has written")
	}
}

// A keyring of a release that knew no serial is taken as it is, and so is one with a
// serial that is none.
func TestSharedWithoutSerial(t *testing.T) {
	t.Parallel()
	for _, serial := range []string{"", `"serial":0,`, `"serial":"9",`, `"serial":-1,`, `"serial":1e3,`, `"serial":9223372036854775807,`} {
		t.Run(serial, func(t *testing.T) {
			t.Parallel()
			withoutSerial(t, "{"+serial+jwks(jwk("v1", newSecret(), `"iat":1`))[1:])
		})
	}
}

func withoutSerial(t *testing.T, text string) {
	s, kek := new(shelf), newSecret()
	data := seal(kek, text)
	s.put(t, data)
	k := must(keyring.FromStore(t.Context(), keyring.Shared{Store: s, KEK: kek, RotateEvery: -1}))(t)
	do(t, k.Reload(t.Context()))
	if s.swaps.Load() != 0 {
		t.Error("the keyring was written, want it left as it is")
	}
	rotate(t, k, "v2")
	s.put(t, data)
	do(t, k.Reload(t.Context()))
	wantStates(t, k, "v2 current, v1 previous")
}

// brittle is a store that can lose what comes after a read: the process, the write,
// or the answer to it.
type brittle struct {
	shelf
	swap atomic.Pointer[func(write func() (bool, error)) (bool, error)]
}

func (s *brittle) Swap(ctx context.Context, id string, old, data []byte, group, label string, expires time.Time) (bool, error) {
	write := func() (bool, error) { return s.shelf.Swap(ctx, id, old, data, group, label, expires) }
	if f := s.swap.Load(); f != nil {
		return (*f)(write)
	}
	return write()
}

// An instance that stops in the middle of a rotation, before the write or after it,
// leaves a keyring that all others read, and one of them makes the rotation.
func TestSharedRotationStopsHalfway(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		swap func(write func() (bool, error)) (bool, error)
		want string // what those see that come then
	}{
		"before the write":          {func(func() (bool, error)) (bool, error) { return false, errShelf }, "v1 current"},
		"the answer is lost":        {func(write func() (bool, error)) (bool, error) { write(); return false, errShelf }, "v2 current, v1 previous"},
		"others are quicker always": {func(write func() (bool, error)) (bool, error) { return false, nil }, "v1 current"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, kek := new(brittle), newSecret()
			k := shared(t, s, kek)
			token := issue(t, k)
			s.swap.Store(&c.swap)
			tag, err := k.Rotate(t.Context())
			if refused(t, err, []string{kek}, "keyring: "); tag != "" {
				t.Errorf("got the tag %q beside an error", tag)
			}
			s.swap.Store(nil)
			wantStates(t, shared(t, s, kek), c.want)
			do(t, k.Reload(t.Context()))
			wantStates(t, k, c.want)
			wantVerify(t, k, token, "v1")
		})
	}
}

// Where the rotation that is due cannot be written, the keyring is read all the same:
// at the start, and when somebody else revokes a key.
func TestSharedDueRotationCannotBeWritten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, kek := new(brittle), newSecret()
		k := shared(t, s, kek)
		rotate(t, k, "v2")
		stolen := issue(t, k)
		time.Sleep(91 * 24 * time.Hour)
		readOnly := func(func() (bool, error)) (bool, error) { return false, errShelf }
		s.swap.Store(&readOnly)
		refused(t, k.Reload(t.Context()), []string{kek}, "cannot be written", errShelf.Error())
		wantStates(t, k, "v2 current, v1 previous")
		wantStates(t, shared(t, s, kek), "v2 current, v1 previous") // it starts

		other := must(keyring.FromStore(t.Context(), keyring.Shared{Store: &s.shelf, KEK: kek, RotateEvery: -1}))(t)
		do(t, other.Revoke(t.Context(), "v1"))
		refused(t, k.Reload(t.Context()), nil, "cannot be written")
		wantStates(t, k, "v2 current, v1 revoked")

		s.swap.Store(nil)
		do(t, k.Reload(t.Context()))
		wantStates(t, k, "v3 current, v2 previous, v1 revoked")
		wantVerify(t, k, stolen, "v2")
	})
}

// A store that went back and cannot be written does not take the keys in force along.
func TestSharedStoreGoesBackAndCannotBeWritten(t *testing.T) {
	t.Parallel()
	s, kek := new(brittle), newSecret()
	k := shared(t, s, kek)
	old := s.sealed(t)
	rotate(t, k, "v2")
	s.put(t, old)
	readOnly := func(func() (bool, error)) (bool, error) { return false, errShelf }
	s.swap.Store(&readOnly)
	refused(t, k.Reload(t.Context()), []string{kek}, "cannot be written")
	wantStates(t, k, "v2 current, v1 previous")
}

// Of 50 instances that find a rotation due at once one makes it, and all end on the
// same ring.
func TestSharedDueRotationIsMadeOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, kek := new(shelf), newSecret()
		all := make([]*keyring.Keyring, 50)
		for i := range all {
			all[i] = shared(t, s, kek)
		}
		token := issue(t, all[0])
		time.Sleep(90 * 24 * time.Hour)
		var wg sync.WaitGroup
		for _, k := range all {
			wg.Go(func() {
				if err := k.Reload(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, k := range all {
			wantStates(t, k, "v2 current, v1 previous")
			if k.List()[0].ID != all[0].List()[0].ID {
				t.Fatal("two instances have two new keys")
			}
			if got, err := k.Live().Ring().Open(token, time.Now().Add(-90*24*time.Hour), 0); err != nil || got.Key.Tag != "v1" {
				t.Errorf("got %v", err)
			}
		}
		if got := s.swaps.Load(); got != 2 {
			t.Errorf("got %d writes, want 2: the first key and the second", got)
		}
	})
}

// A document that cannot be opened leaves the keys in force and is left as it is, the
// error says what to do, and when the good one is back all goes on.
func TestSharedDocumentCannotBeOpened(t *testing.T) {
	t.Parallel()
	flip := func(data []byte, i int) []byte {
		data = slices.Clone(data)
		data[i] ^= 0x10
		return data
	}
	const repair = `from a backup of the store, or delete the record "keyring" while an instance runs`
	for name, c := range map[string]struct {
		spoil func(good []byte) []byte
		want  string
	}{
		"empty":                   {func([]byte) []byte { return []byte{} }, repair},
		"not ours":                {func([]byte) []byte { return []byte(`{"keys":[]}`) }, repair},
		"cut in the format":       {func(good []byte) []byte { return good[:20] }, repair},
		"cut in the nonce":        {func(good []byte) []byte { return good[:45] }, repair},
		"cut in the text":         {func(good []byte) []byte { return good[:len(good)-1] }, repair},
		"a bit of the nonce":      {func(good []byte) []byte { return flip(good, 45) }, repair},
		"the last bit":            {func(good []byte) []byte { return flip(good, len(good)-1) }, repair},
		"another key":             {func(good []byte) []byte { return flip(good, 32) }, "add the secret that was used before"},
		"of a later release":      {func(good []byte) []byte { return bytes.Replace(good, []byte("v1\n"), []byte("v2\n"), 1) }, "run the release that wrote it"},
		"of another with a key":   {func([]byte) []byte { return seal(newSecret(), jwks(jwk("v9", newSecret()))) }, "add the secret that was used before"},
		"sealed well, and no set": {nil, "is no JWK Set"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, kek := new(shelf), newSecret()
			k := shared(t, s, kek)
			token, good := issue(t, k), s.sealed(t)
			if c.spoil == nil {
				c.spoil = func([]byte) []byte { return seal(kek, "[]") }
			}
			bad := c.spoil(good)
			s.put(t, bad)
			refused(t, k.Reload(t.Context()), []string{kek}, c.want)
			_, err := k.Rotate(t.Context())
			refused(t, err, []string{kek}, c.want)
			_, err = keyring.FromStore(t.Context(), keyring.Shared{Store: s, KEK: kek})
			refused(t, err, []string{kek}, c.want)
			wantStates(t, k, "v1 current")
			wantVerify(t, k, token, "v1")
			if !bytes.Equal(s.sealed(t), bad) {
				t.Error("the store was changed, want it left as it is")
			}
			s.put(t, nil) // as the error says
			do(t, k.Reload(t.Context()))
			wantVerify(t, shared(t, s, kek), token, "v1")
			s.put(t, good)
			do(t, k.Reload(t.Context()))
			wantVerify(t, k, token, "v1")
		})
	}
}

// seal returns text sealed under kek, as a store holds it.
func seal(kek, text string) []byte {
	data, err := keyring.Seal(kek, []byte(text))
	if err != nil {
		panic(err) // of a good kek there is no error
	}
	return data
}

// A change that is made, and cannot be read again, is said to be made.
func TestChangeThatCannotBeReadAgain(t *testing.T) {
	t.Parallel()
	s, kek := new(brittle), newSecret()
	k := shared(t, s, kek)
	goDown := func(write func() (bool, error)) (bool, error) {
		defer s.down.Store(true)
		return write()
	}
	s.swap.Store(&goDown)
	_, err := k.Rotate(t.Context())
	refused(t, err, []string{kek}, "the keys are changed, but cannot be read again", "cannot be read: "+errShelf.Error())
	wantStates(t, k, "v1 current")
	s.down.Store(false)
	do(t, k.Reload(t.Context()))
	wantStates(t, k, "v2 current, v1 previous")
}

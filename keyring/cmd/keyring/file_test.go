package main

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/keyring"
)

// TestLife is the story of a keyring file under a clock that can be moved.
func TestLife(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		file := newFile(t, 1)
		time.Sleep(time.Hour)
		ok(t, "rotate", "-file", file)
		kids, list := states(t, file)
		if list != "v3 current, v2 previous, v1 previous" {
			t.Fatalf("got %q", list)
		}
		time.Sleep(8*24*time.Hour - time.Hour - time.Second)
		want(t, refused, "may still be needed", "drop", "-file", file, "v1")
		time.Sleep(time.Second)
		ok(t, "drop", "-file", file, "v1")
		out, _ := want(t, refused, "in_use", "drop", "-json", "-file", file, kids[1])
		if f := decode[failure](t, out); time.Until(f.DroppableFrom) != time.Hour {
			t.Errorf("got %v from now, want an hour", time.Until(f.DroppableFrom))
		}
		time.Sleep(time.Hour)
		ok(t, "drop", "-file", file, "v2")
		want(t, refused, "rotate first", "drop", "-force", "-file", file, "v3")
		ok(t, "revoke", "-file", file, "v3")
		if _, list = states(t, file); list != "v4 current, v3 revoked" {
			t.Errorf("got %q", list)
		}
		ok(t, "drop", "-file", file, "v3")
		ok(t, "drop", "-file", file, "v3")
		if _, list = states(t, file); list != "v4 current, v3 revoked" {
			t.Errorf("after the drop of a revoked key: got %q", list)
		}
	})
}

// TestDropIsSafe: a key that may go vouches alone for nothing that lives. Keys are
// rotated and revoked while tokens of the longest lifetime are issued; whatever key is
// dropped when the command lets it, all of them stay good.
func TestDropIsSafe(t *testing.T) {
	t.Parallel()
	const lifetime = 24 * time.Hour
	synctest.Test(t, func(t *testing.T) {
		file := newFile(t, 0)
		keys, err := keyring.FromFile(file)
		if err != nil {
			t.Fatal(err)
		}
		type issued struct {
			token string
			until time.Time
		}
		var live []issued
		dropped := 0
		for hour := 0; hour < 300; hour += 2 {
			if hour%70 == 0 || hour%70 == 20 {
				ok(t, "rotate", "-file", file)
			}
			if hour%140 == 66 {
				ok(t, "revoke", "-file", file, keys.List()[0].ID) // what it signed has co-signers
			}
			if err := keys.Reload(t.Context()); err != nil {
				t.Fatal(err)
			}
			live = append(live, issued{sign(t, keys, `{"exp":4000000000}`), time.Now().Add(lifetime)})
			for _, k := range keys.List() {
				if status, _, _ := keyringDo(t, "", "drop", "-lifetime", lifetime.String(), "-file", file, k.ID); status == done && k.State != "revoked" {
					dropped++
				}
			}
			if err := keys.Reload(t.Context()); err != nil {
				t.Fatal(err)
			}
			for len(live) > 0 && !time.Now().Before(live[0].until) {
				live = live[1:]
			}
			for _, i := range live {
				if _, err := keys.Live().Ring().Open(i.token, time.Now(), 0); err != nil {
					t.Fatalf("hour %d: a token that lives until %v: %v", hour, i.until, err)
				}
			}
			time.Sleep(2 * time.Hour)
		}
		if dropped < 4 {
			t.Errorf("only %d keys were dropped: the test shows nothing", dropped)
		}
	})
}

func TestMayGo(t *testing.T) {
	t.Parallel()
	now := time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
	at := func(day int) time.Time { return time.Date(2027, 2, day, 12, 0, 0, 0, time.UTC) }
	for name, c := range map[string]struct {
		keys string // tag, state and day it was made in February, "0" for no date
		want string
	}{
		"current alone":                    {"a current 1", "no -"},
		"eight days after the next":        {"b current 21, a previous 1", "no -, yes 1"},
		"less":                             {"b current 22, a previous 1", "no -, no 2"},
		"the next, not the newest":         {"c current 27, b previous 10, a previous 1", "no -, no 7, yes 18"},
		"the next is revoked":              {"c current 27, b revoked 10, a previous 1", "no -, yes -, no 7"},
		"the next is a spare":              {"c current 27, s spare 10, a previous 1", "no -, no 7, no 7"},
		"the next is yet to come":          {"c spare 10, b current 1, a previous 1", "yes 9, no -, yes 9"},
		"retired and revoked":              {"c current 27, b retired 26, a revoked 1", "no -, yes -, yes -"},
		"no dates":                         {"b current 0, a previous 0", "no -, unknown -"},
		"no date of the key":               {"b current 1, a previous 0", "no -, unknown -"},
		"no date of the next":              {"b current 0, a previous 1", "no -, unknown -"},
		"no current key, as nothing signs": {"a spare 1", "unknown -"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var list []keyring.KeyInfo
			for word := range strings.SplitSeq(c.keys, ", ") {
				f := strings.Fields(word)
				k := keyring.KeyInfo{Tag: f[0], State: f[1]}
				if f[2] != "0" {
					day, _ := time.Parse("2", f[2])
					k.Made = at(day.Day())
				}
				list = append(list, k)
			}
			var got []string
			for _, k := range dated(list, 7*24*time.Hour, now) {
				day := dash
				if !k.DroppableFrom.IsZero() {
					day = k.DroppableFrom.Format("2")
				}
				got = append(got, k.Droppable+" "+day)
			}
			if text := strings.Join(got, ", "); text != c.want {
				t.Errorf("got %q, want %q", text, c.want)
			}
		})
	}
}

// TestNoSecretOnScreen: nothing but generate and env shows key material.
func TestNoSecretOnScreen(t *testing.T) {
	t.Parallel()
	file := newFile(t, 3)
	env := write(t, "now.env", "SESSION_SECRET="+newSecret()+"\nSESSION_SECRET_OLD="+newSecret()+"\n")
	var said string
	for _, args := range [][]string{
		{"list"}, {"status"}, {"rotate"}, {"revoke", "v2"}, {"drop", "v2"}, {"drop", "v3", "-force"}, {"drop", "v9"}, {"init"}, {"check"},
		{"check", "-against", env}, {"inspect"},
	} {
		for _, more := range []string{"-json", "-json=false"} {
			_, out, errs := keyringDo(t, "e30.e30.x", append(args, "-file", file, more)...)
			said += out + errs
		}
	}
	_, out, errs := keyringDo(t, "e30.e30.x", "inspect", "-env", env)
	said += out + errs + ok(t, "check", "-env", env) + ok(t, "check", "-env", env, "-against", env, "-json")
	for _, secret := range append(secretsIn(t, file), strings.Fields(strings.NewReplacer("=", " ", ",", " ").Replace(content(t, env)))...) {
		if len(secret) > 40 && strings.Contains(said, secret) {
			t.Error("key material is on the screen")
		}
	}
}

// secretsIn returns the secrets of a keyring file.
func secretsIn(t testing.TB, file string) (secrets []string) {
	t.Helper()
	var set struct{ Keys []struct{ K string } }
	if err := json.Unmarshal([]byte(content(t, file)), &set); err != nil || len(set.Keys) < 2 {
		t.Fatalf("got %d keys, %v", len(set.Keys), err)
	}
	for _, k := range set.Keys {
		secrets = append(secrets, k.K)
	}
	return secrets
}

// content returns what is in a file.
func content(t testing.TB, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// pages collects what is written and says after how many writes it is enough.
type pages struct {
	list   []string
	enough int
	stop   func()
}

func (p *pages) Write(b []byte) (int, error) {
	if p.list = append(p.list, string(b)); len(p.list) == p.enough {
		p.stop()
	}
	return len(b), nil
}

// TestWatch: it looks again every two seconds, bears what cannot be told for a while,
// and ends when interrupted.
func TestWatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		file := newFile(t, 0)
		p := &pages{enough: 5}
		ctx, cancel := context.WithCancel(t.Context())
		p.stop = cancel
		go func() {
			time.Sleep(3 * time.Second)
			os.Rename(file, file+".away")
			time.Sleep(2 * time.Second)
			os.Rename(file+".away", file)
		}()
		began := time.Now()
		status := run(ctx, []string{"status", "-watch", "-file", file}, strings.NewReader(""), p, p)
		if took := time.Since(began); status != done || took != 8*time.Second {
			t.Errorf("got status %d after %v, want 0 after 8s", status, took)
		}
		for i, want := range []string{"v1.", "v1.", "no such file", "v1.", "v1."} {
			if i >= len(p.list) || !strings.Contains(p.list[i], want) {
				t.Fatalf("got %q, want %q in place %d", p.list, want, i)
			}
		}
	})
}

package redisstore

import (
	"testing"
	"time"
)

// TestFormat holds what is stored to what the first release stored.
func TestFormat(t *testing.T) {
	t.Parallel()
	m := meta{"gruppe:ü", "a:b", 1700000000123}
	const want = "1700000000123:9:3:gruppe:üa:b"
	if got := m.encode(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	var r record
	if err := r.decode([]byte("NONCE56789" + want + "da\x00ta:")); err != nil || r.meta != m || string(r.data) != "da\x00ta:" {
		t.Errorf("got %+v, %v", r, err)
	}
	if got := labelKeyOf("session"); got != "sessionring:n:247" {
		t.Errorf("got %s", got)
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{"", "short", "NONCE567890:0:0:", "NONCE56789-5:1:2:abcd", "NONCE567891:9:9:x", "NONCE567891:99999999999:1:x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		var r record
		if err := r.decode([]byte(raw)); err != nil {
			return
		}
		var again record
		if err := again.decode([]byte("NONCE56789" + r.encode() + string(r.data))); err != nil || again.meta != r.meta || string(again.data) != string(r.data) {
			t.Errorf("%q: got %+v, then %+v, %v", raw, r, again, err)
		}
	})
}

func TestParseCursor(t *testing.T) {
	t.Parallel()
	for cursor, want := range map[string]place{
		"":                           {},
		"abc":                        {},
		"run/":                       {},
		"run/1-":                     {},
		"run/-1":                     {},
		"run/1-x":                    {},
		"run/1-2":                    {"run", "1-2"},
		"run/1-2/3":                  {},
		"run/99999999999999999999-1": {},
		"/1700000060000-5":           {"", "1700000000000-0"},
		"/5-5":                       {"", "0-0"},
	} {
		if got := parseCursor(cursor); got != want {
			t.Errorf("%q: got %v, want %v", cursor, got, want)
		}
	}
	p := place{"run", "1-2"}
	if got := parseCursor(p.String()); got != p {
		t.Errorf("got %v, want %v", got, p)
	}
}

func TestMillis(t *testing.T) {
	t.Parallel()
	for at, want := range map[time.Time]int64{
		{}:                              0,
		time.Unix(0, 0):                 1,
		time.Unix(0, 5_000_000):         5,
		time.Unix(-1, 0):                -1000,
		time.UnixMilli(1_700_000_000_1): 1_700_000_000_1,
	} {
		if got := millis(at); got != want {
			t.Errorf("%v: got %d, want %d", at, got, want)
		}
	}
}

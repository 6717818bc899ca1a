package strictjson_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/sessionring/sessionring/internal/strictjson"
)

// TestPlain: of all bytes, in every place, those are plain that stand for themselves in
// JSON and are printable ASCII, whatever stands beside them.
func TestPlain(t *testing.T) {
	t.Parallel()
	for size := range 20 {
		for at := range size {
			for c := range 256 {
				for _, beside := range []byte{' ', 'x', '~', 0x80} {
					text := bytes.Repeat([]byte{'x'}, size)
					text[at] = byte(c)
					if at+1 < size {
						text[at+1] = beside
					}
					want := bytes.IndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' })
					if want < 0 {
						want = size
					}
					if got := strictjson.Plain(text); got != want {
						t.Fatalf("%q: got %d, want %d", text, got, want)
					}
				}
			}
		}
	}
}

// TestCutPlain: a string that is cut off says what encoding/json reads in it.
func TestCutPlain(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`"alice",1`: true, `""`: true, `"a longer string than eight bytes"}`: true,
		``: false, `"`: false, `"alice`: false, `alice"`: false, ` "alice"`: false, `"a\"b"`: false, `"a\u0062"`: false,
		"\"a\tb\"": false, `"ü"`: false, "\"a\x7f\"": false,
	} {
		inside, rest, ok := strictjson.CutPlain([]byte(text))
		if ok != want || !ok && string(rest) != text {
			t.Errorf("%q: got %q, %q, %v", text, inside, rest, ok)
		}
		if !ok {
			continue
		}
		var said string
		if err := json.Unmarshal([]byte(text[:len(text)-len(rest)]), &said); err != nil || said != string(inside) {
			t.Errorf("%q: got %q, encoding/json %q, %v", text, inside, said, err)
		}
	}
}

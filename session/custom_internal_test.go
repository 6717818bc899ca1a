package session

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
)

// Custom claims that are taken without a close look are those that a close look finds no
// fault with.
func TestPlainCustom(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		plain      bool
	}{
		{"a struct", `{"tenant":"acme","roles":["admin","<editor>"],"seats":7,"trial":false,"plan":{"a":null,"b":[-1,{}]}}`, true},
		{"sixteen", "{" + names(16) + "}", true},
		{"seventeen", "{" + names(17) + "}", false},
		{"empty", `{}`, false},
		{"reserved", `{"sub":"alice"}`, false},
		{"reserved, in another case", `{"Session_End":1}`, false},
		{"of another system", `{"User_ID":1}`, false},
		{"differ in case", `{"role":1,"x":2,"ROLE":3}`, false},
		{"twice", `{"a":1,"a":2}`, false},
		{"twice below", `{"a":{"b":1,"b":2}}`, false},
		{"no name", `{"":1}`, false},
		{"a name with space", `{"a b":1}`, false},
		{"a name too long", `{"` + strings.Repeat("n", 65) + `":1}`, false},
		{"an escape", `{"a":"\u003c"}`, false},
		{"not ASCII", `{"a":"é"}`, false},
		{"no object", `[1]`, false},
		{"not closed", `{"a":1`, false},
		{"more behind", `{"a":1}}`, false},
		{"a comma behind", `{"a":1,}`, false},
	} {
		if got := plainCustom([]byte(c.text), "user_id"); got != c.plain {
			t.Errorf("%s: got %t, want %t", c.name, got, c.plain)
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	parts := []string{`{`, `}`, `[`, `]`, `,`, `:`, `"a"`, `"A"`, `"b"`, `"sub"`, `"user_id"`, `"a b"`, `"é"`, `"\n"`, `1`, `-0`, `01`, `1e9`, `true`, `null`, ` `, `"`}
	taken := 0
	for range 200_000 {
		text := `{"a":1,"b":[{"a":"x"}],"c":2}`
		for range 1 + random.IntN(3) {
			at := random.IntN(len(text))
			text = text[:at] + parts[random.IntN(len(parts))] + text[min(len(text), at+random.IntN(4)):]
		}
		if !plainCustom([]byte(text), "user_id") {
			continue
		}
		taken++
		if err := checkCustom([]byte(text), "user_id"); err != nil {
			t.Fatalf("got %s taken, want %v", text, err)
		}
	}
	if taken < 1000 {
		t.Errorf("got %d taken, want some of all kinds", taken)
	}
}

// A map is encoded as encoding/json does it, or not at all.
func TestEncodeMap(t *testing.T) {
	t.Parallel()
	same := func(v any, taken bool) {
		t.Helper()
		got, ok := encodeMap(v)
		if want, err := json.Marshal(v); ok != taken || ok && (err != nil || string(got) != string(want)) {
			t.Fatalf("%#v: got %s, %t, want %s, %t", v, got, ok, want, taken)
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	text := func() (s string) {
		for range random.IntN(4) {
			s += []string{"a", "B", "~", " ", `"`, `\`, "<", ">", "&", "é", "\u2028", "\x00", "\n", "\x7f", "\xff", "😀", "\ufffd"}[random.IntN(17)]
		}
		return s
	}
	values := []func() any{
		func() any { return text() },
		func() any { return random.IntN(2) == 0 },
		func() any { return int(random.Int64()) - 1<<62 },
		func() any { return int64(random.IntN(3) - 1) },
		func() any { return []string{} },
		func() any { return []string{text(), text(), text()} },
	}
	for range 20_000 {
		m := map[string]any{}
		for range random.IntN(8) {
			m[text()] = values[random.IntN(len(values))]()
		}
		same(m, true)
	}
	for _, other := range []any{1.5, nil, []string(nil), []any{"a"}, map[string]any{}, uint8(1), json.Number("1"), struct{}{}, new(string), make(chan int)} {
		same(map[string]any{"a": "x", "b": other}, false)
	}
	same(map[string]any(nil), false)
	same(struct{ A string }{"x"}, false)
}

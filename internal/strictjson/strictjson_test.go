package strictjson_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/internal/strictjson"
)

func TestObject(t *testing.T) {
	t.Parallel()
	got, err := strictjson.Object([]byte(` {"a" : 1.5e3, "b":"x\n","c":[{"d":null}] ,"é\u0000":{} } `))
	if err != nil {
		t.Fatal(err)
	}
	want := []strictjson.Member{
		{Name: "a", Raw: json.RawMessage(`1.5e3`)},
		{Name: "b", Raw: json.RawMessage(`"x\n"`)},
		{Name: "c", Raw: json.RawMessage(`[{"d":null}]`)},
		{Name: "é\x00", Raw: json.RawMessage(`{}`)},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("members (-want +got):\n%s", d)
	}
}

func TestObjectRefuses(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`[`, strictjson.MaxDepth) + strings.Repeat(`]`, strictjson.MaxDepth)
	for name, c := range map[string]struct {
		in   string
		want error
	}{
		"empty":                {``, strictjson.ErrSyntax},
		"array":                {`[]`, strictjson.ErrSyntax},
		"two objects":          {`{}{}`, strictjson.ErrSyntax},
		"trailing text":        {`{} x`, strictjson.ErrSyntax},
		"trailing comma":       {`{"a":1,}`, strictjson.ErrSyntax},
		"byte order mark":      {"\ufeff{}", strictjson.ErrSyntax},
		"comment":              {`{/*x*/}`, strictjson.ErrSyntax},
		"NaN":                  {`{"a":NaN}`, strictjson.ErrSyntax},
		"leading zero":         {`{"a":01}`, strictjson.ErrSyntax},
		"control character":    {"{\"a\":\"\x01\"}", strictjson.ErrSyntax},
		"name twice":           {`{"a":1,"a":1}`, strictjson.ErrDuplicate},
		"name twice, escaped":  {`{"a":1,"\u0061":2}`, strictjson.ErrDuplicate},
		"name twice, nested":   {`{"x":[{"a":1,"a":2}]}`, strictjson.ErrDuplicate},
		"not UTF-8":            {"{\"a\":\"\xff\"}", strictjson.ErrEncoding},
		"lone high surrogate":  {`{"a":"\ud800"}`, strictjson.ErrEncoding},
		"lone low surrogate":   {`{"a":"\udc00x"}`, strictjson.ErrEncoding},
		"high twice":           {`{"a":"\ud800\ud800"}`, strictjson.ErrEncoding},
		"as deep as the limit": {`{"a":` + deep + `}`, strictjson.ErrDepth},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := strictjson.Object([]byte(c.in)); !errors.Is(err, c.want) {
				t.Errorf("Object(%q): got %v, want %v", c.in, err, c.want)
			}
		})
	}
}

func TestObjectAccepts(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`[`, strictjson.MaxDepth-1) + strings.Repeat(`]`, strictjson.MaxDepth-1)
	for name, in := range map[string]string{
		"surrogate pair":        `{"a":"\ud83d\ude00"}`,
		"escaped backslash":     `{"a":"\\ud800"}`,
		"names apart in case":   `{"a":1,"A":2}`,
		"same name, two levels": `{"a":{"a":1}}`,
		"just within the depth": `{"a":` + deep + `}`,
	} {
		if _, err := strictjson.Object([]byte(in)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestString(t *testing.T) {
	t.Parallel()
	if s, ok := strictjson.String(json.RawMessage(`"a\u0062"`)); s != "ab" || !ok {
		t.Errorf("got %q, %v, want \"ab\"", s, ok)
	}
	for _, raw := range []string{``, `1`, `null`, `{}`} {
		if s, ok := strictjson.String(json.RawMessage(raw)); ok {
			t.Errorf("String(%s): got %q, want none", raw, s)
		}
	}
}

// FuzzObject holds the reader against encoding/json: what it accepts, that
// accepts too, with the same members.
func FuzzObject(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":1,"b":{"c":[]}}`, `{"a":"\ud800"}`, `{"a":1,"a":2}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := strictjson.Object(data)
		if err != nil {
			return
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatalf("accepted %q, which encoding/json refuses: %v", data, err)
		}
		if len(got) != len(want) {
			t.Fatalf("got %d members, want %d", len(got), len(want))
		}
		for _, m := range got {
			if string(want[m.Name]) != string(m.Raw) {
				t.Fatalf("%q: got %q, want %q", m.Name, m.Raw, want[m.Name])
			}
		}
	})
}

package strictjson_test

import (
	"encoding/json"
	"errors"
	"fmt"
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
		"string":               {`"{}"`, strictjson.ErrSyntax},
		"number":               {`1`, strictjson.ErrSyntax},
		"null":                 {`null`, strictjson.ErrSyntax},
		"white space":          {" \n", strictjson.ErrSyntax},
		"unclosed":             {`{"a":1`, strictjson.ErrSyntax},
		"unclosed string":      {`{"a":"`, strictjson.ErrSyntax},
		"unclosed escape":      {`{"a":"\`, strictjson.ErrSyntax},
		"unclosed \\u escape":  {`{"a":"\u12`, strictjson.ErrSyntax},
		"\\u of other digits":  {`{"a":"\u00zz"}`, strictjson.ErrSyntax},
		"unknown escape":       {`{"a":"\x41"}`, strictjson.ErrSyntax},
		"no name":              {`{1:1}`, strictjson.ErrSyntax},
		"single quotes":        {`{'a':1}`, strictjson.ErrSyntax},
		"no-break space":       {"{\u00a0}", strictjson.ErrSyntax},
		"NUL":                  {"{}\x00", strictjson.ErrSyntax},
		"plus sign":            {`{"a":+1}`, strictjson.ErrSyntax},
		"hexadecimal":          {`{"a":0x1}`, strictjson.ErrSyntax},
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
		"empty name twice":     {`{"":1,"":1}`, strictjson.ErrDuplicate},
		"name twice, apart":    {`{"a":1,"b":{},"c":[],"a":1}`, strictjson.ErrDuplicate},
		"name twice, deep":     {`{"x":{"y":{"z":[[{"a":1,"b":2,"a":3}]]}}}`, strictjson.ErrDuplicate},
		"name twice, pairs":    {`{"\ud83d\ude00":1,"😀":2}`, strictjson.ErrDuplicate},
		"name not UTF-8":       {"{\"\xc3\":1}", strictjson.ErrEncoding},
		"overlong UTF-8":       {"{\"\xc0\xaf\":1}", strictjson.ErrEncoding},
		"surrogate in UTF-8":   {"{\"\xed\xa0\x80\":1}", strictjson.ErrEncoding},
		"lone surrogate, name": {`{"\udfff":1}`, strictjson.ErrEncoding},
		"low before high":      {`{"a":"\ude00\ud83d"}`, strictjson.ErrEncoding},
		"not UTF-8":            {"{\"a\":\"\xff\"}", strictjson.ErrEncoding},
		"lone high surrogate":  {`{"a":"\ud800"}`, strictjson.ErrEncoding},
		"lone low surrogate":   {`{"a":"\udc00x"}`, strictjson.ErrEncoding},
		"high twice":           {`{"a":"\ud800\ud800"}`, strictjson.ErrEncoding},
		"high before no low":   {`{"a":"\ud800\ue000"}`, strictjson.ErrEncoding},
		"high before text":     {`{"a":"\ud800x\udc00"}`, strictjson.ErrEncoding},
		"as deep as the limit": {`{"a":` + deep + `}`, strictjson.ErrDepth},
		"objects, as deep":     {strings.Repeat(`{"a":`, strictjson.MaxDepth+1) + `1` + strings.Repeat(`}`, strictjson.MaxDepth+1), strictjson.ErrDepth},
		"very deep":            {`{"a":` + strings.Repeat(`[`, 5000) + strings.Repeat(`]`, 5000) + `}`, strictjson.ErrDepth},
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
		"escapes":               `{"a":"\"\\\/\b\f\n\r\t\u00e9"}`,
		"brackets in strings":   `{"a":"}]{[,:","b":["\"}"]}`,
		"names apart in case":   `{"a":1,"A":2}`,
		"names apart in form":   "{\"\u00e9\":1,\"e\u0301\":2}",
		"same name, two levels": `{"a":{"a":1}}`,
		"same name, two places": `{"a":[{"b":1},{"b":1}]}`,
		"just within the depth": `{"a":` + deep + `}`,
		"objects, just within":  strings.Repeat(`{"a":`, strictjson.MaxDepth) + `1` + strings.Repeat(`}`, strictjson.MaxDepth),
		"no members":            " { } ",
		"many members":          `{` + strings.Join(numbered(500), ",") + `}`,
	} {
		if _, err := strictjson.Object([]byte(in)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// numbered returns n members of different names.
func numbered(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(`"%d":%d`, i, i)
	}
	return list
}

// TestRawValues: a value is what stands there, number for number.
func TestRawValues(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		`0`, `-0`, `1e400`, `12345678901234567890`, `1.0`, `true`, `null`, `""`, `": "`, `","`, `"\u0061"`, `[ ]`, `{ "x" : [ 1 , 2 ] }`, `{"":""}`,
	} {
		for _, form := range []string{`{"a":%s}`, "{ \"a\" :\t%s\n}", `{"a":%s,"b":1}`, "{\"z\":0,\"a\":\r\n%s ,\"b\":1}"} {
			got, err := strictjson.Object(fmt.Appendf(nil, form, raw))
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range got {
				if m.Name == "a" && (string(m.Raw) != raw || cap(m.Raw) != len(raw)) {
					t.Errorf(form+": got %s, want %s and no room behind it", raw, m.Raw, raw)
				}
			}
		}
	}
}

func TestString(t *testing.T) {
	t.Parallel()
	if s, ok := strictjson.String(json.RawMessage(`"a\u0062"`)); s != "ab" || !ok {
		t.Errorf("got %q, %v, want \"ab\"", s, ok)
	}
	if s, ok := strictjson.String(json.RawMessage(`"\ud83d\ude00\\\"é"`)); s != "😀\\\"é" || !ok {
		t.Errorf("got %q, %v, want all escapes read", s, ok)
	}
	for _, raw := range []string{``, `"`, `"a`, `"a\"`, `1`, `null`, `true`, `{}`, `["a"]`} {
		if s, ok := strictjson.String(json.RawMessage(raw)); ok {
			t.Errorf("String(%s): got %q, want none", raw, s)
		}
	}
}

// FuzzObject holds the reader against encoding/json: what it accepts, that
// accepts too, with the same members.
func FuzzObject(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"a":1,"b":{"c":[]}}`, `{"a":"\ud800"}`, `{"a":1,"a":2}`, ` { "\u0061" : [ { } , "\\\"}" ] } `, `{"a":-1.5e3,"b":[true,null]}`, `[{}]`,
	} {
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

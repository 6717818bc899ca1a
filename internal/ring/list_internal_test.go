package ring

import (
	"bytes"
	"strings"
	"testing"
)

const (
	someText  = "AAECAwQFBgcICQoLDA0ODw" // 22 characters
	longText  = someText + someText + someText + "AAECAwQFBgcICQoLDA0O"
	otherText = "Dw4NDAsKCQgHBgUEAwIBAA"
)

// lists are payloads, and how many co-signatures they end with.
var lists = map[string]int{
	`{"a":1,"cs":{"aaaaaaaa":"` + someText + `"}}`:                                                              1,
	`{"a":1,"cs":{"aaaaaaaa":"` + someText + `","bbbbbbbb":"` + otherText + `"}}`:                               2,
	`{"a":1,"cs":{"aaaaaaaa":"` + someText + `","bbbbbbbb":"` + longText + `","--------":"` + otherText + `"}}`: 3,
	`{"cs":{},"cs":{"aaaaaaaa":"` + someText + `"}}`:                                                            1,
	`{"x":{"y":1,"cs":{"aaaaaaaa":"` + someText + `"}},"cs":{"bbbbbbbb":"` + someText + `"}}`:                   1,
	`,"cs":{"aaaaaaaa":"` + someText + `"}}`:                                                                    1, // whether it is JSON is asked later
	`{"a":1}`:                                                                                                   0,
	``:                                                                                                          0,
	`}}`:                                                                                                        0,
	`{"a":1,"cs":{}}`:                                                                                           0,
	`{"a":1,"cs":{`:                                                                                             0,
	`{"a":1,"cs":{}`:                                                                                            0,
	`{"a":1,"cs":{"aaaaaaaa":""}}`:                                                                              0,
	`{"a":1,"cs":{"aaaaaaaa":"` + someText + `",}}`:                                                             0,
	`{"a":1,"cs":{,"aaaaaaaa":"` + someText + `"}}`:                                                             0,
	`{"a":1,"cs":{"aaaaaaaa":"` + someText + `"}`:                                                               0,
	`{"a":1,"cs":{"aaaaaaaa":"` + someText + `"}}}`:                                                             0,
	`{"a":1,"cs":{"aaaaaaaa":"` + someText + `"}},`:                                                             0,
	`{"a":1,"cs":{"aaaaaaaa":"` + someText + `" }}`:                                                             0,
	`{"a":1,"cs":{"aaaaaaaa":"` + someText[1:] + `"}}`:                                                          0,
	`{"a":1,"cs":{"aaaaaaaa":"` + someText + `A"}}`:                                                             0,
	`{"a":1,"cs":{"aaaaaaaa":"` + longText[1:] + `"}}`:                                                          0,
	`{"a":1,"cs":{"aaaaaaaa":"` + someText[1:] + `="}}`:                                                         0,
	`{"a":1,"cs":{"aaaaaaaa":"` + someText[1:] + "\n" + `"}}`:                                                   0,
	`{"a":1,"cs":{"aaaaaaa":"` + someText + `"}}`:                                                               0,
	`{"a":1,"cs":{"aaaaaaaaa":"` + someText + `"}}`:                                                             0,
	`{"a":1,"cs":{"aaaaaaa.":"` + someText + `"}}`:                                                              0,
	`{"a":1,"cs":{"aaaaaaaa":"` + someText + `","aaaaaaaa":"` + otherText + `"}}`:                               0,
	`{"a":1,"cs":{"aaaaaaaa":"` + someText + `""bbbbbbbb":"` + otherText + `"}}`:                                0,
	`{"a":1,"cs":{"aaaaaaaa":"` + someText + `","b":1}}`:                                                        0,
	`{"a":1,"cs":{"aaaaaaaa":"` + someText + `","x":{"bbbbbbbb":"` + otherText + `"}}`:                          0,
	`{"a":1,"cs":{` + strings.Repeat(`"aaaaaaaa":"`+someText+`",`, 3) + `"bbbbbbbb":"` + otherText + `"}}`:                                   0,
	`{"a":1,"cs":{"aaaaaaaa":"` + someText + `","bbbbbbbb":"` + someText + `","cccccccc":"` + someText + `","dddddddd":"` + someText + `"}}`: 0,
}

func TestParseList(t *testing.T) {
	t.Parallel()
	for payload, want := range lists {
		l, ok := parseList([]byte(payload))
		if ok != (want > 0) || l.n != want {
			t.Errorf("%q: got %d entries, %v, want %d", payload, l.n, ok, want)
		}
	}
}

// The last brace is found wherever it stands, and nothing else is taken for one.
func TestLastBrace(t *testing.T) {
	t.Parallel()
	for fill := range 256 {
		for size := range 20 {
			text := bytes.Repeat([]byte{byte(fill)}, size)
			if got, want := lastBrace(text), bytes.LastIndexByte(text, '{'); got != want {
				t.Fatalf("%q: got %d, want %d", text, got, want)
			}
			for at := range size {
				text := append(bytes.Clone(text[:at]), '{')
				text = append(text, bytes.Repeat([]byte{byte(fill)}, size-at-1)...)
				if got, want := lastBrace(text), bytes.LastIndexByte(text, '{'); got != want {
					t.Fatalf("%q: got %d, want %d", text, got, want)
				}
			}
		}
	}
}

// FuzzList: a payload has a list only in the one form in which it is written.
func FuzzList(f *testing.F) {
	for payload := range lists {
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		l, ok := parseList([]byte(payload))
		if !ok {
			return
		}
		before := payload[:l.start]
		if got := string(l.appendTo([]byte(before), false)); got != payload {
			t.Fatalf("written again: got %q, want %q", got, payload)
		}
		texts := 0
		for i, e := range l.entries[:l.n] {
			if len(e.print) != printLen || len(l.entries[i].text) == 0 {
				t.Fatalf("entry %d is %q", i, e)
			}
			texts += len(e.text)
		}
		if blank := l.appendTo([]byte(before), true); len(blank) != len(payload)-texts || !strings.HasPrefix(string(blank), before+listOpen) {
			t.Fatalf("%q left blank is %q", payload, blank)
		}
	})
}

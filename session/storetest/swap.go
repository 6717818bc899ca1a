package storetest

import (
	"bytes"
	"fmt"
	"strings"
)

var storeTests = []test{
	{"absent", testAbsent},
	{"swap", testSwap},
	{"delete", testDelete},
	{"empty", testEmpty},
	{"binary", testBinary},
	{"ids", testIDs},
	{"owned", testOwned},
	{"counter", testCounter},
	{"winner", testWinner},
	{"expiry", testExpiry},
	{"expiredSwap", testExpiredSwap},
	{"newExpiry", testNewExpiry},
	{"pastExpiry", testPastExpiry},
	{"never", testNever},
	{"clock", testClock},
	{"canceled", testCanceled},
	{"interrupted", testInterrupted},
}

func testAbsent(s suite) {
	data, now, err := s.store.Get(s.Context(), s.id("a"))
	expect(s, live, "error of Get, record absent", err, nil)
	s.expectData(live, "Get, record absent", data, nil)
	expect(s, live, "time of Get is zero, record absent", now.IsZero(), false)
	expect(s, equal, "Swap of old for new, record absent", s.swap(s.id("a"), []byte("old"), []byte("new")), false)
	data, _ = s.get(s.id("a"))
	s.expectData(equal, "Get after a Swap that lost", data, nil)
}

func testSwap(s suite) {
	id, first, second := s.id("a"), []byte("first"), []byte("second")
	for _, step := range []struct {
		what      string
		old, data []byte
		want      bool
		left      []byte
	}{
		{"absent for first", nil, first, true, first},
		{"absent for second, first is there", nil, second, false, first},
		{"second for first, first is there", second, first, false, first},
		{"a prefix of first for second", first[:4], second, false, first},
		{"first and more for second", []byte("first "), second, false, first},
		{"empty for second, first is there", []byte{}, second, false, first},
		{"first for first", first, first, true, first},
		{"first for second", first, second, true, second},
		{"first for second once more", first, second, false, second},
	} {
		expect(s, equal, "Swap of "+step.what, s.swap(id, step.old, step.data), step.want)
		data, _ := s.get(id)
		s.expectData(equal, "Get after Swap of "+step.what, data, step.left)
	}
}

func testDelete(s suite) {
	id, data := s.id("a"), []byte("data")
	expect(s, nilOld, "Swap of nil for nil, record absent", s.swap(id, nil, nil), true)
	expect(s, nilOld, "Swap of old for nil, record absent", s.swap(id, data, nil), false)
	expect(s, nilOld, "Swap of nil for data", s.swap(id, nil, data), true)
	expect(s, nilOld, "Swap of nil for nil, record live", s.swap(id, nil, nil), false)
	expect(s, nilOld, "Swap of another for nil", s.swap(id, []byte("another"), nil), false)
	left, _ := s.get(id)
	s.expectData(nilOld, "Get after deletes that lost", left, data)
	expect(s, nilOld, "Swap of data for nil", s.swap(id, data, nil), true)
	left, _ = s.get(id)
	s.expectData(nilOld, "Get after a delete", left, nil)
	expect(s, nilOld, "Swap of nil for data, after a delete", s.swap(id, nil, data), true)
}

func testEmpty(s suite) {
	id := s.id("a")
	expect(s, nilOld, "Swap of nil for empty data", s.swap(id, nil, []byte{}), true)
	data, _ := s.get(id)
	s.expectData(live, "Get of empty data", data, []byte{})
	expect(s, nilOld, "Swap of nil for data, empty record live", s.swap(id, nil, []byte("x")), false)
	expect(s, equal, "Swap of empty for data", s.swap(id, []byte{}, []byte("x")), true)
	expect(s, equal, "Swap of data for empty", s.swap(id, []byte("x"), []byte{}), true)
	expect(s, nilOld, "Swap of empty for nil", s.swap(id, []byte{}, nil), true)
	data, _ = s.get(id)
	s.expectData(live, "Get after deleting empty data", data, nil)
}

func testBinary(s suite) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for name, data := range map[string][]byte{
		"all bytes":      every,
		"NULs":           {0, 0, 'a', 0, 'b', 0},
		"no UTF-8":       {0xff, 0xfe, 0xc3, 0x28},
		"line ends":      []byte("a\r\nb\r\n"),
		"numbers":        []byte("12345"),
		"64 KiB":         bytes.Repeat(every, 256),
		"markers of SQL": []byte(`'"; $1 ? \x00 \\`),
	} {
		id := s.id(name)
		longer := append(bytes.Clone(data), 0)
		expect(s, small, "Swap in of "+name, s.swap(id, nil, data), true)
		left, _ := s.get(id)
		s.expectData(live, "Get of "+name, left, data)
		expect(s, equal, "Swap of "+name+" and a NUL for more", s.swap(id, longer, every), false)
		expect(s, equal, "Swap of "+name+" for the same and a NUL", s.swap(id, data, longer), true)
		left, _ = s.get(id)
		s.expectData(live, "Get of "+name+" and a NUL", left, longer)
	}
}

// oddNames are ids, groups and labels that a store must not take for its own syntax.
var oddNames = []string{
	"a", "A", "a ", " a", "a:b", "a/b", "a.b", "a%b", "a_b", "a*", "a?", "[a]", "{a}", "}a{", "{}a", ":=a", ":?1", ":0:0:", "a'b", `a"b`, `a\b`, "a;b", "$1", "-1",
	"münchen", "mu\u0308nchen", "東京", "🔑", "a\tb", "a\nb",
	strings.Repeat("x", 200), strings.Repeat("x", 199), strings.Repeat("語", 66),
}

func testIDs(s suite) {
	for i, name := range oddNames {
		data := fmt.Appendf(nil, "data %d", i)
		expect(s, nilOld, fmt.Sprintf("Swap of nil for data, new id %q", name), s.swap(s.odd(name), nil, data), true)
	}
	for i, name := range oddNames {
		data, _ := s.get(s.odd(name))
		s.expectData(live, fmt.Sprintf("Get of id %q", name), data, fmt.Appendf(nil, "data %d", i))
	}
}

// odd returns an id that begins with name, and oddEnd a name that ends with it; both
// are of this part of the suite.
func (s suite) odd(name string) string { return name + "@" + s.prefix[:12] }

func (s suite) oddEnd(kind, name string) string { return s.prefix[:12] + kind + name }

func testOwned(s suite) {
	id := s.id("a")
	first, second := []byte("first"), []byte("second")
	s.swap(id, nil, first)
	first[0] = 'X'
	data, _ := s.get(id)
	s.expectData(owned, "Get after the data of Swap was changed", data, []byte("first"))
	data[0] = 'X'
	data, _ = s.get(id)
	s.expectData(owned, "Get after the data of Get was changed", data, []byte("first"))
	expect(s, owned, "Swap of what was swapped in", s.swap(id, data, second), true)
	second[0] = 'X'
	data, _ = s.get(id)
	s.expectData(owned, "Get after the data of a second Swap was changed", data, []byte("second"))
}

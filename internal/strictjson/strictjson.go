// Package strictjson reads JSON objects that decide about security, without the
// leniency of encoding/json.
//
// It refuses what RFC 8259 leaves to the reader and attackers live on: repeated
// names at any depth, invalid UTF-8, unpaired surrogates, deep nesting, and
// anything behind the object. Names are compared byte for byte.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxDepth is how deep objects and arrays may be nested.
const MaxDepth = 16

// The faults of an object. None of them quotes the input.
var (
	ErrSyntax    = errors.New("not one JSON object")
	ErrEncoding  = errors.New("text is not valid Unicode")
	ErrDuplicate = errors.New("a name occurs twice in one object")
	ErrDepth     = errors.New("nested too deeply")
)

// Member is one member of an object: its decoded name and its value as written.
type Member struct {
	Name string
	Raw  json.RawMessage
}

// Object returns the members of the one JSON object that data holds, in order.
// The raw values are parts of data.
func Object(data []byte) ([]Member, error) {
	if !utf8.Valid(data) || !pairedSurrogates(data) {
		return nil, ErrEncoding
	}
	if !json.Valid(data) {
		return nil, ErrSyntax
	}
	w := walker{data: data, text: string(data)}
	if w.next() != '{' {
		return nil, ErrSyntax
	}
	return w.members()
}

// walker goes through text that json.Valid has accepted, so it only has to find
// where each part ends.
type walker struct {
	data []byte
	text string // the same
	pos  int
}

// next goes to the next thing behind white space, commas and colons, and returns
// its first character.
func (w *walker) next() byte {
	for {
		switch c := w.text[w.pos]; c {
		case ' ', '\t', '\r', '\n', ',', ':':
			w.pos++
		default:
			return c
		}
	}
}

// members reads the top-level object.
func (w *walker) members() ([]Member, error) {
	list := make([]Member, 0, 16)
	names := make([]string, 0, 16)
	for w.pos++; w.next() != '}'; {
		name := w.str()
		w.next()
		start := w.pos
		if err := w.value(1); err != nil {
			return nil, err
		}
		list = append(list, Member{name, w.data[start:w.pos:w.pos]})
		names = append(names, name)
	}
	if repeats(names) {
		return nil, ErrDuplicate
	}
	return list, nil
}

// value goes behind one value that stands at the given depth.
func (w *walker) value(depth int) error {
	switch open := w.next(); open {
	case '"':
		w.str()
	case '{', '[':
		if depth >= MaxDepth {
			return ErrDepth
		}
		return w.inside(open, depth)
	default: // a number, true, false or null
		for strings.IndexByte(",]} \t\r\n", w.text[w.pos]) < 0 {
			w.pos++
		}
	}
	return nil
}

// inside goes behind the object or array that opens here.
func (w *walker) inside(open byte, depth int) error {
	names := make([]string, 0, 8)
	for w.pos++; w.next() != open+2; { // '{' and '}', '[' and ']' are two apart
		if open == '{' {
			names = append(names, w.str())
		}
		if err := w.value(depth + 1); err != nil {
			return err
		}
	}
	w.pos++
	if repeats(names) {
		return ErrDuplicate
	}
	return nil
}

// str goes behind a string and returns what it encodes.
func (w *walker) str() string {
	start, escaped := w.pos, false
	for w.pos++; w.text[w.pos] != '"'; w.pos++ {
		if w.text[w.pos] == '\\' {
			escaped = true
			w.pos++
		}
	}
	w.pos++
	if !escaped {
		return w.text[start+1 : w.pos-1]
	}
	s, _ := String(w.data[start:w.pos])
	return s
}

// repeats reports whether a name occurs twice. It sorts the names.
func repeats(names []string) bool {
	slices.Sort(names)
	return len(slices.Compact(names)) < len(names)
}

// pairedSurrogates reports whether every \u escape of a surrogate stands in a
// pair. encoding/json would turn a lone one into U+FFFD, so that two names or
// subjects that differ could read the same.
func pairedSurrogates(data []byte) bool {
	for i := 0; i < len(data); i++ {
		if data[i] != '\\' {
			continue
		}
		switch u := escape(data[i:]); {
		case u >= 0xDC00 && u <= 0xDFFF:
			return false
		case u >= 0xD800 && u <= 0xDBFF:
			low := escape(data[i+6:])
			if low < 0xDC00 || low > 0xDFFF {
				return false
			}
			i += 11
		default:
			i++ // the escaped character, which may be a backslash
		}
	}
	return true
}

// escape returns the code unit of a \uXXXX escape at the start of data, or -1.
func escape(data []byte) int64 {
	if len(data) < 6 || data[0] != '\\' || data[1] != 'u' {
		return -1
	}
	u, err := strconv.ParseUint(string(data[2:6]), 16, 16)
	if err != nil {
		return -1
	}
	return int64(u)
}

// String returns the string that raw, the value of a Member, encodes. It
// reports false if raw is of another type.
func String(raw json.RawMessage) (string, bool) {
	if len(raw) < 2 || raw[0] != '"' || raw[len(raw)-1] != '"' {
		return "", false
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1]), true
	}
	var s string
	err := json.Unmarshal(raw, &s)
	return s, err == nil
}

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
	"strconv"
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
	w := walker{data: data, dec: json.NewDecoder(bytes.NewReader(data))}
	w.dec.UseNumber()
	if t, err := w.dec.Token(); err != nil || t != json.Delim('{') {
		return nil, ErrSyntax
	}
	return w.members()
}

// walker goes through text that json.Valid has accepted.
type walker struct {
	data []byte
	dec  *json.Decoder
}

// members reads the top-level object behind its opening brace.
func (w *walker) members() ([]Member, error) {
	var list []Member
	seen := map[string]bool{}
	for w.dec.More() {
		name, err := w.name(seen)
		if err != nil {
			return nil, err
		}
		start := w.dec.InputOffset()
		if err := w.value(1); err != nil {
			return nil, err
		}
		raw := bytes.TrimLeft(w.data[start:w.dec.InputOffset()], ": \t\r\n")
		list = append(list, Member{name, raw})
	}
	return list, nil
}

// name reads one member name and refuses it if seen holds it.
func (w *walker) name(seen map[string]bool) (string, error) {
	t, err := w.dec.Token()
	if err != nil {
		return "", ErrSyntax
	}
	name, ok := t.(string)
	if !ok {
		return "", ErrSyntax
	}
	if seen[name] {
		return "", ErrDuplicate
	}
	seen[name] = true
	return name, nil
}

// value reads one value that stands at the given depth.
func (w *walker) value(depth int) error {
	t, err := w.dec.Token()
	if err != nil {
		return ErrSyntax
	}
	open, ok := t.(json.Delim)
	if !ok {
		return nil
	}
	if depth >= MaxDepth {
		return ErrDepth
	}
	seen := map[string]bool{}
	for w.dec.More() {
		if open == '{' {
			if _, err := w.name(seen); err != nil {
				return err
			}
		}
		if err := w.value(depth + 1); err != nil {
			return err
		}
	}
	_, err = w.dec.Token() // the closing bracket
	return err
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
	if len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	var s string
	err := json.Unmarshal(raw, &s)
	return s, err == nil
}

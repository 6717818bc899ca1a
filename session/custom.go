package session

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sessionring/sessionring/internal/strictjson"
)

// encodeCustom returns the custom claims v as a compact JSON object, nil if v is nil or
// encodes as null. All its faults are reported at once.
func encodeCustom(v any, legacySubject string) ([]byte, error) {
	if v == nil {
		return nil, nil
	}
	data, ok := encodeMap(v)
	if !ok {
		var err error
		if data, err = json.Marshal(v); err != nil {
			return nil, fmt.Errorf("session: custom claims: %w", err)
		}
	}
	if string(data) == "null" {
		return nil, nil
	}
	if plainCustom(data, legacySubject) {
		return data, nil
	}
	return data, checkCustom(data, legacySubject)
}

// checkCustom returns all the faults of custom claims.
func checkCustom(data []byte, legacySubject string) error {
	members, err := strictjson.Object(data)
	if err != nil {
		return fmt.Errorf("session: custom claims must be a struct or a map: %w", err)
	}
	var errs []error
	seen := map[string]bool{}
	for _, m := range members {
		errs = append(errs, nameFault(m.Name, legacySubject, seen))
		seen[strings.ToLower(m.Name)] = true
	}
	return errors.Join(errs...)
}

// plainCustom reports whether custom claims are such as most are, and without fault. For
// all others, good or bad, that is for checkCustom to say.
func plainCustom(data []byte, legacySubject string) bool {
	s := scanner{text: data}
	if !s.skip('{') {
		return false
	}
	var names [maxInObject][]byte
	for n := range names {
		name, ok := s.str()
		if !ok || !usable(name, legacySubject) {
			return false
		}
		for _, other := range names[:n] {
			if len(name) == len(other) && bytes.EqualFold(name, other) {
				return false
			}
		}
		names[n] = name
		if !s.skip(':') || !s.value(1) {
			return false
		}
		if !s.skip(',') {
			return s.skip('}') && s.pos == len(data)
		}
	}
	return false
}

// encodeMap encodes a map as encoding/json does, but without reflection, if its values are
// of the types that those of claims mostly have. It reports false for any other.
func encodeMap(v any) (b builder, ok bool) {
	m, ok := v.(map[string]any)
	if !ok || m == nil {
		return nil, false
	}
	var room [maxInObject]string
	names := room[:0]
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	b = append(make(builder, 0, 128), '{')
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		if b, ok = append(b.quote(name), ':').value(m[name]); !ok {
			return nil, false
		}
	}
	return append(b, '}'), true
}

// value appends a value as encoding/json does, or reports false.
func (b builder) value(v any) (builder, bool) {
	switch v := v.(type) {
	case string:
		return b.quote(v), true
	case bool:
		return strconv.AppendBool(b, v), true
	case int:
		return b.number(int64(v)), true
	case int64:
		return b.number(v), true
	case []string:
		if v != nil {
			return b.list(v), true
		}
	}
	return nil, false
}

// list appends an array.
func (b builder) list(texts []string) builder {
	b = append(b, '[')
	for i, text := range texts {
		if i > 0 {
			b = append(b, ',')
		}
		b = b.quote(text)
	}
	return append(b, ']')
}

package redisstore

import (
	"errors"
	"strconv"
)

// reply is an answer, or a part of one, in the types of any client.
type reply struct{ value any }

var errReply = errors.New("the client gave an answer of an unexpected type")

// list returns the parts of an answer that has at least so many.
func (r reply) list(atLeast int) ([]reply, error) {
	values, ok := r.value.([]any)
	if !ok || len(values) < atLeast {
		return nil, errReply
	}
	parts := make([]reply, len(values))
	for i, v := range values {
		parts[i] = reply{v}
	}
	return parts, nil
}

// bytes returns a string.
func (r reply) bytes() ([]byte, error) {
	switch v := r.value.(type) {
	case []byte:
		return v, nil
	case string:
		return []byte(v), nil
	}
	return nil, errReply
}

// number returns a number, or the number that a string shows.
func (r reply) number() (int64, error) {
	switch v := r.value.(type) {
	case int64:
		return v, nil
	case int:
		return int64(v), nil
	}
	text, err := r.bytes()
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		return 0, errReply
	}
	return n, nil
}

package redisstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// The keys are part of the format: what one release wrote, every later one finds.
const (
	recordKey = "sessionring:r:"
	groupKey  = "sessionring:g:"
	labelKey  = "sessionring:n:"
	feedKey   = "sessionring:f"
)

// record is what a key holds. It is a string, which takes two thirds of the memory
// of a hash:
//
//	nonce expires ":" len(group) ":" len(label) ":" group label data
//
// The nonce is that of the last swap, by which a script sees that a client repeats
// one that it got no answer to.
type record struct {
	meta
	data []byte    // nil: absent
	now  time.Time // when it was read
}

const nonceSize = 10

// meta is what the indexes know of a record.
type meta struct {
	group, label string
	expires      int64 // Unix milliseconds; 0: never
}

// indexed reports whether a record with m belongs into an index.
func (m meta) indexed() bool { return m.group != "" || m.label != "" }

func (m meta) encode() string {
	return fmt.Sprintf("%d:%d:%d:%s%s", m.expires, len(m.group), len(m.label), m.group, m.label)
}

var readScript = newScript(`
local t = redis.call('TIME')
return {t[1], t[2], redis.call('GET', KEYS[1]) or ''}
`)

// read returns the record and the server's time.
func (s *Store) read(ctx context.Context, id string) (record, error) {
	answer, err := s.run(ctx, readScript, recordKey+id)
	if err != nil {
		return record{}, err
	}
	parts, err := answer.list(3)
	if err != nil {
		return record{}, err
	}
	seconds, errSeconds := parts[0].number()
	micros, errMicros := parts[1].number()
	raw, err := parts[2].bytes()
	if err := errors.Join(errSeconds, errMicros, err); err != nil {
		return record{}, err
	}
	r := record{now: time.Unix(seconds, micros*1000)}
	if len(raw) > 0 {
		err = r.decode(raw)
	}
	return r, err
}

var errRecord = errors.New("a record is not of the form that this release knows")

func (r *record) decode(raw []byte) error {
	fields := bytes.SplitN(raw[min(nonceSize, len(raw)):], []byte(":"), 4)
	if len(fields) != 4 {
		return errRecord
	}
	expires, err := strconv.ParseInt(string(fields[0]), 10, 64)
	group, errGroup := strconv.ParseUint(string(fields[1]), 10, 31)
	label, errLabel := strconv.ParseUint(string(fields[2]), 10, 31)
	rest := fields[3]
	if errors.Join(err, errGroup, errLabel) != nil || group+label > uint64(len(rest)) {
		return errRecord
	}
	r.meta = meta{string(rest[:group]), string(rest[group : group+label]), expires}
	r.data = rest[group+label:]
	return nil
}

// millis returns t as records have it.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	if ms := t.UnixMilli(); ms != 0 {
		return ms
	}
	return 1 // 0 is taken
}

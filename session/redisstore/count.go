package redisstore

import (
	"context"
	"fmt"
	"strconv"
	"sync"
)

// countScript counts what is settled and certainly lives, removes what has certainly
// expired, and returns of what the record must be read. Two lists: label and number,
// id and value.
var countScript = newScript(luaNow + luaGone + `
local counts, marked = {}, {}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
	local value = all[i + 1]
	local _, last, expires, kind = string.find(value, '^(%-?%d+):([?=])')
	expires = tonumber(expires)
	if kind == '=' and (expires == 0 or expires > now) then
		local label = string.sub(value, last + 1)
		counts[label] = (counts[label] or 0) + 1
	elseif gone(expires) then
		redis.call('HDEL', KEYS[1], all[i])
	else
		marked[#marked + 1] = all[i]
		marked[#marked + 1] = value
	end
end
local flat = {}
for label, n in pairs(counts) do
	flat[#flat + 1] = label
	flat[#flat + 1] = n
end
return {flat, marked}
`)

// Count returns how many live records have each label; "" is left out. What it
// costs is in the documentation of the package.
func (s *Store) Count(ctx context.Context) (map[string]int, error) {
	t := tally{counts: map[string]int{}}
	err := each(labelKeys, func(i int) error { return s.countKey(ctx, labelKey+strconv.Itoa(i), &t) })
	if err == nil {
		err = each(len(t.marked), func(i int) error { return s.countMarked(ctx, t.marked[i], &t) })
	}
	if err != nil {
		return nil, failure(ctx, "count", err)
	}
	return t.counts, nil
}

// tally is what one Count gathers.
type tally struct {
	mu     sync.Mutex
	counts map[string]int
	marked []marked
}

func (t *tally) add(label string, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts[label] += n
}

// countKey adds what one hash says.
func (s *Store) countKey(ctx context.Context, key string, t *tally) error {
	answer, err := s.run(ctx, countScript, key)
	if err != nil {
		return err
	}
	lists, err := answer.list(2)
	if err != nil {
		return err
	}
	settled, err := lists[0].list(0)
	if err != nil {
		return err
	}
	for i := 0; i+1 < len(settled); i += 2 {
		label, err := settled[i].bytes()
		if err != nil {
			return err
		}
		n, err := settled[i+1].number()
		if err != nil {
			return err
		}
		t.add(string(label), int(n))
	}
	return t.mark(key, lists[1])
}

// mark adds the ids of a hash whose records must be read.
func (t *tally) mark(key string, answer reply) error {
	pairs, err := answer.list(0)
	if err != nil {
		return err
	}
	found, err := markedIn(key, pairs)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.marked = append(t.marked, found...)
	return err
}

// countMarked adds what one record says, and settles it.
func (s *Store) countMarked(ctx context.Context, m marked, t *tally) error {
	r, err := s.read(ctx, m.id)
	if err != nil {
		return err
	}
	if r.data == nil || r.label == "" {
		return s.settle(ctx, m, r, "")
	}
	t.add(r.label, 1)
	return s.settle(ctx, m, r, fmt.Sprintf("%d:=%s", r.expires, r.label))
}

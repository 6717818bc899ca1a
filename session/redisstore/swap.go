package redisstore

import (
	"context"
	"crypto/rand"
	"errors"
	"strconv"
)

// change is one Swap.
type change struct {
	id        string
	old, data []byte // nil: absent
	meta
}

// The answers of swapScript.
const (
	lost     = 0
	swapped  = 1
	unmarked = 2 // nothing was done: mark the id in the indexes, and come again
)

// Arguments: nonce, whether there is an old, old, whether there is data, data, meta,
// expires, time of the mark. Group and label stand in meta behind its expiry. An
// expiry that moves on within its day needs no mark.
var swapScript = newScript(luaNow + `
local function day(expires)
	return expires == 0 and -math.huge or math.floor(expires / 86400000)
end
local raw = redis.call('GET', KEYS[1])
local old, names, was, labelled = nil, '', 0, false
if raw then
	local first = #ARGV[1] + 1
	if string.sub(raw, 1, first - 1) == ARGV[1] then
		return 1
	end
	local _, last, x, group, label = string.find(raw, '^(%-?%d+):(%d+):(%d+):', first)
	last = last + group + label
	old, names = string.sub(raw, last + 1), string.sub(raw, first + #x, last)
	was, labelled = tonumber(x), label ~= '0'
end
if (old ~= nil) ~= (ARGV[2] == '1') or (old and old ~= ARGV[3]) then
	return 0
end
local delete = ARGV[4] == '0'
if delete and not old then
	return 1
end
local expires = tonumber(ARGV[7])
local indexed = labelled or not (delete or string.find(ARGV[6], '^%-?%d+:0:0:$'))
local moved = delete or names ~= string.sub(ARGV[6], #ARGV[7] + 1) or day(expires) ~= day(was) or expires < was
if indexed and moved and now - ARGV[8] > 10000 then
	return 2
end
if delete or (expires ~= 0 and expires <= now) then
	redis.call('DEL', KEYS[1])
elseif expires == 0 then
	redis.call('SET', KEYS[1], ARGV[1] .. ARGV[6] .. ARGV[5])
else
	redis.call('SET', KEYS[1], ARGV[1] .. ARGV[6] .. ARGV[5], 'PXAT', ARGV[7])
end
return 1
`)

var errSlow = errors.New("the server is too slow: a mark was too old for the swap that it was made for, five times")

// swap marks the id first where that is needed. A mark is good for ten seconds; who
// was held up for longer makes a new one.
func (s *Store) swap(ctx context.Context, c *change) (bool, error) {
	nonce := rand.Text()[:nonceSize]
	answer, mark := int64(lost), int64(0)
	if c.old == nil && c.data != nil && c.indexed() {
		answer = unmarked
	}
	for range 5 {
		var err error
		if answer == unmarked {
			if mark, err = s.mark(ctx, c); err != nil {
				return false, err
			}
		}
		answer, err = s.swapMarked(ctx, c, nonce, mark)
		if err != nil || answer != unmarked {
			return answer == swapped, err
		}
	}
	return false, errSlow
}

func (s *Store) swapMarked(ctx context.Context, c *change, nonce string, mark int64) (int64, error) {
	answer, err := s.run(ctx, swapScript, recordKey+c.id, nonce,
		presence(c.old), string(c.old), presence(c.data), string(c.data),
		c.encode(), strconv.FormatInt(c.expires, 10), strconv.FormatInt(mark, 10))
	if err != nil {
		return 0, err
	}
	return answer.number()
}

// presence says in an argument whether there is data.
func presence(data []byte) string {
	if data == nil {
		return "0"
	}
	return "1"
}

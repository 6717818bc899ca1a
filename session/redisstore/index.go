package redisstore

import (
	"context"
	"hash/fnv"
	"strconv"
	"strings"
	"sync"
)

// An index is a hash by id. Its values begin with an expiry in milliseconds, 0 for
// never. Then comes a mark, ":?" and the time it was made at: read the record to know.
// In the hashes of labels the value may also be settled: ":=" and the label, which
// the record certainly has until that expiry. After it, read the record again, since
// a swap that moves the expiry on within its day needs no mark: a refresh is one
// command. A day after the expiry of a value the record has certainly expired.
//
// Why this is right: any other swap that changes what an index says needs a mark not
// older than ten seconds. Whoever read a record 30 seconds after its mark, or later,
// saw every swap that the mark allows, and may replace it, unless there is a new one.
// The 20 seconds between cover the clocks of servers in a cluster.
const settleAfter = 30_000 // milliseconds

// luaGone says of an expiry in an index whether its record has certainly expired: a
// day later, and a minute for the clocks of servers in a cluster.
const luaGone = `
local function gone(expires)
	return expires ~= 0 and expires < now - 86460000
end
`

// labelKeys is how many hashes the labels are spread over, so that none gets long.
const labelKeys = 256

// markScript also looks at three ids by chance, and removes those that have expired:
// so indexes that nobody reads do not grow for ever.
var markScript = newScript(luaKeep + luaGone + `
local expires = tonumber(ARGV[2])
local value = redis.call('HGET', KEYS[1], ARGV[1])
if value then
	local before = tonumber(string.match(value, '^%-?%d+'))
	expires = (before == 0 or expires == 0) and 0 or math.max(before, expires)
end
redis.call('HSET', KEYS[1], ARGV[1], string.format('%d:?%d', expires, now))
local some = redis.call('HRANDFIELD', KEYS[1], 3, 'WITHVALUES')
for i = 1, #some, 2 do
	if gone(tonumber(string.match(some[i + 1], '^%-?%d+'))) and some[i] ~= ARGV[1] then
		redis.call('HDEL', KEYS[1], some[i])
	end
end
keep(ttl, expires == 0 and 0 or expires + 86400000)
return now
`)

// mark marks the id in the indexes that a change may concern, and returns the time
// of the mark. The label before the change may be another, so that index always is.
func (s *Store) mark(ctx context.Context, c *change) (int64, error) {
	at, err := s.markIn(ctx, labelKeyOf(c.id), c)
	if c.group == "" || err != nil {
		return at, err
	}
	again, err := s.markIn(ctx, groupKey+c.group, c)
	return min(at, again), err
}

func (s *Store) markIn(ctx context.Context, key string, c *change) (int64, error) {
	expires := c.expires
	if c.data == nil {
		expires = 1 // long ago: a delete makes nothing live longer
	}
	answer, err := s.run(ctx, markScript, key, c.id, strconv.FormatInt(expires, 10))
	if err != nil {
		return 0, err
	}
	return answer.number()
}

// labelKeyOf returns the key of the hash that an id with a label is in.
func labelKeyOf(id string) string {
	h := fnv.New32a()
	h.Write([]byte(id))
	return labelKey + strconv.Itoa(int(h.Sum32()%labelKeys))
}

var settleScript = newScript(`
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then
	return 0
elseif ARGV[3] == '' then
	return redis.call('HDEL', KEYS[1], ARGV[1])
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
`)

// marked is an id whose record must be read, with its value in the index of that key.
type marked struct{ key, id, value string }

// settle replaces the value by another, or removes it if that is empty, if the record
// r was read late enough for that.
func (s *Store) settle(ctx context.Context, m marked, r record, value string) error {
	_, kind, _ := strings.Cut(m.value, ":")
	if made, isMark := strings.CutPrefix(kind, "?"); isMark {
		at, err := strconv.ParseInt(made, 10, 64)
		if err != nil || r.now.UnixMilli()-at <= settleAfter {
			return err
		}
	}
	_, err := s.run(ctx, settleScript, m.key, m.id, m.value, value)
	return err
}

// markedIn reads pairs of id and value.
func markedIn(key string, pairs []reply) ([]marked, error) {
	var all []marked
	for i := 0; i+1 < len(pairs); i += 2 {
		id, err := pairs[i].bytes()
		if err != nil {
			return nil, err
		}
		value, err := pairs[i+1].bytes()
		if err != nil {
			return nil, err
		}
		all = append(all, marked{key, string(id), string(value)})
	}
	return all, nil
}

const parallel = 16 // commands under way in one List or Count

// each calls f for 0 to n-1, some at a time, and returns the first error.
func each(n int, f func(i int) error) error {
	var (
		mu    sync.Mutex
		next  int
		first error
		crew  sync.WaitGroup
	)
	take := func(err error) (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		if first == nil {
			first = err
		}
		next++
		return next - 1, first == nil && next <= n
	}
	for range min(parallel, n) {
		crew.Go(func() {
			for i, ok := take(nil); ok; i, ok = take(f(i)) {
			}
		})
	}
	crew.Wait()
	return first
}

package redisstore

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// appendScript adds an entry to the stream and removes expired ones from its old
// end. An entry has the fields x, its expiry, and e. One at the old end that outlives
// the new one is put behind it: it would keep all that expire before it.
var appendScript = newScript(luaKeep + `
redis.call('XADD', KEYS[1], '*', 'x', ARGV[2], 'e', ARGV[1])
local new, first, moved = tonumber(ARGV[2])
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 10)) do
	first = entry[1]
	local x = tonumber(entry[2][2])
	if not moved and new ~= 0 and (x == 0 or x > new) then
		redis.call('XADD', KEYS[1], '*', 'x', entry[2][2], 'e', entry[2][4])
		moved = true
	elseif x == 0 or x > now then
		break
	end
end
redis.call('XTRIM', KEYS[1], 'MINID', first)
keep(ttl, tonumber(ARGV[2]))
return 1
`)

func (s *Store) append(ctx context.Context, entry []byte, expires int64) error {
	_, err := s.run(ctx, appendScript, feedKey, string(entry), strconv.FormatInt(expires, 10))
	return err
}

// afterScript returns the run id of the server, the id of the last entry read,
// whether there may be more, and the live entries from an id on. Whoever comes from
// another run of a server starts again. The newest entry always stays in the stream,
// so if there is nothing from the id on, it is an id of another stream.
var afterScript = newScript(luaNow + `
local info = redis.pcall('INFO', 'server')
local run = type(info) == 'string' and string.match(info, 'run_id:(%x+)') or ''
local from, found = ARGV[2], {}
if from ~= '' and ARGV[1] == run then
	found = redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', ARGV[3])
end
if #found == 0 then
	from = ''
	found = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', ARGV[3])
end
local answer = {run, '', #found == tonumber(ARGV[3]) and 1 or 0}
for _, entry in ipairs(found) do
	answer[2] = entry[1]
	local x = entry[2][2]
	if entry[1] ~= from and (x == '0' or tonumber(x) > now) then
		answer[#answer + 1] = entry[2][4]
	end
end
return answer
`)

const page = 1000 // entries read by one script at most

// After returns the live entries behind a cursor, each at least once, and the next
// cursor; "" is the start.
//
// A cursor from before a restart or a failover reads from the start again, because
// the entries of the last moment may have been lost, and written again under ids
// that are lower. It is recognised by the run id of the server; where the server
// refuses INFO, the last minute is read again every time.
func (s *Store) After(ctx context.Context, cursor string) (entries [][]byte, next string, err error) {
	at := parseCursor(cursor)
	for more := true; more; {
		var found [][]byte
		found, at, more, err = s.page(ctx, at)
		if err != nil {
			return nil, "", failure(ctx, "feed", err)
		}
		entries = append(entries, found...)
	}
	return entries, at.String(), nil
}

// page returns the entries from a place on, and the place behind them.
func (s *Store) page(ctx context.Context, at place) (entries [][]byte, next place, more bool, err error) {
	answer, err := s.run(ctx, afterScript, feedKey, at.run, at.id, strconv.Itoa(page))
	if err != nil {
		return nil, place{}, false, err
	}
	parts, err := answer.list(3)
	if err != nil {
		return nil, place{}, false, err
	}
	texts := make([][]byte, len(parts))
	for i, p := range parts {
		if i == 2 {
			continue
		}
		if texts[i], err = p.bytes(); err != nil {
			return nil, place{}, false, err
		}
	}
	full, err := parts[2].number()
	return texts[3:], place{string(texts[0]), string(texts[1])}, full == 1, err
}

// place is where a reader is in the stream: behind the entry of that id.
type place struct{ run, id string }

func (p place) String() string { return p.run + "/" + p.id }

// parseCursor returns the place of a cursor, or the start if it is none. Without the
// run id of the server, it is a minute before.
func parseCursor(cursor string) place {
	run, id, _ := strings.Cut(cursor, "/")
	millis, number, _ := strings.Cut(id, "-")
	ms, err := strconv.ParseUint(millis, 10, 64)
	if _, errNumber := strconv.ParseUint(number, 10, 64); err != nil || errNumber != nil {
		return place{}
	}
	if run == "" {
		return place{"", fmt.Sprintf("%d-0", max(ms, 60_000)-60_000)}
	}
	return place{run, id}
}

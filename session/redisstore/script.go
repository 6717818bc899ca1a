package redisstore

import (
	"context"
	"crypto/fips140"
	"crypto/sha1"
	"encoding/hex"
	"strings"
)

// script is a Lua script on one key. Redis runs it in one atomic step.
type script struct{ text, name string }

// Shared beginnings of scripts. All keys but records hold more than one thing, and
// keep makes such a key live a minute longer than the thing that expires at x.
const (
	luaNow = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
`
	luaKeep = luaNow + `
local function keep(ttl, x)
	if x == 0 then
		redis.call('PERSIST', KEYS[1])
	elseif ttl ~= -1 and now + ttl < math.max(x, now) + 60000 then
		redis.call('PEXPIREAT', KEYS[1], string.format('%d', math.max(x, now) + 60000))
	end
end
local ttl = redis.call('PTTL', KEYS[1])
`
)

// newScript returns the script of a text. Its name at the server is its SHA-1, which
// protects nothing here.
func newScript(text string) script {
	var sum [sha1.Size]byte
	fips140.WithoutEnforcement(func() { sum = sha1.Sum([]byte(text)) })
	return script{text, hex.EncodeToString(sum[:])}
}

// run runs a script by its name, or by its text if the server does not know it. No
// script answers nil, which clients would turn into errors of their own.
func (s *Store) run(ctx context.Context, sc script, key string, args ...string) (reply, error) {
	if err := ctx.Err(); err != nil {
		return reply{}, err
	}
	command := append(make([]any, 0, len(args)+4), "EVALSHA", sc.name, "1", key)
	for _, a := range args {
		command = append(command, a)
	}
	answer, err := s.do(ctx, command...)
	if err != nil && strings.Contains(err.Error(), "NOSCRIPT") {
		command[0], command[1] = "EVAL", sc.text
		answer, err = s.do(ctx, command...)
	}
	return reply{answer}, err
}

// Package redisstore keeps sessions in Redis 6.2 or later, or in Valkey, through any
// client. It is tested with Redis 7.0, and uses no command that the others lack.
//
//	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"}) // go-redis
//	store := redisstore.New(func(ctx context.Context, args ...any) (any, error) {
//		return rdb.Do(ctx, args...).Result()
//	})
//
// With redigo, and with rueidis:
//
//	func(ctx context.Context, args ...any) (any, error) {
//		c, err := pool.GetContext(ctx)
//		if err != nil {
//			return nil, err
//		}
//		defer c.Close()
//		return redis.DoContext(c, ctx, args[0].(string), args[1:]...)
//	}
//
//	func(ctx context.Context, args ...any) (any, error) {
//		cmd := client.B().Arbitrary()
//		for _, a := range args {
//			cmd = cmd.Args(a.(string))
//		}
//		return client.Do(ctx, cmd.Build()).ToAny()
//	}
//
// # What the server must be set to
//
// maxmemory-policy noeviction: any other throws sessions away when memory is
// short. With appendonly, a restart signs nobody out. After a failover the last
// writes may be missing; the package session copes with that.
//
// # What it keeps
//
// Each record is one key, sessionring:r:ID, which Redis expires by itself. Each
// group is one hash sessionring:g:GROUP of ids, and all ids with a label are spread
// over 256 hashes sessionring:n:NUMBER. The feed is one stream, sessionring:f.
// Every operation is a script on one of these keys, so the store works in a cluster.
//
// # How lists and counts stay right
//
// Records alone say what is live; the hashes say where to look. Before a swap
// changes group or label of a record, or the day of its expiry, or lets it expire
// earlier, its id is marked in the hashes. List reads every record of a group that it
// returns. Count reads the records that are marked; what it found there it writes
// into the hash in place of the mark, and counts from there next time, until the
// expiry that it found has come, or the record is marked again. So both are exact, and
// no crash between two keys makes a count wrong. What can is a key that vanishes by
// itself: evicted, deleted by hand, or lost with a mark when one server of a cluster
// fails over; it is right again once the record is marked again or has expired.
//
// # What it costs
//
// Get is one command, and so is the Swap of a refresh. A mark is one more, and two
// for a record that is given a group; a swap that turns out to need marks is sent
// again after them. So a new record with a label or a group costs one or two commands
// more, and a change that needs a mark, or the delete of what has a label, two or
// three more. Records without label and group are never marked. SwapAppend is one
// command more than Swap, and the first use of a script at a server one more. The
// label of a session is the keys that vouch for it, so its first refresh after a change
// of the keys is such a change: five commands with the Get, in place of two.
//
// Count runs 256 scripts, which read about a million labelled records in a second,
// and reads one by one what was marked in the last half minute, or has come to the
// expiry that was last read: call it once a minute, not once a request. A session of
// 300 bytes takes about 0.8 KiB of memory, with all its keys.
package redisstore

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Store keeps records and the feed in Redis. It satisfies session.Store,
// session.Index and session.Feed, and keyring.Store.
//
// The time of the store is that of the server. Errors carry what the client said,
// never data; after an error of Swap, only reading the record tells whether it was
// swapped. A client may repeat commands to which it got no answer: a swap that had
// won is told so, unless it was a delete, or others have swapped since.
//
// A Store is safe for concurrent use if the function given to New is, and so are
// any number of them on one server.
type Store struct {
	do func(ctx context.Context, args ...any) (any, error)
}

// New returns a store on the server that do sends commands to. The arguments of do
// are strings, the first being the name of the command, and its answer is a string
// or []byte, an int64, nil, or a []any of these.
//
// New sends nothing. It panics if do is nil.
func New(do func(ctx context.Context, args ...any) (any, error)) *Store {
	if do == nil {
		panic("redisstore: New needs a function")
	}
	return &Store{do: do}
}

// Get returns a live record and the server's time; an absent or expired record is
// nil data and no error.
func (s *Store) Get(ctx context.Context, id string) ([]byte, time.Time, error) {
	r, err := s.read(ctx, id)
	if err != nil {
		return nil, time.Time{}, failure(ctx, "get", err)
	}
	return r.data, r.now, nil
}

// Swap replaces the record by data if it still equals old, and reports whether it
// did. A nil old means absent or expired, a nil data deletes.
func (s *Store) Swap(ctx context.Context, id string, old, data []byte, group, label string, expires time.Time) (bool, error) {
	ok, err := s.swap(ctx, &change{id, old, data, meta{group, label, millis(expires)}})
	if err != nil {
		return false, failure(ctx, "swap", err)
	}
	return ok, nil
}

// SwapAppend is Swap, and then adds entry to the feed if it swapped. True and an
// error mean that the record was swapped and the entry may be missing; to append it
// again with old equal to data is safe.
func (s *Store) SwapAppend(ctx context.Context, id string, old, data []byte, group, label string, expires time.Time, entry []byte, entryExpires time.Time) (bool, error) {
	ok, err := s.Swap(ctx, id, old, data, group, label, expires)
	if !ok || err != nil {
		return false, err
	}
	if err := s.append(ctx, entry, millis(entryExpires)); err != nil {
		return true, failure(ctx, "append", err)
	}
	return true, nil
}

// failure describes err as what the package returns: an error of ctx is one of
// them, whatever the client made of it.
func failure(ctx context.Context, what string, err error) error {
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("redisstore: %s: %w: %w", what, cause, err)
	}
	return fmt.Errorf("redisstore: %s: %w", what, err)
}

package redisstore

import (
	"context"
	"sync"
)

var membersScript = newScript(`return redis.call('HGETALL', KEYS[1])`)

// List returns the live records of a group, by id. The group "" is no group. It
// reads each record that is or recently was in the group.
func (s *Store) List(ctx context.Context, group string) (map[string][]byte, error) {
	records, err := s.list(ctx, group)
	if err != nil {
		return nil, failure(ctx, "list", err)
	}
	return records, nil
}

func (s *Store) list(ctx context.Context, group string) (map[string][]byte, error) {
	members, err := s.members(ctx, groupKey+group)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	records := map[string][]byte{}
	err = each(len(members), func(i int) error {
		r, err := s.read(ctx, members[i].id)
		if err != nil {
			return err
		}
		if r.data == nil || r.group != group {
			return s.settle(ctx, members[i], r, "")
		}
		mu.Lock()
		defer mu.Unlock()
		records[members[i].id] = r.data
		return nil
	})
	return records, err
}

// members returns the ids of an index.
func (s *Store) members(ctx context.Context, key string) ([]marked, error) {
	answer, err := s.run(ctx, membersScript, key)
	if err != nil {
		return nil, err
	}
	pairs, err := answer.list(0)
	if err != nil {
		return nil, err
	}
	return markedIn(key, pairs)
}

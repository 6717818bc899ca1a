package session

import (
	"context"
	"fmt"
	"time"
)

// How long one call of the store may take: by then whoever waits for the answer is told
// that there is none, whether the driver has a limit of its own or not.
const (
	oneRecord  = 10 * time.Second
	allRecords = time.Minute // lists and counts
)

// limited is a Store that gives up what takes too long. Its feed has limits of its own.
type limited struct{ Store }

// limit runs a call of the store with a limit of time.
func limit[T any](ctx context.Context, d time.Duration, call func(context.Context) (T, error)) (T, error) {
	inner, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	got, err := call(inner)
	if err != nil && ctx.Err() == nil && inner.Err() != nil {
		err = fmt.Errorf("no answer in %v: %w", d, err)
	}
	return got, err
}

func (l limited) Get(ctx context.Context, id string) (data []byte, now time.Time, err error) {
	data, err = limit(ctx, oneRecord, func(ctx context.Context) (data []byte, err error) {
		data, now, err = l.Store.Get(ctx, id)
		return data, err
	})
	return data, now, err
}

func (l limited) Swap(ctx context.Context, id string, old, data []byte, group, label string, expires time.Time) (bool, error) {
	return limit(ctx, oneRecord, func(ctx context.Context) (bool, error) {
		return l.Store.Swap(ctx, id, old, data, group, label, expires)
	})
}

// swapAppend is SwapAppend where there is a feed, and Swap where there is none.
func (l limited) swapAppend(ctx context.Context, id string, old, data []byte, group, label string, expires time.Time, n notice) (bool, error) {
	feed, ok := l.Store.(Feed)
	if !ok {
		return l.Swap(ctx, id, old, data, group, label, expires)
	}
	return limit(ctx, oneRecord, func(ctx context.Context) (bool, error) {
		swapped, err := feed.SwapAppend(ctx, id, old, data, group, label, expires, n.encode(), time.Unix(n.Until, 0))
		return swapped && err == nil, err
	})
}

// limitedIndex is an Index that gives up what takes too long.
type limitedIndex struct{ index Index }

func (l limitedIndex) List(ctx context.Context, group string) (map[string][]byte, error) {
	return limit(ctx, allRecords, func(ctx context.Context) (map[string][]byte, error) { return l.index.List(ctx, group) })
}

func (l limitedIndex) Count(ctx context.Context) (map[string]int, error) {
	return limit(ctx, allRecords, l.index.Count)
}

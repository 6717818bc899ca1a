package sqlstore

import (
	"context"
	"sync/atomic"
	"time"
)

const (
	sweepBatch = 500              // rows deleted by one statement at most
	sweepEvery = 10 * time.Second // how often the tables are looked through
	sweepShare = 4                // of the time, sweeping takes one part at most while much has expired
)

// sweeper decides when expired rows are deleted. Its zero value is ready.
type sweeper struct {
	due atomic.Int64 // Unix nanoseconds
}

// sweep deletes a batch of expired rows if it is time. Whoever calls pays for one
// batch at most. An error is no error of the caller's operation, which is done: the
// rows stay, invisible, until a later sweep.
func (s *sweeper) sweep(ctx context.Context, db engine) {
	began := time.Now()
	due := s.due.Load()
	if began.UnixNano() < due || !s.due.CompareAndSwap(due, began.Add(sweepEvery).UnixNano()) {
		return
	}
	n, err := db.purge(ctx, sweepBatch)
	if err == nil && n >= sweepBatch {
		s.due.Store(began.Add(sweepShare * time.Since(began)).UnixNano())
	}
}

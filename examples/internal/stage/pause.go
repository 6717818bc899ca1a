package stage

import (
	"context"
	"time"
)

// Pause waits for d. If ctx ends before, it returns why.
func Pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

package main

import (
	"context"
	"runtime"
	"time"

	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/benchmarks/contender"
	"github.com/sessionring/sessionring/session/memstore"
)

// memoryResult is what an instance keeps in memory, in bytes for each.
type memoryResult struct {
	Sessions   int     // how many were ended
	Revocation float64 // in an instance that has learned of it (Cached)
}

// heap returns how many bytes are in use.
func heap() int64 {
	runtime.GC()
	runtime.GC() // what finalizers and pools have kept
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// measureMemory ends many sessions in one instance, and lets a new one learn of it. The
// store is in memory, and its own share is not counted: it is weighed with the others.
func measureMemory(ctx context.Context, o options) (memoryResult, error) {
	r := memoryResult{Sessions: 20_000}
	if o.short {
		r.Sessions = 500
	}
	keys, err := contender.NewKeys(3)
	if err != nil {
		return r, err
	}
	store := new(memstore.Store)
	cfg := func(cfg *session.Config) {
		cfg.Store, cfg.Revocation, cfg.RevocationLag = store, session.Cached, time.Hour
	}
	first, err := contender.Manager(keys, cfg)
	if err != nil {
		return r, err
	}
	token, err := endAll(ctx, first, r.Sessions)
	if err != nil {
		return r, err
	}
	second, err := contender.Manager(keys, cfg)
	if err != nil {
		return r, err
	}
	before := heap()
	if _, err := second.Verify(ctx, token); session.Reason(err) != "revoked" {
		return r, errLetIn
	}
	r.Revocation = float64(heap()-before) / float64(r.Sessions)
	runtime.KeepAlive(second)
	return r, nil
}

// endAll starts and ends so many sessions, and returns the access token of the last.
func endAll(ctx context.Context, m *session.Manager, n int) (last string, err error) {
	for range n {
		t, err := m.Issue(ctx, grant())
		if err != nil {
			return "", err
		}
		c, err := m.Verify(ctx, t.AccessToken)
		if err != nil {
			return "", err
		}
		if err := m.Revoke(ctx, c.Subject, c.SessionID); err != nil {
			return "", err
		}
		last = t.AccessToken
	}
	return last, nil
}

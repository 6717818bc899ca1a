package session

import (
	"context"
	mathrand "math/rand/v2"
	"sync"
	"time"
)

// Run keeps keys and revocations fresh until ctx ends, and then returns nil. What
// fails leaves in force what was, and is reported. With a Store it ends the sessions
// that could not be ended while that was down, tells the other instances every ten
// seconds which keys this one holds, and lets the keys of a shared keyring retire when
// SafeToDrop says that they may go. Once a minute it calls Hooks.Sampled,
// and every ten seconds it tells what has become of the keys, as Hooks.Key says, and
// judges what is an Alert.
//
// Without Run, revocations are read on demand, also those of Config.Revocations, by the
// request that needs them; those sessions go on, what the source of
// the keys brings is seen at the next Keyring.Reload, or when a token names a key that
// is not held, and the others know nothing of this instance.
func (m *Manager) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	if m.live.Load != nil && m.live.Interval > 0 {
		wg.Go(func() { every(ctx, m.live.Interval, m.reload) })
	}
	if m.follow.feed != nil && m.cfg.Revocation == Cached {
		wg.Go(func() { every(ctx, m.cfg.RevocationLag/2, m.pollFeed) })
	}
	wg.Go(func() { m.keepSampling(ctx) })
	wg.Go(func() { every(ctx, reportEvery, m.watch) })
	if m.cfg.Revocation != Cached {
		wg.Go(func() { every(ctx, time.Minute, m.forgetEnded) })
	}
	if m.cfg.Store != nil {
		wg.Go(func() { every(ctx, m.cfg.RevocationLag, m.repeatPending) })
		wg.Go(func() { m.keepReporting(ctx) })
	}
	<-ctx.Done()
	wg.Wait()
	return nil
}

// every calls f again and again, d apart, until ctx ends.
func every(ctx context.Context, d time.Duration, f func(context.Context)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(jitter(d)):
			f(ctx)
		}
	}
}

// pollFeed reads the feed of revocations. After an outage it writes again what
// this instance ended shortly before: a failover may have lost it.
func (m *Manager) pollFeed(ctx context.Context) {
	m.follow.poll(ctx, 0)
	if m.follow.outage.Swap(false) {
		m.repeat(ctx, true)
	}
}

// keepReporting tells the others of this instance, now and again until ctx ends, and
// then that it is gone.
func (m *Manager) keepReporting(ctx context.Context) {
	m.tellOthers(ctx)
	every(ctx, reportEvery, m.tellOthers)
	m.leave()
}

// sampleEvery is how often Hooks.Sampled is called.
const sampleEvery = time.Minute

// keepSampling samples now and again until ctx ends, and then what came since.
func (m *Manager) keepSampling(ctx context.Context) {
	every(ctx, sampleEvery, m.sample)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	m.sample(last)
}

// tellOthers reports, and logs why that cannot be.
func (m *Manager) tellOthers(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, reportEvery)
	defer cancel()
	err := m.report(limited)
	if err == nil {
		m.reporter.failed.Store(0)
	} else if ctx.Err() == nil {
		m.reporter.failed.Add(1)
		m.cfg.Logger.WarnContext(ctx, "instance not reported", "error", err)
	}
}

// repeatPending ends the sessions that could not be ended because the store was down,
// and again those of which it has lost the end.
func (m *Manager) repeatPending(ctx context.Context) { m.repeat(ctx, m.wentBack(ctx)) }

// forgetEnded forgets the sessions of which no token can be about, where no reading of
// the feed does.
func (m *Manager) forgetEnded(context.Context) { m.follow.set.sweep(time.Now()) }

// jitter returns d, or up to a fifth less, so that instances that started together
// do not poll together, and what is promised within d comes within d.
func jitter(d time.Duration) time.Duration {
	return d - time.Duration(mathrand.Float64()*0.2*float64(d))
}

// reload loads the keys again and reports what came of it. A source that hangs is
// given up after one interval: else nobody would hear of it, nor of new keys.
func (m *Manager) reload(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, m.live.Interval)
	defer cancel()
	_, err := m.live.Reload(limited)
	if err != nil && ctx.Err() == nil {
		m.cfg.Logger.ErrorContext(ctx, "keyring reload failed", "error", err)
		m.emit(ctx, hookKey, Event{Name: "keyring reload failed", Err: err, Reason: "unavailable"})
	}
	m.noticeKeys(ctx)
}

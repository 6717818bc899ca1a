package session

import (
	"context"
	"sync/atomic"
)

// Hooks is a set of functions to call; any may be nil, and all must be safe for
// concurrent use. They run on the goroutine of the request, or of Run, and should
// return soon. Adding a hook breaks no one.
type Hooks struct {
	// Checked: an access token was checked, with what result.
	Checked func(context.Context, Event)
	// SignedIn: a session began. Refreshed: it got new tokens, or, with Err set,
	// was refused them.
	SignedIn, Refreshed func(context.Context, Event)
	// Revoked: a session ended, by sign-out or otherwise.
	Revoked func(context.Context, Event)
	// Reused: a used refresh token came back; it was probably stolen.
	Reused func(context.Context, Event)
	// Key: something an operator should hear of the keys. By name:
	//
	//	keyring reloaded       its keys are others than before; Tag is that of the one
	//	                       that signs now
	//	keyring reload failed  those in force stay; Err says why
	//	key activated          it signs from now on: after a rotation, or because its time
	//	                       has come
	//	key revoked            it vouches for nothing any more
	//	key dropped            it is gone, or the secret of a revoked one
	//	key retired            no token needs it any more
	//	alert                  an Alert began; Cause is its name, Err its text
	//	alert over             it ended; Cause is its name
	//	sole key token         only an old key vouches for a token that was issued more
	//	                       than a day after its successor joined: an instance was
	//	                       forgotten, or somebody has the key
	//	signer mismatch        the signatures of a token disagree, and
	//	refresh token forged   a session did not issue a token that is well signed: a
	//	                       key is in wrong hands
	//
	// Tag is that of the key concerned. A Manager tells of the keys that it holds, each
	// change once, whoever made it: Run within ten seconds, whoever loaded them. What is
	// there when New makes it is no change, and a change that is undone before it is seen
	// is none. The log has a line of the same name, with the version and the kid of the
	// key; who gave the order, package health/dashboard logs under another name.
	Key func(context.Context, Event)
	// Sampled: what Stats says, once a minute from Run and once more when that ends.
	// Sessions is the last count that an instance has made for all, at most a few
	// minutes old, and nil before the first; what the store cannot tell is missing.
	Sampled func(context.Context, Stats)
}

// Event is one thing that happened to a token, a session or a key. It never holds
// a token or a secret, and nothing of a token that no key vouches for.
type Event struct {
	Name                    string // the log message, such as "session revoked" or "key activated"
	Subject, SessionID, Tag string
	Previous                bool
	Cause                   string // of a refresh with a store: same, extend, choose, sibling or adopt; of an end: why; of an alert: its name
	Reason                  string // Reason(Err)
	Err                     error
}

// hookList is the hooks of a Manager, read without locks.
type hookList struct {
	list    atomic.Pointer[[]Hooks]
	checked atomic.Pointer[[]func(context.Context, Event)] // those of them; a check is all there is to see most of the time
}

// Observe adds hooks, from now on. It is safe for concurrent use.
func (m *Manager) Observe(h Hooks) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []Hooks
	if old := m.hooks.list.Load(); old != nil {
		list = append(list, *old...)
	}
	list = append(list, h)
	m.hooks.list.Store(&list)
	if h.Checked == nil {
		return
	}
	var checked []func(context.Context, Event)
	if old := m.hooks.checked.Load(); old != nil {
		checked = append(checked, *old...)
	}
	checked = append(checked, h.Checked)
	m.hooks.checked.Store(&checked)
}

// Selectors of one hook of a set.
func hookSignedIn(h *Hooks) func(context.Context, Event)  { return h.SignedIn }
func hookRefreshed(h *Hooks) func(context.Context, Event) { return h.Refreshed }
func hookRevoked(h *Hooks) func(context.Context, Event)   { return h.Revoked }
func hookReused(h *Hooks) func(context.Context, Event)    { return h.Reused }
func hookKey(h *Hooks) func(context.Context, Event)       { return h.Key }

// emit calls one hook of every set.
func (m *Manager) emit(ctx context.Context, which func(*Hooks) func(context.Context, Event), e Event) {
	list := m.hooks.list.Load()
	if list == nil {
		return
	}
	for i := range *list {
		if f := which(&(*list)[i]); f != nil {
			f(ctx, e)
		}
	}
}

// sample calls Sampled of every set, if there is one.
func (m *Manager) sample(ctx context.Context) {
	var listeners []func(context.Context, Stats)
	if list := m.hooks.list.Load(); list != nil {
		for _, h := range *list {
			if h.Sampled != nil {
				listeners = append(listeners, h.Sampled)
			}
		}
	}
	if listeners == nil {
		return
	}
	stats, err := m.stats(ctx, m.count)
	if err != nil {
		m.cfg.Logger.WarnContext(ctx, "sample incomplete", "error", err)
	}
	for _, f := range listeners {
		f(ctx, stats)
	}
}

// event returns the event of a name about c, which may be nil, and err.
func event(name string, c *Claims, err error) Event {
	e := Event{Name: name, Reason: Reason(err), Err: err}
	if c != nil {
		e.Subject, e.SessionID, e.Tag, e.Previous = c.Subject, c.SessionID, c.Tag, c.Previous
	}
	return e
}

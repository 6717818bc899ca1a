package session

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"sync/atomic"
	"time"
)

// ServeRevocations answers GET and HEAD with the sessions that have ended and of which
// tokens may still be about, for services that verify without the store of this one.
// They have it at Config.Revocations.URL. In the query, after says where the last
// answer left off; a place that the store does not know, because it is another one or
// was restarted, is the start, so what any instance on one store answers can be
// followed at any other. An answer is JSON of a megabyte or so at most, with an ETag.
//
// It is closed: without Config.Revocations.Secret, or a Store with a feed, it is 404,
// and to requests that do not carry one of the secrets as a Bearer token it is 401. It
// is 503 while the store cannot tell. A handler around it can ask for more, such as a
// client certificate.
//
// What it tells are session ids, times of expiry and the time of RevokeBefore. An id
// is no credential: nothing can be asked, refreshed or ended with it alone. It is safe
// for concurrent use.
func (m *Manager) ServeRevocations(w http.ResponseWriter, r *http.Request) {
	private(w.Header())
	if m.serves == nil {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		writeError(w, http.StatusMethodNotAllowed, "invalid")
		return
	}
	if err := m.serves.admits(r); err != nil {
		m.strange(w, r, err)
		return
	}
	p, err := m.serves.page(r.Context(), r.URL.Query().Get("after"))
	if err != nil {
		w.Header().Set("Retry-After", "1")
		writeError(w, http.StatusServiceUnavailable, Reason(err))
		return
	}
	data := p.encode()
	sum := sha256.Sum256(data)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("ETag", `"`+base64.RawURLEncoding.EncodeToString(sum[:12])+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

// strange refuses a request for the feed without a secret of ours.
func (m *Manager) strange(w http.ResponseWriter, r *http.Request, err error) {
	if err != ErrNoToken && m.strangeLog.pass(time.Now()) {
		m.cfg.Logger.WarnContext(r.Context(), "revocation feed refused: not a secret of Config.Revocations")
	}
	challenge(w.Header(), err)
	writeError(w, http.StatusUnauthorized, Reason(err))
}

// How long readings of the feed last.
const (
	feedAsk  = 15 * time.Second // asking the store for what is new
	feedAll  = time.Minute      // asking it for everything
	feedFor  = 10 * time.Second // a long one serves those who start together
	feedKept = time.Minute      // and those who are on the way through it
)

// maxNews is how many readings of what is new there are at once.
const maxNews = 4

// feedServer answers from the feed of the store.
type feedServer struct {
	feed    Feed
	secrets accepted
	size    int                     // of a page, in bytes of its entries
	all     chan struct{}           // holds a value while all is read
	news    chan struct{}           // holds a value for each reading of what is new
	long    atomic.Pointer[reading] // the last one of more than a page, for a while
}

func newFeedServer(feed Feed, f RevocationFeed) *feedServer {
	return &feedServer{feed: feed, secrets: acceptedOf(f), size: pageSize, all: make(chan struct{}, 1), news: make(chan struct{}, maxNews)}
}

// admits returns why r may not have the feed, nil if it comes with a secret of ours.
func (s *feedServer) admits(r *http.Request) error {
	secret, present, err := bearer(r)
	switch {
	case !present:
		return ErrNoToken
	case err == nil && !s.secrets.has(secret):
		return ErrInvalid
	}
	return err
}

// reading is what the store said behind a cursor.
type reading struct {
	behind, next []byte
	entries      []json.RawMessage // in order, each once
	began        time.Time
}

// page returns the page at a place. The pages of one reading are in the order of their
// bytes, so that a page that is asked of another instance, which has to read again, goes
// on where the last one ended. What that one finds beyond the first reading comes again
// behind the cursor of the first. So the last of several pages leads on at once, unless
// the store gave the same cursor again, as one does that cannot tell yet what comes
// before what: it would lead in a circle, and the next reading has it all.
func (s *feedServer) page(ctx context.Context, after string) (page, error) {
	at := parsePlace(after)
	r, err := s.read(ctx, at)
	if err != nil {
		return page{}, err
	}
	next := r.next
	rest := r.entries
	if at.Last != nil {
		next = at.Next
		i, found := slices.BinarySearchFunc(rest, at.Last, func(e json.RawMessage, last []byte) int { return bytes.Compare(e, last) })
		if found {
			i++
		}
		rest = rest[i:]
	}
	if n := fitting(rest, s.size); n < len(rest) {
		return page{rest[:n], place{at.Cursor, rest[n-1], next}.String(), true}, nil
	}
	if len(r.entries) == 0 && at.Cursor != nil { // the same place, so that the answer is the same next time
		next = at.Cursor
	}
	return page{rest, place{Cursor: next}.String(), at.Last != nil && !bytes.Equal(next, at.Cursor)}, nil
}

// fitting returns how many of the entries go into a page of so many bytes.
func fitting(entries []json.RawMessage, size int) int {
	for i, e := range entries {
		if size -= len(e) + 1; size < 0 && i > 0 {
			return i
		}
	}
	return len(entries)
}

// read returns the reading for a place. A long one comes from memory where it can: for
// its pages, for all who start together, and for all who come from a store that was
// restarted. So many at once cost little more than one.
func (s *feedServer) read(ctx context.Context, at place) (*reading, error) {
	turn, asking, limit := s.news, ctx, feedAsk
	if at.Cursor == nil || at.Last != nil {
		turn, asking, limit = s.all, context.WithoutCancel(ctx), feedAll // others wait for it
	}
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
	case <-ctx.Done():
		return nil, unavailable(ctx.Err())
	}
	if r := s.long.Load(); r != nil && r.fits(at) {
		return r, nil
	}
	return s.ask(asking, at.Cursor, limit)
}

// fits reports whether the place at can be served from r. In the midst of a reading
// that must be the very one: one that is older may lack what that had, and whoever went
// on behind that would miss it. One that leads nowhere is for its own pages alone: nobody
// reads behind it what it lacks.
func (r *reading) fits(at place) bool {
	if !bytes.Equal(r.behind, at.Cursor) {
		return false
	}
	if at.Last != nil {
		return bytes.Equal(r.next, at.Next)
	}
	return time.Since(r.began) < feedFor && !bytes.Equal(r.next, r.behind)
}

// ask reads the feed of the store behind a cursor. What is no notice is left out, as
// those who read the store itself do.
func (s *feedServer) ask(ctx context.Context, cursor []byte, limit time.Duration) (*reading, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	r := &reading{behind: cursor, began: time.Now()}
	entries, next, err := s.feed.After(ctx, string(cursor))
	if err != nil {
		return nil, unavailable(err)
	}
	r.next = []byte(next)
	for _, e := range entries {
		if _, ok := decodeNotice(e); ok {
			r.entries = append(r.entries, e)
		}
	}
	slices.SortFunc(r.entries, func(a, b json.RawMessage) int { return bytes.Compare(a, b) })
	r.entries = slices.CompactFunc(r.entries, func(a, b json.RawMessage) bool { return bytes.Equal(a, b) })
	if fitting(r.entries, s.size) < len(r.entries) {
		s.long.Store(r)
		time.AfterFunc(feedKept, func() { s.long.CompareAndSwap(r, nil) })
	}
	return r, nil
}

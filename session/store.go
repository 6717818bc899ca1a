package session

import (
	"context"
	"time"
)

// Store keeps small records that change only by compare-and-swap, so that two
// instances never both win. A store is safe for concurrent use. Ids, groups and labels
// are UTF-8 without NUL.
//
// Time is the store's, wherever it has a clock of its own: whether a record has
// expired, and the time that Get returns. A record whose expires is the zero time
// never expires.
//
// A Manager ends the context of a call of Get, Swap or SwapAppend after ten seconds, and
// of List or Count after a minute: a store must not go on for longer, since a request
// waits for it, and then gets 503.
type Store interface {
	// Get returns a live record and the store's time; an absent or expired record
	// is nil data and no error.
	Get(ctx context.Context, id string) (data []byte, now time.Time, err error)
	// Swap replaces the record by data if it still equals old, in one atomic step,
	// and reports whether it did. A nil old means absent (or expired), a nil data
	// deletes; deleting what is absent (both nil) does nothing and reports true.
	// Group and label are for List and Count. Nearly all swaps are refreshes, which
	// change data, move expires on, and leave the others as they are.
	Swap(ctx context.Context, id string, old, data []byte, group, label string, expires time.Time) (bool, error)
}

// Index is what a Store may add: lists of sessions, ending all sessions of a
// subject, and counts by key need it.
type Index interface {
	// List returns the live records of a group, by id. "" is no group.
	List(ctx context.Context, group string) (map[string][]byte, error)
	// Count returns how many live records have each label; "" is left out.
	Count(ctx context.Context) (map[string]int, error)
}

// Feed is what a Store may add: Cached revocation needs it.
type Feed interface {
	// SwapAppend is Swap, and adds an entry for all instances to see if it swapped:
	// one operation where the store can, else the record first, then the entry. If
	// it reports true and an error, the record was swapped and the entry is missing;
	// to append it again with the record as it is now (old equal to data) is safe.
	SwapAppend(ctx context.Context, id string, old, data []byte, group, label string, expires time.Time, entry []byte, entryExpires time.Time) (bool, error)
	// After returns the live entries behind a cursor, each at least once, and the
	// next cursor; "" is the start. A cursor that the store does not know, because
	// it was restored or emptied, reads from the start again. Nor does it know those
	// of another store, which with Config.Revocations do come: count from a random
	// number on, or name the store in them.
	After(ctx context.Context, cursor string) (entries [][]byte, next string, err error)
}

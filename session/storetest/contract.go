package storetest

// The sentences of the contract that tests are about, as session/store.go has them.
const (
	small     = "Store keeps small records that change only by compare-and-swap, so that two instances never both win."
	safe      = "A store is safe for concurrent use."
	clock     = "Time is the store's, wherever it has a clock of its own: whether a record has expired, and the time that Get returns."
	never     = "A record whose expires is the zero time never expires."
	live      = "Get returns a live record and the store's time; an absent or expired record is nil data and no error."
	equal     = "Swap replaces the record by data if it still equals old, in one atomic step, and reports whether it did."
	nilOld    = "A nil old means absent (or expired), a nil data deletes; deleting what is absent (both nil) does nothing and reports true."
	listing   = "List returns the live records of a group, by id."
	counting  = `Count returns how many live records have each label; "" is left out.`
	appending = "SwapAppend is Swap, and adds an entry for all instances to see if it swapped"
	again     = "to append it again with the record as it is now (old equal to data) is safe."
	behind    = `After returns the live entries behind a cursor, each at least once, and the next cursor; "" is the start.`
	unknown   = "A cursor that the store does not know, because it was restored or emptied, reads from the start again."
)

// Not in the comments of the interface, but in those of package context and in
// what every caller takes for granted.
const (
	canceled = "A cancelled context is an error, promptly, and leaves the record whole."
	owned    = "Slices handed in and out are copied: changing them changes no record."
)

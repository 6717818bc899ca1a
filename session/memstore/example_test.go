package memstore_test

import (
	"context"
	"fmt"
	"time"

	"github.com/sessionring/sessionring/session/memstore"
)

// Two readers of the same record try to replace it: one of them wins.
func ExampleStore() {
	ctx := context.Background()
	var store memstore.Store
	expires := time.Now().Add(time.Hour)

	created, _ := store.Swap(ctx, "session", nil, []byte("generation 1"), "alice", "v1", expires)
	record, _, _ := store.Get(ctx, "session")
	first, _ := store.Swap(ctx, "session", record, []byte("generation 2"), "alice", "v1", expires)
	second, _ := store.Swap(ctx, "session", record, []byte("generation 2'"), "alice", "v1", expires)

	record, _, _ = store.Get(ctx, "session")
	fmt.Println(created, first, second, string(record))
	// Output: true true false generation 2
}

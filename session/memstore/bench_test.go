package memstore_test

import (
	"bytes"
	"strconv"
	"testing"
	"time"

	"github.com/sessionring/sessionring/session/memstore"
)

// BenchmarkRefresh is a Get and a Swap, among 100,000 records of 300 bytes.
func BenchmarkRefresh(b *testing.B) {
	const records = 100_000
	var s memstore.Store
	expires := func() time.Time { return time.Now().Add(time.Hour) }
	a, c := bytes.Repeat([]byte("a"), 300), bytes.Repeat([]byte("c"), 300)
	for i := range records {
		s.Swap(b.Context(), strconv.Itoa(i), nil, a, "g"+strconv.Itoa(i), "l", expires())
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		id := strconv.Itoa(i % records)
		old, _, _ := s.Get(b.Context(), id)
		data := a
		if bytes.Equal(old, a) {
			data = c
		}
		if ok, err := s.Swap(b.Context(), id, old, data, "g"+id, "l", expires()); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

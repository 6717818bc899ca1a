package memstore_test

import (
	"testing"

	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
	"github.com/sessionring/sessionring/session/storetest"
)

var (
	_ session.Store = (*memstore.Store)(nil)
	_ session.Index = (*memstore.Store)(nil)
	_ session.Feed  = (*memstore.Store)(nil)
)

func TestContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) session.Store { return new(memstore.Store) })
}

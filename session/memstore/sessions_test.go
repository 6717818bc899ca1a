package memstore_test

import (
	"testing"

	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
	"github.com/sessionring/sessionring/session/storetest"
)

func TestSessions(t *testing.T) {
	storetest.RunSessions(t, func(*testing.T) session.Store { return new(memstore.Store) })
}

package drivers_test

import (
	"os"
	"testing"

	"github.com/redis/go-redis/v9/logging"
)

// TestMain keeps the Redis client from logging every server that a test stops.
func TestMain(m *testing.M) {
	logging.Disable()
	os.Exit(m.Run())
}

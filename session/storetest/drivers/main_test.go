package drivers_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/redis/go-redis/v9/logging"
)

// TestMain keeps the Redis client from logging every server that a test stops. It is
// also that of the instances that tests start.
func TestMain(m *testing.M) {
	logging.Disable()
	if os.Getenv("INSTANCE_DRIVER") != "" {
		if err := beInstance(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

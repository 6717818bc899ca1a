package drivers_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/sessionring/sessionring/session/storetest/drivers"
)

// verdict is a test that notes why it failed.
type verdict struct {
	testing.TB
	fatal string
}

func (v *verdict) Fatalf(format string, args ...any) {
	v.fatal = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// TestEndsAtOnce starts a server that ends before it answers: that is noticed, and the
// failure says what the server said.
func TestEndsAtOnce(t *testing.T) {
	t.Setenv("SESSIONRING_TEST_REDIS", "") // the server is one of our own
	v, began := &verdict{TB: t}, time.Now()
	done := make(chan struct{})
	go func() {
		defer close(done)
		drivers.StartRedis(v, "--no-such-setting", "1")
	}()
	<-done
	if t.Skipped() {
		return
	}
	if !strings.Contains(v.fatal, "ended before it answered") || !strings.Contains(v.fatal, "no-such-setting") || time.Since(began) > 20*time.Second {
		t.Errorf("after %v: got %q, want what the server printed", time.Since(began), v.fatal)
	}
}

// TestNewDatabase takes databases of a server that has two to give away: none is given
// away twice, and what a test leaves in one the next does not find.
func TestNewDatabase(t *testing.T) {
	t.Setenv("SESSIONRING_TEST_REDIS", "") // the server is one of our own
	dsn, _ := drivers.StartRedis(t, "--databases", "3")
	kept := drivers.NewDatabase(t, dsn)
	for range 3 {
		t.Run("used", func(t *testing.T) {
			mine := drivers.NewDatabase(t, dsn)
			client, _ := drivers.OpenRedis(t, mine)
			if left := client.Keys(t.Context(), "*").Val(); mine == kept || mine == dsn || len(left) != 0 {
				t.Errorf("got %s with %q, want an empty database that is neither %s nor %s", mine, left, dsn, kept)
			}
			if err := client.Set(t.Context(), "sessionring:left", "x", 0).Err(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

package metrics

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// A tag that was forgotten and comes back is counted where it is shown.
func TestTagComesBack(t *testing.T) {
	t.Parallel()
	var tags tags
	for i := range maxTags + 1 {
		tags.add(strconv.Itoa(i), false)
	}
	last := strconv.Itoa(maxTags - 1)
	tags.add(last, false)
	tags.keep(nil)
	tags.add(last, false)
	if shown := tags.now.Load().byTag; shown[last] == nil || shown[last].current.Load() != 1 || shown[other].current.Load() != 1 {
		t.Errorf("got the counts of %d tags, want one of %s anew and one of others", len(shown), last)
	}
}

// When a tag was last used is known to the second, however long it is in use.
func TestTagLastUsed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var tags tags
		for range 3 {
			tags.add("v1", false)
			if got := tags.of("v1").last.Load(); got != time.Now().Unix() {
				t.Errorf("got last used at %d, want %d", got, time.Now().Unix())
			}
			time.Sleep(1500 * time.Millisecond)
		}
	})
}

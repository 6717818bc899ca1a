package health

import (
	"fmt"
	"sync/atomic"
	"time"
)

// Where the alert health_failures begins.
const (
	failuresOver = 10 // per cent of the verdicts
	failuresOf   = 20 // verdicts at least
	failuresIn   = 5 * time.Minute
)

// failures judges the verdicts of five minutes after the other.
type failures struct {
	counts map[string]*atomic.Int64
	since  time.Time // when these five minutes began; zero: nobody has looked yet
	failed int64     // failures and verdicts before them
	all    int64
	text   string // what came of the last five minutes
}

// judge returns what is the matter, "" if nothing is. Tokens that have expired, or that
// nobody has, are no failures.
func (f *failures) judge(now time.Time) string {
	if now.Sub(f.since) < failuresIn {
		return f.text
	}
	var failed, all int64
	for status, n := range f.counts {
		all += n.Load()
		switch status {
		case "revoked", "invalid", "unknown_key", "unavailable":
			failed += n.Load()
		}
	}
	bad, of := failed-f.failed, all-f.all
	f.text = ""
	if !f.since.IsZero() && of >= failuresOf && bad*100 > of*failuresOver { // a start is not judged
		f.text = fmt.Sprintf("%d of %d health answers in five minutes were failures: look at the verdicts, and at the reasons of refusals", bad, of)
	}
	f.since, f.failed, f.all = now, failed, all
	return f.text
}

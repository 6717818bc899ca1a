package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/sessionring/sessionring/internal/fetch"
)

// Bounds of reading from another service.
const (
	maxPages  = 100              // at a time; what is left comes the next time
	leastWait = 2 * time.Second  // for an answer
	longWait  = 15 * time.Second // for one after another that did not come in time
	feedIdle  = 2 * time.Minute  // for a connection
	maxETag   = 256
)

// distant is the feed of ended sessions at another service. It is read by one at a
// time: the follower.
type distant struct {
	source  *fetch.Source
	secrets func() []string // so that no printer finds them
	wait    time.Duration   // for an answer

	turn   int    // the secret that was accepted last
	late   bool   // the last answer did not come in time
	behind string // the cursor that was asked for last
	came   string // how far the pages behind it came
	tag    string // ETag of the last answer
	tagged string // and the place that it was for
}

// newDistant returns the feed of f, which has been checked, by way of a transport.
func newDistant(f RevocationFeed, wait time.Duration, by http.RoundTripper) *distant {
	source, err := fetch.New(f.URL, by)
	if err != nil {
		panic("session: " + err.Error())
	}
	secrets := f.secrets()
	return &distant{source: source, secrets: func() []string { return secrets }, wait: wait}
}

// waitFor returns how long an answer is waited for: so that there is time for a second
// question before the view is too old to serve.
func waitFor(lag time.Duration) time.Duration { return max(2*lag, leastWait) }

// After is that of Feed. Beside an error there may be entries, which hold; the next
// call goes on behind them.
func (d *distant) After(ctx context.Context, cursor string) (entries [][]byte, next string, err error) {
	if cursor != d.behind {
		d.behind, d.came = cursor, cursor
	}
	for range maxPages {
		p, err := d.page(ctx, d.came)
		if err != nil {
			return entries, "", fmt.Errorf("session: revocation feed: %w", err)
		}
		for _, e := range p.Entries {
			entries = append(entries, e)
		}
		if p.More && p.After == d.came {
			return entries, "", fmt.Errorf("session: revocation feed: %s leads nowhere", d.source.Name)
		}
		d.came = p.After
		if !p.More {
			return entries, p.After, nil
		}
	}
	return entries, "", fmt.Errorf("session: revocation feed: %s has more, which is read next time", d.source.Name)
}

// page asks for one page, with each secret until one is accepted. A question after one
// that was not answered in time has longer: that one may have gone to a service that is
// gone, and this one goes elsewhere, or to one that has much to read.
func (d *distant) page(ctx context.Context, after string) (page, error) {
	wait := d.wait
	if d.late {
		wait = max(wait, longWait)
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	secrets := d.secrets()
	for range secrets {
		a, err := d.ask(ctx, after, secrets[d.turn])
		d.late = errors.Is(err, context.DeadlineExceeded)
		if err != nil {
			return page{}, err
		}
		if a.Status != http.StatusUnauthorized {
			return d.judge(a, after)
		}
		d.turn = (d.turn + 1) % len(secrets)
	}
	return page{}, fmt.Errorf("%s refuses Config.Revocations.Secret: give both services the same", d.source.Name)
}

// ask asks once.
func (d *distant) ask(ctx context.Context, after, secret string) (*fetch.Answer, error) {
	h := http.Header{"Accept": {"application/json"}, "Authorization": {"Bearer " + secret}}
	if d.tag != "" && after == d.tagged {
		h.Set("If-None-Match", d.tag)
	}
	query := url.Values{}
	if after != "" {
		query.Set("after", after)
	}
	return d.source.Get(ctx, query, h, maxPage)
}

// judge returns the page of an answer.
func (d *distant) judge(a *fetch.Answer, after string) (page, error) {
	switch {
	case a.Status == http.StatusNotModified && d.tag != "" && after == d.tagged:
		return page{After: after}, nil
	case a.Status == http.StatusNotFound:
		return page{}, fmt.Errorf("%s answered with status 404: give the address of ServeRevocations, and Config.Revocations.Secret to the service there", d.source.Name)
	case a.Status != http.StatusOK:
		return page{}, fmt.Errorf("%s answered with status %d", d.source.Name, a.Status)
	}
	p, err := decodePage(a.Body)
	if err != nil {
		return page{}, fmt.Errorf("%s %w", d.source.Name, err)
	}
	d.tag, d.tagged = a.Header.Get("ETag"), after
	if len(d.tag) > maxETag {
		d.tag = ""
	}
	return p, nil
}

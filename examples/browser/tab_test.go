package browser_test

import (
	"testing"
	"time"
)

// tab is a page in a browser of its own.
type tab struct {
	*testing.T
	browser
}

// browser is what the tests need of one.
type browser interface {
	visit(url string) error
	reload() error
	press(keys string) error
	text(script string) (string, error)  // of an expression, whose promise is waited for
	jar(hosts ...string) ([]kept, error) // the cookies of these hosts
}

// kept is a cookie in a browser.
type kept struct {
	host, name, value, sameSite string
	partition                   string // " partitioned" if the browser says so
	httpOnly, secure            bool
}

func (b *tab) visit(url string)  { b.Helper(); b.must(b.browser.visit(url)) }
func (b *tab) reload()           { b.Helper(); b.must(b.browser.reload()) }
func (b *tab) press(keys string) { b.Helper(); b.must(b.browser.press(keys)) }

func (b *tab) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// text runs a script, waits for its promise, and returns its result as text.
func (b *tab) text(script string) string {
	b.Helper()
	got, err := b.try(script)
	b.must(err)
	return got
}

func (b *tab) try(script string) (string, error) {
	return b.browser.text("(async () => String(await (" + script + ")))()")
}

// wait waits until a script gives a text. While the page changes it may fail.
func (b *tab) wait(script, want string) {
	b.Helper()
	got, err := b.try(script)
	for end := time.Now().Add(patience); got != want; got, err = b.try(script) {
		if time.Now().After(end) {
			b.Fatalf("%s: got %q, %v, want %q", script, got, err, want)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// jar returns the cookies of these hosts that the browser has for the page.
func (b *tab) jar(hosts ...string) []kept {
	b.Helper()
	list, err := b.browser.jar(hosts...)
	b.must(err)
	return list
}

package browser_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/sessionring/sessionring/cookie"
	"github.com/sessionring/sessionring/health"
	"github.com/sessionring/sessionring/health/monitor"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// watched is a server of this process, whose page does nothing but run the monitor.
type watched struct {
	*testing.T
	*session.Manager
	url                         string
	checks, refreshes, signOuts atomic.Int64
	hang                        atomic.Bool // health gives no answer
}

// strictest is the content policy of the page. Whatever the monitor does, this allows.
const strictest = "default-src 'none'; script-src 'self'; connect-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'"

const pageOfMonitor = `<!doctype html><html lang="en"><title>page</title><script src="/page.js" type="module"></script>
<p>Signed in. <button>Save</button></p><input id="field" aria-label="Field"><a href="/other">Away</a></html>`

const scriptOfMonitor = `import { startMonitor } from "/monitor.js";
globalThis.prompts = globalThis.verdicts = 0;
globalThis.violations = [];
document.addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective));
globalThis.cameBack = 0;
addEventListener("pageshow", (event) => { cameBack += event.persisted; });
const interval = Number(new URLSearchParams(location.search).get("interval") ?? 300_000);
globalThis.monitor = startMonitor({ interval, onVerdict: () => { verdicts++; }, onPrompt: () => { prompts++; }, signIn: () => {} });
`

func watch(t *testing.T) *watched {
	t.Helper()
	key, err := keyring.NewKey("v1", []byte(newSecret()))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := keyring.New(key)
	if err != nil {
		t.Fatal(err)
	}
	policy, err := cookie.New(cookie.Config{InsecureLocal: true})
	if err != nil {
		t.Fatal(err)
	}
	w := &watched{T: t}
	w.Manager, err = session.New(session.Config{Keys: keys, Cookies: policy, Store: new(memstore.Store)})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(policy.Handler(w.routes()))
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

func (w *watched) routes() http.Handler {
	mux := http.NewServeMux()
	serve := func(path, kind, text string) {
		mux.HandleFunc("GET "+path, func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Type", kind)
			rw.Header().Set("Content-Security-Policy", strictest)
			io.WriteString(rw, text)
		})
	}
	serve("/{$}", "text/html", pageOfMonitor)
	serve("/other", "text/html", "<!doctype html><title>other</title>")
	serve("/page.js", "text/javascript", scriptOfMonitor)
	mux.Handle("/monitor.js", monitor.Handler())
	mux.HandleFunc("POST /api/auth/login", func(rw http.ResponseWriter, r *http.Request) {
		if err := w.SignIn(rw, r, session.Grant{Subject: "demo"}); err != nil {
			http.Error(rw, err.Error(), session.Status(err))
		}
	})
	counted := func(n *atomic.Int64, h http.HandlerFunc) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) { n.Add(1); h(rw, r) }
	}
	mux.HandleFunc("/api/auth/refresh", counted(&w.refreshes, w.HandleRefresh))
	mux.HandleFunc("/api/auth/logout", counted(&w.signOuts, w.HandleSignOut))
	asked := health.New(w.Manager)
	mux.HandleFunc("/api/auth/token-health", counted(&w.checks, func(rw http.ResponseWriter, r *http.Request) {
		for w.hang.Load() && r.Context().Err() == nil {
			time.Sleep(10 * time.Millisecond)
		}
		asked.ServeHTTP(rw, r)
	}))
	return mux
}

// tabs opens the page in so many tabs of one browser, and signs in by the first.
func (w *watched) tabs(n int, query string) []*tab {
	w.Helper()
	first := allowed.open(w.T)
	list := []*tab{first}
	for len(list) < n {
		list = append(list, first.another())
	}
	for _, b := range list {
		b.visit(w.url + query)
		b.wait("globalThis.monitor?.state", "out")
	}
	if got := first.text(`monitor.signIn(() => fetch("/api/auth/login", {method: "POST"})).then((r) => r.status)`); got != "200" {
		w.Fatalf("the sign-in answers %s", got)
	}
	for _, b := range list {
		b.wait("monitor.state + monitor.verdict.status", "inok")
	}
	return list
}

// during returns how many checks there are in a time.
func (w *watched) during(d time.Duration) int64 {
	before := w.checks.Load()
	time.Sleep(d)
	return w.checks.Load() - before
}

// within waits until a number of checks has been reached.
func (w *watched) within(n int64, d time.Duration) {
	w.Helper()
	for end := time.Now().Add(d); w.checks.Load() < n; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			w.Fatalf("got %d checks, want %d within %v", w.checks.Load(), n, d)
		}
	}
}

// leave goes to another page.
func (b *tab) leave() {
	b.Helper()
	b.text(`document.querySelector("a").click()`)
	b.wait("location.pathname", "/other")
}

// lifecycle freezes the page, or wakes it. Chromium does it a little later.
func (b *tab) lifecycle(state page.SetWebLifecycleStateState) {
	b.Helper()
	do(b, func(ctx context.Context, t *chromedp.Target) (cdp.Empty, error) {
		return cdp.Call(ctx, t, page.SetWebLifecycleState, page.SetWebLifecycleStateParams{State: state})
	})
}

// TestMonitorInTabs has three tabs with the locks, channels, freezing and back/forward
// cache of a real browser: one asks for all, one that stands still holds up no other,
// and a sign-out reaches every one, the one that was left too, without an echo.
func TestMonitorInTabs(t *testing.T) {
	t.Parallel()
	t.Run(allowed.name, func(t *testing.T) {
		w := watch(t)
		list := w.tabs(3, "")
		asking, other, away := list[0], list[1], list[2]
		before := w.checks.Load()
		w.hang.Store(true)
		asking.text("void monitor.check()")
		w.within(before+1, patience)
		asking.lifecycle("frozen")
		other.wait("navigator.locks.query().then(({held}) => held.length)", "0")
		w.hang.Store(false)
		if got := other.text("monitor.check().then((v) => v.status)"); got != "ok" || w.checks.Load() != before+2 {
			t.Errorf("beside a frozen tab got %q in %d checks, want ok in one", got, w.checks.Load()-before-1)
		}
		asking.lifecycle("active")
		away.text("globalThis.verdicts = 0")
		away.leave()
		away.text("void history.back()")
		away.wait("location.pathname + globalThis.cameBack", "/1")
		away.wait("globalThis.verdicts > 0", "true") // it has asked the others what it missed

		for _, b := range list {
			b.visit(w.url + "?interval=1000")
			b.wait("globalThis.monitor?.state", "in")
		}
		if got := w.during(4 * time.Second); got < 2 || got > 6 {
			t.Errorf("got %d checks of three tabs in four intervals, want one in each", got)
		}
		away.leave()
		if got := other.text("monitor.signOut().then((r) => r.status)"); got != "204" {
			t.Errorf("the sign-out answers %s", got)
		}
		away.text("void history.back()") // what it missed has put it out of the cache
		away.wait("location.pathname", "/")
		for _, b := range list {
			b.wait("globalThis.monitor?.state", "out")
		}
		if got := w.during(2 * time.Second); got != 0 {
			t.Errorf("got %d checks after the sign-out, want none", got)
		}
		for _, b := range list {
			if got := b.text("prompts + violations.join()"); got != "0" {
				t.Errorf("got prompts and violations %q, want none", got)
			}
		}
		if w.signOuts.Load() != 1 {
			t.Errorf("got %d sign-outs, want one", w.signOuts.Load())
		}
	})
}

// TestPromptIsModest ends a session below a half-filled form, on a page whose content
// policy is the strictest: the prompt has its looks, keeps the keyboard to itself, and
// gives it back where it was.
func TestPromptIsModest(t *testing.T) {
	t.Parallel()
	t.Run(allowed.name, func(t *testing.T) {
		w := watch(t)
		list := w.tabs(2, "?interval=2000")
		b := list[0]
		b.text(`document.documentElement.dir = "rtl"`)
		b.text(`document.getElementById("field").focus()`)
		b.press("half a word")
		if err := w.RevokeSubject(t.Context(), "demo"); err != nil {
			t.Fatal(err)
		}
		for _, b := range list {
			b.wait(dialogs, "Please sign in again")
		}
		w.wantLooks(b)
		for range 4 { // round and round, and never to the page
			b.press("\t")
			if got := b.text(`document.activeElement.closest("dialog, body").localName + document.activeElement.id`); strings.Contains(got, "field") {
				t.Errorf("Tab leads to %s, below the prompt", got)
			}
		}
		b.text(`document.querySelector("dialog").close()`)
		b.wait(`document.querySelectorAll("dialog").length`, "0")
		b.press("!")
		if got := b.text(`document.getElementById("field").value`); got != "half a word!" {
			t.Errorf("got %q in the field, want what was entered and the focus back", got)
		}
		for _, b := range list {
			if got := b.text("prompts + violations.join()"); got != "1" {
				t.Errorf("got prompts and violations %q, want one prompt", got)
			}
		}
	})
}

// wantLooks wants the prompt's own style, from right to left, and readable also where
// people have colours of their own.
func (w *watched) wantLooks(b *tab) {
	w.Helper()
	const style = `(() => {
		const dialog = document.querySelector("dialog"), [first, last] = dialog.querySelectorAll("button");
		const right = first.getBoundingClientRect().left > last.getBoundingClientRect().left;
		return [getComputedStyle(dialog).paddingTop, right, dialog.getAnimations({subtree: true}).length].join();
	})()`
	if got := b.text(style); got != "20px,true,0" {
		w.Errorf("got padding, order and animations %q, want 20px, from the right, none", got)
	}
	do(b, func(ctx context.Context, t *chromedp.Target) (cdp.Empty, error) {
		forced := []*emulation.MediaFeature{{Name: "forced-colors", Value: "active"}}
		return cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: forced})
	})
	b.wantReadable("the prompt in forced colours")
	b.press("\t")
	b.wantVisibleFocus("a button in forced colours")
}

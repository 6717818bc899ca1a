package dashboard

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"html/template"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/sessionring/sessionring/session"
)

//go:embed page.html page.css page.js
var files embed.FS

// parsePages returns the pages, which are embedded and do parse.
func parsePages() *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{"unix": unix, "label": label}).ParseFS(files, "page.html"))
}

func unix(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }

// file serves an embedded file.
func file(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, files, name) }
}

// view is what the page shows.
type view struct {
	status
	Said, Window    string
	Windows         []window
	Changeable      bool // keys, here
	Listed          bool // the sessions of a user can be
	Lasting         bool // the history
	HistoryError    bool
	Fleet           []instance
	Charts          []chart
	Incidents       []incident
	Subject         string
	Found           []session.Info // the newest of them
	FoundMore       int            // how many there are besides
	FoundError      string
	RefreshPath, Me string
}

// Bounds of a page: how long it waits for the store, besides for its figures, and how many
// sessions of one user it lists.
const (
	pageTime = 5 * time.Second
	maxFound = 100
)

// page answers GET with what there is to see. What the store cannot tell is missing,
// and the page says so.
func (b *board) page(w http.ResponseWriter, r *http.Request) {
	stats, err := b.report(r.Context())
	ctx, cancel := context.WithTimeout(r.Context(), pageTime)
	defer cancel()
	query := r.URL.Query()
	failed := b.history.write(ctx, stats.Sessions)
	v := view{
		status: b.statusOf(stats, err), Said: messages[query.Get("said")], Windows: windows,
		Changeable: b.cfg.Keys != nil, Listed: stats.Sessions != nil, Lasting: b.cfg.Store != nil,
		Fleet: fleetOf(stats.Instances, time.Now()), RefreshPath: b.cfg.RefreshPath, Me: session.FromContext(ctx).Subject,
	}
	win := windowOf(query.Get("window"))
	v.Window = win.Name
	var unread error
	v.Incidents, unread = b.history.incidents(ctx)
	now := time.Now()
	sums, unsummed := b.history.read(ctx, win.span, win.begins(now))
	v.HistoryError = errors.Join(failed, unread, unsummed) != nil
	v.Charts = b.charts(win, sums, stats, now)
	v.find(ctx, b.cfg.Sessions, query.Get("subject"))
	b.show(w, http.StatusOK, "page", v)
}

// find lists the sessions of a user.
func (v *view) find(ctx context.Context, m *session.Manager, subject string) {
	v.Subject = subject
	if subject == "" || !utf8.ValidString(subject) {
		return
	}
	list, err := m.Sessions(ctx, subject)
	if err != nil {
		v.FoundError = session.Reason(err)
	}
	v.Found = list[:min(len(list), maxFound)]
	v.FoundMore = len(list) - len(v.Found)
}

// show answers with a page.
func (b *board) show(w http.ResponseWriter, status int, name string, v any) {
	var page bytes.Buffer
	if err := b.pages.ExecuteTemplate(&page, name, v); err != nil {
		b.cfg.Sessions.Logger().Error("dashboard page failed", "error", err)
		answer(w, http.StatusInternalServerError, map[string]string{"error": "unavailable"})
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	page.WriteTo(w)
}

// charts draws what happened in a window.
func (b *board) charts(win window, sums map[int64]tally, stats session.Stats, now time.Time) []chart {
	var tags []string // newest first
	for _, k := range stats.Keys {
		tags = append(tags, k.Tag)
	}
	bars := win.stack(sums, now)
	draw := func(kind, title, note string, order []string) chart {
		c := win.chartOf(kind, bars, order, now)
		c.Title, c.Note = title, note
		return c
	}
	list := []chart{
		draw(living, "Live sessions", "by the newest key that vouches for them; the number is the last count", tags),
		draw(verified, "Verifications", "access tokens that were accepted, by the key they were issued under", tags),
		draw(refused, "Refusals", "checks and refreshes that were refused, by reason; no_token: nobody was signed in", reasons[:]),
	}
	if b.cfg.Health != nil {
		order := []string{"ok", "previous_key", "expired", "revoked", "no_token", "invalid", "unknown_key", "unavailable"}
		list = append(list, draw(verdicts, "Health verdicts", "what clients that asked were told", order))
	}
	return list
}

// instance is a live server process, beside the others.
type instance struct {
	session.Instance
	Age   time.Duration
	Drift string // how its ring differs from those of the others; "" if it does not
}

// fleetOf compares instances: each should hold the ring that most do.
func fleetOf(list []session.Instance, now time.Time) (fleet []instance) {
	rings := map[string]int{}
	for _, i := range list {
		rings[i.Fingerprint]++
	}
	most, leaders := 0, 0
	for _, n := range rings {
		switch {
		case n > most:
			most, leaders = n, 1
		case n == most:
			leaders++
		}
	}
	for _, i := range list {
		row := instance{Instance: i, Age: now.Sub(i.Started).Truncate(time.Second)}
		switch {
		case leaders > 1 && rings[i.Fingerprint] == most:
			row.Drift = "no ring is held by most"
		case rings[i.Fingerprint] < most:
			row.Drift = "holds another ring than most"
		}
		fleet = append(fleet, row)
	}
	return fleet
}

// question is a page that asks whether an order is meant.
type question struct {
	Form    form
	Title   string
	Warning string
	Button  string
	Key     *key // that it is about, or nil
	Forced  bool // the order needs to be forced
}

// confirm answers GET with the question whether an order is meant.
func (b *board) confirm(w http.ResponseWriter, r *http.Request) {
	q := question{Form: formOf(r.URL.Query())}
	stats, err := b.report(r.Context())
	keys := b.statusOf(stats, err).Keys
	if i := slices.IndexFunc(keys, func(k key) bool { return k.ID == q.Form.Key }); i >= 0 {
		q.Key = &keys[i]
	}
	if !q.Form.sound() || !q.ask() {
		notFound(w, r)
		return
	}
	b.show(w, http.StatusOK, "confirm", q)
}

// ask words the question, and reports whether there is one.
func (q *question) ask() bool {
	f := q.Form
	switch {
	case f.Do == "rotate":
		q.Title, q.Button = "Rotate the key?", "Rotate"
		q.Warning = "A new key signs from now on. The others stay and co-sign; nobody is signed out."
	case f.Do == "revoke" && q.Key != nil:
		q.Title, q.Button = "Revoke the key?", "Revoke"
		q.Warning = "It proves nothing any more, at once and for good. A current key is replaced first. Sessions for which no other live key vouches are over."
	case f.Do == "drop" && q.Key != nil:
		q.Title, q.Button = "Drop the key?", "Drop"
		q.Warning = "It is removed. Sessions for which no other live key vouches are over, unless it is put back."
		q.Forced = q.Key.Droppable != "yes"
	case f.Do == "end" && f.Subject != "" && f.Session != "":
		q.Title, q.Button = "End the session?", "End it"
		q.Warning = "The user is signed out on that device."
	case f.Do == "end-all" && f.Subject != "":
		q.Title, q.Button = "End all sessions of the user?", "End all"
		q.Warning = "The user is signed out everywhere."
	default:
		return false
	}
	return true
}

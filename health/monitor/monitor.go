// Package monitor serves the browser side of token health: monitor.js, a module that
// watches whether the tokens of a browser still fit the server, refreshes them, and asks
// for a new sign-in only when the server has clearly said, twice, that the session is over.
//
//	http.Handle("/monitor.js", monitor.Handler())
//
// In the page:
//
//	import { startMonitor } from "/monitor.js";
//	const monitor = startMonitor({ onState: (state) => show(state) });
//
// Asking extends no session, but a refresh does: while a page with a monitor is open its
// session lasts until session.Config.SessionTTL is over, used or not. To end it earlier,
// stop the monitor when nobody uses the page.
//
// What it does, and every option, is described in monitor.d.ts. The folder of this package
// can also be installed as a package of npm, as it is.
package monitor

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"net/http"
	"time"
)

//go:embed monitor.js
var script []byte

// Handler serves monitor.js to GET and HEAD, under whatever path it is mounted; other
// methods are 405. Browsers ask each time whether it has changed (Cache-Control: no-cache)
// and mostly get a 304 by its strong ETag, so that a page never runs an older monitor
// than the server it talks to. A page of another origin can load it if the policy
// around the handler allows that. It is safe for concurrent use.
func Handler() http.Handler {
	sum := sha256.Sum256(script)
	etag := `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("X-Content-Type-Options", "nosniff")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			header.Set("Allow", "GET, HEAD")
			header.Set("Cache-Control", "no-store")
			header.Set("Content-Type", "application/json; charset=utf-8")
			w.WriteHeader(http.StatusMethodNotAllowed)
			w.Write([]byte(`{"error":"invalid"}` + "\n"))
			return
		}
		header.Set("Content-Type", "text/javascript; charset=utf-8")
		header.Set("Cache-Control", "no-cache")
		header.Set("ETag", etag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(script))
	})
}

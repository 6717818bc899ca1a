package main

import (
	"embed"
	"net/http"

	"github.com/sessionring/sessionring/examples/internal/server"
	"github.com/sessionring/sessionring/health/monitor"
)

//go:embed page
var page embed.FS

// pageFiles are the paths of the page and the files behind them.
var pageFiles = map[string]string{
	"/{$}":       "page/index.html",
	"/app.js":    "page/app.js",
	"/client.js": "page/client.js",
	"/cards.css": "page/cards.css",
}

// routes returns the handler of all hosts.
func routes(port string, apis map[string]api) http.Handler {
	mux := http.NewServeMux()
	mux.Handle(appHost+"/", app(port))
	for host, a := range apis {
		mux.Handle(host+"/", a.routes())
	}
	mux.HandleFunc("/", server.NotFound)
	return server.Secure(true, mux)
}

// app returns the handler of the page, which may call the two APIs and nothing else.
func app(port string) http.Handler {
	mux := http.NewServeMux()
	server.Pages(mux, page, pageFiles)
	mux.Handle("/monitor.js", monitor.Handler())
	mux.HandleFunc("/", server.NotFound)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "+
			"connect-src "+origin(siblingHost, port)+" "+origin(foreignHost, port)+"; "+
			"base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		mux.ServeHTTP(w, r)
	})
}

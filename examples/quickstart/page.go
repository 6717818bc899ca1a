package main

import (
	"embed"
	"net/http"
)

//go:embed page
var page embed.FS

// pageFiles are the paths of the page and the files behind them. Script and style
// are files of their own, so that the content policy can forbid all inline ones.
var pageFiles = map[string]string{
	"/{$}":      "page/index.html",
	"/app.css":  "page/app.css",
	"/app.js":   "page/app.js",
	"/icon.svg": "page/icon.svg",
}

// pageFile serves one file. Browsers ask every time whether it has changed.
func pageFile(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		http.ServeFileFS(w, r, page, name)
	})
}

package main

import "embed"

//go:embed page
var page embed.FS

// pageFiles are the paths of the page and the files behind them. The script also
// imports /monitor.js, which package monitor serves.
var pageFiles = map[string]string{
	"/{$}":    "page/index.html",
	"/app.js": "page/app.js",
}

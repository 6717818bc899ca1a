package main

import "embed"

//go:embed page
var page embed.FS

// pageFiles are the paths of the page and the files behind them.
var pageFiles = map[string]string{
	"/{$}":    "page/index.html",
	"/app.js": "page/app.js",
}

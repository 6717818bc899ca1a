package server

import (
	"embed"
	"io/fs"
	"net/http"
)

// look is how the pages of all examples look.
//
//go:embed look
var look embed.FS

// Pages adds a page to mux: its own files, by path, and the style and the icon that the
// examples share. Script and style are files of their own, so that the content policy
// can forbid all inline ones.
func Pages(mux *http.ServeMux, files fs.FS, names map[string]string) {
	for path, name := range names {
		mux.Handle(path, Only("GET", file(files, name)))
	}
	mux.Handle("/app.css", Only("GET", file(look, "look/app.css")))
	mux.Handle("/icon.svg", Only("GET", file(look, "look/icon.svg")))
}

// file serves one file. Browsers ask every time whether it has changed.
func file(files fs.FS, name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		http.ServeFileFS(w, r, files, name)
	})
}

package adapters

import (
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/sessionring/sessionring/session"
)

// Chi returns routes of chi, whose handlers and middleware are those of net/http.
func Chi(m *session.Manager) http.Handler {
	r := chi.NewRouter()
	r.Post("/api/auth/refresh", m.HandleRefresh)
	r.Post("/api/auth/logout", m.HandleSignOut)
	r.With(m.Optional).Get("/", greet)
	r.Route("/account", func(r chi.Router) {
		r.Use(m.Require)
		r.Get("/me", me)
		r.Post("/notes", me)
	})
	return r
}

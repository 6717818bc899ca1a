package adapters

import (
	"net/http"

	"github.com/labstack/echo/v5"
	"github.com/sessionring/sessionring/session"
)

// Echo returns routes of Echo, which wraps handlers and middleware of net/http itself.
func Echo(m *session.Manager) http.Handler {
	e := echo.New()
	e.POST("/api/auth/refresh", echo.WrapHandler(http.HandlerFunc(m.HandleRefresh)))
	e.POST("/api/auth/logout", echo.WrapHandler(http.HandlerFunc(m.HandleSignOut)))
	e.GET("/", echoName, echo.WrapMiddleware(m.Optional))
	account := e.Group("/account", echo.WrapMiddleware(m.Require))
	account.GET("/me", echoName)
	account.POST("/notes", echoName)
	return e
}

// echoName answers with the subject. The claims are in the context of the request, not
// in that of Echo.
func echoName(c *echo.Context) error {
	return c.String(http.StatusOK, nameOf(session.FromContext(c.Request().Context())))
}

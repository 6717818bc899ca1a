package adapters

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/sessionring/sessionring/session"
)

// Gin returns routes of Gin.
func Gin(m *session.Manager) http.Handler {
	e := gin.New()
	e.POST("/api/auth/refresh", gin.WrapF(m.HandleRefresh))
	e.POST("/api/auth/logout", gin.WrapF(m.HandleSignOut))
	e.GET("/", GinMiddleware(m.Optional), ginName)
	account := e.Group("/account", GinMiddleware(m.Require))
	account.GET("/me", ginName)
	account.POST("/notes", ginName)
	return e
}

// GinMiddleware makes middleware of net/http that of Gin: Require, Optional, or what
// RequireFunc returns. When it refuses a request, no later handler runs.
func GinMiddleware(middleware func(http.Handler) http.Handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		passed := false
		next := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			passed = true
			c.Request = r // with the claims
			c.Next()
		})
		middleware(next).ServeHTTP(c.Writer, c.Request)
		if !passed {
			c.Abort()
		}
	}
}

// ginName answers with the subject. The claims are in the context of the request, not
// in that of Gin.
func ginName(c *gin.Context) {
	c.String(http.StatusOK, nameOf(session.FromContext(c.Request.Context())))
}

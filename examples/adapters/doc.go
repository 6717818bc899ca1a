// Package adapters shows sessions under web frameworks, in gRPC, and behind gateways that
// ask before they let a request through. It is to be copied from, file by file:
// ADAPTERS.md says a few words about each.
package adapters

import (
	"fmt"
	"net/http"

	"github.com/sessionring/sessionring/session"
)

// me answers with the subject. It stands behind Require.
func me(w http.ResponseWriter, r *http.Request) {
	fmt.Fprint(w, session.FromContext(r.Context()).Subject)
}

// greet answers with the subject, or to a stranger. It stands behind Optional.
func greet(w http.ResponseWriter, r *http.Request) {
	fmt.Fprint(w, nameOf(session.FromContext(r.Context())))
}

// nameOf returns the subject of claims that are nil for strangers.
func nameOf(c *session.Claims) string {
	if c == nil {
		return "stranger"
	}
	return c.Subject
}

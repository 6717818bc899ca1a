// Package interop tests that tokens of sessionring verify with other JWT
// libraries, and theirs with sessionring: golang-jwt and go-jose in Go, PyJWT in
// Python, jose in JavaScript. It is a module of its own, so that none of them is
// a requirement of the library.
package interop

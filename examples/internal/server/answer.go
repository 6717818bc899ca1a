package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/sessionring/sessionring/session"
)

// JSON answers with v, which no cache may keep.
func JSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

// Refuse answers with {"error": word}. A 401 says what to come with (RFC 9110,
// section 15.5.2).
func Refuse(w http.ResponseWriter, status int, word string) {
	if h := w.Header(); status == http.StatusUnauthorized && h.Get("WWW-Authenticate") == "" {
		h.Set("WWW-Authenticate", "Bearer")
	}
	JSON(w, status, map[string]string{"error": word})
}

// Fail answers for an error of package session: 401 or 403 if it is a refusal, else
// 503, which asks to try again and signs nobody out.
func Fail(w http.ResponseWriter, err error) {
	status := session.Status(err)
	switch {
	case status == http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1")
	case status == http.StatusUnauthorized && !errors.Is(err, session.ErrNoToken):
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`) // RFC 6750, section 3
	}
	Refuse(w, status, session.Reason(err))
}

// maxBody is the longest request body that is read, in bytes.
const maxBody = 16 << 10

var errBody = errors.New("the body is no JSON in UTF-8 of at most 16 KiB")

// ReadJSON decodes the body of r into v. Members that v does not have are ignored, and
// an empty body leaves v as it is.
func ReadJSON(w http.ResponseWriter, r *http.Request, v any) error {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err == nil && len(bytes.TrimSpace(data)) == 0 {
		return nil
	}
	if err != nil || !utf8.Valid(data) || json.Unmarshal(data, v) != nil {
		return errBody
	}
	return nil
}

// Only lets requests with one method through, and HEAD with GET.
func Only(method string, next http.Handler) http.Handler {
	allowed := []string{method}
	if method == http.MethodGet {
		allowed = append(allowed, http.MethodHead)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, m := range allowed {
			if r.Method == m {
				next.ServeHTTP(w, r)
				return
			}
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		Refuse(w, http.StatusMethodNotAllowed, "invalid")
	})
}

// NotFound answers for paths that do not exist.
func NotFound(w http.ResponseWriter, _ *http.Request) {
	Refuse(w, http.StatusNotFound, "not_found")
}

// OK answers whoever asks whether the process lives.
func OK(w http.ResponseWriter, _ *http.Request) {
	JSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

// contentPolicy lets the page load its own files and call its own server, and
// nothing else: no foreign script, no inline script, no frame around it.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Secure adds the headers that every answer should have. With https, it also tells
// browsers to come back by https only, for a year.
func Secure(https bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Frame-Options", "DENY")
		if https {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

package session

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"
)

// Tokens is the answer to a sign-in or refresh by header. It encodes as RFC 6749,
// section 5.1, says, and prints and logs as a fixed word: its tokens are secrets.
// They show nevertheless where printers ask no value how to print it: within an
// unexported field of another struct, and under the verbs %w and %p.
type Tokens struct {
	AccessToken  string    `json:"access_token"`
	RefreshToken string    `json:"refresh_token"`
	TokenType    string    `json:"token_type"` // "Bearer"
	ExpiresIn    int       `json:"expires_in"` // seconds
	RefreshUntil time.Time `json:"-"`
}

const redacted = "[redacted]"

// WriteJSON answers a request with the tokens, marked no-store.
func (t Tokens) WriteJSON(w http.ResponseWriter) error {
	noStore(w.Header())
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	return json.NewEncoder(w).Encode(t)
}

// LogValue returns a fixed word.
func (t Tokens) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format writes a fixed word for every verb.
func (t Tokens) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// tokens returns the pair for a body.
func (p *issued) tokens() Tokens {
	return Tokens{
		AccessToken: p.access, RefreshToken: p.refresh, TokenType: "Bearer",
		ExpiresIn:    max(0, int(time.Until(p.accessUntil).Round(time.Second)/time.Second)),
		RefreshUntil: p.refreshUntil,
	}
}

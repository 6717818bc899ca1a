package session_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sessionring/sessionring/cookie"
	"github.com/sessionring/sessionring/session"
)

// printed returns v as every verb, encoder and logger shows it.
func printed(v any) string {
	_ = time.Now().Local().Year() // makes time.Local, whose inside printers show, before they do
	var b bytes.Buffer
	for _, verb := range "vdsqxXtbcoOUeEfFgGpTw" {
		if isTokens(v) && (verb == 'p' || verb == 'w') {
			continue // fmt asks no value about these
		}
		for _, flags := range []string{"%", "%+", "%#", "% ", "%-20.5"} {
			fmt.Fprintf(&b, flags+string(verb)+"\n", v)
		}
	}
	fmt.Fprintln(&b, v)
	for _, h := range []slog.Handler{slog.NewJSONHandler(&b, nil), slog.NewTextHandler(&b, nil)} {
		slog.New(h).Info("printed", "value", v, slog.Group("group", "value", v))
	}
	if !isTokens(v) { // these encode: that is what they are for
		json.NewEncoder(&b).Encode(v)
		xml.NewEncoder(&b).Encode(v)
		gob.NewEncoder(&b).Encode(v)
	}
	return b.String()
}

// isTokens reports whether v is, or points to, Tokens.
func isTokens(v any) bool {
	_, value := v.(session.Tokens)
	_, pointer := v.(*session.Tokens)
	return value || pointer
}

// E13, STYLE 10: nothing that this package exports shows a secret or a token,
// however it is printed, by itself, behind a pointer, or deep in something else.
func TestPrinting(t *testing.T) {
	t.Parallel()
	log := new(logBook)
	cfg := session.Config{Keys: ringOf(t, "v2 v1 +v9"), Cookies: cookie.SameSite(), Logger: log.logger(), Issuer: "id"}
	m, err := session.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	heard := observe(m)
	p := m.Purpose("reset", time.Hour)
	tokens := issue(t, m, session.Grant{Subject: "alice", Claims: appClaims{Tenant: "acme"}})
	link := issueFor(t, p, "alice", nil)
	claims := verify(t, m, tokens.AccessToken)
	stats, err := m.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Verify(t.Context(), link); err != nil {
		t.Fatal(err)
	}
	type hidden struct {
		value any
		Shown any
	}
	for name, v := range map[string]any{
		"Manager": m, "Manager value": reflect.ValueOf(m).Elem().Interface(), "Config": cfg, "&Config": &cfg, "Purpose": p, "Purpose value": reflect.ValueOf(p).Elem().Interface(), "Claims": claims, "Claims value": *claims,
		"Tokens": tokens, "&Tokens": &tokens, "Grant": session.Grant{Subject: "alice"}, "Stats": stats, "&Stats": &stats,
		"Hooks": session.Hooks{}, "Event": heard.take()[0].Event, "errors": sentinels,
	} {
		values := []any{v, []any{v}, map[string]any{"k": v}, hidden{value: v}, &hidden{Shown: v}}
		if strings.HasSuffix(name, "Tokens") { // see below
			values = values[:1]
		}
		for _, v := range values {
			text := printed(v)
			for _, token := range []string{tokens.AccessToken, tokens.RefreshToken, link} {
				if strings.Contains(text, token[len(token)-20:]) || strings.Contains(text, fmt.Sprintf("%x", token[:20])) {
					t.Errorf("%s: got a token, want none", name)
				}
			}
			for _, tag := range []string{"v2", "v1", "v9"} {
				findSecret(t, name, text, secretOf(tag))
				findSecret(t, name, text, derive(secretOf(tag), "sessionring co-signature v1", 32))
				findSecret(t, name, text, derive(secretOf(tag), "sessionring purpose v1 reset", 32))
			}
		}
	}
	// Tokens hold their texts, because a program delivers them. What printers can
	// be kept from showing, they are: also within exported fields and collections.
	type answer struct{ Tokens session.Tokens }
	for _, v := range []any{tokens, &tokens, []session.Tokens{tokens}, map[string]session.Tokens{"k": tokens}, answer{tokens}, &answer{tokens}} {
		if text := fmt.Sprintf("%v %+v %#v %s %q %x", v, v, v, v, v, v); strings.Contains(text, tokens.AccessToken[:20]) || !strings.Contains(text, "[redacted]") {
			t.Errorf("got %s, want a fixed word", text)
		}
	}
}

// Tokens encode as RFC 6749, section 5.1, says, and log as a fixed word.
func TestTokens(t *testing.T) {
	t.Parallel()
	tokens := session.Tokens{AccessToken: "a", RefreshToken: "r", TokenType: "Bearer", ExpiresIn: 900, RefreshUntil: time.Now()}
	data, err := json.Marshal(tokens)
	if want := `{"access_token":"a","refresh_token":"r","token_type":"Bearer","expires_in":900}`; err != nil || string(data) != want {
		t.Errorf("got %s, %v, want %s", data, err, want)
	}
	log := new(logBook)
	log.logger().Info("signed in", "tokens", tokens, "pointer", &tokens)
	for _, r := range log.records(t, "signed in") {
		if r["tokens"] != "[redacted]" || r["pointer"] != "[redacted]" {
			t.Errorf("got %v, want a fixed word", r)
		}
	}
}

package session

import (
	"net/http"
	"time"
)

// setCookies writes the cookies of pair, or nothing and an error.
func (m *Manager) setCookies(w http.ResponseWriter, r *http.Request, pair *issued) error {
	accessUntil, refreshUntil := pair.accessUntil, pair.refreshUntil
	if pair.forget {
		accessUntil, refreshUntil = time.Time{}, time.Time{}
	}
	refresh := pair.refresh
	if pair.kept { // the browser has it
		refresh = ""
	}
	if err := m.cfg.Cookies.Set(w, r, pair.access, refresh, accessUntil, refreshUntil); err != nil {
		return err
	}
	m.logCookies(r, w.Header()["Set-Cookie"], pair.access)
	return nil
}

// logCookies reports with which attributes the access cookie was set. It reads
// them from the answer, so it says what the browser gets and not what was meant.
func (m *Manager) logCookies(r *http.Request, lines []string, access string) {
	for _, line := range lines {
		c, err := http.ParseSetCookie(line)
		if err != nil || c.Value != access {
			continue
		}
		m.cfg.Logger.InfoContext(r.Context(), "auth cookies set",
			"mode", cookieMode(c), "same_site", sameSite(c), "secure", c.Secure, "partitioned", c.Partitioned)
	}
}

// cookieMode names the kind of policy that sets such a cookie.
func cookieMode(c *http.Cookie) string {
	switch {
	case !c.Secure:
		return "local"
	case c.SameSite == http.SameSiteNoneMode:
		return "crosssite"
	}
	return "samesite"
}

// sameSite is the attribute SameSite as it is written.
func sameSite(c *http.Cookie) string {
	switch c.SameSite {
	case http.SameSiteNoneMode:
		return "None"
	case http.SameSiteLaxMode:
		return "Lax"
	case http.SameSiteStrictMode:
		return "Strict"
	}
	return "unset"
}

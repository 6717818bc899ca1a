package session

import (
	"strings"
	"unicode"
)

// Words of a User-Agent, in the order in which they are looked for: many browsers
// also name others.
var (
	browsers = [][2]string{
		{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser", "Samsung Internet"}, {"Firefox/", "Firefox"}, {"FxiOS", "Firefox"},
		{"CriOS", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}, {"curl/", "curl"}, {"Go-http-client", "Go program"},
	}
	systems = [][2]string{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"CrOS", "ChromeOS"},
		{"Windows", "Windows"}, {"Macintosh", "macOS"}, {"Linux", "Linux"},
	}
)

// maxLabel is the longest label that is kept, in bytes.
const maxLabel = 128

// labelOf returns the label of a session: that of the application, or what matters
// of a User-Agent.
func labelOf(label string) string {
	if strings.Contains(label, "/") && firstOf(browsers, label) != "" {
		return deviceOf(label)
	}
	label = printable(label)
	return printable(label[:min(len(label), maxLabel)]) // which may cut a character
}

// deviceOf makes a short label of a User-Agent, such as "Firefox on Linux". The
// rest of it, which tells devices and people apart, is not kept.
func deviceOf(userAgent string) string {
	browser, system := firstOf(browsers, userAgent), firstOf(systems, userAgent)
	switch {
	case browser == "" && system == "":
		return ""
	case system == "":
		return browser
	case browser == "":
		return system
	}
	return browser + " on " + system
}

// firstOf returns the name of the first word that s holds.
func firstOf(words [][2]string, s string) string {
	for _, w := range words {
		if strings.Contains(s, w[0]) {
			return w[1]
		}
	}
	return ""
}

// printable returns s as valid UTF-8 without characters that show nothing, or turn
// others round.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}

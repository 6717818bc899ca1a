package main

import (
	"crypto/tls"
	"fmt"
	"os"
	"strings"
)

// browser is a way to look at the page.
type browser struct {
	about string
	block bool     // third-party cookies
	flags []string // further ones
}

// browsers differ in what they do with cookies of other sites. Builds of Chromium
// differ in what they do when nobody tells them, so each is told.
var browsers = []browser{
	{about: "Chromium, third-party cookies allowed"},
	{about: "Chromium, third-party cookies blocked", block: true},
	{about: "Chromium, incognito", flags: []string{"--incognito"}},
}

// commands returns lines for a shell, which make a profile and open url in it. Only this
// browser finds the hosts, and it accepts no other certificate that nobody has signed.
func (b browser) commands(url string, cert tls.Certificate) string {
	mode := 0
	if b.block {
		mode = 1
	}
	words := []string{
		`chromium --user-data-dir="$profile" --no-first-run`,
		"'--host-resolver-rules=MAP *.shop.test 127.0.0.1, MAP *.id.test 127.0.0.1'",
		"--ignore-certificate-errors-spki-list=" + keyHash(cert),
	}
	if os.Geteuid() == 0 {
		words = append(words, "--no-sandbox") // it has none for root
	}
	words = append(append(words, b.flags...), url)
	return fmt.Sprintf(`profile=$(mktemp -d) && mkdir "$profile/Default"
echo '{"profile":{"cookie_controls_mode":%d,"block_third_party_cookies":%t}}' > "$profile/Default/Preferences"
%s`, mode, b.block, strings.Join(words, " "))
}

package keyring

import (
	"bytes"
	"slices"
	"strings"
)

// minRest is how many characters of a secret must be other than the words of
// placeholders. It leaves room for the likes of "my-production-secret-" before 32
// random digits, which people who move from other systems bring along.
const minRest = 20

// words are those that placeholders are made of, by their first letters.
var words = byLetter(`
	a1b2c3d4 abc abcd abcdef abcdefgh abcdefghijklmnopqrstuvwxyz access account add admin administrator and any anything
	api app application asdf asdfgh asdfghjkl at auth authentication authorization backend bar base64 baz be bit bits
	bytes cafe cat change changed changeit changeme changethis char character characters chars ch4ngem3 config
	configuration cookie correct dead deadbeef debug default demo dev devel develop developer development django docker
	do docs dont dotnet dummy ed25519 encryption enough enter env environment example express fake fallback fastapi
	fill fixme flask foo for free from generate generated global go golang guess hard hash hello here hmac hmacsha256
	hs256 hs512 hunter2 in insecure insert is it jsonwebtoken jwt jwtsecret key keyboard keys laravel least length
	letmein live local localhost login long longer look master me min minimum must my name needs never next nextauth
	no node nodejs not now of on one only openssl or own pass passphrase password passw0rd passwd p4ssw0rd pepper
	phrase placeholder please prod production private public put qwert qwerty qwertyuiop qwertz qwertzuiop rails rand
	random real react refresh remove replace replaceme req require required rs256 safe salt sample secr3t s3cr3t secret
	secretkey secrets secure security server service session sessions set settings sha sha256 sha512 shhh shhhh should
	sign signature signing signer some something somewhere spring springboot staging string strong stronger super
	supersecret sure temp temporary test tester testing tests text that the this tmp to todo token tokens try ultra
	unsafe until update use used user value variable verification very warning web will with word words world would
	write xxxx xxxxxxxx xyz you your yours zxcvbnm
	0000 00000000 0123456789 01234567 111 1111 123 1234 12345 123456 1234567 12345678 123456789 1234567890
	128 192 256 32 384 512 64 987654321 9876543210
`)

// byLetter files the words of text by their first letters, longer ones before
// their beginnings.
func byLetter(text string) map[byte][]string {
	list := strings.Fields(text)
	slices.SortStableFunc(list, func(a, b string) int { return len(b) - len(a) })
	filed := map[byte][]string{}
	for _, w := range list {
		filed[w[0]] = append(filed[w[0]], w)
	}
	return filed
}

// separators do not count beside words.
const separators = " \t\r\n\x00-_.,:;/+=|!?@#$%&*~'\"`()[]{}<>"

// isPlaceholder reports whether little is left of secret without the words of
// placeholders and the separators beside them, or what is left is regular. Bytes
// that are no text are never one.
func isPlaceholder(secret []byte) bool {
	if !isText(secret) {
		return false
	}
	rest, found := strip(strings.ToLower(string(secret)))
	return found && (len(rest) < minRest || isRegular(rest, minRest))
}

// strip takes words and separators out of text. It reports whether it found a word
// that cannot be hex digits. Short words, which turn up in random text by chance,
// count only behind another word or a separator.
func strip(text string) (rest []byte, found bool) {
	short := true
	for text != "" {
		if strings.IndexByte(separators, text[0]) >= 0 {
			if !short { // behind a character that counts: base64 has separators in it
				rest = append(rest, text[0])
			}
			text, short = text[1:], true
			continue
		}
		w := wordAt(text, short)
		if short = w != ""; short {
			found = found || strings.ContainsFunc(w, func(c rune) bool { return c > 'f' })
			rest, text = bytes.TrimRight(rest, separators), text[len(w):]
		} else {
			rest, text = append(rest, text[0]), text[1:]
		}
	}
	return bytes.TrimRight(rest, separators), found
}

// wordAt returns the longest word at the start of text, or "". Words of up to
// three characters are among them only if short.
func wordAt(text string, short bool) string {
	for _, w := range words[text[0]] {
		if (short || len(w) > 3) && strings.HasPrefix(text, w) {
			return w
		}
	}
	return ""
}

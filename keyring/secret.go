package keyring

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The faults of the text of a secret, to follow its name in a sentence.
var (
	errEncoding = errors.New("is not valid UTF-8: write its bytes with the prefix hex: or base64: instead")
	errOuter    = errors.New("begins or ends with white space or an invisible character: remove it, or write the bytes with the prefix hex: or base64: instead")
	errInner    = errors.New("has white space or an invisible character in it: write the bytes with the prefix hex: or base64: instead, or make a new one")
	errHex      = errors.New("has something else behind hex: than pairs of hex digits")
	errBase64   = errors.New("has something else behind base64: than canonical base64")
)

// parseSecret returns the key that the text of a variable stands for: its bytes, or
// those behind the prefix hex: or base64:. It refuses those that are no good.
func parseSecret(text string) ([]byte, error) {
	if err := checkText(text); err != nil {
		return nil, err
	}
	secret, err := decodeSecret(text)
	if err != nil {
		return nil, err
	}
	return secret, judge(secret, published)
}

// decodeSecret undoes the prefix of text, if it has one.
func decodeSecret(text string) ([]byte, error) {
	if digits, ok := strings.CutPrefix(text, "hex:"); ok {
		b, err := hex.DecodeString(digits)
		if err != nil {
			return nil, errHex
		}
		return b, nil
	}
	if chars, ok := strings.CutPrefix(text, "base64:"); ok {
		return decodeBase64(chars)
	}
	return []byte(text), nil
}

// decodeBase64 reads either alphabet, padded or not (RFC 4648, sections 4 and 5).
func decodeBase64(chars string) ([]byte, error) {
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		if b, err := e.Strict().DecodeString(chars); err == nil {
			return b, nil
		}
	}
	return nil, errBase64
}

// checkText refuses white space and characters that cannot be seen: they get into
// a variable by accident, and out of it again.
func checkText(text string) error {
	switch {
	case !utf8.ValidString(text):
		return errEncoding
	case strings.TrimFunc(text, unseen) != text:
		return errOuter
	case strings.ContainsFunc(text, unseen):
		return errInner
	}
	return nil
}

// unseen reports whether c is white space or has no picture.
func unseen(c rune) bool { return c == ' ' || !unicode.IsPrint(c) }

// checkBytes judges the bytes of a secret, and if they are text, as random bytes
// never are, its white space too.
func checkBytes(secret []byte) error {
	if isText(secret) && strings.ContainsFunc(string(secret), unicode.IsSpace) {
		return errSpace
	}
	return judge(secret, published)
}

// errSpace is the fault of text that NewKey gets.
var errSpace = errors.New("is text with white space in it, such as the line break at the end of a file: remove it, or " + advice)

// isText reports whether b is UTF-8 without control characters other than white
// space and the NULs of padding.
func isText(b []byte) bool {
	return utf8.Valid(b) && !strings.ContainsFunc(string(b), func(c rune) bool {
		return unicode.IsControl(c) && c != 0 && !unicode.IsSpace(c)
	})
}

// chomp removes one final line break, which files and here-documents add.
func chomp(text string) string {
	if line, ok := strings.CutSuffix(text, "\n"); ok {
		return strings.TrimSuffix(line, "\r")
	}
	return text
}

package keyring

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sessionring/sessionring/internal/ring"
)

// firstTag is the tag of the first key of a service.
const firstTag = "v1"

// tags returns the tags of the current secret and of n old ones, from the
// variables as far as those go. No tag at fault is quoted: it may be a secret that
// stands in the wrong variable.
func (r *envReader) tags(n int) []string {
	tags := []string{firstTag}
	if tag := r.value(r.names.Version); tag != "" && r.validTag(r.names.Version, tag) {
		tags[0] = tag
	}
	given := r.items(r.names.VersionOld, strings.TrimSpace)
	if len(given) > n {
		r.addf("%s has %d tags, but %s has %d secrets: remove the tags of those that are gone", r.names.VersionOld, len(given), r.names.SecretOld, n)
	}
	for i := range n {
		tag := before(tags[i])
		if i < len(given) && given[i] != "" && r.validTag(item(r.names.VersionOld, i, len(given)), given[i]) {
			tag = given[i]
		}
		tags = append(tags, tag)
	}
	return tags
}

// validTag notes a fault unless tag is one, and is not one of the secrets.
func (r *envReader) validTag(source, tag string) bool {
	switch {
	case !ring.ValidTag(tag):
		r.addf("%s is refused: %s", source, tagRule)
	case slices.Contains(r.secrets, tag):
		r.addf("%s holds a secret: it must hold a label such as v2, which everybody sees", source)
	default:
		return true
	}
	return false
}

// before returns the tag of the key before the one tagged tag: v3, v2, v1, old1,
// old2 and so on.
func before(tag string) string {
	letters, n, ok := numbered(tag)
	switch {
	case ok && letters == "old":
		return fmt.Sprint("old", n+1)
	case ok && n > 1:
		return fmt.Sprint(letters, n-1)
	}
	return "old1"
}

// NextTag returns the tag of the key that follows the one tagged tag, as Rotate
// chooses it: v2 after v1, blue-2 after blue, blue-3 after that. The last digits of
// a tag are counted up, and a tag of full length is cut to make room for them.
func NextTag(tag string) string {
	letters, n, ok := numbered(tag)
	if !ok {
		letters, n = tag+"-", 1
		if i := strings.LastIndexByte(tag, '-'); i >= 0 {
			if m, ok := number(tag[i+1:]); ok {
				letters, n = tag[:i+1], m
			}
		}
	}
	digits := strconv.Itoa(n + 1)
	return letters[:min(len(letters), maxTag-len(digits))] + digits
}

// maxTag is the length of the longest tag.
const maxTag = 32

// numbered takes a tag apart that is letters followed by a number.
func numbered(tag string) (letters string, n int, ok bool) {
	letters = strings.TrimRight(tag, "0123456789")
	if letters == "" || strings.ContainsFunc(letters, func(c rune) bool { return c|0x20 < 'a' || c|0x20 > 'z' }) {
		return "", 0, false
	}
	n, ok = number(tag[len(letters):])
	return letters, n, ok
}

// number reads a positive decimal number without leading zeros that can be counted on.
func number(digits string) (n int, ok bool) {
	if len(digits) > 9 || strings.HasPrefix(digits, "0") {
		return 0, false
	}
	n, err := strconv.Atoi(digits)
	return n, err == nil && n > 0
}
